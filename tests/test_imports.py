"""The house: which packages may import which, lazy imports and those for types included."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "colab_starter"
COMMANDS = {"cli", "__main__"}


def list_modules() -> dict[str, Path]:
    """By dotted name below the package; a package goes by its folder's name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = list_modules()


def read_imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, module = name.partition(".")
            if package == "colab_starter":
                yield module if module in MODULES else module.rpartition(".")[0]


def room_of(module: str) -> str:
    """A package is a room, and so is each package and each module in ``run``, the largest one."""
    first, _, rest = module.partition(".")
    return f"run.{rest.partition('.')[0]}" if first == "run" and rest else first


def find_arrows() -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = defaultdict(set)
    for module, path in MODULES.items():
        for imported in read_imports(path):
            if room_of(imported) != room_of(module):
                arrows[room_of(module)].add(room_of(imported))
    return arrows


def find_reachable(room: str, arrows: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    left = [*arrows[room]]
    while left:
        if (one := left.pop()) not in reached:
            reached.add(one)
            left += arrows[one]
    return reached


def test_no_room_is_in_a_circle_with_another() -> None:
    arrows = find_arrows()
    assert {room for room in [*arrows] if room in find_reachable(room, arrows)} == set()


def test_errors_and_text_import_nothing_of_ours() -> None:
    arrows = find_arrows()
    assert arrows["errors"] == arrows["text"] == set()


def test_nothing_imports_the_command_line() -> None:
    importers = {room for room, imported in find_arrows().items() if imported & COMMANDS}
    assert importers <= COMMANDS


def test_what_plain_cookiecutter_loads_imports_nothing_of_the_other_rooms() -> None:
    assert find_arrows()["bake"] <= {"", "errors", "files", "open_in_colab", "text"}


def test_notebook_stands_on_the_ground() -> None:
    assert find_reachable("notebook", find_arrows()) <= {"", "errors", "files", "text", "runtimes"}
