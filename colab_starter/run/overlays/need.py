"""Deciding whether a notebook needs an overlay: what it installs, and what of it no overlay would catch."""

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colab_starter.notebook.installs import UNINSTALL, Install
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.run.job import Overlay
from colab_starter.run.literals import to_canonical
from colab_starter.run.sweep.runs import Run, find_kernel_name
from colab_starter.run.this_python import DEFAULT_KERNEL, find_python

_OWN_ENVIRONMENTS = ("conda", "mamba", "micromamba", "condacolab", "pixi")
"""Tools that do not support virtual environments."""
_NOT_PYTHON = ("apt", "npm")
_BY_PATH = re.compile(r"(?:^|[\s;&|])(?P<program>/[\w./+-]*/(?:pip|python)[\d.]*)\s(?:.*\s)?install\b")


@dataclass(frozen=True)
class Need:
    """What the installs of a notebook need."""

    cells: tuple[int, ...] = ()
    """The cells that install, or may install, into the kernel's environment; counted from 1."""
    does: str = "install"
    """What they do with packages: ``install``, ``uninstall``, or ``may install`` where they only call scripts."""
    python: str | None = None
    """The kernel's Python, on whose environment the overlay is layered: empty for this one, None if unknown."""
    kernel: str = DEFAULT_KERNEL
    parameters: tuple[str, ...] = ()
    """The parameters that decide what is installed: each set of their values has an overlay of its own."""
    is_repeated: bool = False
    """Whether each run has its own overlay: because one install undoes another, so that a run would remove what others
    use, or because these parameters differ in every run.
    """
    uncaught: tuple[str, ...] = ()
    """Installs that bypass an overlay, one line each: ``cell 3 installs with conda: ...``."""

    @property
    def has_overlay(self) -> bool:
        return bool(self.cells) and self.python is not None

    @property
    def below(self) -> str:
        """The underlying environment, for display."""
        return str(Path(self.python).parent.parent) if self.python else sys.prefix

    def without_overlay(self) -> "Need":
        """The same installs, for a kernel whose environment cannot be given an overlay from here."""
        return replace(self, python=None, uncaught=())

    def make_overlay(self, run: Run) -> Overlay | None:
        """The overlay of a run, which the backend has yet to make; None if it needs none."""
        if not self.has_overlay:
            return None
        if self.is_repeated:
            return Overlay(self.python or "", _digest(run.id), is_of_one_run=True)
        values = {name: run.parameters[name] for name in self.parameters if name in run.parameters}
        return Overlay(self.python or "", _digest(to_canonical(values)) if self.parameters else "")


def describe_need(need: Need, kept: Path | None, *, is_here: bool = True) -> list[str]:
    """Where the installs go, as lines to print. ``is_here``: the runs are executed on this machine."""
    lines = []
    if need.has_overlay:
        below = need.below if is_here else "the environment of each node"
        sharing = "run" if need.is_repeated else ", ".join(need.parameters)
        each = f" for each {sharing}" if sharing else ""
        future = f"kept in {kept}" if kept else f"thrown away afterwards ({_offer_others(below, is_here=is_here)})"
        into = "in" if need.does == "uninstall" else "into"
        lines.append(f"{_name_cells(need)}: {into} an overlay of {below}{each}, {future}")
    elif need.cells:
        lines.append(
            f"{_name_cells(need)}: into the environment of kernel {need.kernel}, whose Python is not known here"
        )
    return [*lines, *need.uncaught]


def _offer_others(below: str, *, is_here: bool) -> str:
    keep = "--keep-environment keeps it, " if is_here else ""
    return f"{keep}--in-place installs into {below} itself"


def _name_cells(need: Need) -> str:
    """A phrase such as ``cells 2 and 5 install packages``."""
    *first, last = map(str, need.cells)
    if first:
        return f"cells {', '.join(first)} and {last} {need.does} packages"
    return f"cell {last} {need.does}{'s' * (' ' not in need.does)} packages"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def find_need(
    notebook: Notebook, kernel: str | None, sets: Sequence[Mapping[str, Any]], *, is_here: bool = True
) -> Need:
    """Find what a notebook's installs need.

    ``kernel`` is the kernelspec that the user named; ``sets`` are the parameters of the runs. ``is_here`` says that the
    runs are executed on this machine, so that it can be checked what is already installed.
    """
    name = kernel or find_kernel_name(notebook) or DEFAULT_KERNEL
    found = list(_list_installs(notebook)) if notebook.is_python else []
    if not found:
        return Need()
    from colab_starter.run.overlays.dependence import find_parameters_of_installs

    python = find_python(name)
    caught = [(cell, install) for cell, install in found if install.tool not in _OWN_ENVIRONMENTS]
    if is_here and python == "":
        from colab_starter.run.overlays.satisfied import is_satisfied

        caught = [(cell, install) for cell, install in caught if not is_satisfied(cell, install, notebook)]
    names = find_parameters_of_installs(notebook, caught, sets)
    return Need(
        cells=tuple(dict.fromkeys(cell.number for cell, _ in caught)),
        does=_name_deed({install.tool for _, install in caught}),
        python=python,
        kernel=name,
        parameters=names,
        is_repeated=_undo_one_another([install for _, install in caught]) or _tells_all_apart(names, sets),
        uncaught=tuple(_tell_uncaught(found)),
    )


def _list_installs(notebook: Notebook) -> Iterator[tuple[Cell, Install]]:
    """The installs that may change the kernel's environment."""
    for cell, install in notebook.installs:
        if not install.goes_elsewhere and install.tool not in _NOT_PYTHON:
            yield cell, install


def _name_deed(tools: Set[str]) -> str:
    if "pip" in tools:
        return "install"
    return "uninstall" if UNINSTALL in tools else "may install"


def _undo_one_another(installs: Sequence[Install]) -> bool:
    """Whether runs that share an overlay would keep changing it while the others use it."""
    if len(installs) > 1 and any(install.tool == UNINSTALL for install in installs):
        return True
    if any(not install.options.isdisjoint(("--force-reinstall", "--ignore-installed", "-I")) for install in installs):
        return True
    certain = [install for install in installs if not install.nested]
    wanted = {requirement[:2] for install in certain for requirement in install.requirements}
    return len(wanted) > len({name for name, _ in wanted})


def _tells_all_apart(names: Sequence[str], sets: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no two runs have the same values for these parameters."""
    values = {to_canonical({name: parameters[name] for name in names if name in parameters}) for parameters in sets}
    return len(values) == len(sets) > 1


def _tell_uncaught(found: Sequence[tuple[Cell, Install]]) -> Iterator[str]:
    for number, tool in dict.fromkeys((cell.number, install.tool) for cell, install in found):
        if tool in _OWN_ENVIRONMENTS:
            yield f"cell {number} installs with {tool}, which no overlay can catch: its environment itself changes"
    for cell in dict.fromkeys(cell for cell, _ in found):
        for match in filter(None, (_BY_PATH.search(command.text) for command in cell.commands)):
            yield f"cell {cell.number} calls {match['program']} by its path: no overlay can catch what that installs"
