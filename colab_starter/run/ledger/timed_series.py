"""The series of a sweep with the times of their values, for other tools; ``series`` describes the file."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from colab_starter.run.facts import read_count, read_file_name, read_text
from colab_starter.run.ledger.finished import read_moment
from colab_starter.run.literals import from_json


class Measurement(NamedTuple):
    """A value of a metric at a step."""

    step: float
    value: float
    time: float
    """When it arrived, in seconds since 1970; 0 if that is not known."""


TimedSeries = dict[str, list[Measurement]]
"""The values of each metric of a run, in the order in which they were recorded."""


class _Line(NamedTuple):
    run: str
    attempt: int
    points: list[tuple[str, Measurement]]
    anew: bool
    dropped: list[str]


def read_timed_series(
    lines: Iterable[bytes], attempts: Mapping[str, int], aliases: Mapping[str, str] | None = None
) -> dict[str, TimedSeries]:
    """The series of one attempt of each run, by the runs' IDs; damaged lines are skipped.

    ``attempts`` says which attempt; ``aliases`` are the new IDs of renamed runs.
    """
    found: dict[str, TimedSeries] = {}
    for line in lines:
        try:
            told = _read(json.loads(line))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
            continue
        run = (aliases or {}).get(told.run, told.run)
        if attempts.get(run) != told.attempt:
            continue
        series = {} if told.anew else found.get(run, {})
        for name in told.dropped:
            series.pop(name, None)
        for name, measurement in told.points:
            series.setdefault(name, []).append(measurement)
        found[run] = series
    return found


def _read(record: Mapping[str, Any]) -> _Line:
    """The content of a line. Raises ValueError, LookupError, TypeError, AttributeError or OverflowError."""
    moment = read_moment(read_text(record, "time", ""))
    time = moment.timestamp() if moment else 0.0
    points = [(str(name), float(step), float(from_json(value))) for name, step, value in record["points"]]
    dropped = record.get("dropped", [])
    return _Line(
        run=read_file_name(record, "run"),
        attempt=read_count(record, "attempt"),
        points=[(name, Measurement(step, value, time)) for name, step, value in points],
        anew=record.get("anew") is True,
        dropped=[str(name) for name in dropped] if isinstance(dropped, list) else [],
    )
