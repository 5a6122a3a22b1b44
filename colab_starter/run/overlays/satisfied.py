"""Recognising installs that change nothing, because this Python's environment already has everything."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from colab_starter.notebook.installs import Install, Tables, read_tables
from colab_starter.notebook.model import Cell, Notebook

_OF_NO_CONSEQUENCE = frozenset(
    ("-q", "--quiet", "-v", "--verbose", "--no-input", "--no-color", "--progress-bar", "--disable-pip-version-check")
) | frozenset(("--user", "--no-cache-dir", "--retries", "--timeout", "-i", "--index-url", "--no-deps"))
"""Options with which pip still installs nothing if everything is present."""


def is_satisfied(cell: Cell, install: Install, notebook: Notebook) -> bool:
    """Whether an install does nothing. Checks the environment of this Python, and imports nothing."""
    if install.requirements:
        is_plain = install.tool == "pip" and not install.opaque and install.options <= _OF_NO_CONSEQUENCE
        return (
            is_plain
            and not install.is_uv
            and _has_own_pip()
            and _has_packages(f"{name}{extras}{specifier}" for name, specifier, extras in install.requirements)
        )
    tables = _find_tables(cell, notebook)
    return {"--no-color", "--constraint"} <= install.options and tables is not None and _has_all(tables)


def _has_own_pip() -> bool:
    """Whether ``pip`` is that of this environment; uv chooses an environment by its own rules."""
    pip = shutil.which("pip")
    return pip is not None and os.path.dirname(os.path.abspath(pip)) == os.path.dirname(sys.executable)


def _find_tables(cell: Cell, notebook: Notebook) -> Tables | None:
    """The tables of what a cell looks for before it installs, if it is one of colab-starter's own."""
    above = [table for table, _ in notebook.needed if 0 <= cell.number - table.number <= 1]
    tree = above[-1].tree if above else SyntaxError()
    return None if isinstance(tree, SyntaxError) else read_tables(tree)


def _has_all(tables: Tables) -> bool:
    return all(map(_has_module, tables.needed)) and _has_packages(tables.extra)


def _has_module(name: str) -> bool:
    """Whether a module is installed; False if it would have to be imported to find out."""
    try:
        return "." not in name and importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _has_packages(wanted: Iterable[str]) -> bool:
    """Whether these packages and their dependencies are installed in suitable versions."""
    seen: set[tuple[str, frozenset[str]]] = set()
    try:
        open_ones = list(map(Requirement, wanted))
        while open_ones:
            requirement = open_ones.pop()
            key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
            found = distribution(requirement.name)
            if requirement.url or not requirement.specifier.contains(found.version, prereleases=True):
                return False
            if key not in seen:
                seen.add(key)
                open_ones += list_needs(found.requires or (), requirement.extras)
    except (InvalidRequirement, PackageNotFoundError):
        return False
    return True


def list_needs(requires: Iterable[str], extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """What a package requires on this system, with these extras, of all that it may require (PEP 508)."""
    for requirement in map(Requirement, requires):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement
