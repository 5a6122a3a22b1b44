"""What a cell's Python says: imports, calls and strings, each with its line and whether a condition guards it."""

import ast
from collections.abc import Callable, Iterator
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple


class Import(NamedTuple):
    """``import module`` or ``from module import name``."""

    module: str
    name: str
    """What is taken from the module; empty for ``import module``."""
    alias: str
    """The name it has in the notebook."""
    line: int
    guarded: bool
    """Inside ``if``, ``try`` or a function: that it may fail is provided for, or it may never run."""


class Call(NamedTuple):
    """A call of a name with dots, such as ``drive.mount(...)``."""

    name: str
    """``().cuda`` for a method of something that has no name."""
    line: int
    guarded: bool
    """Inside ``if`` or ``try``."""
    in_function: bool
    node: ast.Call
    tested: bool = False
    """Inside ``if``, or what is like it: a condition decides whether it runs."""


class Text(NamedTuple):
    """A string of the code."""

    value: str
    line: int


class PythonFacts(NamedTuple):
    """What one cell's Python says, in its order of lines."""

    imports: list[Import]
    calls: list[Call]
    texts: list[Text]
    lists: list[ast.List]
    assigned: set[str]
    """Names with dots that get a value: ``cv2.imshow`` in ``cv2.imshow = cv2_imshow``."""
    attributes: list[tuple[ast.Attribute, bool]]
    """What is read with a dot, and whether ``if`` or ``try`` guards it; unsorted."""
    bindings: list[tuple[str, ast.expr | None]]
    """The names that get a value, but for imports, with the value of ``name = value``; unsorted."""


_GUARDED, _IN_FUNCTION, _TESTED = 1, 2, 4
_STATES: dict[type[ast.AST], int] = {
    **dict.fromkeys((ast.If, ast.IfExp, ast.BoolOp, ast.Match), _GUARDED | _TESTED),
    **dict.fromkeys((ast.Try, ast.TryStar), _GUARDED),
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda), _IN_FUNCTION),
}
_LEAVES = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.Name)
_WALKED = {kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)}
_WALKED -= {kind for kind in _WALKED if issubclass(kind, _LEAVES)}
"""Kinds of nodes that say something here, or hold others that do; a set is quicker to ask than isinstance."""
_SCALARS = {
    "arg",
    "asname",
    "attr",
    "conversion",
    "ctx",
    "id",
    "is_async",
    "kind",
    "level",
    "module",
    "op",
    "type_comment",
}
FIELDS = {kind: tuple(field for field in kind._fields if field not in _SCALARS) for kind in _WALKED}
"""Where such a node may hold others."""


def read_facts(tree: ast.Module) -> PythonFacts:
    """Walk the tree once; without recursion, so that no depth of nesting is too much.

    ``ast.walk`` would take twice the time.
    """
    facts = PythonFacts([], [], [], [], set(), [], [])
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, state = stack.pop()
        kind = type(node)
        note = _NOTES.get(kind)
        if note:
            note(node, facts, state)
        if kind in _STATES:
            state |= _STATES[kind]
        elif isinstance(node, ast.With) and _suppresses(node):
            state |= _GUARDED
        for field in FIELDS[kind]:
            value: Any = getattr(node, field, None)
            kind = type(value)
            if kind in _WALKED:
                stack.append((value, state))
            elif kind is list and value:
                stack.extend([(child, state) for child in value if type(child) in _WALKED])
    for found in (facts.imports, facts.calls, facts.texts):
        found.sort(key=attrgetter("line"))
    return facts


def _note_call(node: ast.Call, facts: PythonFacts, state: int) -> None:
    if name := dotted_name(node.func) or _method_name(node.func):
        guarded, in_function, tested = state & _GUARDED, state & _IN_FUNCTION, state & _TESTED
        facts.calls.append(Call(name, node.lineno, bool(guarded), bool(in_function), node, bool(tested)))


def _note_constant(node: ast.Constant, facts: PythonFacts, state: int) -> None:
    if isinstance(node.value, str):
        facts.texts.append(Text(node.value, node.lineno))


def _note_import(node: ast.Import | ast.ImportFrom, facts: PythonFacts, state: int) -> None:
    facts.imports.extend(_read_import(node, state != 0))


def _note_attribute(node: ast.Attribute, facts: PythonFacts, state: int) -> None:
    if isinstance(node.ctx, ast.Store):
        facts.assigned.add(dotted_name(node))
    else:
        facts.attributes.append((node, bool(state & _GUARDED)))


def _note_list(node: ast.List, facts: PythonFacts, state: int) -> None:
    facts.lists.append(node)


def _note_assignment(node: ast.Assign, facts: PythonFacts, state: int) -> None:
    if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        facts.bindings.append((node.targets[0].id, node.value))
    else:
        facts.bindings.extend((name, None) for target in node.targets for name in _names_in(target))


def _note_target(
    node: ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor | ast.comprehension | ast.NamedExpr,
    facts: PythonFacts,
    state: int,
) -> None:
    facts.bindings.extend((name, None) for name in _names_in(node.target))


def _note_with_item(node: ast.withitem, facts: PythonFacts, state: int) -> None:
    if node.optional_vars:
        facts.bindings.extend((name, None) for name in _names_in(node.optional_vars))


def _note_definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler, facts: PythonFacts, state: int
) -> None:
    facts.bindings.append((node.name or "", None))


def _note_argument(node: ast.arg, facts: PythonFacts, state: int) -> None:
    facts.bindings.append((node.arg, None))


def _names_in(target: ast.expr) -> Iterator[str]:
    """``a``, ``b`` and ``c`` of the target ``a, (b, *c)``."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from _names_in(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _names_in(part)


_NOTES: dict[type[ast.AST], Callable[[Any, PythonFacts, int], None]] = {
    ast.Call: _note_call,
    ast.Constant: _note_constant,
    ast.Import: _note_import,
    ast.ImportFrom: _note_import,
    ast.Attribute: _note_attribute,
    ast.List: _note_list,
    ast.Assign: _note_assignment,
    **dict.fromkeys(
        (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension, ast.NamedExpr), _note_target
    ),
    ast.withitem: _note_with_item,
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler), _note_definition),
    ast.arg: _note_argument,
}


def _read_import(node: ast.Import | ast.ImportFrom, guarded: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for name in node.names:
            alias = name.asname or name.name.partition(".")[0]
            yield Import(name.name, "", alias, node.lineno, guarded)
    elif node.module and not node.level:
        for name in node.names:
            yield Import(node.module, name.name, name.asname or name.name, node.lineno, guarded)


def _suppresses(node: ast.With) -> bool:
    """Is this ``with suppress(...):``?"""
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any(dotted_name(call.func).endswith("suppress") for call in calls)


def dotted_name(node: ast.AST) -> str:
    """``a.b.c`` of an expression that is nothing but names and dots; empty for others."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _method_name(node: ast.expr) -> str:
    return f"().{node.attr}" if isinstance(node, ast.Attribute) else ""


class _NotLiteral(Enum):
    NOT_LITERAL = "not a literal"


NOT_LITERAL = _NotLiteral.NOT_LITERAL
"""What ``read_literal`` returns for an expression that is not one: None is a literal itself."""


def read_literal(node: ast.AST | None) -> object:
    """The value of a literal; NOT_LITERAL for any other expression, and for ``...``, which no parameter can be."""
    if isinstance(node, ast.Constant):
        return NOT_LITERAL if node.value is ... else node.value
    if isinstance(node, (ast.Name, ast.Attribute)):  # which ast.literal_eval takes long to refuse
        return NOT_LITERAL
    try:
        return ast.literal_eval(node) if isinstance(node, ast.expr) else NOT_LITERAL
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return NOT_LITERAL
