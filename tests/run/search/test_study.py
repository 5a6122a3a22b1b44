"""The study: the same suggestions and prunings as Optuna's own loop."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest

from colab_starter.run.job import Point
from colab_starter.run.outcome import Status
from colab_starter.run.search.pruners import PrunerChoice
from colab_starter.run.search.request import Search
from colab_starter.run.search.study import Study
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.ranges import Axis, Choices, Range
from tests.run.search.simulated import run_search

AXES: dict[str, Axis] = {
    "lr": Range(1e-4, 1e-1, log=True),
    "units": Range(16, 256, step=16),
    "kind": Choices(("a", "b", "c")),
}
SPACE = Space({}, AXES)


def score(parameters: Mapping[str, Any]) -> list[float]:
    """A learning curve whose end depends on all parameters, and whose beginning tells something of it."""
    height = 1 - abs(math.log10(parameters["lr"]) + 2.5) / 4 - abs(parameters["units"] - 96) / 400
    height -= {"a": 0.1, "b": 0.0, "c": 0.3}[parameters["kind"]]
    return [height * (1 - 0.5**step) for step in range(1, 9)]


def objective(trial: optuna.Trial) -> float:
    """The same function, as one writes it for Optuna."""
    values = score(
        {
            "lr": trial.suggest_float("lr", 1e-4, 1e-1, log=True),
            "units": trial.suggest_int("units", 16, 256, step=16),
            "kind": trial.suggest_categorical("kind", ["a", "b", "c"]),
        }
    )
    for step, value in enumerate(values):
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return values[-1]


SAMPLERS = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
}
PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "median": optuna.pruners.MedianPruner,
    "percentile=25": partial(optuna.pruners.PercentilePruner, 25.0),
    "hyperband": optuna.pruners.HyperbandPruner,
    "threshold=0.3": partial(optuna.pruners.ThresholdPruner, lower=0.3),
}


def optimize(sampler: str, pruner: str | None, seed: int, trials: int) -> list[optuna.trial.FrozenTrial]:
    study = optuna.create_study(
        study_name="colab-starter",
        direction="maximize",
        sampler=SAMPLERS[sampler](seed=seed),
        pruner=PRUNERS[pruner]() if pruner else optuna.pruners.NopPruner(),
    )
    study.optimize(objective, n_trials=trials)
    return study.trials


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("pruner", [None, *PRUNERS])
def test_one_run_at_a_time_gives_what_optuna_itself_gives(sampler: str, pruner: str | None, tmp_path: Path) -> None:
    name, _, number = (pruner or "").partition("=")
    choice = PrunerChoice(name, float(number) if number else None) if pruner else None
    search = Search(SPACE, {"score": "maximize"}, trials=40, sampler=sampler, seed=3, pruner=choice)
    ledger, _ = run_search(tmp_path, search, score)
    own = optimize(sampler, pruner, 3, 40)
    assert [dict(trial.parameters) for trial in ledger.content.trials] == [trial.params for trial in own]
    ended = [ledger.runs[trial.run].status is Status.PRUNED for trial in ledger.content.trials]
    assert ended == [trial.state is optuna.trial.TrialState.PRUNED for trial in own]
    assert any(ended) is (pruner is not None)


def test_a_curve_of_very_many_steps_is_looked_at_often_but_not_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[optuna.Trial] = []

    def should_prune(trial: optuna.Trial) -> bool:
        asked.append(trial)
        return False

    monkeypatch.setattr(optuna.Trial, "should_prune", should_prune)
    study = Study(Search(SPACE, {"score": "maximize"}, trials=9, seed=0, pruner=PrunerChoice("median")))
    study.suggest(0)
    assert study.report(0, [Point("score", step, 1.0) for step in range(400)]) is None
    assert len(asked) == 400
    study.report(0, [Point("score", step, 1.0) for step in range(400, 4000)])
    assert 250 * 3 < len(asked) < 1500


def test_without_a_pruner_running_trials_are_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(optuna.Trial, "report")
    study = Study(Search(SPACE, {"score": "maximize"}, trials=9, seed=0))
    study.suggest(0)
    assert study.report(0, [Point("score", 0, 1.0)]) is None
