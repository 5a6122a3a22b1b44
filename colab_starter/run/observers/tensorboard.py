"""TensorBoard's event files of a sweep, written while it runs."""

import fcntl
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from colab_starter.run.display.progress import Progress
from colab_starter.run.event_files import EventWriter, empty_other_files, name_event_file
from colab_starter.run.flat_metrics import sort_metrics
from colab_starter.run.job import OUTPUT_DIR, PointsRecorded
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import Run

DELAY = 1.0
"""Seconds for which points may stay unwritten."""


@dataclass
class _OpenRun:
    """A running attempt."""

    attempt: int
    parameters: Mapping[str, Any]
    path: Path
    writer: EventWriter
    begun: float
    """In seconds since 1970."""
    execution: int = 0
    """How often it was started over."""
    series: set[str] = field(default_factory=set)
    """The metrics of which points were recorded."""
    unwritten_since: float | None = None


class TensorBoardWriter(Progress):
    """Writes a folder of event files for each run, a new file for each attempt, which replaces the earlier ones."""

    def __init__(self, folder: Path, mask: Mask, defaults: Mapping[str, Any] = MappingProxyType({})) -> None:
        """``defaults`` are the values of the parameters that a run does not set."""
        self._folder = folder
        self._mask = mask
        self._defaults = defaults
        self._open: dict[str, _OpenRun] = {}

    def __str__(self) -> str:
        return str(self._folder)

    def started(self, run: Run, attempt: int, place: str) -> None:
        defaults = {name: value for name, value in self._defaults.items() if name not in run.parameters}
        parameters = {**run.parameters, **defaults}
        parameters.pop(OUTPUT_DIR, None)
        masked = self._mask.apply_to_value(parameters)
        path = self._folder / run.id / name_event_file(attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = time.time()
        self._open[run.id] = _OpenRun(attempt, masked, path, _open_writer(path, begun), begun)
        self._begin(self._open[run.id])

    def _begin(self, run: _OpenRun) -> None:
        run.writer.write_parameters(run.parameters, run.path.parent.name, run.begun)
        run.writer.flush()
        empty_other_files(run.path)

    def points_recorded(self, event: PointsRecorded) -> None:
        if (run := self._open.get(event.run)) is None:
            return
        dropped = {*map(self._mask.apply, event.dropped)} & run.series
        if run.series and (event.anew or dropped):
            self._start_over(run, run.series if event.anew else dropped)
        moment = time.time()
        for name, step, value in event.points:
            masked = self._mask.apply(name)
            run.series.add(masked)
            run.writer.write_point(masked, step, value, moment)
        if run.unwritten_since is None:
            run.unwritten_since = time.monotonic()

    def _start_over(self, run: _OpenRun, without: Collection[str]) -> None:
        """Go on in a new file, without the points that do not count any more."""
        run.writer.flush()
        old, path = run.writer, run.path
        run.execution += 1
        run.path = path.with_name(name_event_file(run.attempt, run.execution))
        run.writer = _open_writer(run.path, run.begun)
        run.writer.copy_points(path, old, without)
        old.close()
        run.series -= {*without}
        self._begin(run)

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        if (known := self._open.pop(run.id, None)) is None:
            return
        moment = time.time()
        known.writer.write_metrics(sort_metrics(record.outcome.metrics), known.series, moment)
        known.writer.write_end(record.outcome, moment)
        known.writer.close()

    def tick(self) -> None:
        due = time.monotonic() - DELAY
        for run in self._open.values():
            if run.unwritten_since is not None and run.unwritten_since <= due:
                run.writer.flush()
                run.unwritten_since = None

    def close(self) -> None:
        with ExitStack() as closing:  # all of them, even if one raises
            for run in self._open.values():
                closing.callback(run.writer.close)
            self._open.clear()


def _open_writer(path: Path, begun: float) -> EventWriter:
    file = path.open("wb")
    with suppress(OSError):  # some network drives have no locks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that an export must not replace it
    return EventWriter(file, begun)
