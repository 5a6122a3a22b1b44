"""The tool that finds what libraries have dropped, on a library of a few lines."""

import sys
import zipfile
from pathlib import Path

import pytest

from tools.gone_names import Library, compare, read_libraries

OLD = {
    "__init__.py": (
        "from .shapes import *\nfrom .paint import brush, roller\nimport os\nfrom . import lazy\n"
        "def draw(what, colour, width=1): ...\n"
    ),
    "shapes.py": (
        "import math\n__all__ = ['Square', 'Circle']\nclass Square:\n    def area(self): ...\n    def turn(self): ...\n"
        "    @property\n    def side(self): ...\nclass Circle: ...\nclass Hidden: ...\n"
    ),
    "paint.py": "def brush(): ...\ndef roller(): ...\n",
    "lazy.py": "_import_structure = {'models': ['TinyModel']}\n_import_structure['more'] = ['OtherModel']\n",
    "ancient.py": "def relic(): ...\n",
    "_private.py": "def secret(): ...\n",
}
NEW = {
    "__init__.py": "from .shapes import *\nfrom .paint import brush\nfrom . import lazy\ndef draw(what, colour): ...\n",
    "shapes.py": "__all__ = ['Square']\nclass Square:\n    def area(self): ...\n",
    "paint.py": "def brush(): ...\n",
    "lazy.py": "def __getattr__(name):\n    if name != 'TinyModel':\n        raise AttributeError\n    return 1\n",
}
MIDDLE = {**OLD, "paint.py": NEW["paint.py"], "__init__.py": OLD["__init__.py"].replace(", roller", "")}


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three versions of the library ``tinylib`` as wheels; the newest is installed."""
    paths = []
    for version, files in (("1.0", OLD), ("2.0", MIDDLE), ("3.0", NEW)):
        path = tmp_path / f"tinylib-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(f"tinylib/{name}", content)
        paths.append(path)
    zipfile.ZipFile(paths[-1]).extractall(tmp_path / "installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    return paths


def library(**more: object) -> Library:
    versions = {"1.0": "311", "2.0": "311", "3.0": "311"}
    return Library("tinylib", versions, {"tinylib": "tinylib"}, classes=("*",), **more)  # type: ignore[arg-type]


def test_what_the_newest_version_lacks_is_gone_since_the_first_version_without_it(wheels: list[Path]) -> None:
    table = compare(library(instead={"tinylib.ancient": "tinylib.modern"}), wheels, Path(sys.executable))

    assert table["imported"]
    assert table["names"] == {
        "2.0": {"tinylib": "roller", "tinylib.paint": "roller"},
        "3.0": {
            "tinylib": "Circle ancient",
            "tinylib.Square": "turn",
            "tinylib.lazy": "OtherModel models more",
            "tinylib.shapes": "Circle",
            "tinylib.shapes.Square": "turn",
        },
    }
    assert table["arguments"] == {"3.0": {"tinylib.draw": "width"}}
    assert table["instead"] == {"tinylib.ancient": "tinylib.modern"}


def test_of_a_library_that_cannot_be_imported_only_names_with_a_replacement_are_taken(
    wheels: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH")
    instead = {"tinylib.ancient": "tinylib.modern", "tinylib.draw(width=)": "a thicker brush"}
    table = compare(library(instead=instead), wheels, Path(sys.executable))

    assert not table["imported"]
    assert table["names"] == {"3.0": {"tinylib": "ancient"}}
    assert table["arguments"] == {"3.0": {"tinylib.draw": "width"}}


def test_a_replacement_for_what_is_not_gone_is_refused(wheels: list[Path]) -> None:
    with pytest.raises(SystemExit, match=r"not gone from 3.0:\n  tinylib.brush"):
        compare(library(instead={"tinylib.brush": "a pencil"}), wheels, Path(sys.executable))


def test_an_entry_whose_proof_does_not_fail_is_refused(wheels: list[Path]) -> None:
    entry = {
        "call": "tinylib\\.draw",
        "argument": "ink",
        "instead": "colour=",
        "proof": "import tinylib\ntinylib.draw(1, 2)",
    }
    with pytest.raises(SystemExit, match="not gone"):
        compare(library(entries=[entry]), wheels, Path(sys.executable))


def test_every_library_of_the_list_has_versions_and_a_table() -> None:
    tables = Path(__file__).parent.parent / "colab_starter" / "check" / "rules" / "data" / "gone"
    assert {path.stem for path in tables.glob("*.json")} == set(read_libraries())
