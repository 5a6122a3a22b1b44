"""Values on the command line: ``-p lr=0.1,0.01 -p name='a,b' -p layers=[32,64],[64] -p seed=range(3)``."""

import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.types import Text

LARGEST_SWEEP = 100_000
"""Runs; more is taken for a mistake."""

_RANGE = re.compile(r"range\((?P<numbers>[^()]*)\)")
_OPENING = dict(zip("([{", ")]}", strict=True))
_QUOTES = "'\""


def read_options(options: Iterable[str]) -> tuple[dict[str, list[Text]], list[str]]:
    """The values of each name, in the order of the command line, and what is wrong with other options."""
    axes: dict[str, list[Text]] = {}
    faults = []
    for option in options:
        name, equals, values = option.partition("=")
        name = name.strip()
        if not equals:
            faults.append(f"-p {option}: write NAME=VALUE, or NAME=VALUE,VALUE for several runs")
        elif name in axes:
            faults.append(f"-p gives {name} twice; write all its values behind one: -p {name}=1,2")
        else:
            try:
                axes[name] = list(split_values(values))
            except ParameterError as error:
                faults.append(f"-p {option:.60}: {error}")
    return axes, faults


def split_values(text: str) -> Iterator[Text]:
    """The values between the commas.

    A value that begins with a quote or a bracket goes on to the one that closes it, whatever is
    between. Inside quotes nothing has a meaning, but for the doubled quote, which is one.
    """
    start = 0
    while True:
        end = _end_of_value(text, start)
        yield _read_piece(text[start:end])
        if end >= len(text):
            return
        start = end + 1


def _end_of_value(text: str, start: int) -> int:
    """The index of the comma behind the value, or the text's length."""
    first = len(text) - len(text[start:].lstrip())
    if text[first : first + 1] in (*_QUOTES, ""):
        closed = _end_of_quotes(text, first) if first < len(text) else first
    elif text[first] in _OPENING:
        closed = _end_of_brackets(text, first)
    else:
        match = _RANGE.match(text, first)
        closed = match.end() if match else first
    comma = text.find(",", closed)
    return len(text) if comma < 0 else comma


def _end_of_quotes(text: str, start: int) -> int:
    quote, position = text[start], start + 1
    while (position := text.find(quote, position)) >= 0:
        if text[position + 1 : position + 2] != quote:
            return position + 1
        position += 2
    raise ParameterError(f"a quote ({quote}) is not closed; close it, or write the text in the other kind of quotes")


def _end_of_brackets(text: str, start: int) -> int:
    closing: list[str] = []
    quote, position = "", start
    while position < len(text):
        sign = text[position]
        if quote:
            position += sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _OPENING:
            closing.append(_OPENING[sign])
        elif sign == closing[-1]:
            closing.pop()
            if not closing:
                return position + 1
        position += 1
    raise ParameterError(f"a bracket ({text[start]}) is not closed; close it, or put the text in quotes")


def _read_piece(piece: str) -> Text:
    text = piece.strip()
    if text[:1] not in _QUOTES or not text:
        return Text(piece)
    quote = text[0]
    if _end_of_quotes(text, 0) != len(text):
        raise ParameterError(f"something stands behind the quotes of {text}; put all of it into quotes")
    return Text(text[1:-1].replace(quote * 2, quote), quoted=True)


def expand_range(written: Text) -> list[Text] | None:
    """The numbers of ``range(start, stop, step)``, without ``stop``, as in Python; None for another text.

    Decimals are counted exactly: ``range(0, 1, 0.1)`` has ten. Raises ParameterError.
    """
    match = _RANGE.fullmatch(written.text.strip())
    if written.quoted or not match:
        return None
    start, stop, step = _read_range(match["numbers"])
    count = max(0, math.ceil((stop - start) / step))
    if count > LARGEST_SWEEP:
        raise ParameterError(f"has {count:,} values in {written.text}, and a sweep has at most {LARGEST_SWEEP:,} runs")
    if not count:
        raise ParameterError(f"has no value in {written.text}; the range is empty")
    whole = all(number == number.to_integral_value() and "." not in match["numbers"] for number in (start, stop, step))
    numbers = (start + index * step for index in range(count))
    return [Text(str(int(number)) if whole else repr(float(number))) for number in numbers]


def _read_range(numbers: str) -> tuple[Decimal, Decimal, Decimal]:
    try:
        read = [Decimal(number.strip()) for number in numbers.split(",")]
    except InvalidOperation:
        read = []
    if not 1 <= len(read) <= 3 or not all(math.isfinite(float(number)) for number in read):
        raise ParameterError(f"has range({numbers}); write range(stop), range(start, stop) or range(start, stop, step)")
    start, stop, step = (Decimal(0), *read, Decimal(1)) if len(read) == 1 else (*read, Decimal(1))[:3]
    if not step:
        raise ParameterError(f"has range({numbers}), whose step is 0; give another")
    return start, stop, step
