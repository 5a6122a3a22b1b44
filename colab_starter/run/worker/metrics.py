"""The metrics of a run: what its scraps and its printed lines say, kept for its outcome and reported as it comes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from colab_starter.run.job import Point
from colab_starter.run.outcome import SeriesSummary
from colab_starter.run.secrets import Mask
from colab_starter.run.worker.metric_lines import MetricLines
from colab_starter.run.worker.outputs import CellOutputs


class Reports(Protocol):
    """Where metrics are reported: the part of ``Uplink`` that is used."""

    def report_metric(self, name: str, value: Any) -> None: ...

    def report_point(self, point: Point) -> None: ...

    def drop_points(self, name: str) -> None: ...

    def start_over(self) -> None: ...


class MetricRecorder:
    """Records the metrics of one attempt.

    A number with a step is a point of a series. A name that scraps give is theirs alone: what lines say about it
    counts only until the first scrap.
    """

    def __init__(self, uplink: Reports, mask: Mask, patterns: Iterable[str] = ()) -> None:
        """``patterns`` are the user's regular expressions; see ``metric_lines``."""
        self.values: dict[str, Any] = {}
        """The last value of each metric, masked."""
        self._uplink = uplink
        self._mask = mask
        self._patterns = tuple(patterns)
        self._names: dict[str, str] = {}
        """The names as they come, and as they may be written."""
        self._of_scraps: set[str] = set()
        self._series: dict[str, _Series] = {}

    def listen_to(self, outputs: CellOutputs) -> None:
        """Record what the cells display and print."""
        lines = MetricLines(self.record_line, self._patterns)
        outputs.on_metric = self.record_scrap
        outputs.on_text = lines.add
        outputs.on_idle = lines.end_cell

    def start_over(self) -> None:
        """Forget everything: the attempt starts again."""
        self.values.clear()
        self._of_scraps.clear()
        self._series.clear()
        self._uplink.start_over()

    def record_scrap(self, name: str, value: Any, step: Any = None) -> None:
        """Record a scrap; without a step, or with a value that is no number, it is a plain metric."""
        name = self._mask_name(name)
        came_in_lines = name not in self._of_scraps and self._series.pop(name, None) is not None
        self._of_scraps.add(name)
        if _is_number(step) and math.isfinite(step) and _is_number(value):
            if came_in_lines:
                self._uplink.drop_points(name)
            self._record_point(Point(name, step, value))
        else:
            self.values[name] = masked = self._mask.apply_to_value(value)
            self._uplink.report_metric(name, masked)

    def record_line(self, point: Point) -> None:
        """Record what a printed line says."""
        point = point._replace(name=self._mask_name(point.name))
        if point.name not in self._of_scraps and _is_number(point.value) and _is_number(point.step):
            self._record_point(point)

    def summarise(self) -> dict[str, SeriesSummary]:
        """The series so far."""
        return {name: series.summarise() for name, series in self._series.items()}

    def _record_point(self, point: Point) -> None:
        self.values[point.name] = point.value
        self._series.setdefault(point.name, _Series()).add(point.step, point.value)
        self._uplink.report_point(point)

    def _mask_name(self, name: str) -> str:
        if name not in self._names:
            self._names[name] = self._mask.apply(name)
        return self._names[name]


def _is_number(value: Any) -> bool:
    """Whether a JSON value is a number that a float can hold."""
    if type(value) is int:
        return abs(value) < 1e300
    return type(value) is float


@dataclass
class _Series:
    """The extremes of a series."""

    count: int = 0
    lowest: float = math.nan
    lowest_step: float = math.nan
    highest: float = math.nan
    highest_step: float = math.nan

    def add(self, step: float, value: float) -> None:
        self.count += 1
        if not value >= self.lowest and not math.isnan(value):
            self.lowest, self.lowest_step = value, step
        if not value <= self.highest and not math.isnan(value):
            self.highest, self.highest_step = value, step
        if self.count == 1:
            self.lowest_step = self.highest_step = step

    def summarise(self) -> SeriesSummary:
        return SeriesSummary(self.count, self.lowest, self.lowest_step, self.highest, self.highest_step)
