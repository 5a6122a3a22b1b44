"""The curves of a sweep: metrics step by step, packed so that those of ten thousand runs fit in a page.

A run's curves are the metrics that it recorded with steps, and those that it recorded as lists of numbers, whose steps
count from 1. A run with neither has those of ``output/history.csv``, which Keras' CSVLogger and many others write.
"""

import base64
import csv
import math
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import stat
from pathlib import Path
from stat import S_ISREG

from colab_starter.report.table import is_series
from colab_starter.run.flat_metrics import flatten
from colab_starter.run.job import OUTPUT_FOLDER
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.ledger.series import RunSeries

HISTORY = f"{OUTPUT_FOLDER}/history.csv"
STEPS = ("step", "global_step", "epoch", "iteration")
"""The columns of a history file that count, in lower case, best first; without one, its rows are counted from 1."""
LARGEST_HISTORY = 2_000_000
"""In bytes; larger history files are left out."""
MOST_COLUMNS = 40
"""Any more columns of a history file are left out."""
MOST_CURVES = 40
"""Any more metrics with steps are left out."""
MOST_POINTS = 1_200_000
"""In the page, which then has about 7 MB of them. If there are more, each curve keeps evenly spaced ones."""
FEWEST_POINTS = 20
"""Each curve keeps at least these, however many there are."""

Points = Sequence[tuple[float, float]]
"""Steps and values."""


@dataclass(frozen=True)
class CurveSet:
    """The curves of one metric."""

    name: str
    runs: Sequence[int]
    """The indexes of the runs that have one."""
    steps: Sequence[Sequence[float]]
    """Rising."""
    values: Sequence[Sequence[float]]
    """As long as the steps; NaN and infinite values are as recorded."""


@dataclass(frozen=True)
class Curves:
    """The curves of all runs."""

    sets: Sequence[CurveSet]
    """In the order in which the metrics first occur."""
    thinned: int = 0
    """How many curves lack some of their points, because there were too many for a page."""


def gather_curves(runs: Sequence[RunRecord], series: Mapping[str, RunSeries], folder: Path | None = None) -> Curves:
    """The curves of the runs. ``series`` is from ``read_series``; history files are read in the sweep's ``folder``."""
    found: dict[str, dict[int, Points]] = {}
    for index, run in enumerate(runs):
        for name, points in _find_curves(run, series.get(run.run, {}), folder).items():
            if name in found or len(found) < MOST_CURVES:
                found.setdefault(name, {})[index] = points
    count = sum(map(len, found.values()))
    too_many = sum(len(points) for curves in found.values() for points in curves.values()) > MOST_POINTS
    longest = max(FEWEST_POINTS, MOST_POINTS // count) if too_many else None
    sets = [_make_set(name, curves, longest) for name, curves in found.items()]
    lengths = [len(points) for curves in found.values() for points in curves.values()]
    return Curves(sets, sum(length > longest for length in lengths) if longest else 0)


def _find_curves(run: RunRecord, series: RunSeries, folder: Path | None) -> Mapping[str, Points]:
    lists = {
        name: [(float(step), _to_float(value)) for step, value in enumerate(values, 1)]
        for name, values in flatten(run.outcome.metrics)
        if is_series(values)
    }
    if series or lists or folder is None:
        return {**lists, **series}
    return read_history(folder / run.notebook.partition("/")[0] / HISTORY)


def read_history(path: Path) -> dict[str, Points]:
    """The curves in a CSV file with a header; empty if it is missing, too large, or not such a file."""
    try:
        if not (S_ISREG((about := stat(path)).st_mode) and about.st_size <= LARGEST_HISTORY):
            return {}
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):  # ValueError: it is empty, or not in UTF-8
        return {}
    names = [name.strip() for name in header]
    known = {name.lower(): place for place, name in enumerate(names)}
    counter = next((known[name] for name in STEPS if name in known), None)
    steps = [float(row) if counter is None else _read_number(rows[row - 1], counter) for row in range(1, len(rows) + 1)]
    counters = {known[name] for name in STEPS if name in known}
    columns = [place for place, name in enumerate(names) if name and place not in counters][:MOST_COLUMNS]
    curves = {names[place]: _read_column(rows, place, steps) for place in columns}
    return {name: points for name, points in curves.items() if points}


def _read_column(rows: Sequence[Sequence[str]], place: int, steps: Sequence[float]) -> Points:
    """The points of a column; cells that are no numbers are left out. Of several values for a step, the last counts."""
    told = {
        step: _read_number(row, place)
        for step, row in zip(steps, rows, strict=True)
        if math.isfinite(step) and place < len(row) and _is_number(row[place])
    }
    return list(told.items())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_number(row: Sequence[str], place: int) -> float:
    return float(row[place]) if place < len(row) and _is_number(row[place]) else math.nan


def _to_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer with hundreds of digits
        return math.inf if value > 0 else -math.inf


def _make_set(name: str, curves: Mapping[int, Points], longest: int | None) -> CurveSet:
    shown = [_thin(_sort(points), longest) for points in curves.values()]
    steps, values = ([[point[place] for point in points] for points in shown] for place in (0, 1))
    return CurveSet(name, list(curves), steps, values)


def _sort(points: Points) -> Points:
    """The points by rising steps."""
    is_sorted = all(points[place][0] <= points[place + 1][0] for place in range(len(points) - 1))
    return points if is_sorted else sorted(points, key=lambda point: point[0])


def _thin(points: Points, longest: int | None) -> Points:
    """Evenly spaced points, always with the first and the last."""
    if longest is None or len(points) <= longest:
        return points
    last = len(points) - 1
    return [points[round(place * last / (longest - 1))] for place in range(longest)]


def pack_curves(curves: Curves) -> list[dict[str, object]]:
    """The curves for the page: numbers as base64 of little-endian arrays, equal steps only once."""
    return [_pack_set(one) for one in curves.sets]


def _pack_set(curves: CurveSet) -> dict[str, object]:
    pool, starts = _share_steps([tuple(steps) for steps in curves.steps])
    values = array("f")
    for run_values in curves.values:
        values.extend(run_values)
    return {
        "name": curves.name,
        "runs": _encode(array("I", curves.runs)),
        "lengths": _encode(array("I", map(len, curves.values))),
        "starts": _encode(array("I", starts)),
        "steps": _encode(pool),
        "values": _encode(values),
    }


def _share_steps(steps: Sequence[tuple[float, ...]]) -> "tuple[array[float], list[int]]":
    """All steps in one array, and where in it those of each curve start; curves that begin alike share them."""
    pool: array[float] = array("d")
    starts: dict[tuple[float, ...], int] = {}
    longer: tuple[float, ...] = ()
    for one in sorted(set(steps), reverse=True):  # what another one begins with comes right after that one
        if longer[: len(one)] == one and one:
            starts[one] = starts[longer]
            continue
        starts[one], longer = len(pool), one
        pool.extend(one)
    return pool, [starts[one] for one in steps]


def _encode(numbers: "array[int] | array[float]") -> str:
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
