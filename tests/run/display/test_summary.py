"""What is printed when a batch has ended."""

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from colab_starter.run.batch import Batch, Options, prepare_batch
from colab_starter.run.display.summary import conclude
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.search.request import SearchOptions
from colab_starter.run.sweep.runs import Run

GO_ON = "the search was stopped before its end: give the same command again to go on"


def prepare_search(folder: Path, *runs: Run, as_json: bool = False) -> Batch:
    cell = nbformat.v4.new_code_cell("x = 0.5", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "nb.ipynb")
    search = SearchOptions(maximize=("score",), trials=9)
    options = Options(folder / "nb.ipynb", ["x=0..1"], out=folder / "runs", search=search, as_json=as_json)
    return replace(prepare_batch(options), runs=list(runs))


def record(run: str, score: float) -> RunRecord:
    ended = RunRecord(run, 1, {}, "", f"{run}/nb.ipynb", "")
    ended.end(Outcome(Status.OK, metrics={"score": score}), "")
    return ended


def test_a_search_that_was_stopped_between_two_trials_says_how_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = prepare_search(tmp_path, Run("a", {"x": 0.1}))
    assert conclude(batch, {"a": record("a", 0.5)}, 130, is_written=False) == 130
    assert GO_ON in capsys.readouterr().out
    assert conclude(batch, {"a": record("a", 0.5)}, 0, is_written=False) == 0
    assert GO_ON not in capsys.readouterr().out


def test_a_search_that_was_stopped_before_its_first_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conclude(prepare_search(tmp_path), {}, 130, is_written=False) == 130
    assert "no run was started" in capsys.readouterr().out


def test_an_infinite_best_value_leaves_the_events_strict_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    batch = prepare_search(tmp_path, Run("a", {"x": 0.1}), as_json=True)
    conclude(batch, {"a": record("a", float("inf"))}, 0, is_written=False)
    finished = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert [*finished["best"]] == ["a"]
