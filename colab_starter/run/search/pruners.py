"""The pruners that ``--prune`` names, and why one of them ended a run."""

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colab_starter.errors import WrongOptionError

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

NAMES = ("median", "percentile=25", "hyperband", "threshold=0.5")
"""As they are written; the numbers are examples."""
STARTUP_TRIALS = 5
"""How many trials run to their end before the median or a percentile of them ends others; Optuna's own default."""


@dataclass(frozen=True)
class PrunerChoice:
    """A pruner and its number."""

    name: str
    number: float | None = None
    """The percentage of trials that go on, or the value that a trial must reach."""

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}={self.number:g}"


def read_pruner(text: str) -> PrunerChoice:
    """The pruner that was typed. Raises WrongOptionError."""
    name, equals, number = text.strip().partition("=")
    if name in ("median", "hyperband") and not equals:
        return PrunerChoice(name)
    if name in ("percentile", "threshold") and equals:
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and (name == "threshold" or 0 < value < 100):
            return PrunerChoice(name, value)
    raise WrongOptionError(
        f"--prune {text:.60} is not a pruner; write {', '.join(NAMES)}, or --prune alone for the median"
    )


def make_pruner(choice: PrunerChoice | None, direction: str) -> "BasePruner":
    """Optuna's pruner of that name, with its own defaults."""
    from optuna import pruners

    if choice is None:
        return pruners.NopPruner()
    if choice.name == "hyperband":
        return pruners.HyperbandPruner()
    if choice.name == "threshold":
        is_lower = direction == "maximize"
        return pruners.ThresholdPruner(
            lower=choice.number if is_lower else None, upper=None if is_lower else choice.number
        )
    percentile = 50.0 if choice.number is None else choice.number
    return pruners.PercentilePruner(percentile, n_startup_trials=STARTUP_TRIALS)


def describe_pruning(
    choice: PrunerChoice, metric: str, direction: str, trial: "FrozenTrial", completed: "list[FrozenTrial]"
) -> str:
    """Why a trial is ended: the step, its value and what that was measured against; one line."""
    step = max(trial.intermediate_values)
    worse, best = ("below", max) if direction == "maximize" else ("above", min)
    value = trial.intermediate_values[step]
    head = f"pruned at step {step}: {metric} {value:.4g}"
    if math.isnan(value):
        return f"{head} is not a number"
    if choice.name == "threshold":
        return f"{head} is {worse} the threshold {choice.number:g}"
    others = [other.intermediate_values[step] for other in completed if step in other.intermediate_values]
    if choice.name == "hyperband" or not others:
        rivals = f", the best of {len(others)} finished trials there is {best(others):.4g}" if others else ""
        return f"{head} is not among the best third at this step{rivals}"
    reached = best(value for value in trial.intermediate_values.values() if not math.isnan(value))
    own = f"{head}, its best so far {reached:.4g}," if reached != value else head
    against, name = _find_percentile(choice, direction, others)
    return f"{own} is {worse} {name} {against:.4g} of {len(others)} trials"


def _find_percentile(choice: PrunerChoice, direction: str, values: list[float]) -> tuple[float, str]:
    """The value that a trial has to reach, and its name."""
    numbers = [value for value in values if not math.isnan(value)]
    if choice.number is None:
        return statistics.median(numbers), "the median"
    import numpy

    percent = 100 - choice.number if direction == "maximize" else choice.number
    return float(numpy.percentile(numbers, percent)), f"the bound of the best {choice.number:g} percent,"
