"""Whatever the file holds: findings, never a traceback, and in good time."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from colab_starter.check.checker import Checked
from colab_starter.check.findings import Finding, check_file
from colab_starter.check.fixes import fix_file
from colab_starter.check.reports import REPORTS
from tests.check.conftest import ALL_RULES, LATEST, code, notebook_of, text
from tests.support.marks import weekly

NASTY_FILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t\n",
    "a list": b"[]",
    "a number": b"1",
    "a string": b'"notebook"',
    "null": b"null",
    "an empty object": b"{}",
    "cut off": b'{"cells": [{"cell_type": "code", "source": ["x',
    "no JSON": b"import numpy as np\n",
    "merge marks": b'{"cells": [\n<<<<<<< ours\n],\n=======\n]\n>>>>>>> theirs\n',
    "NaN": b'{"cells": [], "metadata": {"x": NaN}, "nbformat": 4, "nbformat_minor": 5}',
    "UTF-16": json.dumps(notebook_of(["x = 1"])).encode("utf-16"),
    "not UTF-8": b'{"cells": [], "metadata": {"x": "\xff\xfe"}}',
    "null bytes": b"\0" * 100,
    "a byte-order mark": b"\xef\xbb\xbf" + json.dumps(notebook_of(["x = 1"])).encode(),
    "deep": b"[" * 100_000,
    "a deep notebook": b'{"cells": [], "metadata": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
    "a long number": b'{"nbformat": ' + b"9" * 10_000 + b"}",
    "keys twice": b'{"cells": [], "cells": [], "metadata": {}, "nbformat": 4, "nbformat": 4, "nbformat_minor": 5}',
    "cells are an object": b'{"cells": {"a": 1}, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "cells are null": b'{"cells": null, "metadata": null, "nbformat": null, "nbformat_minor": null}',
    "cells of all types": b'{"cells": [null, 1, "a", [], {}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "worksheets of all types": b'{"worksheets": [null, 1, {}, {"cells": [null, {}]}], "nbformat": 3, "metadata": 1}',
    "nbformat 2": b'{"worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}], "nbformat": 2}',
    "nbformat 1": b'{"cells": [{"cell_type": "code", "code": "x = 1"}], "nbformat": 1}',
    "nbformat 5": b'{"cells": [], "metadata": {}, "nbformat": 5, "nbformat_minor": 0}',
    "Windows": json.dumps(notebook_of(["x = 1\r\n!ls\r\ny = 2"]), indent=1).replace("\n", "\r\n").encode(),
}

NASTY_SOURCES = [
    "x = '''never closed",
    "print(((((",
    "\0",
    "\ud83d",
    "é = '🚀'\n\tif é:\n        x",
    "%",
    "%%",
    "!",
    "?",
    "!pip install",
    "!pip install 'never closed",
    "!pip install -r",
    "pip",
    "!python -m",
    "!apt-get",
    "!sudo",
    "!uv pip",
    "!;;&&||",
    "%%bash\n\\\n",
    "%%script",
    "%%capture\n%%capture\n%%capture\n",
    "%pip install {packages} $more git+ssh://x ../here ./there.whl",
    "import a" + "." + ".".join("b" * 500),
    "x = " + "(" * 500 + ")" * 500,
    "x = " + "-" * 50_000 + "1",
    "x = " + " + ".join(["'a'"] * 5_000),
    "f" + "(1)" * 2_000,
    "a" + ".b" * 5_000 + "()",
    "x = [" + "[" * 90 + "]" * 90 + "]",
    "x = " + "9" * 10_000,
    "from . import x\nfrom .. import *\nfrom x import *",
    "needed = {}\nextra = [1]",
    "needed = {1: None}\nextra = []",
    "subprocess.run(['pip', 'install', *x, 1, None])",
    "subprocess.run([])\nsubprocess.run(['pip'])",
    ",\n;\n/\n",
    ">>> ",
    "\x1b[31m!ls\x1b[0m\n%\x1b]0;title\x07",
    "\n" * 10_000 + "!ls",
    "# colab-starter: ignore CS9999999",
    "# colab-starter:",
    "model.cuda(*x)\nmodel.to()\ntorch.device(1)",
    "match x:\n    case {'a': 1}: pass",
]

ODD_VALUES: list[Any] = [None, True, 0, -1, 1e300, "", "code", "🚀", [], {}, [None], {"a": None}, ["parameters"], [[]]]


def _check(path: Path) -> list[Finding]:
    findings = check_file(path, ALL_RULES, LATEST)
    for made in REPORTS.values():
        report = made(ALL_RULES)
        printed = report.begin() + report.add(Checked(path, findings, [1] * len(findings))) + report.end()
        assert bool(findings) <= bool(printed.encode())
    assert all(finding.message.isprintable() for finding in findings)
    return findings


@pytest.mark.parametrize("name", NASTY_FILES)
def test_a_nasty_file_is_a_finding_or_clean(name: str, tmp_path: Path) -> None:
    path = tmp_path / "nasty.ipynb"
    path.write_bytes(NASTY_FILES[name])

    findings = _check(path)
    fix_file(path, ALL_RULES, LATEST)
    _check(path)

    harmless = ("a byte-order mark", "keys twice", "Windows")
    assert bool([found for found in findings if found.code[:3] == "CS1"]) == (name not in harmless)


def test_nasty_cells_are_findings_or_clean(tmp_path: Path) -> None:
    path = tmp_path / "nasty.ipynb"
    for source in NASTY_SOURCES:
        path.write_text(json.dumps(notebook_of([source, code(source, tags=["parameters"]), text(source)])))
        _check(path)
        fix_file(path, ALL_RULES, LATEST)


def test_a_folder_with_the_name_of_a_notebook_is_searched_and_a_device_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "loop.ipynb"
    path.symlink_to(path)
    assert [finding.code for finding in _check(path)] == ["CS101"]


@pytest.mark.parametrize("seed", [4, weekly(40), weekly(400)])
def test_a_hundred_mutated_notebooks_give_no_traceback(all_lessons: Path, tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    originals = [part for path in sorted((all_lessons / "notebooks").iterdir()) for part in _split(path)]
    path = tmp_path / "mutated.ipynb"
    for number in range(100):
        original = choose.choice(originals)
        mutated = _mutate_text(original, choose) if number % 3 == 0 else _mutate_data(original, choose)
        path.write_bytes(mutated.encode("utf-8", "surrogatepass"))
        _check(path)
        if number % 10 == 0:
            fix_file(path, ALL_RULES, LATEST)


def _split(path: Path) -> Iterator[str]:
    """The notebook in parts of ten cells: a part with a fault is as hard to read, and ten times as quick."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for start in range(0, len(notebook["cells"]), 10):
        yield json.dumps({**notebook, "cells": notebook["cells"][start : start + 10]}, indent=1)


def _mutate_text(original: str, choose: random.Random) -> str:
    start = choose.randrange(len(original))
    end = start + choose.choice([0, 1, 10, 1000])
    return original[:start] + choose.choice(["", '"', "{", "\\u0000", "\\ud800", "\x00", "é", "]"]) + original[end:]


def _mutate_data(original: str, choose: random.Random) -> str:
    notebook = json.loads(original)
    for _ in range(choose.randint(1, 4)):
        holder, key = choose.choice(list(_places(notebook)))
        if isinstance(holder, dict) and choose.random() < 0.3:
            del holder[key]
        elif isinstance(holder[key], str) and choose.random() < 0.5:
            holder[key] = choose.choice(NASTY_SOURCES) + holder[key]
        else:
            holder[key] = choose.choice(ODD_VALUES)
    return json.dumps(notebook)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize("seed", [5, weekly(50), weekly(500)])
def test_what_check_calls_valid_nbformat_calls_valid_too(all_lessons: Path, tmp_path: Path, seed: int) -> None:
    """The structural rules are quicker than nbformat's schema, and must not be laxer where it matters."""
    choose = random.Random(seed)
    original = next(_split(all_lessons / "notebooks" / "blank.ipynb"))
    keys = {"cell_type", "source", "metadata", "outputs", "execution_count", "id", "nbformat_minor", "cells", "tags"}
    path = tmp_path / "mutated.ipynb"
    for _ in range(100):
        notebook = json.loads(original)
        holder, key = choose.choice([place for place in _places(notebook) if place[1] in keys])
        if choose.random() < 0.5:
            del holder[key]
        else:
            holder[key] = choose.choice(ODD_VALUES)
        path.write_text(json.dumps(notebook))
        findings = [found for found in check_file(path, ALL_RULES, LATEST) if found.code in ("CS102", "CS104")]
        if not findings:
            nbformat.validate(notebook)


def test_fifty_megabytes_of_outputs_take_no_time(tmp_path: Path) -> None:
    picture = {"data": {"image/png": "A" * 1_000_000}, "metadata": {}, "output_type": "display_data"}
    cells: Any = [code("x = 1") | {"outputs": [picture]} for _ in range(50)]
    path = tmp_path / "big.ipynb"
    path.write_text(json.dumps(notebook_of(cells), indent=1))

    started = time.process_time()
    findings = check_file(path, ALL_RULES, LATEST)
    assert time.process_time() - started < 2
    assert "CS105" in [finding.code for finding in findings]
