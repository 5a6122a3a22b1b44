"""Sweep files are read as they look, and what cannot be read is told in one line with its place."""

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.files import read_sweep_file
from colab_starter.run.sweep.options import LARGEST_SWEEP
from colab_starter.run.sweep.types import Text


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_three_parts_of_a_yaml_sweep_are_read_with_their_lines(tmp_path: Path) -> None:
    text = (
        "fixed:\n  epochs: 2\ngrid:\n  lr: [1e-3, 0.1]\n  name: 'a'\nlist:\n  - {n: 1}\n  - n: null\n    m: [1, [x]]\n"
    )
    sweep = read_sweep_file(write(tmp_path, "a.yaml", text))
    assert sweep.fixed["epochs"].written == Text("2")
    assert sweep.fixed["epochs"].where.endswith("a.yaml, line 2: ")
    assert sweep.grid
    assert [entry.written for entry in sweep.grid["lr"]] == [Text("1e-3"), Text("0.1")]
    assert sweep.grid["name"][0].written == Text("a", quoted=True)
    assert sweep.rows
    assert sweep.rows[0]["n"].written == Text("1")
    assert sweep.rows[1]["n"].written is None
    assert sweep.rows[1]["m"].written == [Text("1"), [Text("x")]]


@pytest.mark.parametrize("value", ["1e-3", "2026-01-01", "no", "on", "010", "1:30", "3.10", "0x1F", "1_000", ".5"])
def test_yaml_changes_no_plain_value(tmp_path: Path, value: str) -> None:
    assert read_sweep_file(write(tmp_path, "a.yml", f"fixed:\n  x: {value}\n")).fixed["x"].written == Text(value)


@pytest.mark.parametrize("name", ["on", "n", "1", "yes"])
def test_yaml_changes_no_name(tmp_path: Path, name: str) -> None:
    assert list(read_sweep_file(write(tmp_path, "a.yaml", f"fixed:\n  {name}: 3\n")).fixed) == [name]


BOMB = "fixed:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("# nothing\n", "must begin with"),
        ("- 1\n", "must begin with"),
        ("just text", "must begin with"),
        ("grid:\n\tlr: 1\n", "line 2: YAML does not allow tabs"),
        ("grid: [1\n", "line 2 is not valid YAML"),
        ("grid:\n  lr: 1\n  lr: 2\n", "line 3: lr appears twice"),
        ("grid: {}\ngrid: {}\n", "grid appears twice"),
        ("grids:\n  lr: 1\n", "did you mean grid:?"),
        ("lr: [1, 2]\n", "put parameters under grid:"),
        ("grid: 3\n", "line 1: write NAME: VALUE under grid:"),
        ("grid: [a]\n", "write NAME: VALUE under grid:"),
        ("grid:\n  lr: []\n", "line 2: lr has no value"),
        ("list:\n  a: 1\n", "write one run per line"),
        ("list: []\n", "write one run per line"),
        ("list:\n  - 3\n", "line 2: write NAME: VALUE under list:"),
        ("fixed:\n  x: !!python/object/apply:os.system [ls]\n", "line 2: tags"),
        ("fixed:\n  x: !!str 3\n", "line 2: tags"),
        ("fixed: {a: 1}\n---\nfixed: {a: 2}\n", "several documents"),
        ("fixed:\n  ? [a]\n  : 1\n", "cannot be a name"),
        ("fixed:\n  x: {? {a: 1} : 1}\n", "cannot be a name"),
        ("fixed:\n  a: &a {x: 1}\n  b:\n    <<: *a\n", "line 4: merges"),
        ("fixed:\n  a: &a [*a]\n", "stands for what it is in"),
        (BOMB, "more than 2,000,000 values"),
        ("fixed:\n  a: " + "[" * 200_000, "nested"),
        ("fixed:\n  a: *nowhere\n", "line 2 is not valid YAML"),
        ("fixed: {a: \x00}", "is not valid YAML"),
    ],
    ids=range(28),
)
def test_a_yaml_file_that_cannot_be_meant_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    began = time.process_time()
    with pytest.raises(ParameterError) as caught:
        read_sweep_file(write(tmp_path, "a.yaml", text))
    assert told in str(caught.value)
    assert "a.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.process_time() - began < 5


DEEP = {
    "lists": ("[", "]"),
    "mappings": ("{a: ", "}"),
    "both": ("[{a: ", "}]"),
    "a list in the lines of lists": ("- ", ""),
    "complex keys": ("? ", ""),
    "quoted brackets between": ("['[', ", "]"),
}


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("depth", [60, 1002, 20_000])
@pytest.mark.parametrize("form", DEEP)
@pytest.mark.parametrize("loader", ["C", "Python"])
def test_deep_nesting_is_called_so_whatever_the_parser_says_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str, form: str, depth: int, is_closed: bool
) -> None:
    if loader == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    begin, end = DEEP[form]
    text = f"fixed:\n  a:\n    {begin * depth}1{end * depth * is_closed}\n"
    with pytest.raises(ParameterError, match=r"a\.yaml, line \d: nested more than 50 deep; make it flatter$"):
        read_sweep_file(write(tmp_path, "a.yaml", text))


def test_brackets_that_are_only_text_are_not_nesting(tmp_path: Path) -> None:
    text = f"fixed:\n  a: '{'[' * 60}'\n  b: \"{'{' * 60}\"\n  c: [{'[1],' * 60}]  # {'[' * 60}\n"
    sweep = read_sweep_file(write(tmp_path, "a.yaml", text))
    assert sweep.fixed["a"].written == Text("[" * 60, quoted=True)
    assert sweep.fixed["c"].written == [[Text("1")]] * 60
    with pytest.raises(ParameterError, match="line 5: YAML does not allow tabs"):
        read_sweep_file(write(tmp_path, "a.yaml", f"{text}\td: 1\n"))


def test_aliases_that_repeat_a_little_are_taken(tmp_path: Path) -> None:
    sweep = read_sweep_file(write(tmp_path, "a.yaml", "fixed:\n  a: &a [1]\n  b: *a\n"))
    assert sweep.fixed["b"].written == [Text("1")]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"lr,name\n0.1,a\n0.2,\n", [{"lr": "0.1", "name": "a"}, {"lr": "0.2"}]),
        ("\ufefflr,name\r\n0.1,ü\r\n".encode(), [{"lr": "0.1", "name": "ü"}]),
        (b"lr;name\n0.1;a,b\n", [{"lr": "0.1", "name": "a,b"}]),
        (b"lr\tname\n0.1\ta\n", [{"lr": "0.1", "name": "a"}]),
        (b'lr, name\n0.1, "a,""b""\nc"\n', [{"lr": "0.1", "name": 'a,"b"\nc'}]),
        (b"lr\n1\n\n2", [{"lr": "1"}, {"lr": "2"}]),
        (b"lr,\n1,\n2,\n", [{"lr": "1"}, {"lr": "2"}]),
        (b"a,b\n,\n", [{}]),
        (b"\n\nlr\n1\n", [{"lr": "1"}]),
    ],
)
def test_csv_files_of_many_makers_are_read(tmp_path: Path, content: bytes, rows: list[dict[str, str]]) -> None:
    found = read_sweep_file(write(tmp_path, "a.csv", content)).rows
    assert found is not None
    written = [{name: entry.written for name, entry in row.items()} for row in found]
    assert written == [{name: Text(cell) for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"lr\n", "a header but no rows"),
        (b"lr,lr\n1,2\n", "two columns called lr"),
        (b",lr\n0,1\n", "column 1 has no name"),
        (b"lr,n\n1\n", "line 2: 1 cells under 2 names"),
        (b"lr\n0,1\n", "line 2: 2 cells under 1 names"),
        (b'lr\n"a\n', "is not valid CSV"),
        (b"lr\n\xe4\n", "is not UTF-8"),
        ("lr\n1\n".encode("utf-16"), "is not UTF-8"),
    ],
)
def test_a_csv_file_that_cannot_be_meant_is_told_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_sweep_file(write(tmp_path, "a.csv", content))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def read_so_far(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many rows of CSV, events of YAML and nodes of YAML were read."""
    counts: Counter[str] = Counter()

    def count(kind: str, iterate: Callable[..., Any]) -> Callable[..., Any]:
        class Counted:
            def __init__(self, *arguments: Any, **options: Any) -> None:
                self._items = iterate(*arguments, **options)

            def __iter__(self) -> Iterator[Any]:
                for item in self._items:
                    counts[kind] += 1
                    yield item

            def __getattr__(self, name: str) -> Any:
                return getattr(self._items, name)

        return Counted

    monkeypatch.setattr(csv, "reader", count("rows", csv.reader))
    monkeypatch.setattr(yaml, "parse", count("events", yaml.parse))
    monkeypatch.setattr(yaml, "compose", lambda *_: counts.update(nodes=1))
    return counts


MANY = LARGEST_SWEEP + 50_000
TOO_LARGE: dict[str, tuple[str, Callable[[], str], int]] = {
    "rows": ("csv", lambda: "x\n" + "1\n" * MANY, LARGEST_SWEEP + 2),
    "rows of tabs": ("tsv", lambda: "x\ty\n" + "1\t2\n" * MANY, LARGEST_SWEEP + 2),
    "columns": ("csv", lambda: ",".join(f"x{n}" for n in range(MANY)) + "\n", 1),
    "list": ("yaml", lambda: "list:\n" + "- x: 1\n" * MANY, 4 * LARGEST_SWEEP + 20),
    "list in brackets": ("yml", lambda: f"list: [{'{x: 1}, ' * MANY}]", 4 * LARGEST_SWEEP + 20),
    "an axis": ("yaml", lambda: "grid:\n  x:\n" + "  - 1\n" * MANY, LARGEST_SWEEP + 20),
    "an axis in brackets": ("yaml", lambda: f"grid: {{x: [{'1, ' * MANY}]}}", LARGEST_SWEEP + 20),
    "a product": ("yaml", lambda: "grid:\n" + "".join(f"  {x}: [{'1, ' * 1000}]\n" for x in "abcdef"), 1200),
    "a product of aliases": (
        "yaml",
        lambda: f"fixed:\n  a: &a [{'1, ' * 1000}]\ngrid:\n" + "".join(f"  {x}: *a\n" for x in "bcdefghij"),
        1030,
    ),
    "names": ("yaml", lambda: "fixed:\n" + "".join(f"  x{n}: 1\n" for n in range(MANY)), 20_020),
    "names of a run": ("yaml", lambda: "list:\n- x: 1\n" + "".join(f"  x{n}: 1\n" for n in range(MANY)), 20_020),
    "a value": ("yaml", lambda: f"fixed: {{x: [{'1, ' * 2_200_000}]}}", 2_000_020),
    "laughs": ("yaml", lambda: BOMB, 220),
    "laughs in an axis": ("yaml", lambda: BOMB.replace("fixed", "grid"), 220),
}


@pytest.mark.parametrize("form", TOO_LARGE)
def test_a_file_that_is_too_large_is_read_up_to_there_and_nothing_is_made_of_it(
    tmp_path: Path, read_so_far: Counter[str], form: str
) -> None:
    kind, content, most = TOO_LARGE[form]
    path = write(tmp_path, f"a.{kind}", content())
    with pytest.raises(ParameterError, match=r"more than .*(fewer|less)") as caught:
        read_sweep_file(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert 0 < read_so_far.total() <= most
    assert not read_so_far["nodes"]


def test_a_yaml_file_of_many_megabytes_is_not_read_at_all(tmp_path: Path, read_so_far: Counter[str]) -> None:
    path = tmp_path / "a.yaml"
    with path.open("w") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(ParameterError, match="has 3,000 MB, and at most 100"):
        read_sweep_file(path)
    assert not read_so_far.total()


def test_as_many_runs_as_a_sweep_may_have_are_read(tmp_path: Path) -> None:
    rows = read_sweep_file(write(tmp_path, "a.csv", "x\n" + "1\n" * LARGEST_SWEEP)).rows
    assert rows is not None
    assert len(rows) == LARGEST_SWEEP


@pytest.mark.weekly  # YAML takes seconds for it; a grid of 90,000 runs is read below
def test_as_many_runs_and_values_as_a_sweep_may_have_are_read_from_yaml(tmp_path: Path) -> None:
    text = f"grid: {{a: [{'1, ' * 100}], b: [{'1, ' * 1000}]}}\nfixed: {{c: [{'1, ' * LARGEST_SWEEP}1, 2]}}"
    grid = read_sweep_file(write(tmp_path, "a.yaml", text)).grid
    assert grid is not None
    assert {name: len(values) for name, values in grid.items()} == {"a": 100, "b": 1000}


def test_values_that_are_replaced_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", f"grid:\n  a: [{'1, ' * 300}]\n  b: &b [{'1, ' * 300}]\n  c: *b\n")
    with pytest.raises(ParameterError, match="more than 100,000 runs"):
        read_sweep_file(path)
    assert read_sweep_file(path, replaced=["c"]).grid
    assert read_sweep_file(path, replaced=["a"]).grid


@pytest.mark.parametrize("name", ["a.txt", "a", "a.json"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParameterError, match=r"must end in \.yaml"):
        read_sweep_file(write(tmp_path, name, "x"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="No such file"):
        read_sweep_file(tmp_path / "a.yaml")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(ParameterError, match="Is a directory"):
        read_sweep_file(tmp_path / "b.csv")
