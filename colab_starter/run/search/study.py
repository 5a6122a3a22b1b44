"""The Optuna study of a search: what to try next, by ask and tell, and which runs to end early.

Nothing is stored in it: it is rebuilt from the ledger, whose events it gets in the order in which they happened.
"""

import itertools
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import optuna
from optuna import samplers
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from colab_starter.errors import SearchLibraryError
from colab_starter.run.flat_metrics import read_objective, to_float
from colab_starter.run.job import Point
from colab_starter.run.literals import to_canonical, to_source
from colab_starter.run.search.pruners import describe_pruning, make_pruner
from colab_starter.run.search.request import Search
from colab_starter.run.source import Pruning
from colab_starter.run.sweep.ranges import Axis, Choices

Distribution: TypeAlias = FloatDistribution | IntDistribution | CategoricalDistribution

_SIMPLE = (type(None), bool, int, float, str)
"""The types of choices that Optuna keeps as they are; others are told by their Python source."""
CHECKS = 250
"""How often the pruner is asked while the number of a trial's values doubles, at least."""


class Study:
    """Suggests the parameters of trials, learns how they ended, and says which to end early."""

    def __init__(self, search: Search) -> None:
        """Raises SearchLibraryError if the sampler needs a package that is not installed."""
        self._search = search
        self._axes = search.space.axes
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._distributions = {name: _make_distribution(axis) for name, axis in self._axes.items()}
        direction = next(iter(search.objectives.values()))
        self._study = optuna.create_study(
            study_name="colab-starter",  # part of how Hyperband assigns its brackets
            directions=[StudyDirection[direction.upper()] for direction in search.objectives.values()],
            sampler=_make_sampler(search),
            pruner=make_pruner(search.pruner, direction),
        )
        self._grid = iter(_list_grid(search)) if search.sampler == "grid" else None
        self._taken: set[str] = set()
        """The points of the grid that trials have."""
        self._open: dict[int, optuna.Trial] = {}
        """The trials that have not ended, by their number in the ledger."""
        self._pruned: set[int] = set()
        self._noted: Counter[int] = Counter()
        """How many values of running trials have been noted."""
        self._has_diverged = False
        """Whether a recorded trial was not what is suggested today, so that the others cannot be either."""
        self._metric = next(iter(search.objectives))

    def suggest(self, number: int) -> dict[str, Any] | None:
        """The parameters of the next trial; None if the sampler has no more."""
        if self._grid is not None:
            point = next((point for point in self._grid if self._locate(point) not in self._taken), None)
            if point is not None:
                self.take(number, point)
            return None if point is None else {**self._search.space.fixed, **point}
        trial = self._ask()
        self._open[number] = trial
        values = {name: _decode(self._axes[name], value) for name, value in trial.params.items()}
        return {**self._search.space.fixed, **values}

    def take(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Begin a trial with given parameters, which are in the space."""
        self._study.enqueue_trial(self._encode(parameters))
        self._open[number] = self._ask()
        if self._grid is not None:
            self._taken.add(self._locate(parameters))

    def _locate(self, parameters: Mapping[str, Any]) -> str:
        return to_canonical({name: parameters[name] for name in self._axes})

    def repeat(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Suggest again what was suggested for a trial, so that what follows is the same as if nothing had stopped.

        If the suggestion is another one (another version of Optuna, more runs at once), the recorded parameters count.
        """
        if self._grid is not None:
            self.take(number, parameters)
            return
        suggested = None if self._has_diverged else self.suggest(number)
        if suggested is None or to_canonical(suggested) != to_canonical(dict(parameters)):
            self._has_diverged = True
            if trial := self._open.pop(number, None):
                self._study.tell(trial, state=TrialState.FAIL)
            self.take(number, parameters)

    def learn(self, parameters: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
        """Learn from a run that was no trial, if its parameters are in the space and it has the objectives."""
        values = self._find_values(metrics)
        if values is not None and self._search.covers(parameters):
            trial = optuna.trial.create_trial(
                params=self._encode(parameters), distributions=dict(self._distributions), values=values
            )
            self._study.add_trial(trial)

    def report(self, number: int, points: Iterable[Point]) -> Pruning | None:
        """Note values of a running trial; returns why it is to be ended, if it is, after which nothing is noted."""
        if self._search.pruner is None or number in self._pruned or len(self._search.objectives) > 1:
            return None
        for point in points:
            trial = self.note(number, [point])
            if trial and self._is_checked(number) and trial.should_prune():
                self._pruned.add(number)
                return Pruning(int(point.step), self._explain(trial))
        return None

    def has_steps(self, number: int) -> bool:
        """Whether a trial that goes on has recorded the objective at any step, and so could be ended early."""
        return self._noted[number] > 0

    def _is_checked(self, number: int) -> bool:
        """Whether to ask the pruner at this value: always at first, later at one in hundreds.

        Optuna looks at all earlier values each time, which would take minutes for a curve of 100,000 steps.
        """
        self._noted[number] += 1
        return self._noted[number] % max(1, self._noted[number] // CHECKS) == 0

    def note(self, number: int, points: Iterable[Point]) -> "optuna.Trial | None":
        """Note values of the objective at whole steps from 0; of several at a step the first counts, as in Optuna.

        Returns the trial if there were any.
        """
        trial = self._open.get(number)
        noted = [point for point in points if point.name == self._metric and point.step >= 0]
        if trial is None or not noted or len(self._search.objectives) > 1:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for point in noted:
                trial.report(to_float(point.value), int(point.step))
        return trial

    def _explain(self, trial: optuna.Trial) -> str:
        assert self._search.pruner
        trials = self._study.get_trials(deepcopy=False)
        completed = [other for other in trials if other.state is TrialState.COMPLETE]
        direction = self._search.objectives[self._metric]
        return describe_pruning(self._search.pruner, self._metric, direction, trials[trial.number], completed)

    def tell(self, number: int, metrics: Mapping[str, Any] | None, *, is_pruned: bool = False) -> bool:
        """Learn how a trial ended: its metrics, or None if it failed; returns whether it has all objectives.

        A trial that was to be ended early counts as pruned even if its run was quicker, so that what follows does not
        depend on who was.
        """
        trial = self._open.pop(number, None)
        if trial is None:
            return True
        values = None if metrics is None else self._find_values(metrics)
        if is_pruned or number in self._pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif values is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, values)
        return values is not None

    def _find_values(self, metrics: Mapping[str, Any]) -> list[float] | None:
        values = [read_objective(metrics.get(name)) for name in self._search.objectives]
        known = [value for value in values if value is not None]
        return known if len(known) == len(values) else None

    def _ask(self) -> optuna.Trial:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of features that Optuna calls experimental, and of values off the grid
            return self._study.ask(dict(self._distributions))

    def _encode(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as Optuna keeps them."""
        return {name: _encode(axis, parameters[name]) for name, axis in self._axes.items()}


def _make_distribution(axis: Axis) -> Distribution:
    if isinstance(axis, Choices):
        return CategoricalDistribution([_encode(axis, value) for value in axis.values])
    if axis.is_whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def _encode(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Choices) and not all(isinstance(one, _SIMPLE) for one in axis.values):
        return to_source(value)
    return value


def _decode(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Choices):
        return next(one for one in axis.values if _is_same(_encode(axis, one), value))
    return int(value) if axis.is_whole else float(value)


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _make_sampler(search: Search) -> BaseSampler:
    makers: dict[str, Callable[..., BaseSampler]] = {
        "tpe": samplers.TPESampler,
        "random": samplers.RandomSampler,
        "grid": samplers.RandomSampler,  # its trials are all given
        "cmaes": samplers.CmaEsSampler,
        "gp": samplers.GPSampler,
    }
    try:
        for module in _NEEDS.get(search.sampler, ()):
            __import__(module)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return makers[search.sampler](seed=search.seed)
    except ImportError:
        packages = " ".join(_NEEDS[search.sampler])
        raise SearchLibraryError(f"--sampler {search.sampler} needs more: pip install {packages}") from None


_NEEDS = {"cmaes": ("cmaes",), "gp": ("scipy", "torch")}


def _list_grid(search: Search) -> Sequence[dict[str, Any]]:
    """All sets of parameters, in an order that the seed decides: a search that ends early has seen some of all."""
    values = [axis.values if isinstance(axis, Choices) else axis.list_values() for axis in search.space.axes.values()]
    points = [dict(zip(search.space.axes, point, strict=True)) for point in itertools.product(*values)]
    random.Random(search.seed or 0).shuffle(points)
    return points
