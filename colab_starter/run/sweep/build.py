"""The runs that the command line and a sweep file ask for, checked before anything starts."""

import itertools
import keyword
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_starter.errors import ParameterError, UnwritableValueError
from colab_starter.notebook.model import Notebook
from colab_starter.run.job import OUTPUT_DIR
from colab_starter.run.literals import to_canonical, to_source
from colab_starter.run.secrets import Mask, is_secret_parameter
from colab_starter.run.sweep.comments import ParameterComment
from colab_starter.run.sweep.files import Entry, SweepFile, read_sweep_file
from colab_starter.run.sweep.options import LARGEST_SWEEP, count_values, expand_range, read_options
from colab_starter.run.sweep.parameters import ParametersCell, read_parameters_cell
from colab_starter.run.sweep.ranges import Axis, Choices, Range, looks_like_range, read_form, read_range
from colab_starter.run.sweep.types import ANYTHING, NoDefault, Text, ValueType, Written
from colab_starter.text import suggest

_FAULTS_TOLD = 5

_Axes = dict[str, list[Entry]]
"""The values of each name; the runs are all combinations, with the last name's values changing fastest."""


@dataclass(frozen=True)
class Sweep:
    """The requested runs."""

    runs: list[dict[str, Any]]
    """The values that each run sets, with the types that the notebook expects; at least one run."""
    dropped: int = 0
    """How many duplicate runs were left out of ``runs``."""


@dataclass(frozen=True)
class Space:
    """What a search draws from."""

    fixed: Mapping[str, Any]
    """The values that every run sets."""
    axes: Mapping[str, Axis]
    """At least one."""

    def list_corners(self) -> list[dict[str, Any]]:
        """Parameters between which the runs will lie: the first values, and each of the others once."""
        values = {
            name: [axis.low, axis.high] if isinstance(axis, Range) else [*axis.values]
            for name, axis in self.axes.items()
        }
        first = {**self.fixed, **{name: several[0] for name, several in values.items()}}
        return [first, *({**first, name: value} for name, several in values.items() for value in several[1:])]


def build_space(
    notebook: Notebook,
    options: Sequence[str],
    file: SweepFile,
    allow_unknown: bool = False,
    forms: Sequence[str] = (),
) -> Space:
    """What a search draws from: ranges and lists of values, from ``-p``, else from the file's ``search:`` or ``grid:``.

    A single value is the same in every run. ``forms`` are the parameters whose range is taken from the notebook's own
    form, or ``all``. Raises ParameterError, with all faults in one line.
    """
    checker = _Checker(notebook, allow_unknown)
    values, faults = read_options(options)
    checker.faults |= dict.fromkeys(faults)
    if file.rows:
        checker.faults["a list of runs is no search; run it first, then search in its folder with --enqueue"] = None
    written: _Axes = {name: [entry] for name, entry in file.fixed.items()}
    written |= file.search if file.search is not None else file.grid or {}
    written |= {name: [Entry(text) for text in texts] for name, texts in values.items()}
    read = {name: _leave_out_repeated(several) for name, several in checker.read_axes(written, ranges=True).items()}
    is_varied = {name: len(several) > 1 or any(map(_is_range, several)) for name, several in read.items()}
    axes = {name: _make_axis(several) for name, several in read.items() if is_varied[name]}
    fixed = {name: several[0] for name, several in read.items() if several and name not in axes}
    axes |= checker.read_forms(forms, {*axes, *fixed})
    if not axes and not checker.faults:
        checker.faults["there is nothing to search; give a range (-p lr=1e-4..1e-1) or several values (-p n=1,2)"] = (
            None
        )
    checker.check_names_together(frozenset({*axes, *fixed}))
    checker.raise_faults()
    return Space(fixed, axes)


def _make_axis(values: Sequence[Any]) -> Axis:
    if isinstance(values[0], Range):
        return values[0]
    return Choices(tuple(values))


def _leave_out_repeated(values: Sequence[Any]) -> list[Any]:
    return [*values] if len(values) < 2 else [*{to_canonical(value): value for value in values}.values()]


def build_runs(
    notebook: Notebook,
    options: Sequence[str] = (),
    sweep_file: Path | SweepFile | None = None,
    allow_unknown: bool = False,
) -> Sweep:
    """The runs that ``-p`` and a sweep file ask for; with neither, one run with the defaults.

    They are in the order of the file: its grid, then its list. A name given with ``-p`` replaces the file's, and
    several values multiply the runs. ``allow_unknown`` accepts names that the notebook does not declare. Raises
    ParameterError, with all faults in one line; too many runs are only counted, not made.
    """
    checker = _Checker(notebook, allow_unknown)
    file = sweep_file if isinstance(sweep_file, SweepFile) else read_file(sweep_file, options)
    axes = _read_axes(options, file, checker)
    for name in dict.fromkeys(name for block in axes for name, values in block.items() if any(map(_is_range, values))):
        checker.faults[f"{name} is a range; add what to search for: --maximize METRIC or --minimize METRIC"] = None
    for names in dict.fromkeys(frozenset(block) for block in axes):
        checker.check_names_together(names)
    checker.raise_faults()
    return _drop_repeated(run for block in axes for run in _multiply(block))


def _is_range(value: Any) -> bool:
    return isinstance(value, Range)


def read_file(path: Path | None, options: Sequence[str]) -> SweepFile:
    """The sweep file, if there is one; what ``-p`` gives replaces the file's values. Raises ParameterError."""
    return read_sweep_file(path, read_options(options)[0]) if path else SweepFile()


def _read_axes(options: Sequence[str], file: SweepFile, checker: "_Checker") -> list[dict[str, list[Any]]]:
    """One dict of values for each grid and each row of a list."""
    values, faults = read_options(options)
    checker.faults |= dict.fromkeys(faults)
    chosen: _Axes = {name: [Entry(text) for text in texts] for name, texts in values.items()}
    grid = {name: entries for name, entries in (file.grid or {}).items() if name not in chosen}
    rows = [_as_axes(row, chosen) for row in file.rows or []]
    in_file = checker.count_runs(grid) * bool(file.grid or not rows) + len(rows)
    _refuse_too_many(checker.count_runs(chosen) * in_file)
    read_chosen = checker.read_axes(chosen, ranges=True)
    fixed = checker.read_axes(_as_axes(file.fixed, chosen))
    blocks = []
    if file.grid or not rows:
        blocks.append(fixed | checker.read_axes(grid, ranges=True) | read_chosen)
    blocks += [fixed | checker.read_axes(row) | read_chosen for row in rows]
    return blocks


def _refuse_too_many(runs: int) -> None:
    if runs > LARGEST_SWEEP:
        told = f"{runs:,}" if runs < 10**15 else "more than 10^15"
        raise ParameterError(f"the sweep has {told} runs, and at most {LARGEST_SWEEP:,} are taken; give fewer values")


def _as_axes(values: Mapping[str, Entry], replaced: Iterable[str]) -> _Axes:
    return {name: [entry] for name, entry in values.items() if name not in replaced}


def _multiply(axes: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _drop_repeated(runs: Iterable[dict[str, Any]]) -> Sweep:
    by_text: dict[str, dict[str, Any]] = {}
    total = 0
    for total, run in enumerate(runs, 1):  # noqa: B007
        by_text.setdefault(to_canonical(run), run)
    return Sweep(list(by_text.values()), total - len(by_text))


def _list_texts(written: Written) -> list[str]:
    if isinstance(written, Text):
        return [written.text]
    parts = [*written, *written.values()] if isinstance(written, dict) else written or []
    return [text for part in parts for text in _list_texts(part)]


class _Checker:
    """Reads values with the types that the notebook expects, and collects what is wrong."""

    def __init__(self, notebook: Notebook, allow_unknown: bool) -> None:
        self.notebook = notebook.path.name
        self.is_python = notebook.is_python
        self.cell: ParametersCell | None = read_parameters_cell(notebook) if notebook.is_python else None
        self.parameters = {one.name: one for one in self.cell.parameters} if self.cell else {}
        self.set_again = self.cell.set_again if self.cell else {}
        self.allow_unknown = allow_unknown
        self.faults: dict[str, None] = {}
        self._name_faults: dict[str, str | None] = {}

    def read_axes(self, axes: _Axes, ranges: bool = False) -> dict[str, list[Any]]:
        """The values of all names; a wrong name or value is noted and left out."""
        read = {}
        for written_name, entries in axes.items():
            name = unicodedata.normalize("NFKC", written_name)
            if fault := self._fault_of_name(name):
                self.faults[entries[0].where + fault] = None
                continue
            wanted = self._find_type(name)
            values = [value for entry in entries for value in self._read(name, wanted, entry, ranges)]
            if len(values) > 1 and (mixed := next((value for value in values if isinstance(value, Range)), None)):
                self.faults[
                    f"{entries[0].where}{name} has the range {mixed} beside other values; give one range, or values"
                ] = None
                continue
            read[name] = values
        return read

    def read_forms(self, names: Sequence[str], given: Set[str]) -> dict[str, Axis]:
        """What the notebook's own form lets its users choose, for the names or, with ``all``, wherever it does."""
        found: dict[str, Axis] = {}
        chosen = [name for name in self.parameters if name != OUTPUT_DIR] if "all" in names else names
        for name in chosen:
            if name in given and "all" not in names:
                self.faults[f"{name} is given by -p or the file and by --search; leave out one"] = None
            elif name not in given and (fault := self._fault_of_name(name)):
                self.faults[fault] = None
            elif name not in given:
                found |= self._read_form(name, is_optional="all" in names)
        return found

    def _read_form(self, name: str, *, is_optional: bool) -> dict[str, Axis]:
        parameter = self.parameters.get(name)
        try:
            return {name: read_form(parameter.form if parameter else ParameterComment(), self._find_type(name))}
        except ParameterError as error:
            if not is_optional:
                self.faults[f"{name} {error}"] = None
            return {}

    def count_runs(self, axes: _Axes) -> int:
        """The number of combinations of the values, without making any; wrong names do not count."""
        known = {unicodedata.normalize("NFKC", name): entries for name, entries in axes.items()}
        return math.prod(self._count(name, entries) for name, entries in known.items() if not self._fault_of_name(name))

    def _count(self, name: str, entries: list[Entry]) -> int:
        if self._find_type(name).takes_texts:
            return len(entries)
        return sum(count_values(one.written) if isinstance(one.written, Text) else 1 for one in entries)

    def _find_type(self, name: str) -> ValueType:
        return self.parameters[name].type if name in self.parameters else ANYTHING

    def _read(self, name: str, wanted: ValueType, entry: Entry, ranges: bool) -> list[Any]:
        try:
            several: Sequence[Written] | None = None
            if entry.is_range and isinstance(entry.written, Text):
                return [read_range(entry.written.text, wanted)]
            if ranges and isinstance(entry.written, Text) and not wanted.takes_texts:
                if not entry.written.quoted and looks_like_range(entry.written.text):
                    return [read_range(entry.written.text, wanted)]
                several = expand_range(entry.written)
            values = [wanted.read(written) for written in several or [entry.written]]
            for value in values:
                to_source(value)
            return values
        except UnwritableValueError as error:
            self.faults[f"{entry.where}{name}: {error}"] = None
        except ParameterError as error:
            secrets = Mask(_list_texts(entry.written) if is_secret_parameter(name) else ())
            self.faults[f"{entry.where}{name} {secrets.apply_to_excerpt(str(error))}"] = None
        return []

    def _fault_of_name(self, name: str) -> str | None:
        """What is wrong with a name; worked out once per name, however many rows have it."""
        if name not in self._name_faults:
            self._name_faults[name] = self._find_fault_of_name(name)
        return self._name_faults[name]

    def _find_fault_of_name(self, name: str) -> str | None:
        if not name.isidentifier() or keyword.iskeyword(name):
            return f"{name!r} is not a valid Python name; correct it"
        if name == OUTPUT_DIR:
            return f"{name} is set for each run, to a folder of its own; use --out to say where the runs' folders go"
        if name in self.set_again:
            return self._fault_of_second_cell(name)
        if name in self.parameters or self.allow_unknown:
            return None
        if not self.is_python:
            return f"{self.notebook} is not a Python notebook, so its parameters are not known; add --allow-unknown"
        if self.cell is None:
            return (
                f"{self.notebook} has no parameters cell, so {name} cannot be set; colab-starter adopt gives it one, "
                "or open it in Jupyter, select the cell with the settings, and add the tag parameters "
                "(Property Inspector > Add tag)"
            )
        return f"{name} is not a parameter of {self.notebook}; {self._suggest(name)}"

    def _fault_of_second_cell(self, name: str) -> str:
        number = self.set_again[name]
        return f"{name} is set again in cell {number}, tagged parameters too; move all parameters into one cell"

    def _suggest(self, name: str) -> str:
        settable = [known for known in self.parameters if known != OUTPUT_DIR]
        if near := suggest(name, settable):
            return f"did you mean {near}? (--allow-unknown accepts it)"
        return f"it has {', '.join(settable) or 'no parameters'} (--allow-unknown accepts it)"

    def check_names_together(self, given: frozenset[str]) -> None:
        """Note why a run that sets exactly these names would go wrong."""
        for name, parameter in self.parameters.items():
            if parameter.default is NoDefault.MISSING and name not in given and name != OUTPUT_DIR:
                self.faults[f"{name} has no default, so every run must give it; add -p {name}=VALUE"] = None
        if self.cell:
            declared = {OUTPUT_DIR} & self.parameters.keys()
            self.faults |= {self._fault_of_second_cell(name): None for name in declared & self.set_again.keys()}
            for computation, name in self.cell.find_stale(given | declared):
                self.faults[
                    f"{computation.target:.60} is computed from {name} in the parameters cell, before {name} gets "
                    f"its new value; move line {computation.line} to the next cell"
                ] = None

    def raise_faults(self) -> None:
        faults = list(self.faults)
        more = f"; and {len(faults) - _FAULTS_TOLD} more" if len(faults) > _FAULTS_TOLD else ""
        if faults:
            raise ParameterError("; ".join(faults[:_FAULTS_TOLD]) + more)
