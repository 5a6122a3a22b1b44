"""The series of a sweep: every value of the metrics that have steps, in a file beside the ledger.

Each line holds some points of one attempt: ``{"run": ..., "attempt": 1, "time": ..., "points": [["loss", 1, 0.5]]}``.
A run's lines are on the disk before its end is in the ledger; those of a later attempt replace the earlier ones.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from colab_starter.run.facts import read_count, read_file_name, read_text
from colab_starter.run.job import Point
from colab_starter.run.literals import from_json, to_json

FILE_NAME = "metrics.jsonl"

RunSeries = dict[str, list[tuple[float, float]]]
"""The steps and values of each metric of a run, in the order in which they were recorded."""


def describe_points(run: str, attempt: int, points: Sequence[Point]) -> bytes:
    """The line for some points of an attempt."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = [[point.name, point.step, to_json(point.value)] for point in points]
    line = {"run": run, "attempt": attempt, "time": now, "points": told}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")


def read_series(lines: Iterable[bytes], aliases: Mapping[str, str] | None = None) -> dict[str, RunSeries]:
    """The series of each run's last attempt; damaged lines are skipped. ``aliases`` are the new IDs of renamed runs."""
    attempts: dict[str, int] = {}
    found: dict[str, RunSeries] = {}
    for run, attempt, _, points in read_batches(lines, aliases):
        if attempt > attempts.get(run, 0):
            attempts[run], found[run] = attempt, {}
        if attempt == attempts[run]:
            for name, step, value in points:
                found[run].setdefault(name, []).append((step, value))
    return found


class PointsOfAttempt(NamedTuple):
    """What a line holds."""

    run: str
    attempt: int
    time: str
    """When the points arrived: ISO 8601, UTC."""
    points: list[Point]


def read_batches(lines: Iterable[bytes], aliases: Mapping[str, str] | None = None) -> Iterator[PointsOfAttempt]:
    """The content of the lines that are not damaged, of all attempts; ``aliases`` as in ``read_series``."""
    for line in lines:
        try:
            record = json.loads(line)
            run = read_file_name(record, "run")
            attempt, time = read_count(record, "attempt"), read_text(record, "time", "")
            points = _read(record["points"])
        except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
            continue
        yield PointsOfAttempt((aliases or {}).get(run, run), attempt, time, points)


def _read(points: Any) -> list[Point]:
    return [Point(str(name), float(step), float(from_json(value))) for name, step, value in points]
