"""The series of a sweep: every value of the metrics that have steps, in a file beside the ledger.

Each line holds some points of one attempt: ``{"run": ..., "attempt": 1, "time": ..., "points": [["loss", 1, 0.5]]}``.
A run's lines are on the disk before its end is in the ledger; those of a later attempt replace the earlier ones. With
``"anew": true``, a line replaces the earlier ones of its own attempt, which was started over, and those of the names in
``"dropped"`` do not count any more.
"""

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from colab_starter.errors import LedgerWriteError
from colab_starter.run.facts import read_count, read_file_name, read_text
from colab_starter.run.job import Point, PointsRecorded
from colab_starter.run.ledger.journal import Journal
from colab_starter.run.literals import from_json, to_json

FILE_NAME = "metrics.jsonl"
INTERVAL = 0.5
"""Seconds between two writes while runs go on."""

RunSeries = dict[str, list[tuple[float, float]]]
"""The steps and values of each metric of a run, in the order in which they were recorded."""


class SeriesJournal(Journal, Protocol):
    """A journal that need not put every line on the disk at once."""

    def append_soon(self, *lines: bytes) -> None:
        """Append lines that are safe when ``append`` returns the next time, with or without lines of its own."""


@dataclass
class _Unwritten:
    """The points of an attempt that are not in the file yet."""

    attempt: int
    points: list[Point] = field(default_factory=list)
    anew: bool = False
    dropped: dict[str, None] = field(default_factory=dict)

    def add(self, event: PointsRecorded) -> None:
        if event.dropped:
            self.points = [point for point in self.points if point.name not in event.dropped]
            self.dropped.update(dict.fromkeys(event.dropped))
        self.points += event.points

    def describe(self, run: str) -> bytes:
        return describe_points(run, self.attempt, self.points, anew=self.anew, dropped=[*self.dropped])


class SeriesFile:
    """Takes the points of the runs that go on. A sweep without points makes no file.

    Methods that write raise OSError or LedgerWriteError if that fails.
    """

    def __init__(self, journal: SeriesJournal, interval: float = INTERVAL) -> None:
        """``interval`` is infinite where each write makes an object: then a run's points are written at its end."""
        self._journal = journal
        self._interval = interval
        self._due = 0.0
        self._unwritten: dict[str, _Unwritten] = {}
        self._written: dict[str, int] = {}
        """The runs some of whose points are in the file, and their attempts."""
        self._unsafe: set[str] = set()
        """Those whose points are not on the disk for certain."""

    @property
    def path(self) -> Any:
        """Where it is, for messages."""
        return self._journal.path

    def read(self) -> list[bytes]:
        """All lines; empty if there is no file."""
        return self._journal.read()

    def add(self, event: PointsRecorded, attempt: int) -> None:
        """Take what a run's attempt has recorded; it is written within the interval."""
        unwritten = self._unwritten.get(event.run)
        if unwritten is None or unwritten.attempt != attempt or event.anew:
            is_repeated = event.anew and self._written.get(event.run) == attempt
            unwritten = self._unwritten[event.run] = _Unwritten(attempt, anew=is_repeated)
        unwritten.add(event)

    def replace(self, run: str, attempt: int, points: Sequence[Point]) -> None:
        """Put these points of an attempt on the disk, instead of all that were written before."""
        self._journal.append(describe_points(run, attempt, points, anew=True))

    def write_if_due(self) -> None:
        """Write what there is, if the last time is long enough ago. Hardly takes time otherwise."""
        if self._unwritten and self._interval < math.inf and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._interval
            self._write([*self._unwritten], is_urgent=False)

    def settle(self, run: str) -> None:
        """Put all points of a run on the disk."""
        if run in self._unwritten or run in self._unsafe:
            self._write([run] if run in self._unwritten else [], is_urgent=True)

    def close(self) -> None:
        """Write what is left, of runs that have not ended; if that fails, nothing is lost, for they are done again."""
        with suppress(OSError, LedgerWriteError):
            if self._unwritten:
                self._write([*self._unwritten], is_urgent=False)
        self._unwritten.clear()
        self._journal.close()

    def _write(self, runs: Sequence[str], *, is_urgent: bool) -> None:
        append = self._journal.append if is_urgent else self._journal.append_soon
        append(*(self._unwritten[run].describe(run) for run in runs))
        for run in runs:
            self._written[run] = self._unwritten.pop(run).attempt
        if is_urgent:
            self._unsafe.clear()
        else:
            self._unsafe.update(runs)


def describe_points(
    run: str, attempt: int, points: Sequence[Point], *, anew: bool = False, dropped: Sequence[str] = ()
) -> bytes:
    """The line for some points of an attempt; see above for ``anew`` and ``dropped``."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = [[point.name, point.step, to_json(point.value)] for point in points]
    further = {**({"anew": True} if anew else {}), **({"dropped": list(dropped)} if dropped else {})}
    line = {"run": run, "attempt": attempt, "time": now, "points": told, **further}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")


class SeriesLine(NamedTuple):
    """A line of the file, as ``describe_points`` wrote it."""

    run: str
    """The run's present ID."""
    attempt: int
    time: str
    """When the points arrived: ISO 8601, UTC; empty if the line does not say."""
    points: list[Point]
    anew: bool
    dropped: list[str]


def parse_lines(lines: Iterable[bytes], aliases: Mapping[str, str] | None = None) -> Iterator[SeriesLine]:
    """What the lines say; damaged ones are skipped. ``aliases`` are the new IDs of renamed runs."""
    for line in lines:
        with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
            parsed = _parse(json.loads(line))
            yield parsed._replace(run=aliases.get(parsed.run, parsed.run)) if aliases else parsed


def _parse(record: Any) -> SeriesLine:
    return SeriesLine(
        run=read_file_name(record, "run"),
        attempt=read_count(record, "attempt"),
        time=read_text(record, "time", ""),
        points=[Point(str(name), float(step), float(from_json(value))) for name, step, value in record["points"]],
        anew=record.get("anew") is True,
        dropped=[str(name) for name in record.get("dropped", ())],
    )


def read_series(lines: Iterable[bytes], aliases: Mapping[str, str] | None = None) -> dict[str, RunSeries]:
    """The series of each run's last attempt; for ``aliases``, see ``parse_lines``."""
    attempts: dict[str, int] = {}
    found: dict[str, RunSeries] = {}
    for line in parse_lines(lines, aliases):
        known = attempts.get(line.run, 0)
        if line.attempt < known:
            continue
        if line.attempt > known or line.anew:
            attempts[line.run], found[line.run] = line.attempt, {}
        series = found[line.run]
        for name in line.dropped:
            series.pop(name, None)
        for name, step, value in line.points:
            series.setdefault(name, []).append((step, value))
    return found
