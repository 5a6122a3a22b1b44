"""Ranges and choices that a search draws from: ``1e-4..1e-1 log``, ``16..256 step 16``, a slider of the notebook."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from colab_starter.errors import ParameterError
from colab_starter.run.literals import to_canonical
from colab_starter.run.sweep.comments import ParameterComment
from colab_starter.run.sweep.types import Text, ValueType

_NUMBER = r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})(?P<rest>.*)")
_LOOKS_LIKE_RANGE = re.compile(r"\S*\d\S*\s*\.\.\s*\S*\d")
MOST_STEPS = 1_000_000
LARGEST_WHOLE = 2**53
"""Samplers compute with floats, which hold every whole number up to here."""
LARGEST = 1e300
"""The distance between the ends of a range, and what samplers make of it, must be floats too."""
_HOW = "write LOW..HIGH, LOW..HIGH log or LOW..HIGH step S"


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, both included; whole numbers if both are ints."""

    low: int | float
    high: int | float
    log: bool = False
    """Whether each power of ten is as likely as the next."""
    step: int | float | None = None

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int)

    def __str__(self) -> str:
        how = " log" if self.log else f" step {self.step!r}" if self.step is not None else ""
        return f"{self.low!r}..{self.high!r}{how}"

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.is_whole else int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return math.isclose(steps, round(steps), abs_tol=1e-9)

    @property
    def count(self) -> int:
        """How many values it has, if it has a step or whole numbers."""
        return _count_steps(Decimal(repr(self.low)), Decimal(repr(self.high)), Decimal(repr(self.step or 1))) + 1

    def list_values(self) -> list[int | float]:
        """All of its values, if it has a step or whole numbers."""
        step, first = Decimal(repr(self.step or 1)), Decimal(repr(self.low))
        numbers = [first + index * step for index in range(self.count)]
        return [int(number) if self.is_whole else float(number) for number in numbers]

    def to_record(self) -> dict[str, Any]:
        """As plain JSON, for the ledger."""
        how: dict[str, Any] = {"log": True} if self.log else {} if self.step is None else {"step": self.step}
        return {"low": self.low, "high": self.high, **how}


@dataclass(frozen=True)
class Choices:
    """The values of which one is chosen."""

    values: tuple[Any, ...]

    def __contains__(self, value: object) -> bool:
        return to_canonical(value) in map(to_canonical, self.values)  # in Python, 1 == True == 1.0


Axis = Range | Choices
"""What a search may give a parameter."""


def looks_like_range(text: str) -> bool:
    """Whether a text can only be meant as a range of numbers, perhaps a faulty one."""
    return _LOOKS_LIKE_RANGE.match(text.strip()) is not None


def read_range(text: str, wanted: ValueType) -> Range:
    """The range in a text, with the type of the parameter. Raises ParameterError, whose message continues the name."""
    match = _RANGE.fullmatch(text.strip())
    if not match:
        raise ParameterError(f"has the range {text.strip():.60}; {_HOW}")
    low, high = (_read_bound(match[end], wanted) for end in ("low", "high"))
    if isinstance(low, float) or isinstance(high, float):
        low, high = float(low), float(high)
    log, step = _read_manner(match["rest"], text, wanted)
    return make_range(low, high, log=log, step=step)


def _read_bound(text: str, wanted: ValueType) -> int | float:
    value = wanted.read(Text(text))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(f"is not a number, so it has no range; list its values: {wanted}")
    return value


def _read_manner(rest: str, text: str, wanted: ValueType) -> tuple[bool, int | float | None]:
    """What follows the bounds: ``log``, or ``step`` and a number."""
    words = rest.split()
    if not words:
        return False, None
    if rest[:1].isspace() and words == ["log"]:
        return True, None
    if rest[:1].isspace() and len(words) == 2 and words[0] == "step":
        return False, _read_bound(words[1], wanted)
    raise ParameterError(f"has the range {text.strip():.60}; {_HOW}")


def make_range(low: int | float, high: int | float, *, log: bool, step: int | float | None) -> Range:
    """A range whose highest value is on a step. Raises ParameterError if it is empty or impossible."""
    shown = Range(low, high, log, step)
    if low >= high:
        fault = "empty; write the lower end first" if low > high else "a single value; write that alone"
        raise ParameterError(f"has the range {shown!s:.60}, which is {fault}")
    largest = LARGEST_WHOLE if shown.is_whole else LARGEST
    if max(abs(low), abs(high)) > largest:
        raise ParameterError(f"has the range {shown!s:.60}, and ranges end at {largest!r}; give a smaller one")
    if log and low <= 0:
        raise ParameterError(f"has the range {shown}, and a log range must begin above 0")
    if step is None:
        return shown
    if isinstance(low, int) and not isinstance(step, int):
        low = float(low)
    first, last, width = Decimal(repr(low)), Decimal(repr(high)), Decimal(repr(step))
    if not 0 < width <= last - first:
        raise ParameterError(f"has the range {shown}, whose step does not fit into it")
    if (last - first) / width > MOST_STEPS:
        raise ParameterError(f"has the range {shown}, which has more than {MOST_STEPS:,} steps; leave out the step")
    end = first + _count_steps(first, last, width) * width
    return Range(low, int(end) if isinstance(low, int) else float(end), False, step)


def _count_steps(first: Decimal, last: Decimal, step: Decimal) -> int:
    return int((last - first) // step)


def read_form(form: ParameterComment, wanted: ValueType) -> Axis:
    """What the notebook's own form lets its users choose. Raises ParameterError if it sets no bounds."""
    if wanted.kinds == (bool,):
        return Choices((False, True))
    if wanted.choices:
        return Choices(wanted.choices)
    settings = form.settings
    if "min" in settings and "max" in settings:
        given = settings.get("step")
        step = None if given in (None, "any") else _read_bound(repr(given), wanted)
        bounds = [_read_bound(repr(settings[end]), wanted) for end in ("min", "max")]
        low, high = bounds if all(isinstance(bound, int) for bound in bounds) else map(float, bounds)
        return make_range(low, high, log=False, step=None if step == 1 and isinstance(low, int) else step)
    raise ParameterError(
        "has no form that bounds it, such as a slider or a list; give its range with -p NAME=LOW..HIGH"
    )


def describe_axis(axis: Axis, show: Callable[[Any], str]) -> str:
    """An axis for people; ``show`` formats a single value. Texts with commas are in quotes, as on the command line."""
    if isinstance(axis, Range):
        return str(axis)
    return ", ".join(f"'{show(one)}'" if isinstance(one, str) and "," in one else show(one) for one in axis.values)
