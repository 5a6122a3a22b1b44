"""All metrics of a sweep in one CSV file, a row for each value."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from colab_starter.export.files import write_file
from colab_starter.export.sweep import ExportedRun, ExportedSweep
from colab_starter.run.display.csv_cells import write_cell
from colab_starter.run.display.results import write_values
from colab_starter.run.secrets import Mask

FILE_NAME = "metrics.csv"
_FIRST = ("run", "status")
_LAST = ("metric", "step", "value", "time")


def export_csv(sweep: ExportedSweep, path: Path) -> str:
    """Write the file, and return what to do with it. Raises ExportError."""
    write_file(path, format_series(sweep))
    return "a row for each value of a metric: run, parameters, metric, step, value"


def format_series(sweep: ExportedSweep) -> bytes:
    """CSV with a row for each value of each metric.

    Columns: run, status, the parameters (where a run did not set one, its default), metric, step (empty for metrics
    without steps), value, time (UTC). Cells are written as in results.csv: see ``format_results``.
    """
    names = [*dict.fromkeys(name for run in sweep.runs for name in run.parameters)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"parameter.{name}" if name in {*_FIRST, *_LAST} else name for name in names]
    writer.writerow(map(write_cell, [*_FIRST, *columns, *_LAST]))
    for run in sweep.runs:
        values = write_values([run.parameters.get(name, "") for name in names], sweep.mask)
        head = [*map(write_cell, [run.id, run.status, *values])]
        writer.writerows([*head, *row] for row in _list_rows(run, sweep.mask))
    return text.getvalue().encode("utf-8", errors="backslashreplace")


def _list_rows(run: ExportedRun, mask: Mask) -> Iterator[tuple[str, str, str, str]]:
    for name, measurements in run.series.items():
        cell = write_cell(mask.apply(name))
        for step, value, moment in measurements:
            yield cell, _write_number(step), repr(value), _write_time(moment)
    for name, value in run.metrics.numbers.items():
        yield write_cell(mask.apply(name)), "", repr(value), _write_time(run.ended or run.started)


def _write_number(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _write_time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds") if moment else ""
