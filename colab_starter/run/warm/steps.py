"""The steps of a notebook, in order, that decide what can be preloaded."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from colab_starter.notebook.installs import UNINSTALL, Install, Requirement
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import dotted_name


@dataclass(frozen=True)
class ImportStep:
    """An unconditional import at the top level of a cell."""

    module: str
    names: tuple[str, ...] = ()
    """The names imported from it; some of them may be modules."""


@dataclass(frozen=True)
class VariableStep:
    """The setting of an environment variable."""

    name: str
    """``?`` if it cannot be determined."""
    value: ast.expr | None
    """None if it is removed, or its source is not understood."""
    is_certain: bool = True
    """Whether it happens unconditionally."""
    is_default: bool = False
    """Whether it happens only if the variable is not set yet."""


@dataclass(frozen=True)
class AssignStep:
    """An assignment to a name of the notebook."""

    name: str
    value: ast.expr | None
    """None if it cannot be determined."""


@dataclass(frozen=True)
class ParametersStep:
    """The end of the parameters cell: the run's own values take effect."""


@dataclass(frozen=True)
class BarrierStep:
    """A point after which an import may find something different."""


Step = ImportStep | VariableStep | AssignStep | ParametersStep | BarrierStep

_CHANGES_IMPORTS = ("os.chdir", "sys.path.insert", "dotenv.load_dotenv", "load_dotenv")
"""Calls after which an import may find a different module, or different variables."""
_ENVIRONMENTS = ("os.environ", "environ")


@lru_cache(maxsize=8)
def read_steps(notebook: Notebook) -> tuple[Step, ...]:
    """The steps of all code cells except those in which colab-starter installs what is missing."""
    first_parameters = next(iter(notebook.parameters_cells), None)
    own_installs = {
        cell.number + after for cell, _ in notebook.needed for after in ((0,) if cell.installs else range(3))
    }
    steps: list[Step] = []
    for cell in notebook.cells:
        if cell.kind == "code":
            found = [*_read_commands(cell, cell.number in own_installs), *_read_python(cell)]
            steps += [step for _, step in sorted(found, key=lambda pair: pair[0])]
        if cell is first_parameters:
            steps.append(ParametersStep())
    return tuple(steps)


def _read_commands(cell: Cell, is_own_install: bool) -> Iterator[tuple[int, Step]]:
    for install in cell.installs:
        if not is_own_install and _may_change_modules(install):
            yield install.line, BarrierStep()
    for command in cell.commands:
        word, _, rest = command.text.partition(" ")
        if command.kind == "%" and word == "cd":
            yield command.line, BarrierStep()
        elif command.kind == "%" and word in ("env", "set_env") and rest.strip():
            yield command.line, _read_env_magic(rest.strip(), is_certain=not command.nested)


def _may_change_modules(install: Install) -> bool:
    """Whether an install may change modules: not for programs, other folders, or installed packages."""
    if install.goes_elsewhere or (install.tool == "apt" and not install.opaque):
        return False
    if install.tool == UNINSTALL:
        return True
    return install.opaque or install.upgrades or not all(map(_is_installed, install.requirements))


def _is_installed(requirement: Requirement) -> bool:
    try:
        return SpecifierSet(requirement.specifier).contains(version(requirement.name), prereleases=True)
    except (PackageNotFoundError, InvalidSpecifier):
        return False


def _read_env_magic(text: str, *, is_certain: bool) -> VariableStep:
    """Read ``%env NAME=value`` or ``%env NAME value``; IPython substitutes ``{name}`` and ``$name``."""
    name, _, value = text.partition("=" if "=" in text else " ")
    known = bool(value) and not set("{$") & set(value)
    return VariableStep(name.strip(), ast.Constant(value.strip()) if known else None, is_certain)


def _read_python(cell: Cell) -> Iterator[tuple[int, Step]]:
    if isinstance(cell.tree, SyntaxError):
        yield 0, BarrierStep()  # no cell after it is executed
        return
    for statement in cell.tree.body:
        for step in _read_statement(statement):
            yield statement.lineno, step


def _read_statement(statement: ast.stmt) -> Iterator[Step]:
    if isinstance(statement, ast.Import):
        yield from (ImportStep(name.name) for name in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        if statement.module and not statement.level:
            yield ImportStep(statement.module, tuple(name.name for name in statement.names))
    else:
        is_certain = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr | ast.Delete)
        for node in ast.walk(statement):
            yield from _read_node(node, is_certain)
        yield from _read_assignment(statement)


def _read_node(node: ast.AST, is_certain: bool) -> Iterator[Step]:
    """The environment variables and import folders set anywhere in a statement."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if name := _read_variable(target):
                yield VariableStep(name, node.value, is_certain)
    elif isinstance(node, ast.Delete):
        yield from (VariableStep(name, None, is_certain) for target in node.targets if (name := _read_variable(target)))
    elif isinstance(node, ast.AugAssign) and dotted_name(node.target) in _ENVIRONMENTS:
        yield from _read_table(node.value, is_certain)
    elif isinstance(node, ast.Call):
        yield from _read_call(node, is_certain)


def _read_variable(target: ast.expr) -> str:
    """The NAME in ``os.environ["NAME"]``; ``?`` if it is computed, empty for any other target."""
    if not isinstance(target, ast.Subscript) or dotted_name(target.value) not in _ENVIRONMENTS:
        return ""
    return _text(target.slice) or "?"


def _read_call(node: ast.Call, is_certain: bool) -> Iterator[Step]:
    name = dotted_name(node.func)
    place, _, method = name.rpartition(".")
    first, second = (*node.args, None, None)[:2]
    if name in _CHANGES_IMPORTS:
        yield BarrierStep()
    elif name == "os.putenv" or (place in _ENVIRONMENTS and method == "setdefault"):
        yield VariableStep(_text(first) or "?", second, is_certain, is_default=method == "setdefault")
    elif place in _ENVIRONMENTS and method == "pop":
        yield VariableStep(_text(first) or "?", None, is_certain)
    elif place in _ENVIRONMENTS and method == "update":
        for argument in node.args:
            yield from _read_table(argument, is_certain)
        yield from (VariableStep(word.arg or "?", word.value, is_certain) for word in node.keywords)


def _read_table(table: ast.expr, is_certain: bool) -> Iterator[Step]:
    """The variables in ``{"NAME": value}``."""
    if not isinstance(table, ast.Dict):
        yield VariableStep("?", None, is_certain)
        return
    for key, value in zip(table.keys, table.values, strict=True):
        yield VariableStep(_text(key) or "?", value, is_certain)


def _read_assignment(statement: ast.stmt) -> Iterator[Step]:
    """The names that a statement binds, with their values if these can be determined."""
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        targets: list[ast.expr] = statement.targets
        value: ast.expr | None = statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        targets, value = [statement.target], statement.value
    else:
        targets, value = [node for node in ast.walk(statement) if isinstance(node, ast.Name)], None
    for target in targets:
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store | ast.Del):
            yield AssignStep(target.id, value)


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def find_module(folder: Path, dotted: str) -> bool:
    """Whether a folder holds the module ``a.b`` as ``a/b.py``, ``a/b/__init__.py`` or an extension."""
    place = folder.joinpath(*dotted.split("."))
    if (place / "__init__.py").is_file() or place.with_name(f"{place.name}.py").is_file():
        return True
    return any(place.parent.glob(f"{place.name}.*.so")) or place.with_name(f"{place.name}.so").is_file()
