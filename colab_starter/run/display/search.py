"""What is told of a search: what it draws from, and the best of its runs."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from colab_starter.run.durations import format_duration
from colab_starter.run.flat_metrics import is_number, read_objective
from colab_starter.run.formatting import Wording, format_metric
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Status
from colab_starter.run.search.request import SECONDS, Search
from colab_starter.run.sweep.ranges import describe_axis
from colab_starter.run.sweep.runs import Run
from colab_starter.text import plural

MOST_SHOWN = 10
"""How many runs of a Pareto front are shown."""

Records = Mapping[str, RunRecord]


def describe_search(search: Search, wording: Wording) -> list[str]:
    """What a search draws from and how, as lines."""
    width = max(map(len, search.space.axes))
    lines = [f"{name:<{width}}  {describe_axis(axis, wording.show)}" for name, axis in search.space.axes.items()]
    if search.space.fixed:
        fixed = " ".join(f"{name}={wording.show(value)}" for name, value in search.space.fixed.items())
        lines.append(f"in every run: {fixed}")
    objectives = ", ".join(f"{goal} {wording.clean(name)}" for name, goal in search.objectives.items())
    limits = [plural(search.trials, "trial")] if search.trials is not None else []
    limits += [format_duration(search.seconds)] if search.seconds is not None else []
    size = [f"{search.size:,} combinations"] if search.size is not None else []
    seed = f" with seed {search.seed}" if search.seed is not None else ""
    pruning = f"; ends bad trials early by {search.pruner}" if search.pruner else ""
    lines.append(f"{objectives}: {', '.join([*limits, *size])}, chosen by {search.sampler}{seed}{pruning}")
    return lines


def rank_runs(search: Search, runs: Sequence[Run], records: Records) -> list[Run]:
    """The runs, those that were best by the first objective first; those without a value come last, as they were."""
    name, goal = next(iter(search.objectives.items()))
    sign = -1.0 if goal == "maximize" else 1.0

    def place(run: Run) -> float:
        value = _read_objective(records.get(run.id), name)
        return math.inf if value is None else sign * value

    return sorted(runs, key=place)


def find_best(search: Search, runs: Sequence[Run], records: Records) -> dict[str, dict[str, float]]:
    """The best run's ID with its values of the objectives, or those of the Pareto front, best by the first one first.

    Empty if no run has all objectives.
    """
    values = {run.id: _read_objectives(records.get(run.id), search) for run in rank_runs(search, runs, records)}
    known = {run: found for run, found in values.items() if len(found) == len(search.objectives)}
    if len(search.objectives) == 1:
        return dict(list(known.items())[:1])
    signs = {name: 1.0 if goal == "maximize" else -1.0 for name, goal in search.objectives.items()}
    points = {run: [signs[name] * value for name, value in found.items()] for run, found in known.items()}
    return {run: known[run] for run in known if not any(_beats(point, points[run]) for point in points.values())}


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def describe_best(search: Search, runs: Sequence[Run], records: Records, wording: Wording) -> list[str]:
    """The best run as a line, or a line for each run of the Pareto front; none if no run has all objectives."""
    best = find_best(search, runs, records)
    parameters = {run.id: run.parameters for run in runs}
    lines = [_describe(run, parameters[run], best[run], wording) for run in list(best)[:MOST_SHOWN]]
    if len(search.objectives) == 1:
        return [f"best: {line}" for line in lines]
    more = [f"  and {len(best) - MOST_SHOWN:,} more"] if len(best) > MOST_SHOWN else []
    return ["none is better in all objectives than:", *(f"  {line}" for line in lines), *more] if lines else []


def explain_no_best(search: Search, runs: Sequence[Run], records: Records, wording: Wording) -> str:
    """Why no run is the best although some ended well; empty if one is, or none did."""
    ended = [record for run in runs if (record := records.get(run.id)) and record.status is Status.OK]
    if not ended or find_best(search, runs, records):
        return ""
    lacking = [name for name in search.objectives if all(_read_objective(one, name) is None for one in ended)]
    what = " and ".join(map(wording.clean, lacking[:1] or search.objectives))
    return f"no run is the best, because none recorded {what} as a number; {list_recorded(ended, wording.clean)}"


def list_recorded(records: Iterable[RunRecord], clean: Callable[[str], str]) -> str:
    """A clause about the numbers that runs have recorded, which could be searched for instead."""
    names = list(
        dict.fromkeys(name for one in records for name, value in one.outcome.metrics.items() if is_number(value))
    )
    more = f" and {len(names) - MOST_SHOWN:,} more" if len(names) > MOST_SHOWN else ""
    return f"recorded: {', '.join(map(clean, names[:MOST_SHOWN])) or 'no number'}{more}"


def _describe(run: str, parameters: Mapping[str, Any], values: Mapping[str, float], wording: Wording) -> str:
    reached = ", ".join(f"{wording.clean(name)}={format_metric(value)}" for name, value in values.items())
    return f"{reached} with {wording.name_run(run, parameters)} ({wording.clean(run)})"


class BestSoFar:
    """Watches the ends of a search's runs for a new best one; of several objectives, by the first."""

    def __init__(self, search: Search, known: Iterable[RunRecord]) -> None:
        self.objectives = search.objectives
        self._name, self._goal = next(iter(search.objectives.items()))
        self._value: float | None = None
        for record in known:
            self.note(record)

    def note(self, record: RunRecord) -> bool:
        """Learn how a run ended; returns whether it is better than all before, if there were any."""
        value, best = _read_objective(record, self._name), self._value
        if value is None or (best is not None and not (value > best if self._goal == "maximize" else value < best)):
            return False
        self._value = value
        return best is not None

    def describe(self, wording: Wording) -> str:
        """A phrase such as ``best accuracy=0.98``; empty if no run has a value yet."""
        return "" if self._value is None else f"best {wording.show_metric(self._name, self._value)}"


def _read_objective(record: RunRecord | None, name: str) -> float | None:
    """A run's value of an objective; None unless the run ended well and recorded a number."""
    if record is None or record.status is not Status.OK:
        return None
    return read_objective(record.outcome.seconds if name == SECONDS else record.outcome.metrics.get(name))


def _read_objectives(record: RunRecord | None, search: Search) -> dict[str, float]:
    """The objectives that a run has, in the search's order."""
    values = {name: _read_objective(record, name) for name in search.objectives}
    return {name: value for name, value in values.items() if value is not None}
