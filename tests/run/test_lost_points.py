"""Points that only the executed notebook of a run has."""

import json
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from colab_starter.run.job import Point, PointsRecorded
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import open_ledger
from colab_starter.run.ledger.series import FILE_NAME, read_series
from colab_starter.run.lost_points import find_points, recover_points
from colab_starter.run.outcome import Outcome, SeriesSummary, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.storage.store import LocalStore
from colab_starter.run.worker.outputs import SCRAP_TYPE

POINTS = [Point("loss", 1, 0.5), Point("acc", 1, 0.1), Point("own", 1, 7), Point("loss", 2, 0.4), Point("acc", 2, 0.2)]


def scrap(name: str, value: Any, **step: Any) -> Any:
    return v4.new_output("display_data", {SCRAP_TYPE: {"name": name, "data": value, **step}})


def write(path: Path) -> bytes:
    first = v4.new_code_cell(outputs=[v4.new_output("stream", text="epoch 1: loss 0.5\n"), scrap("acc", 0.1, step=1)])
    line = v4.new_output("stream", text="own=7\nepoch 2: loss 0.4 acc 0.9\n")
    second = v4.new_code_cell(outputs=[line, scrap("acc", 0.2, step=2), scrap("plain", 1)])
    path.parent.mkdir()
    path.write_text(json.dumps(v4.new_notebook(cells=[v4.new_markdown_cell("text"), first, second])))
    return path.read_bytes()


def test_the_outputs_of_a_notebook_tell_its_points(tmp_path: Path) -> None:
    assert find_points(write(tmp_path / "a/nb.ipynb"), ["own=([0-9]+)"]) == POINTS


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"cells": 7}', b'{"cells": [{"outputs": [{}]}]}', b"[" * 9999]
)
def test_a_damaged_notebook_tells_none(content: bytes) -> None:
    assert find_points(content) == []


@pytest.mark.parametrize("kept", [0, 3, 5])
def test_a_run_found_in_its_notebook_gets_the_points_that_were_not_written(tmp_path: Path, kept: int) -> None:
    write(tmp_path / "a/nb.ipynb")
    outcome = Outcome(Status.OK, series={name: SeriesSummary(2, 0, 1, 1, 2) for name in ("loss", "acc")})
    ledger = open_ledger(tmp_path, Mask())
    for attempt in (1, 2):
        ledger.write_start("a", attempt, {}, "source", "a/nb.ipynb")
        ledger.write_points(PointsRecorded("a", tuple(POINTS[: kept if attempt == 2 else 5]), anew=True))
        ledger.write_end("a", outcome)
    before = (tmp_path / FILE_NAME).read_bytes()
    recover_points(ledger, LocalStore(tmp_path), [ledger.runs["a"]], ["own=([0-9]+)"])
    ledger.close()
    series = read_series(JournalFile(tmp_path / FILE_NAME).read())
    assert series == {"a": {"loss": [(1, 0.5), (2, 0.4)], "acc": [(1, 0.1), (2, 0.2)], "own": [(1, 7)]}}
    assert ((tmp_path / FILE_NAME).read_bytes() == before) == (kept == 5)
