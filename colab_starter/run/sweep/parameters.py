"""A notebook's parameters: what its parameters cell declares, read without running anything."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any

from colab_starter.errors import ParameterError
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import NOT_LITERAL, dotted_name, read_literal
from colab_starter.notebook.syntax import parse_python
from colab_starter.run.job import OUTPUT_DIR
from colab_starter.run.sweep.comments import ParameterComment, read_comment, read_comments, type_of_form
from colab_starter.run.sweep.types import (
    ANYTHING,
    NoDefault,
    ValueType,
    join_types,
    type_of_annotation,
    type_of_expression,
)


@dataclass(frozen=True)
class Parameter:
    """One name that the parameters cell gives a value."""

    name: str
    source: str
    """The default as written in the cell, in one line; empty if it is missing."""
    default: Any
    """The default's value, or a NoDefault."""
    annotation: str
    """As written in the cell; empty if there is none."""
    type: ValueType
    """From the annotation, else from Colab's ``@param`` comment, else from the default."""
    help: str
    """The comment after it, without Colab's ``@param``; a slider's bounds are shown here, but not enforced."""
    line: int
    """Counted from 1, in the cell."""
    form: ParameterComment = field(default_factory=ParameterComment)
    """The comment after it."""


@dataclass(frozen=True)
class Computation:
    """A value that the parameters cell computes from other names, before a run's values are set below it."""

    target: str
    """The name that is assigned; the code itself if it is another kind of statement."""
    reads: frozenset[str]
    line: int


@dataclass(frozen=True)
class ParametersCell:
    """The content of the cell tagged parameters; the first one if there are several, as in papermill."""

    number: int
    """Counted from 1 over all cells of the notebook."""
    parameters: list[Parameter]
    computations: list[Computation]
    set_again: dict[str, int]
    """The names that a further parameters cell sets after the run's values, and the number of that cell."""

    def find_stale(self, given: Iterable[str]) -> list[tuple[Computation, str]]:
        """The computations that would keep old values if these names are given, each with the name it uses."""
        changed = set(given)
        stale = []
        for computation in self.computations:
            made_of = sorted(computation.reads & changed)
            if made_of and computation.target not in changed:
                stale.append((computation, made_of[0]))
                changed.add(computation.target)
        return stale


def inspect_parameters(notebook: Notebook) -> list[Parameter]:
    """The parameters in the order of the cell; none if no cell is tagged or the notebook is not Python.

    Raises ParameterError if the cell is not valid Python.
    """
    cell = read_parameters_cell(notebook)
    return cell.parameters if cell else []


def read_parameters_cell(notebook: Notebook) -> ParametersCell | None:
    """The first parameters cell; None if there is none. Raises ParameterError if it is not valid Python."""
    cell = next(iter(notebook.parameters_cells), None)
    if cell is None:
        return None
    if isinstance(cell.tree, SyntaxError):
        raise ParameterError(
            f"{notebook.path.name}: the parameters cell (cell {cell.number}) is not valid Python, "
            f"line {cell.tree.lineno or 1}: {cell.tree.msg}; fix it there"
        )
    bindings = list(_read_bindings(cell))
    by_name: dict[str, list[_Binding]] = {}
    for binding in bindings:
        if binding.name:
            by_name.setdefault(binding.name, []).append(binding)
    final = {name: _drop_overwritten(several) for name, several in by_name.items()}
    parameters = [_describe(name, several) for name, several in final.items()]
    lasting = [binding for binding in bindings if not binding.name or binding in final[binding.name]]
    computations = [Computation(one.target, one.reads, one.line) for one in lasting if one.reads]
    set_again = {
        binding.name: other.number
        for other in notebook.parameters_cells[1:]
        if isinstance(other.tree, ast.Module)
        for binding in _read_bindings(other)
        if binding.name and binding.value is not None
    }
    return ParametersCell(cell.number, parameters, computations, set_again)


def describe_parameters(parameters: list[Parameter]) -> str:
    """A table for the terminal with one line per parameter."""
    rows = [("NAME", "TYPE", "DEFAULT", "")]
    for one in parameters:
        default = one.source or "(must be given)"
        note = "set for each run" if one.name == OUTPUT_DIR else one.help
        rows.append((one.name, str(one.type), f"{default[:37]}..." if len(default) > 40 else default, note))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows]
    return "\n".join(lines) if parameters else "The notebook has no parameters."


@dataclass(frozen=True)
class _Binding:
    """One statement of the cell that gives a value to something."""

    target: str
    name: str
    """The parameter; empty if the target is not a plain name."""
    value: ast.expr | None
    source: str
    annotation: ast.expr | None
    line: int
    reads: frozenset[str]
    comment: str = ""
    changes: bool = False
    """Whether it may leave the earlier value or builds on it: under a condition, or ``+=``."""
    opaque: bool = False
    """Whether the value is the output of a command, or a part of something."""


def _read_bindings(cell: Cell) -> Iterator[_Binding]:
    comments = read_comments(cell.code.python)
    commands = {command.line for command in cell.commands if command.kind in "!%"}
    assert isinstance(cell.tree, ast.Module)
    for statement, reads in _walk(cell.tree.body, None):
        comment = comments.get(statement.end_lineno or 0) or comments.get(statement.lineno, "")
        for binding in _bind(statement):
            yield replace(
                binding,
                reads=binding.reads | (reads or frozenset()),
                comment=comment,
                changes=binding.changes or reads is not None,
                opaque=binding.opaque or statement.lineno in commands,
            )


def _walk(body: list[Any], condition: frozenset[str] | None) -> Iterator[tuple[ast.stmt, frozenset[str] | None]]:
    """The simple statements, with the names that decide whether they run; None for those that always do."""
    for statement in body:
        blocks = [getattr(statement, field, []) for field in ("body", "orelse", "handlers", "cases", "finalbody")]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if not any(blocks):
            yield statement, condition
            continue
        header = _names_read(*(getattr(statement, field, None) for field in ("test", "iter", "subject", "guard")))
        inside = header | (condition or frozenset())
        for block in blocks:
            yield from _walk(block, condition if isinstance(statement, ast.With) else inside)


_HARMLESS_CALLS = ("print", "display")


def _bind(statement: ast.stmt) -> Iterator[_Binding]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _unpack(target, statement.value, None)
    elif isinstance(statement, ast.AnnAssign):
        yield from _unpack(statement.target, statement.value, statement.annotation)
    elif isinstance(statement, ast.AugAssign):
        made = next(_unpack(statement.target, statement.value, None))
        yield replace(made, source=_one_line(statement), changes=True, opaque=True)
    elif (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and dotted_name(statement.value.func) not in _HARMLESS_CALLS
    ):
        yield _Binding(_one_line(statement), "", None, "", None, statement.lineno, _names_read(statement.value))


def _unpack(target: ast.expr, value: ast.expr | None, annotation: ast.expr | None) -> Iterator[_Binding]:
    if isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        paired = len(parts) == len(target.elts) and not any(
            isinstance(part, ast.Starred) for part in (*parts, *target.elts)
        )
        for index, inner in enumerate(target.elts):
            for binding in _unpack(inner, parts[index] if paired else value, None):
                yield binding if paired else replace(binding, opaque=True)
        return
    target = target.value if isinstance(target, ast.Starred) else target
    name = target.id if isinstance(target, ast.Name) else ""
    source = _one_line(value) if value else ""
    yield _Binding(_one_line(target), name, value, source, annotation, target.lineno, _names_read(value))


def _names_read(*nodes: ast.AST | None) -> frozenset[str]:
    """The names read immediately: not in the body of a function or lambda, nor set by the code itself."""
    read: set[str] = set()
    own: set[str] = set()
    stack = [node for node in nodes if node is not None]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else own).add(node.id)
        stack.extend(ast.iter_child_nodes(node.args if isinstance(node, ast.Lambda) else node))
    return frozenset(read - own)


def _one_line(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _drop_overwritten(bindings: list[_Binding]) -> list[_Binding]:
    """The bindings from the last unconditional one on; a bare annotation, ``n: int``, binds no value."""
    certain = [index for index, one in enumerate(bindings) if not one.changes and one.value is not None]
    start = certain[-1] if certain else 0
    types = [replace(one, value=None, reads=frozenset()) for one in bindings[:start] if one.annotation is not None]
    return types + bindings[start:]


def _describe(name: str, bindings: list[_Binding]) -> Parameter:
    valued = [one for one in bindings if one.value is not None]
    last = valued[-1] if valued else bindings[-1]
    annotation = next((one.annotation for one in reversed(bindings) if one.annotation is not None), None)
    comment = next((one.comment for one in reversed(bindings) if one.comment), "")
    form = read_comment(comment)
    default = _default_of(valued)
    return Parameter(
        name=name,
        source=last.source,
        default=default,
        annotation=ast.unparse(annotation) if annotation else form.annotation,
        type=_type_of(annotation, form, valued, default),
        help=form.help,
        line=last.line,
        form=form,
    )


def _default_of(valued: list[_Binding]) -> Any:
    if not valued:
        return NoDefault.MISSING
    if any(one.changes or one.opaque for one in valued):
        return NoDefault.COMPUTED
    value = read_literal(valued[-1].value)
    return NoDefault.COMPUTED if value is NOT_LITERAL else value


def _type_of(annotation: ast.expr | None, form: ParameterComment, valued: list[_Binding], default: Any) -> ValueType:
    from_values = join_types(
        ANYTHING if one.opaque or one.value is None else type_of_expression(one.value) for one in valued
    )
    if annotation is None and form.annotation:
        parsed = parse_python(form.annotation)
        expression = parsed.body[0] if isinstance(parsed, ast.Module) and parsed.body else None
        annotation = expression.value if isinstance(expression, ast.Expr) else None
    if annotation is not None:
        named = type_of_annotation(annotation)
        if named is None or named == ANYTHING:
            return from_values if named is None else ANYTHING
        return join_types([named, ValueType((NoneType,))]) if default is None else named
    return type_of_form(form, from_values, default)
