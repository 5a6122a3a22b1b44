"""The runs of a search: recorded before they start, gone on with after any kill, never done or asked twice."""

import itertools
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.job import Ended, Event, PointsRecorded
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import FILE_NAME, Ledger, Trial, open_ledger
from colab_starter.run.ledger.series import FILE_NAME as SERIES_NAME
from colab_starter.run.ledger.series import read_series
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.runner import Plan, Runner
from colab_starter.run.search.pruners import PrunerChoice
from colab_starter.run.search.request import Search
from colab_starter.run.search.runs import SearchRuns
from colab_starter.run.secrets import Mask
from colab_starter.run.source import ListedRuns
from colab_starter.run.stopping import StopSignals
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.ranges import Choices, Range
from colab_starter.run.sweep.runs import Run
from tests.run.scripted import Listener
from tests.run.search.simulated import FunctionBackend, Simulated, SimulatedJobs, run_search

SPACE = Space({"epochs": 3}, {"x": Range(-1.0, 1.0), "n": Range(1, 8), "kind": Choices(("a", "b"))})
SMALL = Space({}, {"n": Range(1, 3), "kind": Choices(("a", [1]))})


def score(parameters: Mapping[str, Any]) -> list[float]:
    end = -((parameters["x"] - 0.3) ** 2) - 0.01 * parameters["n"] + 0.1 * (parameters["kind"] == "b")
    return [end - 0.1 * step for step in reversed(range(4))]


def make_search(trials: int | None = 20, space: Space = SPACE, **others: Any) -> Search:
    return Search(space, {"score": "maximize"}, trials=trials, **{"seed": 5, **others})


def facts_of(ledger: Ledger) -> list[tuple[int, Mapping[str, Any], Status, Any]]:
    runs = ledger.runs
    return [
        (trial.number, trial.parameters, runs[trial.run].status, runs[trial.run].outcome.metrics)
        for trial in ledger.content.trials
    ]


class Killed(BaseException):
    """The coordinator has been killed."""


class FragileJournal(JournalFile):
    """A journal whose process is killed before, or just after, its Nth line is written."""

    def __init__(self, path: Path, lines: int, *, is_written: bool) -> None:
        super().__init__(path)
        self._left, self._is_written = lines, is_written

    def append(self, *lines: bytes) -> None:
        self._left -= 1
        if self._left or self._is_written:
            super().append(*lines)
        if not self._left:
            raise Killed


@pytest.mark.parametrize("is_written", [False, True])
def test_a_search_that_is_killed_at_any_record_ends_as_if_it_had_not_been(is_written: bool, tmp_path: Path) -> None:
    search = make_search(12)
    whole = facts_of(run_search(tmp_path / "whole", search, score)[0])
    for line in range(1, 3 * 12 + 1):
        folder = tmp_path / f"killed-{line}"
        folder.mkdir()
        ledger = Ledger(FragileJournal(folder / FILE_NAME, line, is_written=is_written), Mask())
        runs = SearchRuns(search, ledger, Simulated(), {})
        with pytest.raises(Killed):
            Runner(Plan(runs, SimulatedJobs(), "a1b2c3"), ledger, FunctionBackend(score), Listener()).run(StopSignals())
        ledger.close()
        assert facts_of(run_search(folder, search, score)[0]) == whole, line


def test_more_trials_go_on_where_the_first_ended(tmp_path: Path) -> None:
    whole = facts_of(run_search(tmp_path / "whole", make_search(20), score)[0])
    _, first = run_search(tmp_path / "parts", make_search(7), score)
    ledger, second = run_search(tmp_path / "parts", make_search(20), score)
    assert facts_of(ledger) == whole
    assert (len(first.jobs), len(second.jobs)) == (7, 13)
    _, third = run_search(tmp_path / "parts", make_search(20), score)
    assert third.jobs == []


def test_a_search_without_a_seed_goes_on_too_and_asks_for_nothing_twice(tmp_path: Path) -> None:
    run_search(tmp_path, make_search(6, seed=None), score)
    ledger, backend = run_search(tmp_path, make_search(12, seed=None), score)
    assert len(backend.jobs) == 6
    assert len({tuple(sorted(trial.parameters.items())) for trial in ledger.content.trials}) == 12


def test_runs_at_once_never_get_the_same_trial(tmp_path: Path) -> None:
    ledger, backend = run_search(tmp_path, make_search(30), score, capacity=4)
    assert backend.most_running <= 4
    assert [trial.number for trial in ledger.content.trials] == [*range(30)]
    assert len(backend.jobs) == 30


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_small_space_is_done_once_and_then_the_search_ends(sampler: str, tmp_path: Path) -> None:
    def small(parameters: Mapping[str, Any]) -> list[float]:
        return [parameters["n"] + len(parameters["kind"])]

    search = make_search(None if sampler == "grid" else 500, SMALL, sampler=sampler)
    ledger, backend = run_search(tmp_path, search, small, capacity=2)
    done = {(job.parameters["n"], str(job.parameters["kind"])) for job in backend.jobs}
    assert done == {*itertools.product((1, 2, 3), ("a", "[1]"))}
    assert len(backend.jobs) == len(ledger.runs) == 6
    assert facts_of(run_search(tmp_path, search, small)[0]) == facts_of(ledger)


def test_failed_runs_are_failures_and_interrupted_ones_are_done_again(tmp_path: Path) -> None:
    class Failing(FunctionBackend):
        def wait(self, timeout: float) -> list[Any]:
            events = super().wait(timeout)
            return [
                Ended(event.run, Outcome(Status.FAILED if len(self.jobs) % 3 else Status.INTERRUPTED))
                if isinstance(event, Ended) and len(self.jobs) > 4
                else event
                for event in events
            ]

    ledger = Ledger(JournalFile(tmp_path / FILE_NAME), Mask())
    runs = SearchRuns(make_search(12), ledger, Simulated(), {})
    Runner(Plan(runs, SimulatedJobs(), "a1b2c3"), ledger, Failing(score), Listener()).run(StopSignals())
    ledger.close()
    interrupted = [run for run, record in ledger.runs.items() if record.status is Status.INTERRUPTED]
    ledger, backend = run_search(tmp_path, make_search(12), score)
    assert [job.run for job in backend.jobs] == interrupted != []
    assert sum(record.status is Status.FAILED for record in ledger.runs.values()) > 3


def test_a_run_without_the_objective_is_told_of_once(tmp_path: Path) -> None:
    sweep = Simulated()
    run_search(tmp_path, make_search(4), lambda parameters: [], sweep=sweep)
    assert len(sweep.said) == 1
    assert sweep.said[0].startswith("trial 0 recorded no score, so the search learns nothing from it: ")


def test_a_run_with_other_metrics_than_the_objective_says_which(tmp_path: Path) -> None:
    sweep = Simulated()
    search = Search(SPACE, {"accuracy": "maximize"}, trials=2, seed=5)
    run_search(tmp_path, search, score, sweep=sweep)
    assert len(sweep.said) == 1
    assert sweep.said[0].startswith("trial 0 recorded no accuracy, so")
    assert sweep.said[0].endswith(" (it recorded score)")


def test_runs_of_the_folder_count_as_knowledge_on_request(tmp_path: Path) -> None:
    points = [{"epochs": 3, "x": x / 10, "n": n, "kind": "b"} for x in range(-9, 10, 3) for n in (1, 4, 8)]
    off = {}
    for enqueue in (False, True):
        ledger = Ledger(JournalFile(tmp_path / f"{enqueue}.jsonl"), Mask())
        grid = ListedRuns([Run(f"r-{number}", point) for number, point in enumerate(points)])
        Runner(Plan(grid, SimulatedJobs(), "a1b2c3"), ledger, FunctionBackend(score), Listener()).run(StopSignals())
        search = SearchRuns(make_search(10, enqueue=enqueue), ledger, Simulated(), {})
        Runner(Plan(search, SimulatedJobs(), "a1b2c3"), ledger, FunctionBackend(score), Listener()).run(StopSignals())
        ledger.close()
        off[enqueue] = sum(abs(trial.parameters["x"] - 0.3) for trial in ledger.content.trials)
    assert off[True] < off[False] / 2


@pytest.mark.parametrize("seed", [None, 5])
def test_trials_of_other_ranges_or_fixed_values_neither_count_nor_teach_nor_are_done_again(
    seed: int | None, tmp_path: Path
) -> None:
    wide = Space({"epochs": 3}, {**SPACE.axes, "x": Range(100.0, 200.0)})
    longer = Space({"epochs": 9}, SPACE.axes)
    fresh = facts_of(run_search(tmp_path / "fresh", make_search(8, seed=5), score)[0])
    folder = tmp_path / "changed"
    for other in (wide, longer):
        run_search(folder, make_search(6, other, seed=seed), score)
    ledger, backend = run_search(folder, make_search(8, seed=seed), score)
    own = facts_of(ledger)[12:]
    assert len(backend.jobs) == len(own) == 8
    assert [number for number, *_ in own] == [*range(12, 20)]
    assert all(parameters["epochs"] == 3 and -1 <= parameters["x"] <= 1 for _, parameters, *_ in own)
    if seed is not None:
        assert [facts[1:] for facts in own] == [facts[1:] for facts in fresh]


def test_an_interrupted_trial_of_other_ranges_is_left_as_it_is(tmp_path: Path) -> None:
    ledger = Ledger(JournalFile(tmp_path / FILE_NAME), Mask())
    ledger.write_trial(Trial(0, "r-0", {"epochs": 3, "x": 50.0, "n": 1, "kind": "a"}, "a1b2c3"))
    ledger.write_start("r-0", 1, {"epochs": 3, "x": 50.0, "n": 1, "kind": "a"}, "a1b2c3", "r-0/nb.ipynb")
    ledger.close()
    _, backend = run_search(tmp_path, make_search(3), score)
    assert len(backend.jobs) == 3
    assert all(-1 <= job.parameters["x"] <= 1 for job in backend.jobs)


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_a_small_space_is_done_whole_after_trials_elsewhere(sampler: str, tmp_path: Path) -> None:
    elsewhere = Space({}, {"n": Range(11, 99), "kind": Choices(("a", [1]))})
    run_search(tmp_path, make_search(8, elsewhere), lambda parameters: [1.0])
    _, backend = run_search(tmp_path, make_search(50, SMALL, sampler=sampler), lambda parameters: [1.0])
    assert len(backend.jobs) == 6


@pytest.mark.parametrize("seeds", [(5, 5), (5, 6), (None, None)])
def test_a_grid_goes_on_with_what_other_samplers_and_seeds_have_left(
    seeds: tuple[int | None, int | None], tmp_path: Path
) -> None:
    run_search(tmp_path, make_search(2, SMALL, sampler="tpe"), lambda parameters: [1.0])
    run_search(tmp_path, make_search(4, SMALL, sampler="grid", seed=seeds[0]), lambda parameters: [1.0])
    ledger, _ = run_search(tmp_path, make_search(50, SMALL, sampler="grid", seed=seeds[1]), lambda parameters: [1.0])
    points = {(trial.parameters["n"], str(trial.parameters["kind"])) for trial in ledger.content.trials}
    assert len(points) == 6


def test_what_a_run_recorded_after_its_pruning_was_decided_teaches_nothing_later_either(tmp_path: Path) -> None:
    class Hasty(FunctionBackend):
        """Records all values of a run at once, before it can be ended."""

        def wait(self, timeout: float) -> list[Event]:
            events = super().wait(timeout)
            return [self._add_rest(event) if isinstance(event, PointsRecorded) else event for event in events]

        def _add_rest(self, event: PointsRecorded) -> PointsRecorded:
            rest, self._left[event.run] = self._left[event.run], []
            return PointsRecorded(event.run, (*event.points, *rest))

    def go_on(folder: Path, trials: int) -> Ledger:
        folder.mkdir(exist_ok=True)
        ledger = open_ledger(folder, Mask())
        series = read_series(JournalFile(folder / SERIES_NAME).read())
        runs = SearchRuns(make_search(trials, pruner=PrunerChoice("median")), ledger, Simulated(), series)
        Runner(Plan(runs, SimulatedJobs(), "a1b2c3"), ledger, Hasty(score), Listener()).run(StopSignals())
        ledger.close()
        return ledger

    whole = go_on(tmp_path / "whole", 40)
    assert sum(run.status is Status.PRUNED for run in whole.runs.values()) > 5
    for trials in (20, 40):
        parts = go_on(tmp_path / "parts", trials)
    assert facts_of(parts) == facts_of(whole)


def test_an_integer_too_large_for_a_float_is_an_infinite_value(tmp_path: Path) -> None:
    huge = {True: 10**400, False: -(10**400)}
    ledger, _ = run_search(tmp_path, make_search(15), lambda parameters: [huge[parameters["x"] > 0]])
    assert len(ledger.runs) == 15
    assert run_search(tmp_path, make_search(15), score)[1].jobs == []


@pytest.mark.parametrize(("objective", "is_said"), [("seconds", True), ("score", False)])
def test_pruning_by_a_metric_without_steps_is_told_of_once(objective: str, is_said: bool, tmp_path: Path) -> None:
    sweep = Simulated()
    search = Search(SPACE, {objective: "minimize"}, trials=4, seed=5, pruner=PrunerChoice("median"))
    run_search(tmp_path, search, score, sweep=sweep)
    assert [text.partition(":")[0] for text in sweep.said] == is_said * [
        "trial 0 recorded seconds without steps, so --prune can end no such run early"
    ]


@pytest.mark.parametrize("seed", [None, 5])
def test_choices_that_are_all_secret_are_told_apart_when_a_search_goes_on(seed: int | None, tmp_path: Path) -> None:
    keys = ("sk-one-1111", "sk-two-2222", "sk-three-3333")
    space = Space({}, {"x": Range(0.0, 1.0), "api_key": Choices(keys)})
    used: dict[float, set[str]] = {}

    def score(parameters: Mapping[str, Any]) -> list[float]:
        used.setdefault(parameters["x"], set()).add(parameters["api_key"])
        return [parameters["x"] + keys.index(parameters["api_key"])]

    def go_on(trials: int, lines: int) -> Ledger:
        """Search until the journal has got some lines, and the process is killed."""
        ledger = Ledger(FragileJournal(tmp_path / FILE_NAME, lines, is_written=True), mask)
        with suppress(Killed):
            runs = SearchRuns(make_search(trials, space, seed=seed), ledger, Simulated(mask=mask), {})
            Runner(Plan(runs, SimulatedJobs(), "a1b2c3"), ledger, FunctionBackend(score), Listener()).run(StopSignals())
        ledger.close()
        return ledger

    mask = Mask(keys)
    for lines in range(2, 6):
        go_on(16, lines)
    ledger = go_on(16, 1000)
    assert not any(key in (tmp_path / FILE_NAME).read_text() for key in keys)
    assert len({trial.run for trial in ledger.content.trials}) == len(ledger.content.trials) == 16
    assert all(len(choices) == 1 for choices in used.values())


def test_a_search_of_a_given_time_begins_nothing_afterwards(tmp_path: Path) -> None:
    now = [0.0]

    def tick(parameters: Mapping[str, Any]) -> list[float]:
        now[0] += 10
        return score(parameters)

    ledger = Ledger(JournalFile(tmp_path / FILE_NAME), Mask())
    runs = SearchRuns(make_search(None, seconds=35.0), ledger, Simulated(), {}, clock=lambda: now[0])
    backend = FunctionBackend(tick)
    Runner(Plan(runs, SimulatedJobs(), "a1b2c3"), ledger, backend, Listener()).run(StopSignals())
    ledger.close()
    assert len(backend.jobs) == 4
