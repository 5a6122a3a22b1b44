"""Checking one notebook: from a file to findings."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from colab_starter.check.rule import ERROR, Problem, Rule, ignores
from colab_starter.credentials import hide_credentials
from colab_starter.errors import BrokenNotebookError
from colab_starter.notebook.model import Notebook, decode, parse_notebook
from colab_starter.runtimes import Runtime
from colab_starter.text import printable

UNREADABLE = "CS101"
"""The rule for files that are not notebooks at all."""


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


class Verdict(NamedTuple):
    """What the rules say about one file."""

    findings: list[Finding]
    looks: frozenset[str] = frozenset()
    """What they depend on besides the content of the file, by the names in ``surroundings``."""


def check_file(path: Path, rules: Sequence[Rule], runtime: Runtime) -> list[Finding]:
    """The findings of one notebook, from top to bottom; a file that is not a notebook is a finding too."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return _refuse(path, rules, f"cannot be read: {error.strerror}")
    return check_content(path, content, rules, runtime).findings


def check_content(path: Path, content: bytes, rules: Sequence[Rule], runtime: Runtime) -> Verdict:
    """What the rules say about the content of a file, from top to bottom."""
    try:
        text = decode(content)
        notebook = Notebook(path, text, parse_notebook(text))
    except BrokenNotebookError as error:
        return Verdict(_refuse(path, rules, str(error)))
    return Verdict(check_notebook(notebook, rules, runtime), frozenset(notebook.looks))


def _refuse(path: Path, rules: Sequence[Rule], reason: str) -> list[Finding]:
    return [unreadable(path, reason)] if any(rule.code == UNREADABLE for rule in rules) else []


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
