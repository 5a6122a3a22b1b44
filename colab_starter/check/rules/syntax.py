"""CS1: is the Python of the cells Python, for the Python and the IPython of the runtime?"""

import ast
import re
import sys
import warnings
from collections.abc import Iterator

from colab_starter.check.rule import ERROR, WARNING, Problem, rule
from colab_starter.check.source import replace_lines
from colab_starter.notebook.magics import Command, read_assignment
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.syntax import NEWEST, Version, newer_syntax
from colab_starter.runtimes import Runtime

_CONFLICT = re.compile(r"^(?:<{7}[ \t]+\S|>{7}[ \t]+\S|<{7}$|>{7}$|\|{7}(?:[ \t]|$))", re.MULTILINE)
_NBDIME_CONFLICT = re.compile(r"<b>(?:<|&lt;){7} ")
_FENCED = re.compile(r"^([ \t]*)(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\2[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_AT_THE_TOP = ("\nreturn", "\nyield", "\nbreak", "\ncontinue", "\nnonlocal")
_NEEDS_PLACE = re.compile(r"^[ \t]*(return|yield|break|continue|nonlocal|global)\b", re.MULTILINE)
_PYTHON_2 = re.compile(r"print|exec|except\b.*,|multiple exception types")


@rule(
    "CS107",
    "valid-python",
    ERROR,
    evidence="Compared cell by cell with IPython 7.34.0, which Colab has, on Python 3.13: 312 of 317 findings in "
    "6,940 published notebooks were right; the others were one-line commands with a path, which are read "
    "as such now.",
)
def find_syntax_errors(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """Every code cell is Python, apart from magics and shell lines.

    Colab stops at this cell with a SyntaxError. Common causes are Python 2 (print without parentheses), a gap left
    for the reader to fill, text in a code cell, and pip or cd without % below another line. The cell is read as the
    runtime's Python and IPython read it, whichever Python runs this command. Tag a cell that is meant to fail
    raises-exception.
    """
    python = _version(runtime.python)
    for cell in notebook.cells:
        problem = _find_fault(notebook, cell, python) if cell.is_python else None
        if problem and "raises-exception" not in cell.tags and not _place_of_conflict(cell):
            yield problem


def _find_fault(notebook: Notebook, cell: Cell, python: Version) -> Problem | None:
    if isinstance(cell.tree, SyntaxError):
        return None if _is_beyond_us(python) else _describe_error(cell, cell.tree, python)
    if feature := newer_syntax(cell.code.python, python):
        hint = "; write except (A, B):" if feature.name.startswith("except") else ""
        since, has = ".".join(map(str, feature.since)), ".".join(map(str, python))
        message = f"{feature.name} are syntax of Python {since}, and the runtime has {has}{hint}"
        return Problem(message, cell, feature.line)
    if misplaced := _find_misplaced(cell):
        return _describe_error(cell, misplaced, python)
    return _find_bare_magic(notebook, cell) if cell.commands else None


def _find_misplaced(cell: Cell) -> SyntaxError | None:
    """A return outside of functions and the like: what the parser accepts and the compiler does not.

    IPython compiles one statement after the other, so global may follow the name's first use at the top.
    """
    if not isinstance(cell.tree, ast.Module) or not _may_be_misplaced(cell.source):
        return None
    for statement in cell.tree.body:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(ast.Module([statement], []), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except SyntaxError as error:
            return error
        except (ValueError, RecursionError, MemoryError):
            continue
    return None


def _may_be_misplaced(source: str) -> bool:
    """Cheaply: does a word that needs a function or a loop around it seem to stand without one?"""
    has_loop = "for " in source or "while " in source
    needs_loop = not has_loop and ("break" in source or "continue" in source)
    needs_function = "def " not in source and ("return" in source or "yield" in source or "nonlocal" in source)
    if needs_loop or needs_function or "global " in source:
        return _NEEDS_PLACE.search(source) is not None
    return any(word in source for word in _AT_THE_TOP)


def _find_bare_magic(notebook: Notebook, cell: Cell) -> Problem | None:
    """The first line such as ``rm -rf /tmp/x`` or ``cd /content``, which is Python as well: a sum, a quotient."""
    for found in cell.commands:
        word = found.text.partition(" ")[0]
        is_python = found.kind == "%" and _line_of(cell.code.python, found.line) == found.text
        if is_python and not _may_be_variable(notebook, word):
            sign = _sign_of(found.text)
            return Problem(
                f"IPython takes {found.text!r:.50} for Python, and stops with a NameError; write {sign}{word}: only a "
                f"cell of one line may leave the {sign} out",
                cell,
                found.line,
            )
    return None


def _line_of(source: str, line: int) -> str:
    return source.split("\n")[line - 1].strip()


def _sign_of(command: str) -> str:
    return "%" if command.startswith(("pip ", "cd ", "conda ")) else "!"


def _may_be_variable(notebook: Notebook, name: str) -> bool:
    """Does any cell give the name a value, or import what may have it?"""
    for cell in notebook.cells:
        if name not in cell.source and "*" not in cell.source:
            continue
        for node in ast.walk(cell.tree) if isinstance(cell.tree, ast.Module) else ():
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                return True
            if isinstance(node, ast.alias) and (node.asname or node.name.partition(".")[0]) in (name, "*"):
                return True
            if isinstance(node, ast.arg) and node.arg == name:
                return True
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
                return True
    return False


def _version(python: str) -> Version:
    major, minor = python.split(".")[:2]
    return int(major), int(minor)


def _is_beyond_us(python: Version) -> bool:
    """May the runtime's Python have syntax that neither we nor the Python that runs us know?"""
    return python > NEWEST and python > sys.version_info[:2]


def _describe_error(cell: Cell, error: SyntaxError, python: Version) -> Problem:
    lines = cell.source.split("\n")
    number = max(1, min(error.lineno or 1, len(lines)))
    line = lines[number - 1].strip()
    version = ".".join(map(str, python))
    what = f"Python {version} cannot read {line!r:.50}: {error.msg}{_hint(cell, number, line, str(error.msg))}"
    return Problem(what, cell, number)


def _hint(cell: Cell, number: int, line: str, message: str) -> str:
    bare = next((found for found in cell.commands if found.line == number and found.text == line), None)
    if bare:
        sign = _sign_of(bare.text)
        return f"; write {sign}{bare.text.split()[0]}: only a cell of one line may leave the {sign} out"
    return "; write Python 3" if _PYTHON_2.search(message) else ""


@rule(
    "CS109",
    "merge-conflict",
    ERROR,
    evidence="Git's own form of a conflict (git-merge, HOW CONFLICTS ARE PRESENTED); <<<<<<< is no Python.",
)
def find_conflicts(notebook: Notebook) -> Iterator[Problem]:
    """No cell holds the markers of a git merge.

    Both versions of the cell are in the file, between <<<<<<< and >>>>>>>: a code cell stops with a SyntaxError, and
    a text cell shows both. Keep one version, and delete the markers. Markers in a fenced block of a text cell, or in
    a string, are taken for an example.
    """
    for cell in notebook.cells:
        if place := _place_of_conflict(cell):
            yield Problem(
                "this line is a marker of a git merge that nobody finished; keep one version, and delete the markers",
                cell,
                place,
            )


def _place_of_conflict(cell: Cell) -> int:
    """The line of a cell's first marker; 0 where it has none."""
    source = cell.source
    if "<<<<<<<" not in source and ">>>>>>>" not in source and "&lt;&lt;" not in source:
        return 0
    if cell.kind == "markdown":
        source = _FENCED.sub(lambda match: "\n" * match[0].count("\n"), source)
        found = _CONFLICT.search(source) or _NBDIME_CONFLICT.search(source)
        if found and found[0].startswith(">") and not re.search(r"^={7}$", source, re.MULTILINE):
            return 0
    else:
        found = _CONFLICT.search(source)
        if cell.is_python and not isinstance(cell.tree, SyntaxError) and cell.code.python.strip():
            return 0
    return source.count("\n", 0, found.start()) + 1 if found else 0


def call_getoutput(notebook: Notebook) -> None:
    """``files = get_ipython().getoutput('ls')`` for ``files = !ls``: what IPython makes of it where it knows it."""
    for cell, found in _assigned_commands(notebook):
        lines = cell.source.split("\n")
        last = found.line
        while lines[last - 1].endswith("\\") and last < len(lines):
            last += 1
        text = " ".join([line.rstrip()[:-1] for line in lines[found.line - 1 : last - 1]] + [lines[last - 1].rstrip()])
        if assignment := read_assignment(text):
            new = f"{assignment.target} get_ipython().getoutput({assignment.text.strip()!r})"
            replace_lines(cell, "CS110", {found.line: new, **dict.fromkeys(range(found.line + 1, last + 1))})


def _assigned_commands(notebook: Notebook) -> list[tuple[Cell, Command]]:
    """From the last to the first, so that one that loses lines moves no other."""
    return [
        (cell, found)
        for cell, found in reversed(notebook.commands)
        if found.kind == "!" and cell.code.python.split("\n")[found.line - 1].endswith("= None")
    ]


@rule(
    "CS110",
    "assigned-shell-line",
    WARNING,
    fix=call_getoutput,
    evidence="A SyntaxError in IPython 7.34.0 on Python 3.13.0, tried; not yet tried on a Colab machine. Such "
    "lines stand in 431 of 5,426 published notebooks.",
)
def find_assigned_commands(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """What a shell line prints is not assigned by files = !ls.

    Colab's IPython is 7.34, which finds the ! of such a line by a token that Python has not made since 3.12: under
    that Python the line is a SyntaxError. That was seen with the same IPython and Python elsewhere, not on a Colab
    machine, so it is only likely. files = get_ipython().getoutput("ls") is the same and always works; --fix writes
    it.
    """
    ipython = runtime.packages.get("ipython", "")
    if not ipython.startswith("7.") or _version(runtime.python) < (3, 12):
        return
    for cell, found in reversed(_assigned_commands(notebook)):
        yield Problem(
            f"likely a SyntaxError: IPython {ipython} does not know name = !command under Python "
            f"{runtime.minor}; write name = get_ipython().getoutput(...) (--fix does)",
            cell,
            found.line,
        )
