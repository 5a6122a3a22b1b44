"""Checking files: from a path to findings."""

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from colab_starter.check.rules import ERROR, Problem, Rule, ignores
from colab_starter.credentials import hide_credentials
from colab_starter.errors import BrokenNotebookError, NothingToCheckError
from colab_starter.notebook.model import Notebook, read_notebook
from colab_starter.runtimes import Runtime
from colab_starter.sweep_folder import is_executed, is_run, is_sweep_folder, read_version
from colab_starter.text import printable

UNREADABLE = "CS101"
"""The rule for files that are not notebooks at all."""

_SKIPPED_FOLDERS = frozenset(("node_modules", "site-packages", "__pycache__", "venv"))


class Finding(NamedTuple):
    """A rule that a notebook breaks, and where."""

    path: str
    cell: int
    """Counted from 1, text cells too; 0 where the whole notebook is meant."""
    cell_id: str
    line: int
    """Of the cell, counted from 1; 0 where the whole cell is meant."""
    code: str
    name: str
    severity: str
    message: str


class Found(NamedTuple):
    """The notebooks among some paths."""

    notebooks: list[Path]
    records: list[Path]
    """Folders of runs, and executed notebooks outside of these: records of what happened, which are left alone."""


def find_notebooks(paths: Iterable[Path]) -> list[Path]:
    """The notebooks among the paths and in folders among them, each once; see ``search_notebooks``."""
    return search_notebooks(paths).notebooks


def search_notebooks(paths: Iterable[Path]) -> Found:
    """The notebooks among the paths and in folders among them, each once.

    Hidden folders, installed packages, folders of templates and what ``colab-starter run`` wrote are passed over;
    a notebook that is named is taken whatever it is. Raises NothingToCheckError for a path that does not exist, and
    where there is no notebook at all.
    """
    found: dict[Path, None] = {}
    records: list[Path] = []
    shown = list(paths)
    for path in shown:
        if path.is_dir():
            found.update(dict.fromkeys(_walk(path, records)))
        elif path.exists():
            found[path] = None
        else:
            raise NothingToCheckError(f"{path} does not exist; give a notebook or a folder, e.g. notebooks/")
    if not found:
        raise NothingToCheckError(_describe_nothing(", ".join(map(str, shown)), records))
    return Found(list(found), records)


def _describe_nothing(names: str, records: list[Path]) -> str:
    if records:
        return f"{names} contains only runs, which are not checked; give the notebook they were made from, or name one"
    return f"no notebook (*.ipynb) in {names}; give a notebook or another folder"


def _walk(folder: Path, records: list[Path]) -> Iterator[Path]:
    if _is_in_run(folder):
        records.append(folder)
        return
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(name))
        notebooks = [name for name in sorted(files) if name.endswith(".ipynb") and "{{" not in name]
        if is_sweep_folder(Path(where), files):
            records.append(Path(where))
            folders[:] = [name for name in folders if not is_run(name)]
            notebooks = [name for name in notebooks if not read_version(name)]
        for path in [Path(where, name) for name in notebooks]:
            if is_executed(path):
                records.append(path)
            else:
                yield path


def _is_in_run(folder: Path) -> bool:
    """Whether it is a run's folder, or is in one."""
    path = folder.resolve()
    runs = [run for run in [path, *path.parents] if is_run(run.name)]
    return any(is_sweep_folder(run.parent, {file.name for file in run.parent.iterdir()}) for run in runs)


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED_FOLDERS or "{{" in name


def check_files(paths: Iterable[Path], rules: Sequence[Rule], runtime: Runtime) -> list[Finding]:
    """The findings of notebooks, one after the other."""
    # Syntax trees are many small objects without cycles; to look for cycles among them takes a fifth of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return [finding for path in paths for finding in check_file(path, rules, runtime)]
    finally:
        if collects:
            gc.enable()


def check_file(path: Path, rules: Sequence[Rule], runtime: Runtime) -> list[Finding]:
    """The findings of one notebook, from top to bottom; a file that is not a notebook is a finding too."""
    try:
        notebook = read_notebook(path)
    except (BrokenNotebookError, OSError) as error:
        reason = str(error) if isinstance(error, BrokenNotebookError) else f"cannot be read: {error.strerror}"
        return [unreadable(path, reason)] if any(rule.code == UNREADABLE for rule in rules) else []
    return check_notebook(notebook, rules, runtime)


def unreadable(path: Path, reason: str) -> Finding:
    """The finding for a file that is not a notebook."""
    return Finding(str(path), 0, "", 0, UNREADABLE, "readable-file", ERROR, f"the file {reason}")


def check_notebook(notebook: Notebook, rules: Sequence[Rule], runtime: Runtime) -> list[Finding]:
    """The findings of a notebook that is in memory, without those that a comment in the cell switches off."""
    found = [
        _finding(notebook, rule, problem)
        for rule in rules
        for problem in rule.find(notebook, runtime)
        if problem.cell is None or not ignores(problem.cell, rule.code)
    ]
    return sorted(found, key=lambda finding: (finding.cell, finding.line, finding.code))


def _finding(notebook: Notebook, rule: Rule, problem: Problem) -> Finding:
    cell = problem.cell
    return Finding(
        path=str(notebook.path),
        cell=cell.number if cell else 0,
        cell_id=printable(cell.id) if cell else "",
        line=problem.line,
        code=rule.code,
        name=rule.name,
        severity=problem.severity or rule.severity,
        message=printable(hide_credentials(" ".join(problem.message.split()), cell.source if cell else "")),
    )
