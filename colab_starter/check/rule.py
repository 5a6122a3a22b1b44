"""What a rule of ``check`` is."""

import inspect
import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import NamedTuple, cast

from colab_starter.notebook.model import Cell, Notebook
from colab_starter.runtimes import Runtime

ERROR = "error"
"""The notebook, or that cell, does not work on Colab."""
WARNING = "warning"
"""It works only by luck, only with someone at the browser, or says something wrong."""
NOTE = "note"
"""It works; the file could be tidier. Notes are counted rather than printed and fail nothing, except with --strict."""
SEVERITIES = (ERROR, WARNING, NOTE)
"""From the worst to the mildest."""


COLAB = "colab"
KAGGLE = "kaggle"
PLATFORMS = (COLAB, KAGGLE)
"""Where the notebook is to run; ``--platform`` chooses."""


class Problem(NamedTuple):
    """A place where a notebook breaks a rule."""

    message: str
    """Why it will fail and what to write instead, in one line."""
    cell: Cell | None = None
    """None where the whole notebook is meant."""
    line: int = 0
    """Of the cell, counted from 1; 0 where the whole cell is meant."""
    severity: str = ""
    """Where this one is worse or milder than the rule says; empty for the rule's own severity."""


Check = Callable[[Notebook, Runtime], Iterator[Problem]]
Finder = Check | Callable[[Notebook], Iterator[Problem]]
"""What a rule is written as: it takes the runtime if it asks for it."""
Fix = Callable[[Notebook, Runtime], object]
"""Fixes the notebook's data where the rule finds problems."""
Fixer = Fix | Callable[[Notebook], object]
"""What a fix is written as: it takes the runtime if it asks for it."""


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
    evidence: str = ""
    """Why we believe it, in a sentence or two: an issue, a measurement, a line of a changelog. Empty if unstated."""
    platforms: tuple[str, ...] = PLATFORMS
    """Where it applies."""

    @property
    def fixable(self) -> bool:
        return self.fix is not None


REGISTERED: list[Rule] = []
"""All rules whose modules have been imported; ``all_rules`` imports them all."""


def rule(
    code: str,
    name: str,
    severity: str,
    *,
    fix: Fixer | None = None,
    opt_in: bool = False,
    evidence: str = "",
    platforms: tuple[str, ...] = PLATFORMS,
) -> Callable[[Finder], Rule]:
    """Register a function that finds problems as a rule.

    The docstring's first line is the rule's summary, the rest its reason. A rule reads the notebook and the runtime
    and nothing else, because findings are cached: for the names of the files next to it, use ``notebook.beside``.
    """

    def register(finder: Finder) -> Rule:
        summary, _, reason = (inspect.getdoc(finder) or "").partition("\n\n")
        find = cast(Check, _pass_runtime(finder))
        mend = _pass_runtime(fix) if fix else None
        reason = " ".join(reason.split())
        made = Rule(code, name, severity, summary, reason, find, mend, opt_in, evidence, platforms)
        REGISTERED.append(made)
        return made

    return register


def _pass_runtime(function: Finder | Fixer) -> Fix:
    if "runtime" in inspect.signature(function).parameters:
        return cast(Fix, function)
    use = cast(Callable[[Notebook], object], function)

    @wraps(function)
    def use_without(notebook: Notebook, runtime: Runtime) -> object:
        return use(notebook)

    return use_without


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
