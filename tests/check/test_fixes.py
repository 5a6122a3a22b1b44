"""--fix: it mends all that it promises in one go, and leaves every other byte alone."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from colab_starter.check.fixes import fix_file
from colab_starter.check.select import select_rules
from tests.check.conftest import ALL_RULES, LATEST, USUAL_RULES, Write, code, codes_in, parameters
from tests.support.marks import seeds

LINES = {
    "!apt-get install swig": "!apt-get install -y swig",
    "!apt-get -q install \\\n  swig aria2  # <flex> & co.": "!apt-get -q install -y \\\n  swig aria2  # <flex> & co.",
    "!apt install swig && apt-get remove sox": "!apt install -y swig && apt-get remove -y sox",
    "!pip install timm>=1.0  # or numpy<2": '!pip install "timm>=1.0"  # or numpy<2',
    "%pip install -q six>0.6 \\\n 'a<2' a[b]<9": '%pip install -q "six>0.6" \\\n \'a<2\' "a[b]<9"',
    "%tensorflow_version 2.x": "",
    "!pip install libarchive  # libarchive": "!pip install libarchive-c  # libarchive",
    "files = !ls '<b>'": "files = get_ipython().getoutput(\"ls '<b>'\")",
    "first, rest = !cat {name} $HOME": "first, rest = get_ipython().getoutput('cat {name} $HOME')",
    "files = !ls \\\n  -l \\\n  <b>": "files = get_ipython().getoutput('ls    -l    <b>')",
    "if files:\n    found = ! ls -l": "if files:\n    found = get_ipython().getoutput('ls -l')",
}
"""A line that can be fixed, and what becomes of it."""
RIGHT_LINES = [
    "x = 1",
    "",
    "print('<é> & \\u1234 / /')",
    "# Ünïcode 😀 \u2028 \x7f",
    '!pip install "attrs~=23.1"  # wants numpy>=1.20',
    "!apt-get install -y swig",
    'text = "a\\tb"',
    "!echo timm>=1.0",
]


class Style(NamedTuple):
    """How a file is written."""

    indent: int | str | None
    separators: tuple[str, str]
    line_end: str
    is_ascii: bool
    escapes_html: bool
    is_upper: bool
    ending: str
    mark: str

    def write(self, notebook: dict[str, Any]) -> bytes:
        text = json.dumps(notebook, indent=self.indent, separators=self.separators, ensure_ascii=self.is_ascii)
        if self.escapes_html:
            text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        if self.is_upper:
            for digits in ("\\u00e9", "\\u003c", "\\u003e"):
                text = text.replace(digits, digits[:2] + digits[2:].upper())
        return (self.mark + text.replace("\n", self.line_end) + self.ending).encode()


def _choose_style(choose: random.Random) -> Style:
    indent = choose.choice([None, None, 0, 1, 2, 3, 4, "\t"])
    compact = [(",", ":"), (", ", ": ")] if indent is None else [(",", ": "), (",", ":")]
    return Style(
        indent,
        choose.choice(compact),
        choose.choice(["\n", "\r\n"]) if indent is not None else "\n",
        choose.random() < 0.5,
        choose.random() < 0.4,
        choose.random() < 0.3,
        choose.choice(["", "\n", "\n\n"]),
        choose.choice(["", "", "", "\ufeff"]),
    )


def _make_cell(choose: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A cell, and what --fix makes of it."""
    lines = choose.choices([*LINES, *RIGHT_LINES], k=choose.randint(1, 7))
    end = choose.choice(["\n", "\n", "\r\n"])
    trailing = choose.choice(["", "", end])
    as_list = choose.random() < 0.7
    made = []
    for chosen in (lines, [LINES.get(line, line) for line in lines]):
        source: Any = "\n".join(chosen).replace("\n", end) + trailing
        if as_list:
            pieces = [f"{line}{end}" for line in source.split(end)]
            pieces[-1] = pieces[-1].removesuffix(end)
            source = [piece for piece in pieces if piece]
        made.append({**code(""), "source": source})
    if choose.random() < 0.3:
        made[0]["execution_count"] = 7
        made[0]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["<b>\n", "é"]}]
    return made[0], made[1]


def _make_notebook(choose: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    cells = [_make_cell(choose) for _ in range(choose.randint(1, 4))]
    text = {"cell_type": "markdown", "metadata": {"a": "<é>"}, "source": ["<b> & é\n", "\r\n", "/"]}
    metadata = {"colab": {"provenance": []}, "language_info": {"name": "python"}, "z": {"é": [1.50, 1e3, None]}}
    widgets = {"widgets": {"application/vnd.jupyter.widget-state+json": {"a": "é"}}} if choose.random() < 0.3 else {}
    front, back = choose.choice([(widgets, {}), ({}, widgets)])
    before = {"cells": [text, *(cell for cell, _ in cells)], "metadata": {**front, **metadata, **back}}
    after = {"cells": [text, *(cell for _, cell in cells)], "metadata": metadata}
    version = {"nbformat": 4, "nbformat_minor": 0}
    return {**version, **before}, {**version, **after}


@pytest.mark.parametrize("seed", seeds(50, 150))
def test_one_fix_mends_everything_and_every_other_byte_stays(seed: int, tmp_path: Path) -> None:
    choose = random.Random(seed)
    style = _choose_style(choose)
    before, after = _make_notebook(choose)
    path = tmp_path / "a.ipynb"
    path.write_bytes(style.write(before))
    nbformat.validate(before)

    is_changed = fix_file(path, USUAL_RULES, LATEST)

    assert path.read_bytes().decode() == style.write(after).decode()
    assert is_changed == (before != after)
    nbformat.validate(after)
    assert not fix_file(path, USUAL_RULES, LATEST), "a second time there is nothing to fix"
    assert path.read_bytes().decode() == style.write(after).decode()


@pytest.fixture
def fix_text(tmp_path: Path) -> Callable[[str], str]:
    """Fix a notebook that is given as the text of its file; returns the text that it then has."""

    def fix(text: str) -> str:
        path = tmp_path / "a.ipynb"
        path.write_bytes(text.encode())
        fix_file(path, USUAL_RULES, LATEST)
        return path.read_bytes().decode()

    return fix


def test_a_file_that_is_written_in_no_one_style_changes_only_in_the_fixed_line(fix_text: Callable[[str], str]) -> None:
    text = (
        '{ "nbformat":4 ,\n"nbformat_minor" : 0,"metadata":{\n}, "cells":[{"cell_type":"code","metadata":{},'
        '"outputs":[ ], "execution_count":null,\n      "source":["\\u0041 = 1\\n" , "\\/\\u003C<\\u00E9é = 2\\n",'
        '"!apt install \\u0073wig \\u003c x"]}\n]}  '
    )
    assert fix_text(text) == text.replace("install \\u0073", "install -y \\u0073")


def test_a_member_that_goes_leaves_its_neighbours_as_they_were(fix_text: Callable[[str], str]) -> None:
    text = '{"cells": [], "metadata": {"a":1 , "widgets": {"x": {}}, "b" : [1,2] }, "nbformat": 4, "nbformat_minor": 0}'
    assert fix_text(text) == text.replace(' , "widgets": {"x": {}}', "")
    text = text.replace('"a":1 , ', "")
    assert fix_text(text) == text.replace('"widgets": {"x": {}}, ', "")
    text = text.replace(', "b" : [1,2] ', "")
    assert json.loads(fix_text(text))["metadata"] == {}


@pytest.mark.parametrize("indent", [None, 1, 4, "\t"])
def test_a_part_that_is_added_is_written_like_the_others(indent: int | str | None, tmp_path: Path) -> None:
    separators = (",", ":") if indent is None else (",", ": ")
    cell = {"cell_type": "code", "source": ["x = 1"]}
    notebook: dict[str, Any] = {"nbformat": 4, "metadata": {"a": {}}, "cells": [cell, dict(cell)]}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook, indent=indent, separators=separators))

    assert fix_file(path, USUAL_RULES, LATEST)

    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=indent, separators=separators)
    nbformat.validate(json.loads(path.read_text()))
    assert list(json.loads(path.read_text())["cells"][0])[:2] == ["cell_type", "source"]


def test_the_magic_that_shows_that_a_notebook_is_of_tensorflow_1_stays(write: Write) -> None:
    path = write(["%tensorflow_version 1.x\nimport tensorflow as tf"])
    before = path.read_bytes()
    assert not fix_file(path, USUAL_RULES, LATEST)
    assert path.read_bytes() == before
    assert "CS305" in codes_in(path)


def test_a_shell_line_that_raises_is_not_made_one_that_does_not(write: Write) -> None:
    lines = "import subprocess\ntry:\n    %shell false\nexcept subprocess.CalledProcessError:\n    raise"
    path = write([parameters("x = 1"), lines, "%%shell\nfalse"])
    assert fix_file(path, USUAL_RULES, LATEST)
    _, line, cell = json.loads(path.read_text())["cells"]
    assert "".join(line["source"]) == lines
    assert "".join(cell["source"]) == "%%bash\nfalse"


def test_a_cell_that_switches_a_rule_off_is_not_fixed(write: Write) -> None:
    kept = "# colab-starter: ignore CS307, CS406\n!apt install swig\n!pip install timm>=1.0"
    path = write([kept, "!apt install swig", "!pip install timm>=1.0"])
    assert fix_file(path, USUAL_RULES, LATEST)
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
    assert sources == [kept, "!apt install -y swig", '!pip install "timm>=1.0"']


def test_only_the_rules_that_are_asked_for_fix(write: Write) -> None:
    path = write(["!apt install swig\n!pip install timm>=1.0"])
    fix_file(path, select_rules(ALL_RULES, ["CS406"], []), LATEST)
    assert "".join(json.loads(path.read_text())["cells"][0]["source"]) == '!apt install swig\n!pip install "timm>=1.0"'
