"""The results of a sweep: ``results.csv``, and the table at the end."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from colab_starter.run.display.csv_cells import write_cell
from colab_starter.run.durations import format_duration
from colab_starter.run.flat_metrics import encode_value
from colab_starter.run.formatting import LONGEST_VALUE, STYLES, Wording, format_metric
from colab_starter.run.goals import is_minimized
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import DONE, Outcome, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import Run
from colab_starter.run.versions import Defaults
from colab_starter.sweep_folder import RESULTS, tell_version
from colab_starter.text import shorten

FILE_NAME = RESULTS
MOST_ROWS = 40
"""Tables up to this many rows are shown whole; of longer ones, the first and last rows and those not ok."""
_ENDS_SHOWN = 10
_BAD_SHOWN = 20
_COLUMN_WIDTH = 14
"""The approximate width of a column in characters, which decides how many metrics fit."""
_MOST_METRICS = 30
"""The most columns of metrics, however wide the output is; results.csv has all metrics."""
UNLIMITED_WIDTH = 1_000_000
"""In characters; for a table in a file or a pipe, where nothing needs to be cut or wrapped."""
_FIRST = ("run", "status")
_VERSION = "notebook_version"
_LAST = ("attempts", "seconds", "cause", "peak_memory_mb", "host", "started", "ended", "notebook")

Records = Mapping[str, RunRecord]


@dataclass(frozen=True)
class _Row:
    """A run in the table."""

    run: str
    version: str
    given: Mapping[str, Any]
    """The parameters that it set."""
    record: RunRecord | None
    defaults: Mapping[str, Any]


def format_results(
    runs: Sequence[Run],
    records: Records,
    mask: Mask,
    source: str = "",
    defaults: Defaults | None = None,
    objectives: Mapping[str, Any] | None = None,
) -> bytes:
    """CSV with a row for each of ``runs``, which are runs of ``source``, then for each other run in the records.

    A run that never started is ``pending``. Columns: run, status, notebook_version where there are several, the
    parameters (where a run did not set one, its default), the metrics, attempts, seconds, cause, peak_memory_mb (10**6
    bytes), host, started, ended (UTC), notebook. A parameter named like another column is ``parameter.NAME``, a metric
    named like anything else is ``metric.NAME``. A metric with steps has its last value in its column, then
    ``NAME.best`` and ``NAME.best_step``; ``goals`` tells what is best, and ``objectives`` are a search's. Values other
    than strings and numbers are JSON, and so is a string that a spreadsheet would execute: see ``csv_cells``.
    """
    rows = _list_rows(runs, records, tell_version(source), defaults or {})
    first = [*_FIRST, *[_VERSION] * (len({row.version for row in rows}) > 1)]
    names = _list_names([*(row.given for row in rows), *(row.defaults for row in rows)])
    parameters = _name_columns(names, {*_FIRST, _VERSION, *_LAST}, "parameter")
    measured = {row.run: _list_metrics(row.record.outcome, objectives) for row in rows if row.record}
    metrics = _put_best_beside(_list_names(measured.values()))
    metric_columns = _name_columns(metrics, {*_FIRST, _VERSION, *_LAST, *parameters.values()}, "metric")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(write_cell, [*first, *parameters.values(), *metric_columns.values(), *_LAST]))
    places = {name: place for place, name in enumerate(metric_columns)}
    for row in rows:
        head = [row.run, _status(row.record), row.version][: len(first)]
        values = [row.given.get(name, row.defaults.get(name, "")) for name in parameters]
        cells = [*head, *write_values(values, mask), *[""] * len(places), *_write_facts(row.record, mask)]
        recorded = measured.get(row.run, {})
        for name, cell in zip(recorded, write_values(recorded.values(), mask), strict=True):
            cells[len(head) + len(values) + places[name]] = cell
        writer.writerow(map(write_cell, cells))
    return text.getvalue().encode("utf-8", errors="backslashreplace")


def _list_metrics(outcome: Outcome, objectives: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metrics of a run and, of those with steps, the best value and its step."""
    values = dict(outcome.metrics)
    for name, series in outcome.series.items():
        is_lower = is_minimized(name, objectives)
        values.setdefault(f"{name}.best", series.lowest if is_lower else series.highest)
        values.setdefault(f"{name}.best_step", series.lowest_step if is_lower else series.highest_step)
    return values


def _put_best_beside(names: Iterable[str]) -> list[str]:
    """The columns in order: what belongs to a metric comes after it."""
    names = dict.fromkeys(names)
    ordered: dict[str, None] = {}
    for name in names:
        also = [other for other in (f"{name}.best", f"{name}.best_step") if other in names]
        ordered |= dict.fromkeys([name, *also])
    return list(ordered)


def _list_rows(runs: Sequence[Run], records: Records, version: str, defaults: Defaults) -> list[_Row]:
    """The rows; the ledger's parameters of a run are preferred, because they were masked when written."""
    rows = []
    for run in runs:
        record = records.get(run.id)
        given = record.parameters if record else run.parameters
        rows.append(_Row(run.id, version, given, record, defaults.get(version, {})))
    asked = {run.id for run in runs}
    for record in records.values():
        if record.run not in asked:
            own = tell_version(record.source)
            rows.append(_Row(record.run, own, record.parameters, record, defaults.get(own, {})))
    return rows


def _list_names(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _name_columns(names: Iterable[str], taken: set[str], kind: str) -> dict[str, str]:
    return {name: f"{kind}.{name}" if name in taken else name for name in names}


def _status(record: RunRecord | None) -> str:
    return str(record.status if record else Status.PENDING)


def write_values(values: Iterable[Any], mask: Mask) -> list[str]:
    """Write values as cells, masked as values and again as text, because JSON spells secrets differently."""
    values = [*values]
    if all(map(_is_plain, values)):
        cells = [*map(encode_value, values)]
        text = "\n".join(cells)  # one check for the whole row: hardly any row holds a secret
        if mask.apply(text) == text:
            return cells
    told = mask.apply_to_value(values)
    return [*mask.apply_to_value([*map(encode_value, told)])]


def _is_plain(value: Any) -> bool:
    """Whether its cell shows it completely: a string, a number, or numbers."""
    if isinstance(value, list):
        return all(isinstance(item, int | float) for item in value)
    return isinstance(value, str | int | float | None)


def _write_facts(record: RunRecord | None, mask: Mask) -> list[str]:
    if record is None:
        return ["0", *[""] * (len(_LAST) - 1)]
    outcome = record.outcome
    memory = "" if outcome.peak_memory is None else f"{outcome.peak_memory / 1e6:.1f}"
    facts = (mask.apply(outcome.cause), memory, outcome.host, record.started, record.ended, record.notebook)
    return [str(record.attempt), f"{outcome.seconds:.3f}", *facts]


def make_table(runs: Sequence[Run], records: Records, wording: Wording, width: int) -> Table:
    """The table at the end: what varies, as many metrics as fit in ``width`` (30 at most), the time, the cause."""
    metrics = _list_names(records[run.id].outcome.metrics for run in runs if run.id in records)
    names = wording.varying
    shown_metrics = metrics[: min(_MOST_METRICS, max(1, width // _COLUMN_WIDTH - len(names) - 2))]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    has_cause = any(records[run.id].outcome.cause for run in runs if run.id in records)
    headers = [*(names or ["run"]), "status", *shown_metrics, "time", *["cause"] * has_cause]
    numbers = {*shown_metrics, "time"}
    for header in headers:
        is_number = header in numbers
        table.add_column(Text(wording.clean(header)), justify="right" if is_number else "left", overflow="fold")
    for run in _choose_rows(runs, records):
        row = _make_row(run, records.get(run.id), shown_metrics, wording) if run else [Text("…")]
        table.add_row(*row[: len(headers)])
    return table


def _make_row(run: Run, record: RunRecord | None, metrics: Sequence[str], wording: Wording) -> "list[Text]":
    values = [wording.show(run.parameters[name]) if name in run.parameters else "" for name in wording.varying]
    status = record.status if record else Status.PENDING
    measured = [_show_metric(record, name, wording) for name in metrics]
    seconds = format_duration(record.outcome.seconds) if record else ""
    cause = wording.clean(record.outcome.cause) if record else ""
    head = [Text(value) for value in values or [wording.clean(run.id)]]
    tail = [Text(text) for text in (*measured, seconds, cause)]
    return [*head, Text(status, style=STYLES.get(status, "")), *tail]


def _show_metric(record: RunRecord | None, name: str, wording: Wording) -> str:
    if record is None or name not in record.outcome.metrics:
        return ""
    return shorten(wording.clean(format_metric(record.outcome.metrics[name])), LONGEST_VALUE)


def _choose_rows(runs: Sequence[Run], records: Records) -> list[Run | None]:
    """All runs or, if there are many, the first, the last and those not ok, with None where some are left out."""
    if len(runs) <= MOST_ROWS:
        return list(runs)
    bad = [number for number, run in enumerate(runs) if _status(records.get(run.id)) not in DONE]
    ends = [*range(_ENDS_SHOWN), *range(len(runs) - _ENDS_SHOWN, len(runs))]
    chosen: list[Run | None] = []
    before = -1
    for number in sorted({*ends, *bad[:_BAD_SHOWN]}):
        chosen += [None] * (number > before + 1) + [runs[number]]
        before = number
    return chosen
