"""The house: which packages may import which, lazy imports and those for types included."""

from tools.structure import FOLDER, find_arrows, find_reachable, read_modules

ARROWS = find_arrows(list(read_modules(FOLDER)), FOLDER.name)
COMMANDS = {"cli", "__main__"}


def test_no_room_is_in_a_circle_with_another() -> None:
    assert {room for room in [*ARROWS] if room in find_reachable(room, ARROWS)} == set()


def test_errors_and_text_import_nothing_of_ours() -> None:
    assert ARROWS["errors"] == ARROWS["text"] == set()


def test_nothing_imports_the_command_line() -> None:
    importers = {room for room, imported in ARROWS.items() if imported & COMMANDS}
    assert importers <= COMMANDS


def test_what_plain_cookiecutter_loads_imports_nothing_of_the_other_rooms() -> None:
    assert ARROWS["bake"] <= {"", "errors", "files", "open_in_colab", "text"}


def test_notebook_stands_on_the_ground() -> None:
    assert find_reachable("notebook", ARROWS) <= {"", "errors", "files", "text", "runtimes"}
