"""In which order a cell's Python gives values to names and uses them."""

import ast
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from colab_starter.notebook.python import FIELDS

USE, BIND, UNBIND = "use", "bind", "unbind"


class Event(NamedTuple):
    """Something that happens to a name of the notebook while a cell is run."""

    kind: str
    """USE, BIND (it has a value from here on, or may have), or UNBIND (``del``)."""
    name: str
    line: int


def read_events(tree: ast.Module, lazy_hints: bool = False) -> list[Event]:
    """What happens to the notebook's names, in the order in which it happens.

    Only uses that are sure to happen are among them: none of function bodies, and none behind a condition or in
    ``try``. Definitions are all there, wherever they are. ``lazy_hints``: annotations are not evaluated.
    """
    reader = _Reader(lazy_hints)
    reader.read_all(tree.body)
    return reader.events


class _Reader:
    def __init__(self, lazy_hints: bool) -> None:
        self.events: list[Event] = []
        self.lazy_hints = lazy_hints
        self.guards = 0
        """How many conditions the reader is in."""
        self.loops = 0
        self.locals: list[set[str]] = []
        """The names of the comprehensions and classes that the reader is in, the innermost last."""

    def read(self, node: ast.AST) -> None:
        kind = type(node)
        reader = _READERS.get(kind)
        if reader:
            reader(self, node)
            return
        for field in FIELDS.get(kind, ()):
            value: Any = getattr(node, field, None)
            if type(value) is list:
                self.read_all(value)
            elif isinstance(value, ast.AST):
                self.read(value)

    def read_all(self, nodes: Iterable[Any]) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):
                self.read(node)

    def read_guarded(self, nodes: Iterable[Any]) -> None:
        self.guards += 1
        self.read_all(nodes)
        self.guards -= 1

    def bind(self, name: str, line: int) -> None:
        if self.locals:
            self.locals[-1].add(name)
        else:
            self.events.append(Event(BIND, name, line))

    def use(self, name: str, line: int) -> None:
        if self.guards or (self.locals and any(name in names for names in self.locals)):
            return
        self.events.append(Event(USE, name, line))


def _read_name(reader: _Reader, node: ast.Name) -> None:
    if isinstance(node.ctx, ast.Load):
        reader.use(node.id, node.lineno)
    elif isinstance(node.ctx, ast.Store):
        reader.bind(node.id, node.lineno)
    elif not (reader.guards or reader.loops or reader.locals):
        reader.use(node.id, node.lineno)
        reader.events.append(Event(UNBIND, node.id, node.lineno))


def _read_assignment(reader: _Reader, node: ast.Assign) -> None:
    reader.read(node.value)
    reader.read_all(node.targets)


def _read_in_place(reader: _Reader, node: ast.AugAssign) -> None:
    if isinstance(node.target, ast.Name):
        reader.use(node.target.id, node.lineno)
    reader.read(node.value)
    reader.read(node.target)


def _read_annotated(reader: _Reader, node: ast.AnnAssign) -> None:
    if node.value:
        reader.read(node.value)
        reader.read(node.target)
    elif isinstance(node.target, ast.Name):
        reader.bind(node.target.id, node.lineno)  # a declaration: whoever reads it means to set it elsewhere
    if not reader.lazy_hints:
        reader.read(node.annotation)


def _read_walrus(reader: _Reader, node: ast.NamedExpr) -> None:
    reader.read(node.value)
    reader.events.append(Event(BIND, node.target.id, node.lineno))  # of the notebook, also in a comprehension


def _read_import(reader: _Reader, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        reader.lazy_hints |= any(one.name == "annotations" for one in node.names)
    for one in node.names:
        reader.bind(one.asname or one.name.partition(".")[0], node.lineno)


def _read_function(reader: _Reader, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    reader.read_all(node.decorator_list)
    arguments = node.args
    reader.read_all([*arguments.defaults, *arguments.kw_defaults])
    if not reader.lazy_hints and not getattr(node, "type_params", None):
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        reader.read_all([one.annotation for one in named if one] + [node.returns])
    reader.bind(node.name, node.lineno)
    _read_globals(reader, node)


def _read_globals(reader: _Reader, function: ast.AST) -> None:
    """Names that the function declares global get a value when it is called, whenever that is."""
    stack: list[ast.AST] = [function]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global):
            reader.events += [Event(BIND, name, node.lineno) for name in node.names]
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            stack += [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr)]


def _read_global(reader: _Reader, node: ast.Global) -> None:
    reader.events += [Event(BIND, name, node.lineno) for name in node.names]


def _read_lambda(reader: _Reader, node: ast.Lambda) -> None:
    reader.read_all([*node.args.defaults, *node.args.kw_defaults])


def _read_class(reader: _Reader, node: ast.ClassDef) -> None:
    reader.read_all(node.decorator_list)
    parameters = getattr(node, "type_params", None)
    if not parameters:
        reader.read_all([*node.bases, *node.keywords])
    reader.locals.append({"__qualname__", "__module__", "__class__"})
    reader.guards += bool(parameters)
    reader.read_all(node.body)
    reader.guards -= bool(parameters)
    reader.locals.pop()
    reader.bind(node.name, node.lineno)


def _read_comprehension(reader: _Reader, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
    reader.read(node.generators[0].iter)
    reader.locals.append(set())
    for number, generator in enumerate(node.generators):
        if number:
            reader.read(generator.iter)
        reader.read(generator.target)
        reader.read_all(generator.ifs)
    elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    # What depends on an "if", or on there being any elements at all, is not sure to be run.
    is_guarded = any(generator.ifs for generator in node.generators)
    reader.read_guarded(elements) if is_guarded else reader.read_all(elements)
    reader.locals.pop()


def _read_loop(reader: _Reader, node: ast.For | ast.AsyncFor) -> None:
    reader.read(node.iter)
    reader.read(node.target)
    reader.loops += 1
    reader.read_all(node.body)
    reader.loops -= 1
    reader.read_guarded(node.orelse)


def _read_while(reader: _Reader, node: ast.While) -> None:
    reader.read(node.test)
    reader.loops += 1
    reader.read_all(node.body)
    reader.loops -= 1
    reader.read_guarded(node.orelse)


def _read_with(reader: _Reader, node: ast.With | ast.AsyncWith) -> None:
    reader.read_all(node.items)
    suppresses = any(
        isinstance(item.context_expr, ast.Call) and _last_name(item.context_expr.func) in ("suppress", "raises")
        for item in node.items
    )
    reader.read_guarded(node.body) if suppresses else reader.read_all(node.body)


def _last_name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _read_if(reader: _Reader, node: ast.If) -> None:
    reader.read(node.test)
    reader.read_all(node.body) if _is_main(node.test) else reader.read_guarded(node.body)
    reader.read_guarded(node.orelse)


def _is_main(test: ast.expr) -> bool:
    """``__name__ == "__main__"``, which is true in every notebook."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _read_either(reader: _Reader, node: ast.IfExp) -> None:
    reader.read(node.test)
    reader.read_guarded([node.body, node.orelse])


def _read_bool(reader: _Reader, node: ast.BoolOp) -> None:
    reader.read(node.values[0])
    reader.read_guarded(node.values[1:])


def _read_try(reader: _Reader, node: ast.Try) -> None:
    reader.read_guarded(node.body)
    for handler in node.handlers:
        if handler.name:
            reader.bind(handler.name, handler.lineno)
        reader.read_guarded(handler.body)
    reader.read_guarded(node.orelse)
    reader.read_guarded(node.finalbody)


def _read_match(reader: _Reader, node: ast.Match) -> None:
    reader.read(node.subject)
    for case in node.cases:
        for pattern in ast.walk(case.pattern):
            name = getattr(pattern, "name", None) or getattr(pattern, "rest", None)
            if name:
                reader.bind(name, node.lineno)
        reader.read_guarded(case.body)


def _read_type_alias(reader: _Reader, node: Any) -> None:
    reader.bind(node.name.id, node.lineno)


def _skip(reader: _Reader, node: ast.AST) -> None:
    """Nothing in it is a name."""


_READERS: dict[type[ast.AST], Callable[[_Reader, Any], None]] = {
    ast.Name: _read_name,
    ast.Constant: _skip,
    ast.Assign: _read_assignment,
    ast.AugAssign: _read_in_place,
    ast.AnnAssign: _read_annotated,
    ast.NamedExpr: _read_walrus,
    ast.Import: _read_import,
    ast.ImportFrom: _read_import,
    ast.FunctionDef: _read_function,
    ast.AsyncFunctionDef: _read_function,
    ast.Global: _read_global,
    ast.Lambda: _read_lambda,
    ast.ClassDef: _read_class,
    ast.ListComp: _read_comprehension,
    ast.SetComp: _read_comprehension,
    ast.DictComp: _read_comprehension,
    ast.GeneratorExp: _read_comprehension,
    ast.For: _read_loop,
    ast.AsyncFor: _read_loop,
    ast.While: _read_while,
    ast.With: _read_with,
    ast.AsyncWith: _read_with,
    ast.If: _read_if,
    ast.IfExp: _read_either,
    ast.BoolOp: _read_bool,
    ast.Try: _read_try,
    ast.TryStar: _read_try,
    ast.Match: _read_match,
    **({ast.TypeAlias: _read_type_alias} if hasattr(ast, "TypeAlias") else {}),
}
