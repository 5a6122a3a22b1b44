"""The house: which packages may import which, lazy imports and those for types included."""

import pytest

from tools.structure import FOLDER, find_arrows, find_reachable, read_modules

COMMANDS = {"cli", "__main__"}

Arrows = dict[str, set[str]]


@pytest.fixture(scope="module")
def arrows() -> Arrows:
    """Which room imports which."""
    return find_arrows(read_modules(FOLDER), FOLDER.name)


def test_no_room_is_in_a_circle_with_another(arrows: Arrows) -> None:
    assert {room for room in [*arrows] if room in find_reachable(room, arrows)} == set()


def test_errors_and_text_import_nothing_of_ours(arrows: Arrows) -> None:
    assert arrows["errors"] == arrows["text"] == set()


def test_nothing_imports_the_command_line(arrows: Arrows) -> None:
    importers = {room for room, imported in arrows.items() if imported & COMMANDS}
    assert importers <= COMMANDS


def test_what_plain_cookiecutter_loads_imports_nothing_of_the_other_rooms(arrows: Arrows) -> None:
    assert arrows["bake"] <= {"", "errors", "files", "open_in_colab", "text"}


def test_notebook_stands_on_the_ground(arrows: Arrows) -> None:
    assert find_reachable("notebook", arrows) <= {"", "errors", "files", "text", "runtimes"}
