"""Values with steps that a killed coordinator had not written yet: found again in the executed notebooks."""

import json
from collections.abc import Sequence
from typing import Any

from colab_starter.run.job import Point
from colab_starter.run.ledger.ledger import Ledger, RunRecord
from colab_starter.run.ledger.timed_series import read_timed_series
from colab_starter.run.secrets import Mask
from colab_starter.run.storage.store import Store
from colab_starter.run.worker.metric_lines import MetricLines
from colab_starter.run.worker.metrics import MetricRecorder
from colab_starter.run.worker.outputs import SCRAP_TYPE


def recover_points(ledger: Ledger, store: Store, runs: Sequence[RunRecord], patterns: Sequence[str]) -> None:
    """Complete the series of runs whose ends were found in their executed notebooks.

    ``patterns`` are those of ``--metric``. Raises OSError and LedgerWriteError.
    """
    wanted = {run.run: sum(series.count for series in run.outcome.series.values()) for run in runs}
    attempts = {run.run: run.attempt for run in runs}
    kept = read_timed_series(store.open_series().read(), attempts, ledger.content.aliases)
    for run in runs:
        if wanted[run.run] > sum(map(len, kept.get(run.run, {}).values())):
            points = find_points(store.read(run.notebook), patterns)
            if len(points) >= wanted[run.run]:
                ledger.replace_points(run.run, points)


def find_points(notebook: bytes, patterns: Sequence[str] = ()) -> list[Point]:
    """The values with steps in the outputs of an executed notebook, in order; empty if it is damaged."""
    found = _Found()
    recorder = MetricRecorder(found, Mask())
    lines = MetricLines(recorder.record_line, patterns)
    try:
        for index, cell in enumerate(json.loads(notebook)["cells"]):
            for output in cell.get("outputs", ()):
                _take(output, index, recorder, lines)
            lines.end_cell(index)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    return found.points


def _take(output: Any, index: int, recorder: MetricRecorder, lines: MetricLines) -> None:
    if output["output_type"] == "stream":
        lines.add(index, output["name"], "".join(output["text"]))
    scrap = output.get("data", {}).get(SCRAP_TYPE)
    if isinstance(scrap, dict) and "name" in scrap:
        recorder.record_scrap(str(scrap["name"]), scrap.get("data"), scrap.get("step"))


class _Found:
    """Keeps the points that are reported to it."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def report_metric(self, name: str, value: Any) -> None:
        """Plain metrics are in the outcome."""

    def report_point(self, point: Point) -> None:
        self.points.append(point)

    def drop_points(self, name: str) -> None:
        self.points = [point for point in self.points if point.name != name]

    def start_over(self) -> None:
        self.points.clear()
