"""Which strings in Python code are shown to whoever runs it: only these may be translated.

A string is shown if it is what ``print`` prints, what an error or an assertion says, the text of a figure, the
description of an option, a docstring, or what a function returns whose name begins with ``describe_``. Dictionary keys,
names of files and columns, formats and whatever else the code computes with are not.
"""

import ast
from collections.abc import Collection, Iterator

_SHOWING = {"print", "display", "warn", "input", "Markdown", "HTML"}
_DESCRIBING = {"ArgumentParser", "add_argument", "add_argument_group", "add_parser"}
_DESCRIPTIONS = {"description", "epilog", "help"}
_PLOTTING = {"title", "suptitle", "xlabel", "ylabel", "zlabel", "text", "annotate", "figtext", "supxlabel", "supylabel"}
_PLOTTING |= {f"set_{name}" for name in ("title", "xlabel", "ylabel", "zlabel")}
_PLOTTING_KEYWORDS = {"title", "suptitle", "xlabel", "ylabel", "zlabel", "label"}
_UNSURE = {"eval", "exec", "globals", "locals", "vars"}
"""Where one of these is called, a variable may be used in ways that the code does not show."""

_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module


class ShownStrings(ast.NodeVisitor):
    """The strings of a tree that are shown.

    ``used_elsewhere`` are the names that other code uses, so that what they hold may be more than shown.
    """

    def __init__(self, tree: ast.AST, used_elsewhere: Collection[str]) -> None:
        self.kinds: dict[ast.expr, str] = {}
        """The shown strings and f-strings, without those inside f-strings -> ``string`` or ``plot``."""
        self._shown_names: dict[ast.Name, str] = {}
        self.visit(tree)
        self._follow_variables(tree, used_elsewhere)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if (name in _SHOWING and "file" not in keywords) or name.endswith(("Error", "Exception", "Warning")):
            self._show(node.args, "string")
        if name in _PLOTTING:
            self._show(node.args, "plot")
        if name in _DESCRIBING:
            self._show([value for key, value in keywords.items() if key in _DESCRIPTIONS], "string")
        if name != "dict":
            self._show([value for key, value in keywords.items() if key in _PLOTTING_KEYWORDS], "plot")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call):
            self._show(node.exc.args, "string")
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self._show([node.msg] if node.msg else [], "string")
        self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> None:
        self._show_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._show_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name.startswith("describe_"):
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value]
            self._show(returned, "string")
        self._show_docstring(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._show_docstring(node)

    def _show_docstring(self, node: _Defined) -> None:
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            self._show([first.value], "string")
        self.generic_visit(node)

    def show_value(self, node: ast.expr, kind: str) -> None:
        """Take the strings that can be the value of a shown expression."""
        self._show([node], kind)

    def _show(self, nodes: Collection[ast.expr], kind: str, inside: bool = False) -> None:
        """``inside`` an f-string, only names are taken: positions there are wrong before Python 3.12."""
        for node in nodes:
            if isinstance(node, ast.Name):
                self._shown_names[node] = kind
            elif isinstance(node, ast.JoinedStr):
                fields = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
                self._show(fields, kind, inside=True)
            if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                if not inside:
                    self.kinds[node] = kind
            else:
                self._show(list(_possible_values(node)), kind, inside)

    def _follow_variables(self, tree: ast.AST, used_elsewhere: Collection[str]) -> None:
        """Take the strings that are assigned to variables which are shown wherever they are used."""
        uses = _Variables(tree)
        if uses.unsure:
            return
        followed: set[str] = set()
        while True:
            names = {name.id for name in self._shown_names} - followed - uses.unclear
            ready = [name for name in names if self._is_only_shown(name, uses)]
            ready = [name for name in ready if name not in uses.of_module or name not in used_elsewhere]
            if not ready:
                return
            for name in ready:
                followed.add(name)
                kind = next(self._shown_names[load] for load in uses.loads[name] if load in self._shown_names)
                self._show(uses.values.get(name, []), kind)

    def _is_only_shown(self, name: str, uses: "_Variables") -> bool:
        again = {load for value in uses.values.get(name, []) for load in _names_among_values(value)}
        return all(load in self._shown_names or load in again for load in uses.loads[name])


class _Variables(ast.NodeVisitor):
    """Where the variables of a tree are read, and what is assigned to them."""

    def __init__(self, tree: ast.AST) -> None:
        self.loads: dict[str, list[ast.Name]] = {}
        self.values: dict[str, list[ast.expr]] = {}
        self.of_module: set[str] = set()
        """Assigned outside of functions, so that code elsewhere can read them."""
        self.unclear: set[str] = set()
        """Assigned in another way than by ``name = value`` or ``name += value``."""
        self.unsure = False
        self._depth = 0
        self.visit(tree)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assign(node.target, node.value)
        self.visit(node.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.values.setdefault(target.id, []).append(value)
            if not self._depth:
                self.of_module.add(target.id)
        else:
            self.visit(target)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.loads.setdefault(node.id, []).append(node)
            self.unsure |= node.id in _UNSURE
        else:
            self.unclear.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        self.unclear.add(node.arg)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.unclear.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.unclear.update(node.names)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:  # they are read as attributes
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            self.unclear.update(target.id for target in targets if isinstance(target, ast.Name))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._enter(node)

    def _enter(self, node: ast.AST) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1


def _names_among_values(node: ast.expr) -> Iterator[ast.Name]:
    if isinstance(node, ast.Name):
        yield node
    for value in _possible_values(node):
        yield from _names_among_values(value)


def _possible_values(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions one of which is the value of this one, or a part of it."""
    if isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from (node.left, node.right)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        yield from node.args[1:2]
