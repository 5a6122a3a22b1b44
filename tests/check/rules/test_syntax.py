"""What is Python, for the Python and the IPython of a runtime, whichever Python runs us."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from colab_starter.check.findings import Finding
from colab_starter.check.fixes import fix_file
from colab_starter.notebook.model import Cell
from colab_starter.notebook.syntax import NEWEST, Version, newer_syntax, parse_python
from tests.check import conftest
from tests.check.conftest import LATEST, USUAL_RULES, Write, text

RECORD = json.loads((Path(__file__).parent / "data" / "ipython_cells.json").read_text(encoding="utf-8"))
"""What IPython 7.34 and Python 3.13 can read of generated cells; ``tools/record_ipython.py`` made it."""
JUDGED = ("CS107", "CS109", "CS110", "CS309", "CS402")
"""The rules that the cells here are about; others have their own say about a cell of a few words."""
ASSIGNED = re.compile(r"^[^#=]*[^+=!]= *!", re.MULTILINE)


def findings_in(path: Path, runtime: str = "latest") -> list[Finding]:
    return [finding for finding in conftest.findings_in(path, runtime) if finding.code in JUDGED]


def codes_in(path: Path, runtime: str = "latest") -> list[str]:
    return [finding.code for finding in findings_in(path, runtime)]


def _says_error(source: str) -> bool:
    cell = Cell(1, {"cell_type": "code", "source": source}, True)
    return isinstance(cell.tree, SyntaxError)


def _is_exception(source: str) -> bool:
    """Where we mean to differ from IPython's own verdict."""
    has_title = source.startswith(("#", "\n#")) and re.search(r"^%%", source, re.MULTILINE)
    asks_in_bracket = "x = [1," in source and re.search(r"\w\?+\s*$", source)
    return bool(has_title or asks_in_bracket)


def test_of_thousands_of_cells_those_are_errors_that_ipython_cannot_read() -> None:
    assert RECORD["ipython"] == "7.34.0"
    judged = [(source, bool(can)) for source, can in RECORD["cells"] if not _is_exception(source)]
    wrong = [source for source, can in judged if can and _says_error(source)]
    missed = [source for source, can in judged if not can and not _says_error(source) and not ASSIGNED.search(source)]
    assert (wrong, missed) == ([], [])
    assert sum(can for _, can in judged) > 500
    assert len(judged) > 1900


def test_a_shell_line_that_is_assigned_is_told_as_likely_just_where_ipython_cannot_read_it(write: Write) -> None:
    told = 0
    for source, can in RECORD["cells"]:
        if "!" not in source or _says_error(source):
            continue
        is_told = "CS110" in codes_in(write([source]))
        assert is_told != bool(can) or _is_exception(source), source
        told += is_told
    assert told > 20


def test_of_generated_texts_those_are_errors_that_python_313_cannot_read() -> None:
    assert RECORD["python"] == "3.13"
    texts = [(source, bool(can)) for source, can in RECORD["texts"]]
    differ = [source for source, can in texts if _reads(source, (3, 13)) != can]
    assert differ == []
    assert sum(can for _, can in texts) > 150


def _reads(source: str, python: Version) -> bool:
    return not isinstance(parse_python(source), SyntaxError) and newer_syntax(source, python) is None


SYNTAX: dict[str, Version] = {
    "x = f'{d[\"a\"]}'": (3, 11),
    "x = f'{d['a']}'": (3, 12),
    "x = f'{a + f'{b}'}' 'c'": (3, 12),
    "x = f'''{\n  d['a']  # why\n}'''": (3, 12),
    "x = f'{\n  y\n}'": (3, 12),
    "x = f'{\"\\n\".join(y)}'": (3, 12),
    "x = f'{'a' if y != z else 'b'!r:>{'9'}}'": (3, 12),
    "print('a'\n  f'{d['b']}'\n  'c')": (3, 12),
    "type Pair = tuple[int, int]": (3, 12),
    "type Pair[T] = tuple[T, T]": (3, 12),
    "def first[T](items: list[T]) -> T:\n    return items[0]": (3, 12),
    "class Stack[\n    T: (int, str),\n    *Ts,\n]:\n    pass": (3, 12),
    "type Pair[T = int] = tuple[T, T]": (3, 13),
    "class Stack[T = int]:\n    pass": (3, 13),
    "x = t'{name}'": (3, 14),
    "x = f(rt'{d['a']}' t'b')": (3, 14),
    "try:\n    x\nexcept ValueError, TypeError:\n    pass": (3, 14),
    "try:\n    x\nexcept* (A), B:\n    pass": (3, 14),
    "type = 1\ntype(x)\nprint(type)\ntype[0] = x": (3, 11),
    "try:\n    x\nexcept (A, B) as error:\n    pass": (3, 11),
    'rest = "a cat" + "-to-fr" + "at"': (3, 11),
    "match x:\n    case [f, t]:\n        pass": (3, 11),
}
"""A text, and the first Python that reads it."""


@pytest.mark.parametrize("source", SYNTAX)
def test_syntax_is_known_from_the_python_on_that_has_it(source: str) -> None:
    for minor in range(11, NEWEST[1] + 1):
        assert _reads(source, (3, minor)) == ((3, minor) >= SYNTAX[source]), minor


@pytest.mark.parametrize("source", SYNTAX)
def test_what_older_pythons_read_is_told_with_the_runtime_that_cannot(source: str, write: Write) -> None:
    path = write([source])
    for name, version in {"2025.07": (3, 11), "2026.07": (3, 12), "latest": (3, 13)}.items():
        found = [finding.message for finding in findings_in(path, name) if finding.code == "CS107"]
        assert bool(found) == (version < SYNTAX[source]), name
        assert all(f"3.{SYNTAX[source][1]}" in message and "runtime has 3." in message for message in found)


@pytest.mark.parametrize(
    "source",
    [
        "x = f'{}'",
        "x = f'{a b}' + f'{d['a']}'",
        "x = f'{d['a'}'",
        "x = f'{d['a']!z}'",
        "x = f'}' + f'{d['a']}'",
        "x = f'{d['a']' ",
        "x = b'a' f'{d['a']}'",
        "type X[T = list[T]",
        "def f[*Ts: int](): pass",
        "print 'the cat'\ny = 'at'",
        "type X = int\nfor x in y print(x)",
        "x = f'{d['a']}'\nprint 'a'",
    ],
)
def test_an_error_beside_newer_syntax_is_not_hidden(source: str, write: Write) -> None:
    for python in ((3, 11), (3, 13), NEWEST):
        assert not _reads(source, python)
    assert "CS107" in codes_in(write([source]))


def test_the_line_of_an_error_below_newer_syntax_is_that_of_the_cell(write: Write) -> None:
    source = "x = f'''{\n  d['a']}\n'''\nclass A[\n  T\n]: pass\n\nprint 'a'"
    (finding,) = findings_in(write([source]))
    assert (finding.code, finding.line) == ("CS107", 8)


def test_what_the_cell_calls_is_known_below_newer_syntax(write: Write) -> None:
    source = "import cv2\nx = f'{d['a']}'\ncv2.imshow('a', x)"
    assert codes_in(write([source])) == ["CS309"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the Python that runs this must have the syntax itself")
@pytest.mark.parametrize("source", SYNTAX)
def test_the_python_that_runs_us_agrees(source: str) -> None:
    python = sys.version_info[:2]
    if python >= SYNTAX[source]:
        compile(source, "cell", "exec", dont_inherit=True)
    else:
        with pytest.raises(SyntaxError):
            compile(source, "cell", "exec", dont_inherit=True)


@pytest.mark.parametrize(
    ("source", "line", "mentions"),
    [
        ("# empty the folder\nrm -rf /content/out", 2, "write !rm"),
        ("import os\npip install einops", 2, "write %pip"),
        ("x = 1\nif x:\n    pip install einops", 3, "write %pip"),
        ("pip install einops\n\n", 1, "write %pip"),
        ("cd /tmp\nls -la", 1, "write %cd"),
    ],
)
def test_a_magic_without_its_sign_is_an_error_but_in_a_cell_of_one_line(
    source: str, line: int, mentions: str, write: Write
) -> None:
    (finding,) = findings_in(write([source]))
    assert (finding.code, finding.line) == ("CS107", line)
    assert mentions in finding.message
    assert len(finding.message) < 250


@pytest.mark.parametrize(
    "cells",
    [
        ["ls = [1]", "x = 1\nls -x"],
        ["import cat, rm as mv", "x = 1\ncat -x\nmv -x"],
        ["def f(cd):\n    return cd /x"],
        ["from shell import *\n", "x = 1\ncd /x"],
        ["x = 1\ny = (\nls -x\n)"],
    ],
)
def test_a_variable_with_the_name_of_a_program_is_python(cells: list[str], write: Write) -> None:
    assert [code for code in codes_in(write(list(cells))) if code == "CS107"] == []


def test_what_such_a_line_would_install_is_not_missed_as_well(write: Write) -> None:
    assert codes_in(write(["import os\npip install catboost", "import catboost"])) == ["CS107"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\nreturn x", 2),
        ("if x:\n    return", 2),
        ("x = 1\nbreak", 2),
        ("for x in y:\n    pass\ncontinue", 3),
        ("yield 1", 1),
        ("def f():\n    x = 1\n    global x", 3),
        ("x = f'{d['a']}'\nreturn x", 2),
        ("%%time\nreturn 1", 2),
    ],
)
def test_a_word_that_needs_a_function_or_a_loop_around_it_is_an_error_without(
    source: str, line: int, write: Write
) -> None:
    assert [(finding.code, finding.line) for finding in findings_in(write([source]))] == [("CS107", line)]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\nglobal x",
        "import os\nfrom __future__ import annotations",
        "def f():\n    for x in y:\n        break\n    return x",
        "while x:\n    if y: break\n    continue",
        "await x\nasync with y as z:\n    [await a for a in b]",
        "text = 'return'\n# return to sender\nbreaks = yields = 1",
    ],
)
def test_what_ipython_compiles_statement_by_statement_is_right(source: str, write: Write) -> None:
    assert codes_in(write([source])) == []


MARKED = "<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> main"


@pytest.mark.parametrize(
    "cell",
    [
        MARKED,
        f"a = 'cat'\n{MARKED}",
        f"%%bash\n{MARKED}",
        "x = 1\n>>>>>>> main",
        "x = 1\n<<<<<<< local <modified: text>\n",
        text(f"# Title\n{MARKED}"),
        text('<span style="color:red"><b><<<<<<< local</b></span>'),
        text("a\n=======\nb\n>>>>>>> main"),
        {"cell_type": "raw", "metadata": {}, "source": MARKED},
    ],
)
def test_the_markers_of_a_merge_are_told_in_every_cell(cell: str | dict[str, Any], write: Write) -> None:
    assert codes_in(write([cell])) == ["CS109"]


@pytest.mark.parametrize(
    "cell",
    [
        f"text = '''\n{MARKED}\n'''",
        text(f"Git writes:\n```\n{MARKED}\n```\n"),
        text(f"~~~~ diff\n{MARKED}\n~~~~"),
        text("Title\n=======\n> a quote"),
        text("> a quote\n\n>>>>>>> deeply quoted"),
        text("a << b, and ======= or >>>>>>>"),
        "x = 1 << 7\ny = x >> 7  # >>>>>>> main",
    ],
)
def test_what_only_looks_like_the_marker_of_a_merge_is_none(cell: str | dict[str, Any], write: Write) -> None:
    assert codes_in(write([cell])) == []


@pytest.mark.parametrize(
    ("source", "fixed"),
    [
        ("files = !ls", "files = get_ipython().getoutput('ls')"),
        (
            "if x:\n    a.b, c['d'] = !cat {name} \\\n      $HOME",
            "if x:\n    a.b, c['d'] = get_ipython().getoutput('cat {name}        $HOME')",
        ),
        ('%%time\nn=!nvidia-smi | grep "a\'b"', "%%time\nn= get_ipython().getoutput('nvidia-smi | grep \"a\\'b\"')"),
        ("x: list = !ls", "x: list = get_ipython().getoutput('ls')"),
    ],
)
def test_a_shell_line_that_is_assigned_becomes_what_ipython_makes_of_it(source: str, fixed: str, write: Write) -> None:
    path = write([source])
    assert codes_in(path) == ["CS110"]
    assert codes_in(path, "2025.07") == [], "Python 3.11 reads it"
    fix_file(path, USUAL_RULES, LATEST)
    assert "".join(json.loads(path.read_text())["cells"][0]["source"]) == fixed
    assert codes_in(path) == []


@pytest.mark.parametrize("source", ["here = %pwd", "%%bash\nfiles=!ls", "!files=$(ls)", "text = 'a = !ls'", "a != b"])
def test_other_commands_and_texts_are_no_assigned_shell_lines(source: str, write: Write) -> None:
    assert codes_in(write([source])) == []


@pytest.mark.parametrize("name", ["swift", "ir", "julia-1.6", "xcpp17", "gophernotes", "rust", "kotlin", ".net-csharp"])
def test_a_kernel_of_another_language_is_known_by_its_name(name: str, write: Write) -> None:
    kernel = {"kernelspec": {"name": name, "display_name": name}}
    assert codes_in(write(["//choose a model\nimport Foundation\nlet x: Int = 1"], metadata=kernel)) == []


@pytest.mark.parametrize("name", ["python3", "python2", "conda-env-swift-py", "pytorch-gpu", "irpy", "my-env", ""])
def test_other_kernels_are_of_python(name: str, write: Write) -> None:
    assert codes_in(write(["print 'a'"], metadata={"kernelspec": {"name": name}})) == ["CS107"]
