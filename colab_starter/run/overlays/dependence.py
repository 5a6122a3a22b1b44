"""Finding the parameters that decide what a notebook installs."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from colab_starter.notebook.installs import Install
from colab_starter.notebook.magics import Command
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.run.job import OUTPUT_DIR

_FILLED_IN = re.compile(r"\{(?P<expression>[^{}]*)\}|\$\{?(?P<name>\w+)")
"""Where IPython substitutes values in a shell line: ``{version}`` and ``$version``."""
_NAME = re.compile(r"[^\W\d]\w*")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class _Statement(NamedTuple):
    """A statement at the top level of a cell."""

    cell: int
    first: int
    last: int
    """Its first and last line."""
    sets: set[str]
    """Names that it binds, or whose values it may change."""
    reads: set[str]
    defines: str
    """The function or class that it defines; usually empty."""


def find_parameters_of_installs(
    notebook: Notebook, installs: Sequence[tuple[Cell, Install]], sets: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """The parameters of the runs that may decide what these cells install, by their values or by conditions.

    The code is only read, so there may be one too many: ``pip install six=={version}`` counts, even if ``version`` is
    computed from the parameter in an earlier cell.
    """
    given = dict.fromkeys(name for parameters in sets for name in parameters if name != OUTPUT_DIR)
    if not given or not installs:
        return ()
    statements = [statement for cell in notebook.cells for statement in _read_statements(cell)]
    around = [statement for cell, install in installs for statement in _find_around(cell, install, statements)]
    last = max([cell.number for cell, _ in installs] + [statement.cell for statement in around])
    above = [statement for statement in statements if statement.cell <= last]
    wanted = {found.alias for _, found in notebook.imports}  # use of a module implies nothing about other names
    new = {name for cell, install in installs for name in _read_filled_in(cell, install)}
    new = new.union(*(statement.reads for statement in around)) - wanted
    while new:
        wanted |= new
        new = {name for statement in above if statement.sets & new for name in statement.reads} - wanted
    return tuple(name for name in given if name in wanted)


def _list_commands(cell: Cell, install: Install) -> list[Command]:
    """The line that installs, and the first line of a cell magic, which may pass values to it; none for Python."""
    return [command for command in cell.commands if command.line == install.line or command.kind == "%%"]


def _read_filled_in(cell: Cell, install: Install) -> Iterator[str]:
    """The names substituted in the line of an install."""
    for command in _list_commands(cell, install):
        for match in _FILLED_IN.finditer(command.text):
            yield from _NAME.findall(match["expression"] or match["name"] or "")


def _find_around(cell: Cell, install: Install, statements: Sequence[_Statement]) -> Iterator[_Statement]:
    """The statement that contains an install, and its callers if it is a function."""
    if _list_commands(cell, install) and not install.nested:
        return
    for statement in statements:
        if statement.cell == cell.number and statement.first <= install.line <= statement.last:
            yield statement
            yield from (caller for caller in statements if statement.defines in caller.reads)


def _read_statements(cell: Cell) -> list[_Statement]:
    if not isinstance(cell.tree, ast.Module):
        return []
    return [_read_statement(cell.number, node) for node in cell.tree.body]


def _read_statement(cell: int, node: ast.stmt) -> _Statement:
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    own = {part.id for part in _list_own_names(node)}
    stored = {part.id for part in names if isinstance(part.ctx, ast.Store)} - own
    defines = node.name if isinstance(node, _DEFINITIONS) else ""
    if defines:
        stored = {defines}
    changed = {found for part in ast.walk(node) if isinstance(part, ast.Call) and (found := _read_owner(part.func))}
    reads = {part.id for part in names if isinstance(part.ctx, ast.Load)} - own
    return _Statement(cell, node.lineno, node.end_lineno or node.lineno, stored | changed, reads, defines)


def _list_own_names(node: ast.stmt) -> Iterator[ast.Name]:
    """Names that are local to functions and comprehensions."""
    for part in ast.walk(node):
        if isinstance(part, _COMPREHENSIONS):
            targets: Sequence[ast.AST] = [generator.target for generator in part.generators]
        elif isinstance(part, _DEFINITIONS):
            targets = part.body
        else:
            continue
        for target in targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    yield name


def _read_owner(function: ast.expr) -> str:
    """The owner of a method: ``packages`` for ``packages.append``."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id
    return ""
