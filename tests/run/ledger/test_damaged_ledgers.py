"""Ledgers damaged in every way that a seeded generator thinks of, given to ``run``, ``--dry-run`` and ``report``.

``LEDGERS=5000 pytest tests/run/ledger/test_damaged_ledgers.py`` tries more of them.
"""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_starter.report import page as page_module
from colab_starter.report.build import build_report
from colab_starter.run import coordinator
from colab_starter.run.batch import Options
from colab_starter.run.display.preview import preview_batch
from colab_starter.run.ledger.ledger import read_runs
from tests.run.finished import write_finished, write_source

LEDGERS = int(os.environ.get("LEDGERS", "156"))
PARTS = 8

Lines = list[dict[str, Any]]
Damage = Callable[[Lines, random.Random], bytes]

JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "junk",
    "\0",
    "\ud800",
    "../../etc",
    "/etc/passwd",
    "x" * 5000,
    [],
    [1, [2]],
    {},
    {"$": "float", "of": "many"},
    {"$": "set", "of": [[1]]},
    {"$": ["x"], "of": 1},
    {"$": "complex", "of": 3},
    {"deep": {"$": "tuple"}},
]


def dump(lines: Lines) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def put_junk(lines: Lines, chance: random.Random) -> bytes:
    """Facts of the wrong kind, in some of the lines."""
    for line in chance.sample(lines, chance.randint(1, len(lines))):
        # An empty dict of parameters or metrics is one that can be meant.
        line[chance.choice(list(line))] = chance.choice([value for value in JUNK if value != {}])
    return dump(lines)


def drop_facts(lines: Lines, chance: random.Random) -> bytes:
    for line in chance.sample(lines, chance.randint(1, len(lines))):
        del line[chance.choice([key for key in line if key != "attempt"])]
    return dump(lines)


def drop_lines(lines: Lines, chance: random.Random) -> bytes:
    return dump(chance.sample(lines, chance.randint(0, len(lines) - 1)))


def shuffle_lines(lines: Lines, chance: random.Random) -> bytes:
    return dump(chance.sample(lines, len(lines)))


def repeat_lines(lines: Lines, chance: random.Random) -> bytes:
    return dump([*lines, *chance.choices(lines, k=5)])


def cut(lines: Lines, chance: random.Random) -> bytes:
    content = dump(lines)
    return content[: chance.randrange(len(content))]


def cut_the_beginning(lines: Lines, chance: random.Random) -> bytes:
    content = dump(lines)
    return content[chance.randrange(len(content)) :]


def put_bytes(lines: Lines, chance: random.Random) -> bytes:
    content = bytearray(dump(lines))
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(content))
        content[place:place] = chance.randbytes(chance.randint(1, 30))
    return bytes(content)


def put_depth(lines: Lines, chance: random.Random) -> bytes:
    depth = chance.choice([60, 200, 400, 900, 5000, 200_000])
    key = chance.choice(["parameters", "metrics", "cause", "run", "record", "unknown"])
    opening, closing = chance.choice([("[", "]"), ('{"a":', "}"), ('{"$":"tuple","of":[', "]}")])
    chosen = chance.randrange(len(lines))
    lines[chosen][key] = "DEPTH"
    deep = f"{opening * depth}1{closing * depth}"
    return dump(lines).replace(b'"DEPTH"', deep.encode())


def encode(lines: Lines, chance: random.Random) -> bytes:
    text = dump(lines).decode()
    text = chance.choice([text, text.replace("\n", "\r\n"), text.rstrip("\n")])
    return text.encode(chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037"]))


def reformat(lines: Lines, chance: random.Random) -> bytes:
    return json.dumps(lines, indent=chance.choice([None, 1, 4])).encode() + b"\n"


def replace_all(lines: Lines, chance: random.Random) -> bytes:
    return chance.choice([b"", b"\n", b"\n" * 5000, b"\0" * 5000, b"{}\n" * 50, b"[]", chance.randbytes(3000)])


DAMAGES: list[Damage] = [
    put_junk,
    put_junk,
    drop_facts,
    drop_lines,
    shuffle_lines,
    repeat_lines,
    cut,
    cut_the_beginning,
    put_bytes,
    put_depth,
    encode,
    reformat,
    replace_all,
]


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Path, Lines]:
    """A sweep of three finished runs, and the lines of its ledger."""
    write_finished(write_source(tmp_path), "n=1,2,3", out=tmp_path / "whole")
    return tmp_path, [json.loads(line) for line in (tmp_path / "whole/ledger.jsonl").read_text().splitlines()]


@pytest.fixture(autouse=True)
def no_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages are written without the libraries that they carry, which are the same in all."""
    for name in ("pack_tables", "pack_plotly", "read_tables_style"):
        monkeypatch.setattr(page_module, name, lambda: "")


@pytest.mark.parametrize("part", range(PARTS))
def test_finished_runs_are_not_done_again_and_nothing_is_an_internal_error(
    part: int, sweep: tuple[Path, Lines], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, lines = sweep

    def refuse(*_: object) -> None:
        raise AssertionError("a finished run is done again")

    monkeypatch.setattr(coordinator, "_execute", refuse)
    for seed in range(part, LEDGERS, PARTS):
        chance = random.Random(seed)
        damage = DAMAGES[seed % len(DAMAGES)]
        content = damage([dict(line) for line in lines], chance)
        try:
            _try_all(folder, content)
        except BaseException:
            (folder / "damaged.jsonl").write_bytes(content)
            print(f"seed {seed}, {damage.__name__}: {folder / 'damaged.jsonl'}")
            raise
    said = capsys.readouterr()
    assert "Traceback" not in said.err


def _try_all(folder: Path, content: bytes) -> None:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(folder / "whole", out)
    (out / "ledger.jsonl").write_bytes(content)
    options = Options(folder / "nb.ipynb", ["n=1,2,3"], out=out, quiet=True)
    assert preview_batch(options) == 0
    assert build_report(out, folder / "before.html", with_notebooks=False).runs >= 3
    assert (out / "ledger.jsonl").read_bytes() == content
    assert coordinator.run_batch(options) == 0
    rows = (out / "results.csv").read_text("utf-8").splitlines()
    assert sum(",ok," in row for row in rows) == 3
    assert sum(str(run.status) == "ok" for run in read_runs(out).values()) == 3
    assert build_report(out, folder / "after.html", with_notebooks=False).runs >= 3
