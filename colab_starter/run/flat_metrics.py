"""The metrics of a run by kind: numbers, lists of numbers, and everything else as text."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from colab_starter.run.outcome import encode_metric

_encode_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class FlatMetrics:
    """The metrics of a run under dotted names."""

    numbers: dict[str, float] = field(default_factory=dict)
    lists: dict[str, list[float]] = field(default_factory=dict)
    """Lists of numbers, such as the loss after each epoch; none is empty."""
    texts: dict[str, str] = field(default_factory=dict)
    """What is neither, as text or JSON."""


def sort_metrics(metrics: Mapping[Any, Any]) -> FlatMetrics:
    """Tell the metrics apart; nested ones have dotted names."""
    flat = FlatMetrics()
    for name, value in flatten(metrics):
        if is_number(value):
            flat.numbers[name] = to_float(value)
        elif isinstance(value, list) and value and all(map(is_number, value)):
            flat.lists[name] = [*map(to_float, value)]
        else:
            flat.texts[name] = encode_value(value)
    return flat


def flatten(metrics: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested metrics with dotted names: ``{"test": {"loss": 1}}`` becomes ``test.loss``."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def is_number(value: Any) -> bool:
    """Whether it is an int or a float; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_float(number: int | float) -> float:
    """The number as a float; infinite if it is an integer too large for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def read_objective(value: Any) -> float | None:
    """The value of a metric that is searched for; None if it is no number, or not a number (NaN)."""
    return None if not is_number(value) or math.isnan(number := to_float(value)) else number


def encode_value(value: Any) -> str:
    """A value as text: a string as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return _encode_json(encode_metric(value))
