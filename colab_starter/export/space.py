"""The distributions of a study's parameters: the ranges of the search, or what the values themselves show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from colab_starter.run.flat_metrics import encode_value, is_number
from colab_starter.run.literals import from_json

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LARGEST_EXACT = 2**53
"""Optuna stores numbers as floats, which do not hold every larger integer."""
LOGARITHMIC = 100
"""A range of positive numbers is logarithmic if its ends differ by more than this factor."""


@dataclass(frozen=True)
class Space:
    """A distribution for each parameter."""

    distributions: Mapping[str, "BaseDistribution"]

    def convert(self, name: str, value: Any) -> Any:
        """The value as a study holds it: of a parameter that has choices, what Optuna can store."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        distribution = self.distributions[name]
        if isinstance(distribution, CategoricalDistribution):
            return _to_choice(value, distribution.choices)
        return float(value) if isinstance(distribution, FloatDistribution) else value


def describe_space(sets: Sequence[Mapping[str, Any]], declared: Mapping[str, Any]) -> Space:
    """The distributions of all parameters in the sets.

    ``declared`` is the space of the search in the ledger. A range is widened, and choices are added, for values from
    outside of it, which come from other commands.
    """
    names = dict.fromkeys(name for parameters in sets for name in parameters)
    values = {name: [parameters[name] for parameters in sets if name in parameters] for name in names}
    return Space({name: _describe(values[name], declared.get(name)) for name in names})


def _describe(values: Sequence[Any], declared: Any) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    declared = declared if isinstance(declared, dict) else {}
    if isinstance(choices := declared.get("choices"), list):
        return CategoricalDistribution(_list_choices([*map(from_json, choices), *values]))
    if not all(map(_is_exact, values)):
        return CategoricalDistribution(_list_choices(values))
    ends = [end for end in (declared.get("low"), declared.get("high")) if _is_exact(end)]
    low, high = min([*values, *ends]), max([*values, *ends])
    is_log = low > 0 and bool(declared.get("log") if ends else high / low > LOGARITHMIC)
    is_wider = ends != [low, high]
    step = None if is_log or is_wider else _choose_step(declared.get("step"), low, [*values, high])
    if all(isinstance(value, int) for value in [*values, low, high]):
        return IntDistribution(low, high, log=is_log, step=step if isinstance(step, int) else 1)
    return FloatDistribution(low, high, log=is_log, step=step)


def _choose_step(step: Any, low: float, values: Sequence[float]) -> Any:
    """The step of the search, unless a value lies between two steps; None without a step."""
    if not is_number(step) or step <= 0:
        return None
    places = [(value - low) / step for value in values]
    return step if all(abs(place - round(place)) < 1e-8 for place in places) else None


def _is_exact(value: Any) -> bool:
    """Whether a numeric distribution holds the value."""
    if isinstance(value, float):
        return math.isfinite(value)
    return is_number(value) and abs(value) <= LARGEST_EXACT


def _list_choices(values: Iterable[Any]) -> list[Any]:
    """The values that differ, as Optuna can store them."""
    found = {(type(value), encode_value(value)): value for value in values}
    plain = [value for value in found.values() if _is_plain(value)]
    is_clear = len(plain) == len(found) and all(plain.count(value) == 1 for value in plain)
    return plain if is_clear else [*dict.fromkeys(map(encode_value, found.values()))]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_exact(value)


def _to_choice(value: Any, choices: Sequence[Any]) -> Any:
    """The choice that stands for a value: itself, or its text where the choices are texts of values of many types."""
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    return encode_value(value)
