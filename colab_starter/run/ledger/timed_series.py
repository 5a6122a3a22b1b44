"""The series of a sweep with the times of their values, for other tools; ``series`` describes the file."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from colab_starter.run.ledger.finished import read_moment
from colab_starter.run.ledger.series import parse_lines


class Measurement(NamedTuple):
    """A value of a metric at a step."""

    step: float
    value: float
    time: float
    """When it arrived, in seconds since 1970; 0 if that is not known."""


TimedSeries = dict[str, list[Measurement]]
"""The values of each metric of a run, in the order in which they were recorded."""


def read_timed_series(
    lines: Iterable[bytes], attempts: Mapping[str, int], aliases: Mapping[str, str] | None = None
) -> dict[str, TimedSeries]:
    """The series of one attempt of each run, by the runs' IDs.

    ``attempts`` says which attempt; for ``aliases``, see ``parse_lines``.
    """
    found: dict[str, TimedSeries] = {}
    for line in parse_lines(lines, aliases):
        if attempts.get(line.run) != line.attempt:
            continue
        series = {} if line.anew else found.get(line.run, {})
        for name in line.dropped:
            series.pop(name, None)
        moment = read_moment(line.time)
        time = moment.timestamp() if moment else 0.0
        for name, step, value in line.points:
            series.setdefault(name, []).append(Measurement(step, value, time))
        found[line.run] = series
    return found
