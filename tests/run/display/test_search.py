"""What is told of a search."""

from typing import Any

import pytest

from colab_starter.run.display.search import (
    BestSoFar,
    describe_best,
    describe_search,
    explain_no_best,
    find_best,
    rank_runs,
)
from colab_starter.run.formatting import Wording
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.search.pruners import PrunerChoice
from colab_starter.run.search.request import Search
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.ranges import Axis, Choices, Range
from colab_starter.run.sweep.runs import Run

AXES: dict[str, Axis] = {"lr": Range(1e-4, 0.1, log=True), "size": Choices((32, "big"))}
WORDING = Wording(AXES, Mask())


def search_for(**objectives: str) -> Search:
    return Search(
        Space({"epochs": 3}, AXES), objectives, trials=30, seconds=90.0, seed=1, pruner=PrunerChoice("median")
    )


def record(run: str, status: Status = Status.OK, seconds: float = 1.0, **metrics: Any) -> RunRecord:
    ended = RunRecord(run, 1, {}, "", f"{run}/nb.ipynb", "")
    ended.end(Outcome(status, metrics=metrics, seconds=seconds), "")
    return ended


def test_a_dry_run_shows_the_space_and_how_it_is_searched() -> None:
    assert describe_search(search_for(accuracy="maximize"), WORDING) == [
        "lr    0.0001..0.1 log",
        "size  32, big",
        "in every run: epochs=3",
        "maximize accuracy: 30 trials, 1:30 min, chosen by tpe with seed 1; ends bad trials early by median",
    ]


RUNS = [Run(name, {"lr": lr, "size": 32}) for name, lr in zip("abcdef", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True)]
RECORDS = {
    "a": record("a", accuracy=0.5, loss=0.1),
    "b": record("b", accuracy=0.9, loss=0.9, seconds=9.0),
    "c": record("c", Status.PRUNED, accuracy=0.99, loss=0.0),
    "d": record("d", accuracy=float("nan")),
    "e": record("e", accuracy=0.4, loss=0.5),
}


def test_runs_are_ranked_by_the_objective_and_those_without_one_come_last() -> None:
    ranked = [run.id for run in rank_runs(search_for(accuracy="maximize"), RUNS, RECORDS)]
    assert ranked == ["b", "a", "e", "c", "d", "f"]
    assert [run.id for run in rank_runs(search_for(loss="minimize"), RUNS, RECORDS)][:3] == ["a", "e", "b"]


def test_a_search_without_a_best_run_says_what_could_have_been_searched_for() -> None:
    assert explain_no_best(search_for(acuracy="maximize"), RUNS, RECORDS, WORDING) == (
        "no run is the best, because none recorded acuracy as a number; recorded: accuracy, loss"
    )
    assert explain_no_best(search_for(accuracy="maximize"), RUNS, RECORDS, WORDING) == ""
    assert explain_no_best(search_for(acuracy="maximize"), RUNS, {"c": RECORDS["c"]}, WORDING) == ""


def test_an_integer_too_large_for_a_float_has_its_rank() -> None:
    records = {**RECORDS, "a": record("a", accuracy=10**400)}
    assert find_best(search_for(accuracy="maximize"), RUNS, records) == {"a": {"accuracy": float("inf")}}


def test_the_best_run_is_one_that_ended_well() -> None:
    assert describe_best(search_for(accuracy="maximize"), RUNS, RECORDS, WORDING) == [
        "best: accuracy=0.9 with lr=0.2 size=32 (b)"
    ]
    assert describe_best(search_for(seconds="minimize"), RUNS, RECORDS, WORDING)[0].startswith("best: seconds=1 with")
    assert describe_best(search_for(other="minimize"), RUNS, RECORDS, WORDING) == []


def test_of_two_objectives_the_runs_that_none_beats_are_told() -> None:
    assert describe_best(search_for(accuracy="maximize", loss="minimize"), RUNS, RECORDS, WORDING) == [
        "none is better in all objectives than:",
        "  accuracy=0.9, loss=0.9 with lr=0.2 size=32 (b)",
        "  accuracy=0.5, loss=0.1 with lr=0.1 size=32 (a)",
    ]


@pytest.mark.parametrize(("goal", "told"), [("maximize", [False, True, False]), ("minimize", [False, False, True])])
def test_a_new_best_is_noticed_when_there_was_one_before(goal: str, told: list[bool]) -> None:
    best = BestSoFar(search_for(accuracy=goal), [])
    assert best.describe(WORDING) == ""
    assert [best.note(RECORDS[run]) for run in "abe"] == told
    assert not best.note(RECORDS["c"])
    assert best.describe(WORDING) == f"best accuracy={0.9 if goal == 'maximize' else 0.4}"


def test_a_best_run_of_an_earlier_command_counts() -> None:
    assert not BestSoFar(search_for(accuracy="maximize"), [RECORDS["b"]]).note(RECORDS["a"])
