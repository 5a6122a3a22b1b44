"""The series of a sweep: every value of the metrics that have steps, in a file beside the ledger.

Each line holds some points of one attempt: ``{"run": ..., "attempt": 1, "time": ..., "points": [["loss", 1, 0.5]]}``.
A run's lines are on the disk before its end is in the ledger; those of a later attempt replace the earlier ones.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    for line in lines:
        try:
            record = json.loads(line)
            run = read_file_name(record, "run")
            attempt, _, points = read_count(record, "attempt"), read_text(record, "time", ""), _read(record["points"])
        except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
            continue
        run = (aliases or {}).get(run, run)
        if attempt > attempts.get(run, 0):
            attempts[run], found[run] = attempt, {}
        if attempt == attempts[run]:
            for name, step, value in points:
                found[run].setdefault(name, []).append((step, value))
    return found


def _read(points: Any) -> list[Point]:
    return [Point(str(name), float(step), float(from_json(value))) for name, step, value in points]
