"""A sweep's runs as columns: the parameters that vary, the metrics, and facts about the runs."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from colab_starter.run.flat_metrics import flatten, is_number
from colab_starter.run.job import OUTPUT_DIR
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.versions import Defaults
from colab_starter.sweep_folder import tell_version

LONGEST_TEXT = 300
"""In characters; longer texts are cut, but complete in the executed notebook and results.csv."""
LONGEST_SERIES = 2_000
"""Longer lists of numbers are shown as text."""
SHOWN_OF_SERIES = 3
"""A table shows lists of up to so many numbers; of longer ones, the first number and the last. Curves show all."""
MOST_METRICS = 60
"""Any more metrics are only in results.csv."""
LARGEST_EXACT = 2**53
"""The largest integer up to which JavaScript's numbers are exact."""
PER_RUN_PARAMETERS = {OUTPUT_DIR}
"""Set by the runner, different in every run, and not chosen by the user."""
REPEATS = {"seed", "random_seed", "random_state", "fold"}
"""Parameters, in lower case, whose values are repetitions of the same setting."""

Cell = str | int | float | list[Any] | None
"""A JSON value. A number that JSON or JavaScript cannot represent is a string for JavaScript's Number(), or digits."""


class Role(StrEnum):
    """What a column says about a run."""

    PARAMETER = "parameter"
    METRIC = "metric"
    FACT = "fact"


class Kind(StrEnum):
    """How a column's values are compared and drawn."""

    NUMBER = "number"
    TEXT = "text"
    SERIES = "series"
    """A list of numbers per run, such as the loss after each epoch."""


@dataclass(frozen=True)
class Column:
    """One value per run, in the order of the runs; None if a run has none."""

    name: str
    role: Role
    kind: Kind
    values: Sequence[Cell]
    """Of a series, the numbers that a table shows; ``None`` stands for those that it leaves out."""
    log: bool = False
    """Whether a search looked for its values on a logarithmic scale."""
    repeats: bool = False
    """Whether its values repeat the same setting, as those of ``seed`` do."""


@dataclass(frozen=True)
class Table:
    """What is shown of a sweep's runs."""

    columns: Sequence[Column]
    fixed: Mapping[str, str]
    """Parameters and text metrics that are the same in every run."""
    left_out: int
    """How many metrics are not shown because there are too many."""


@dataclass(frozen=True)
class Searched:
    """What a table shows of a search."""

    trials: Mapping[str, int] = field(default_factory=dict)
    """The number of the first trial of each run, by the run's ID."""
    logarithmic: Collection[str] = ()
    """The parameters that were looked for on a logarithmic scale."""
    repeats: Collection[str] = ()
    """Further parameters whose values repeat the same setting."""


def build_table(runs: Sequence[RunRecord], defaults: Defaults | None = None, searched: Searched | None = None) -> Table:
    """The table with the columns worth showing: not parameters or facts that are the same everywhere.

    ``defaults`` has the values of parameters that a run did not set.
    """
    searched = searched or Searched()
    chosen = _parameter_values(runs, defaults or {})
    parameters = [_describe_parameter(name, values, searched) for name, values in chosen.items()]
    metrics = [_make_column(name, Role.METRIC, values) for name, values in _metric_values(runs).items()]
    fixed = [column for column in parameters if not _varies(column)] + [*filter(_is_same_text, metrics)]
    varying = [column for column in metrics if not _is_same_text(column)]
    return Table(
        columns=[*filter(_varies, parameters), *varying[:MOST_METRICS], *_fact_columns(runs, searched.trials)],
        fixed={column.name: _show(column) for column in fixed},
        left_out=max(0, len(varying) - MOST_METRICS),
    )


def _describe_parameter(name: str, values: Sequence[Any], searched: Searched) -> Column:
    column = _make_column(name, Role.PARAMETER, values)
    repeats = name.lower() in REPEATS or name in searched.repeats
    return replace(column, log=name in searched.logarithmic, repeats=repeats)


def _parameter_values(runs: Sequence[RunRecord], defaults: Defaults) -> dict[str, list[Any]]:
    """The values of each parameter; parameters that any run set come first."""
    rows = []
    for run in runs:
        values = {**defaults.get(tell_version(run.source), {}), **run.parameters}
        rows.append({name: _name_none(value) for name, value in values.items() if name not in PER_RUN_PARAMETERS})
    gathered = _gather(rows)
    order = dict.fromkeys([*(name for run in runs for name in run.parameters), *gathered])
    return {name: gathered[name] for name in order if name in gathered}


def _name_none(value: Any) -> Any:
    """Write a None as text, because None means that a run has no value."""
    return "None" if value is None else value


def _metric_values(runs: Sequence[RunRecord]) -> dict[str, list[Any]]:
    return _gather([dict(flatten(run.outcome.metrics)) for run in runs])


def _gather(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values of each name, in order of first appearance; None if a row lacks the name."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _fact_columns(runs: Sequence[RunRecord], trials: Mapping[str, int]) -> list[Column]:
    facts: dict[str, list[Any]] = {
        "trial": [trials.get(run.run) for run in runs],
        "seconds": [run.outcome.seconds if run.ended else None for run in runs],
        "peak memory (MB)": [run.outcome.peak_memory and round(run.outcome.peak_memory / 1e6) for run in runs],
        "attempts": [run.attempt for run in runs],
        "host": [run.outcome.host for run in runs],
        "notebook version": [tell_version(run.source) for run in runs],
        "started": [_short_time(run.started) for run in runs],
        "cause": [run.outcome.cause or None for run in runs],
    }
    columns = [_make_column(name, Role.FACT, values) for name, values in facts.items()]
    uniform = {"attempts", "host", "notebook version"}
    return [column for column in columns if _varies(column) or (column.name not in uniform and any(column.values))]


def _short_time(moment: str) -> str | None:
    """A time such as ``2026-11-23 14:02:09`` in UTC; None if it cannot be read."""
    try:
        return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return None


def _varies(column: Column) -> bool:
    return any(value != column.values[0] for value in column.values)


def _is_same_text(column: Column) -> bool:
    """Whether all runs with a value have the same text; numbers are worth a column even then."""
    return column.kind == Kind.TEXT and len({value for value in column.values if value is not None}) == 1


def _make_column(name: str, role: Role, values: Sequence[Any]) -> Column:
    known = [value for value in values if value is not None]
    if known and all(map(is_number, known)):
        return Column(name, role, Kind.NUMBER, [_number(value) for value in values])
    if role == Role.METRIC and known and all(map(is_series, known)):
        series = [None if value is None else _shorten(value) for value in values]
        return Column(name, role, Kind.SERIES, series)
    return Column(name, role, Kind.TEXT, [None if value is None else _text(value) for value in values])


def _shorten(series: Sequence[int | float]) -> list[Cell]:
    shown = series if len(series) <= SHOWN_OF_SERIES else [series[0], None, series[-1]]
    return [_number(value) for value in shown]


def is_series(value: Any) -> bool:
    """Whether a metric is a list of numbers, such as the loss after each epoch."""
    return isinstance(value, list) and 0 < len(value) <= LONGEST_SERIES and all(map(is_number, value))


def _number(value: int | float | None) -> Cell:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and abs(value) > LARGEST_EXACT:
        return str(value)
    return value


def _text(value: Any) -> str:
    return cut(value if isinstance(value, str) else repr(value))


def cut(text: str) -> str:
    """A text shortened for the page."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _show(column: Column) -> str:
    """The value that all runs share, as text."""
    value = next(value for value in column.values if value is not None)
    return value if isinstance(value, str) else repr(value)
