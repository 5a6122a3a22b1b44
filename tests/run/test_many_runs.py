"""Sweeps of many runs that have ended: counted is what a command does, and not how long it takes."""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from colab_starter.report.build import build_report
from colab_starter.run.batch import Options
from colab_starter.run.coordinator import run_batch
from colab_starter.run.display import results
from colab_starter.run.flat_metrics import encode_value
from colab_starter.run.secrets import MASK, Mask
from tests.run.finished import write_finished, write_source

opened: list[str] | None = None
"""Files that were opened, while somebody wants to know."""


def _note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    if opened is not None and event == "open":
        opened.append(str(arguments[0]))


sys.addaudithook(_note_opened)


@contextmanager
def noting_opened() -> Iterator[list[str]]:
    """The paths of all files that are opened meanwhile."""
    global opened
    opened = []
    try:
        yield opened
    finally:
        opened = None


def count_calls(action: Callable[[], object]) -> int:
    """How many functions are called, Python's own included."""
    calls = Counter[str]()

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        calls[event] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return calls["call"] + calls["c_call"]


def make_sweep(folder: Path, runs: int) -> Options:
    """A sweep that has ended; returns what asks for it again."""
    folder.mkdir()
    notebook, asked = write_source(folder), [f"n=range({runs // 4})", "name=a,b,c,d"]
    write_finished(notebook, *asked, out=folder / "runs")
    return Options(notebook, asked, out=folder / "runs", quiet=True)


def test_resuming_and_reporting_open_no_executed_notebook(tmp_path: Path) -> None:
    options = make_sweep(tmp_path / "sweep", 40)
    runs = tmp_path / "sweep/runs"
    with noting_opened() as paths:
        assert run_batch(options) == 0
        build_report(runs, runs / "report.html", with_notebooks=False)
    assert str(runs / "ledger.jsonl") in paths
    assert len([*runs.glob("*/nb.ipynb")]) == 40
    assert [path for path in paths if path.endswith("/nb.ipynb") and path.startswith(str(runs))] == []


@pytest.mark.parametrize("command", ["run", "report"])
def test_what_is_done_for_a_finished_run_does_not_grow_with_their_number(command: str, tmp_path: Path) -> None:
    def count(runs: int) -> int:
        options = make_sweep(tmp_path / str(runs), runs)
        folder = tmp_path / str(runs) / "runs"
        if command == "run":
            return count_calls(lambda: run_batch(options))
        return count_calls(lambda: build_report(folder, folder / "report.html", with_notebooks=False))

    count(8)  # what is imported and remembered once
    few, more, many = map(count, (100, 200, 400))
    assert 0 < many - more < 2.2 * (more - few)  # twice as many runs more


SECRETS = ["hunter2hunter2", "tok'en\"/1", "0.1234567", "line one\nline two"]


@pytest.mark.parametrize("seed", range(3))
def test_a_row_of_results_is_masked_as_its_cells_are_one_by_one(seed: int) -> None:
    source, mask, revealed = random.Random(seed), Mask(SECRETS), 0
    kinds: list[Callable[[], Any]] = [
        lambda: source.choice(SECRETS),
        lambda: f"x{source.choice(SECRETS)}y",
        lambda: source.choice([0.1234567, 0.5, float("nan"), 7, True, None]),
        lambda: [source.choice([0.1234567, 0.5, 1]) for _ in range(3)],
        lambda: [source.choice(SECRETS)],
        lambda: {"key": source.choice(SECRETS).encode()},
        lambda: "plain",
    ]
    for _ in range(300):
        values = [source.choice(kinds)() for _ in range(source.randint(1, 4))]
        told = mask.apply_to_value([*map(encode_value, mask.apply_to_value(values))])
        assert results.write_values(values, mask) == told
        revealed += MASK in str(told)
    assert revealed > 100
