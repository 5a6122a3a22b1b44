"""Constants at the top level of a notebook, which may become fields of the form with its parameters."""

import ast
import builtins
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from colab_starter.adopt.draft import Draft, lines_of, statements_of, statements_on
from colab_starter.errors import UsageError
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.names import BIND, UNBIND, Event, read_events
from colab_starter.notebook.python import NOT_LITERAL, read_literal
from colab_starter.text import suggest

FORM_TYPES: dict[str, type] = {"use_drive": bool, "drive_folder": str, "require_gpu": bool, "output_dir": str}
"""What the first cells expect of the parameters that every form has."""
LONGEST = 100
"""Characters of a value that fits a form."""
_SHELL_USE = re.compile(r"[{$]\s*([A-Za-z_]\w*)")
_FIELD = re.compile(r"#\s*@param\b.*")
_DIRECTIVE = re.compile(r"#\s*(?:noqa|type:|fmt:|pylint:|ruff:)")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_SETS_UNKNOWN_NAMES = re.compile(r"\b(?:exec|globals|locals|run_cell|run_line_magic)\(|^\s*%(?:run|load|pylab)\b", re.M)


_UNUSED, _PRIVATE, _NO_FIELD = "it is not used later", "its name begins with an underscore", "no form field fits it"
_OBVIOUS = (_UNUSED, _PRIVATE, _NO_FIELD)


class Constant(NamedTuple):
    """An assignment that can be a field of the form."""

    name: str
    value: str
    """As it is written in the form."""
    field: str
    """The line of the form, with its ``# @param``."""
    help: str
    """The user's own comment."""
    cell: Cell
    lines: range
    doubt: str
    """Why it is only taken if the user names it; empty if it is proposed."""


class Constants(NamedTuple):
    """All that can be in the form, and why other names cannot."""

    found: dict[str, Constant]
    refused: dict[str, str]
    """Names that are assigned at the top level -> why they cannot be."""
    hindered: list[str]
    """Those among them that would be in the form, were it not for a name or a line that they share."""
    declared: list[str]
    """Those in the cell that the user has tagged ``parameters``: they are in the form in any case."""
    in_form: Collection[str]
    """The names in the form of an earlier ``adopt``."""

    def tell_doubts(self, chosen: list[Constant]) -> dict[str, str]:
        """Constants that one might expect in the form -> why they are not there."""
        doubts = {name: one.doubt for name, one in self.found.items() if one not in chosen and one.doubt}
        told = {
            name: f"{why} (--parameters {name} puts it there)" for name, why in doubts.items() if why not in _OBVIOUS
        }
        return told | {name: self.refused[name] for name in self.hindered}

    @property
    def proposed(self) -> list[str]:
        """The names that are taken unless the user says something else, in the order of the notebook."""
        return [name for name, one in self.found.items() if not one.doubt]


class _Assignment(NamedTuple):
    """``name = value`` at the top level of a cell."""

    cell: Cell
    statement: ast.stmt
    name: str
    value: ast.expr
    is_declared: bool
    """The cell is tagged ``parameters``."""

    @property
    def literal(self) -> object:
        return read_literal(self.value)

    @property
    def place(self) -> str:
        return f"cell {self.cell.number}, line {self.statement.lineno}"


def find_constants(draft: Draft, reserved: Collection[str], in_form: Collection[str]) -> Constants:
    """The constants of the user's cells.

    ``reserved`` are the names that the first cells bind, ``in_form`` those in the form of an earlier ``adopt``.
    """
    names = _Names(draft.theirs)
    constants = Constants({}, {}, [], [], in_form)
    for one in _find_assignments(draft.theirs):
        if one.name in constants.found:
            continue
        problem = (
            f"the form sets {one.name}, and {one.place} sets it again; delete that line, so that the form counts"
            if one.name in in_form
            else _find_problem_of_value(one, reserved) or _find_problem_of_place(draft, one, names)
        )
        if problem:
            constants.refused.setdefault(one.name, problem)
            fits = one.literal is not NOT_LITERAL and _fits_form(one.literal)
            if fits and len(names.bindings(one.name)) == 1:
                constants.hindered.append(one.name)
            continue
        constants.found[one.name] = _describe(one, "" if one.is_declared else _find_doubt(one, names))
        constants.declared.extend([one.name] * one.is_declared)
    return constants


def _find_assignments(notebook: Notebook) -> Iterator[_Assignment]:
    for cell in notebook.cells:
        for statement in statements_of(cell):
            name, value = _read_assignment(statement)
            if value is not None:
                yield _Assignment(cell, statement, name, value, cell in notebook.parameters_cells)


def choose(constants: Constants, asked: str) -> list[str]:
    """The names to be put into the form: ``all`` that are proposed, ``none``, or those that are named.

    Raises UsageError for a name that cannot be in it.
    """
    if asked.strip().lower() == "all":
        return [name for name, one in constants.found.items() if name in constants.declared or not one.doubt]
    names = [] if asked.strip().lower() == "none" else [name.strip() for name in asked.split(",") if name.strip()]
    for name in names:
        is_done = name in constants.in_form and name not in constants.refused
        if name not in constants.found and not is_done:
            raise UsageError(f"--parameters {name}: {_explain(constants, name)}")
    return [name for name in constants.found if name in names or name in constants.declared]


def _explain(constants: Constants, name: str) -> str:
    if name in constants.refused:
        return constants.refused[name]
    near = suggest(name, constants.found)
    known = ", ".join(constants.found) or "none"
    return f"no constant of that name{f'; did you mean {near}?' if near else ''} (there are: {known})"


class _Names:
    """Where in the notebook names get values and are used."""

    def __init__(self, notebook: Notebook) -> None:
        self.events: dict[str, list[tuple[int, Event]]] = {}
        self.uses: dict[str, list[tuple[int, int]]] = {}
        self.changed: set[str] = set()
        """Names whose object is changed in place, as far as it shows: ``losses.append(...)``, ``sizes[0] = 1``."""
        self.unclear: list[tuple[int, int]] = []
        """Places where names may get values that cannot be told from here."""
        for cell in notebook.cells:
            self._read(cell)

    def _read(self, cell: Cell) -> None:
        tree = cell.tree if isinstance(cell.tree, ast.Module) else ast.Module([], [])
        for event in read_events(tree):
            self.events.setdefault(event.name, []).append((cell.number, event))
        self.unclear += [(cell.number, event.line) for event in read_events(tree) if event.name == "*"]
        self.unclear += [
            (cell.number, cell.source.count("\n", 0, found.start()) + 1)
            for found in _SETS_UNKNOWN_NAMES.finditer(cell.source)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self.uses.setdefault(node.id, []).append((cell.number, node.lineno))
            elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name):
                is_call_of_method = isinstance(node, ast.Attribute) and node.attr in _CHANGES
                if is_call_of_method or not isinstance(node.ctx, ast.Load):
                    self.changed.add(node.value.id)
        for command in cell.commands:
            for name in _SHELL_USE.findall(command.text):
                self.uses.setdefault(name, []).append((cell.number, command.line))

    def bindings(self, name: str) -> list[tuple[int, int]]:
        return [(cell, one.line) for cell, one in self.events.get(name, []) if one.kind in (BIND, UNBIND)]


_CHANGES = frozenset("append extend insert pop remove clear sort reverse update setdefault add discard".split())


def _read_assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name and the value of ``name = value``; None for all else."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
        return (target.id, statement.value) if isinstance(target, ast.Name) else ("", None)
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    return "", None


def _find_problem_of_value(one: _Assignment, reserved: Collection[str]) -> str:
    """Why neither the name nor the value can be in the form; empty if they can."""
    name, literal = one.name, one.literal
    if literal is NOT_LITERAL:
        return f"{name} is computed ({one.place}), so no form can set it; make it a plain value first"
    if isinstance(literal, bytes | complex | set) or (isinstance(literal, str) and not literal.isprintable()):
        return f"{name} is of a kind that no form can show ({one.place})"
    if name in reserved:
        return f"{name} is a name that the first cells use themselves; rename it in your cells first"
    if name in FORM_TYPES and type(literal) is not FORM_TYPES[name]:
        return f"{name} is in the form already, as a {FORM_TYPES[name].__name__}; rename it in your cells first"
    if hasattr(builtins, name):
        return f"{name} is a function of Python, which the first cells need; rename it in your cells first"
    return ""


def _find_problem_of_place(draft: Draft, one: _Assignment, names: "_Names") -> str:
    """Why the assignment must stay where it is; empty if it can move."""
    name, cell, lines = one.name, one.cell, lines_of(one.statement)
    own = (cell.number, one.statement.lineno)
    bindings = names.bindings(name)
    # What follows a tagged cell may set the name again: a run's values arrive before that, as they did.
    others = [place for place in bindings if place != own and not (one.is_declared and place[0] > cell.number)]
    if others or bindings.count(own) != 1:
        where = f"cell {others[0][0]}, line {others[0][1]}" if others else one.place
        return f"{name} gets a value more than once ({one.place}; {where}), so a form could not set it"
    if draft.is_closed(cell):
        return f"{name} is in a cell with the comment # colab-starter: ignore ({one.place})"
    if any(line in draft.edits.get(cell.number, {}) for line in lines):
        return f"{name} is a path on Drive, which follows drive_folder ({one.place}); --keep-paths leaves it as it is"
    if statements_on(cell, lines) != [one.statement]:
        return f"{name} shares its line with other code ({one.place}); give it a line of its own"
    return ""


def _find_doubt(one: _Assignment, names: "_Names") -> str:
    """Why a constant is not proposed; empty if it is."""
    own = (one.cell.number, lines_of(one.statement)[-1])
    if not any(use > own for use in names.uses.get(one.name, [])):
        return _UNUSED
    if one.name.startswith("_"):
        return _PRIVATE
    if one.literal is None or not _fits_form(one.literal):
        return _NO_FIELD
    if one.name in names.changed:
        return "it is changed in place"
    if unclear := [place for place in names.unclear if place < own]:
        return f"cell {unclear[0][0]}, line {unclear[0][1]} may set it as well"
    return ""


def _fits_form(literal: object) -> bool:
    if isinstance(literal, list | tuple):
        return bool(literal) and all(type(item) in _TYPES for item in literal) and len(repr(literal)) <= LONGEST
    return type(literal) in _TYPES and len(repr(literal)) <= LONGEST


def _describe(one: _Assignment, doubt: str) -> Constant:
    cell, statement = one.cell, one.statement
    lines = lines_of(statement)
    last = cell.code.python.split("\n")[lines[-1] - 1]
    comment = last.encode()[statement.end_col_offset or 0 :].decode().strip("; \t")
    source = ast.get_source_segment(cell.code.python, one.value) or ""
    # Parentheses around a value are not part of its node.
    written = ast.unparse(one.value) if "#" in source or len(lines) > 1 else source
    annotation = f": {ast.unparse(statement.annotation)}" if isinstance(statement, ast.AnnAssign) else ""
    own_field = _FIELD.search(comment)
    field = own_field[0] if own_field else f'# @param {{type:"{_TYPES.get(type(one.literal), "raw")}"}}'
    help_ = "" if own_field or _DIRECTIVE.match(comment) else comment.lstrip("#! ")
    return Constant(one.name, written, f"{one.name}{annotation} = {written}  {field}", help_, cell, lines, doubt)


def form_lines(constants: list[Constant]) -> Iterator[str]:
    """The lines of the form, each below the user's own comment."""
    for one in constants:
        if one.help:
            yield f"# @markdown {one.help}"
        yield one.field
