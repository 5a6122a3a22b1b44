"""What changed between two runtimes among what a notebook uses, and which change is likely to have broken it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from colab_starter.notebook.model import Notebook
from colab_starter.run.matrix.trials import Trial
from colab_starter.run.overlays.satisfied import list_needs
from colab_starter.runtimes import package_of_module
from colab_starter.runtimes.table import list_versions
from colab_starter.text import strip_colours

PYTHON = "Python"
_KERNEL_ONLY = frozenset(
    "debugpy ipykernel jupyter-client jupyter-core nest-asyncio pip pyzmq setuptools tornado".split()
)
"""Packages that every environment has because of the kernel; hardly a notebook uses them itself."""

_NAMED = (
    re.compile(r"module '(?P<module>[\w.]+)' has no attribute"),
    re.compile(r"No module named '(?P<module>[\w.]+)'"),
    re.compile(r"cannot import name '[^']*' from (?:partially initialized module )?'(?P<module>[\w.]+)'"),
    re.compile(r"'(?P<module>\w+(?:\.\w+)+)'"),
)
_FRAME = re.compile(r"(?:site|dist)-packages/(?P<module>\w+)")
_STDLIB_FRAME = re.compile(r"/lib/python3\.\d+/(?!site-packages|dist-packages)")


class Change(NamedTuple):
    """A package in two runtimes; an empty version means that the environment has none."""

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.name} {self.old or 'none'} -> {self.new or 'none'}"


def find_changes(before: Trial, after: Trial) -> list[Change]:
    """What differs between the environments of two trials: Python, then the packages by name."""
    old = {PYTHON: before.runtime.minor, **before.packages}
    new = {PYTHON: after.runtime.minor, **after.packages}
    names = sorted(old.keys() | new.keys(), key=lambda name: (name != PYTHON, name))
    return [Change(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]


def find_suspects(changes: Sequence[Change], trial: Trial, notebook: Notebook) -> list[Change]:
    """The changes that may have broken the notebook, the likeliest first, by what the failed cell says and uses."""
    by_name = {change.name: change for change in changes}
    return [by_name[name] for name in dict.fromkeys(_list_suspects(trial, notebook, by_name)) if name in by_name]


def order_changes(changes: Sequence[Change], suspects: Sequence[Change]) -> list[Change]:
    """The suspects, then the other changes, and at the end those that hardly a notebook notices."""
    rest = [change for change in changes if change not in suspects]
    return [*suspects, *sorted(rest, key=lambda change: change.name in _KERNEL_ONLY)]


def find_rollback(change: Change, before: Trial, after: Trial) -> dict[str, str]:
    """The versions that put a package back in the later environment: its own, and of what that version requires.

    A requirement goes back to its own old version if the new one does not fit, as pip would do.
    """
    if not before.environment:
        return {change.name: change.old}
    [packages] = before.environment.glob("lib/python*/site-packages")
    pins = {**list_versions(after.runtime), **after.packages}
    versions = {change.name: change.old}
    open_ones = [change.name]
    while open_ones:
        for requirement in _read_requirements(open_ones.pop(), packages):
            name = canonicalize_name(requirement.name)
            old, new = before.packages.get(name), pins.get(name)
            if old and name not in versions and not (new and requirement.specifier.contains(new, prereleases=True)):
                versions[name] = old
                open_ones.append(name)
    return versions


def _read_requirements(name: str, packages: Path) -> Iterator[Requirement]:
    """What a package in a folder of packages requires on this system, without extras."""
    for found in distributions(name=name, path=[str(packages)]):
        yield from list_needs(found.requires or ())


def _list_suspects(trial: Trial, notebook: Notebook, changes: Mapping[str, Change]) -> Iterator[str]:
    """Names of packages, and Python: what the message names, what the traceback passed, what the notebook imports."""
    traceback = _read_traceback(trial)
    message = f"{trial.cause}\n{traceback.splitlines()[-1] if traceback else ''}"
    for pattern in _NAMED:
        for found in pattern.finditer(message):
            package = package_of_module(found["module"])
            is_known = package in trial.packages or package in changes
            yield package if is_known else PYTHON
    frames = [package_of_module(found["module"]) for found in _FRAME.finditer(traceback)]
    yield from reversed(frames)
    cells = [cell for cell in notebook.cells if cell.number == trial.cell]
    if cells and isinstance(cells[0].tree, SyntaxError):
        yield PYTHON
    for cell in cells:
        words = set(re.findall(r"\w+", cell.source))
        used = [found for _, found in notebook.imports if found.alias in words]
        yield from (package_of_module(f"{found.module}.{found.name}".rstrip(".")) for found in used)
    imported = [found.module for _, found in notebook.imports]
    yield from map(package_of_module, imported)
    if "SyntaxError" in message or _STDLIB_FRAME.search(traceback):
        yield PYTHON


def _read_traceback(trial: Trial) -> str:
    """The traceback in the executed notebook, without colours; empty if there is none."""
    if not (trial.executed and trial.executed.exists()):
        return ""
    try:
        data: dict[str, Any] = json.loads(trial.executed.read_bytes())
        outputs = [output for cell in data["cells"] for output in cell.get("outputs", ())]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    errors = ["\n".join(output.get("traceback", ())) for output in outputs if output.get("output_type") == "error"]
    return strip_colours(errors[-1]) if errors else ""
