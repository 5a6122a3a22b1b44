"""What a rule of ``check`` is."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from colab_starter.notebook.model import Cell, Notebook
from colab_starter.runtimes import Runtime

ERROR = "error"
"""The notebook, or that cell, does not work on Colab."""
WARNING = "warning"
"""It works only with luck, only with somebody at the browser, or says something wrong."""


class Problem(NamedTuple):
    """A place where a notebook breaks a rule."""

    message: str
    """Why it will fail and what to write instead, in one line."""
    cell: Cell | None = None
    """None where the whole notebook is meant."""
    line: int = 0
    """Of the cell, counted from 1; 0 where the whole cell is meant."""


Check = Callable[[Notebook, Runtime], Iterator[Problem]]
Fix = Callable[[Notebook], None]
"""Mends the notebook's data where the rule finds problems."""


class Rule(NamedTuple):
    """One rule; its documentation is the docstring of its function."""

    code: str
    name: str
    severity: str
    summary: str
    reason: str
    find: Check
    fix: Fix | None
    opt_in: bool
    """It only runs where ``--select`` names it."""

    @property
    def fixable(self) -> bool:
        return self.fix is not None


def rule(
    code: str, name: str, severity: str, *, fix: Fix | None = None, opt_in: bool = False
) -> Callable[[Check], Rule]:
    """Make a Rule of a function that finds problems; the docstring's first line is the summary, the rest the reason."""

    def make_rule(find: Check) -> Rule:
        summary, _, reason = (inspect.getdoc(find) or "").partition("\n\n")
        return Rule(code, name, severity, summary, " ".join(reason.split()), find, fix, opt_in)

    return make_rule


_OPT_OUT = re.compile(r"(?:#|<!--)[ \t]*colab-starter:[ \t]*ignore\b(?P<codes>[ \t]+CS\d+(?:[ \t,]+CS\d+)*)?")


def ignores(cell: Cell, code: str) -> bool:
    """Does a comment of the cell switch the rule off: ``# colab-starter: ignore CS301``, or without a code?"""
    if "colab-starter:" not in cell.source:
        return False
    for comment in _OPT_OUT.finditer(cell.source):
        codes = re.findall(r"CS\d+", comment["codes"] or "")
        if not codes or any(code.startswith(prefix) for prefix in codes):
            return True
    return False
