"""Figures of the structure: ``python tools/structure.py [FOLDER]``, of this checkout's ``colab_starter`` by default.

For each package its modules and lines, its functions' lengths and longest parameter lists; then how many packages
import one another, and which do so in a circle. Imports inside functions and for types count too.
"""

import ast
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "colab_starter"
MOST_PARAMETERS = 6
"""Functions with more are listed."""


class Function(NamedTuple):
    """A function or method."""

    place: str
    lines: int
    parameters: int
    """Without self and cls."""


class Module(NamedTuple):
    """A file of the package."""

    name: str
    """Dotted, below the package; a package's own file goes by the package's name."""
    tree: ast.Module
    lines: int


def main() -> None:
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    modules = list(read_modules(folder))
    print(f"{'package':24}{'modules':>8}{'lines':>7}{'functions':>10}{'median':>7}{'p90':>5}{'max':>5}")
    for package in sorted({package_of(module.name) for module in modules}):
        print_row(package, [module for module in modules if package_of(module.name) == package])
    print_row("all", modules)
    print(f"\nmore than {MOST_PARAMETERS} parameters:")
    functions = [function for module in modules for function in list_functions(module)]
    for function in sorted(functions, key=lambda one: -one.parameters):
        if function.parameters > MOST_PARAMETERS:
            print(f"  {function.parameters:3} {function.place}")
    arrows = find_arrows(modules, folder.name)
    print(f"\narrows between packages, and modules directly in run/: {sum(map(len, arrows.values()))}")
    circle = sorted(room for room in list(arrows) if room in find_reachable(room, arrows))
    print(f"in a circle: {', '.join(circle) or 'none'}")


def read_modules(folder: Path) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        text = path.read_text(encoding="utf-8")
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, ast.parse(text), len(text.splitlines()))


def package_of(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2] if parts[0] == "run" else parts[:1]) if len(parts) > 1 else "(top)"


def print_row(package: str, modules: list[Module]) -> None:
    lengths = sorted(function.lines for module in modules for function in list_functions(module)) or [0]
    lines, p90 = sum(module.lines for module in modules), lengths[int(len(lengths) * 0.9)]
    facts = f"{len(modules):8}{lines:7}{len(lengths):10}{statistics.median(lengths):7.0f}{p90:5}{lengths[-1]:5}"
    print(f"{package:24}{facts}")


def list_functions(module: Module) -> Iterator[Function]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            own = [one for one in named if one.arg not in ("self", "cls")]
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(f"{module.name}:{node.lineno} {node.name}", lines, len(own))


def find_arrows(modules: Iterable[Module], package: str) -> dict[str, set[str]]:
    imports = {module.name: list(read_imports(module.tree)) for module in modules}  # without the trees, which are large
    arrows: dict[str, set[str]] = defaultdict(set)
    for module, names in imports.items():
        for name in names:
            first, _, imported = name.partition(".")
            target = imported if imported in imports else imported.rpartition(".")[0]
            if first == package and room_of(target) != room_of(module):
                arrows[room_of(module)].add(room_of(target))
    return arrows


def read_imports(tree: ast.Module) -> Iterator[str]:
    for node in walk_statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def walk_statements(node: ast.AST) -> Iterator[ast.AST]:
    """Each statement below the node; expressions, of which there are many more, hold none."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from walk_statements(child)


def room_of(module: str) -> str:
    """A package, or a module that is directly in the package or in ``run``."""
    parts = module.split(".")
    return ".".join(parts[:2] if parts[0] == "run" else parts[:1])


def find_reachable(room: str, arrows: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    left = [*arrows[room]]
    while left:
        if (one := left.pop()) not in reached:
            reached.add(one)
            left += arrows[one]
    return reached


if __name__ == "__main__":
    main()
