"""Values on the command line: ``-p lr=0.1,0.01 -p name='a,b' -p layers=[32,64],[64] -p seed=range(3)``."""

import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.types import Text

LARGEST_SWEEP = 100_000
"""In runs; more are taken for a mistake."""
TOO_MANY = f"this makes more than {LARGEST_SWEEP:,} runs, the most that a sweep may have; give fewer values"

_RANGE = re.compile(r"range\((?P<numbers>[^()]*)\)")
_SPACE = re.compile(r"\s*")
_OPENING = dict(zip("([{", ")]}", strict=True))
_QUOTES = "'\""


def read_options(options: Iterable[str]) -> tuple[dict[str, list[Text]], list[str]]:
    """The values of each name, in the order of the command line, and the faults of the other options."""
    axes: dict[str, list[Text]] = {}
    faults = []
    for option in options:
        name, equals, values = option.partition("=")
        name = name.strip()
        if not equals:
            faults.append(f"-p {option}: write NAME=VALUE, or NAME=VALUE,VALUE for several runs")
        elif name in axes:
            faults.append(f"-p gives {name} twice; write all its values after one: -p {name}=1,2")
        else:
            try:
                axes[name] = list(split_values(values))
            except ParameterError as error:
                faults.append(f"-p {option:.60}: {error}")
    return axes, faults


def split_values(text: str) -> Iterator[Text]:
    """The values between the commas.

    A value that begins with a quote or a bracket extends to its closing counterpart, whatever is in between. Inside
    quotes nothing is special except a doubled quote, which stands for one quote.
    """
    start = 0
    while True:
        end = _end_of_value(text, start)
        yield _read_piece(text[start:end])
        if end >= len(text):
            return
        start = end + 1


def _end_of_value(text: str, start: int) -> int:
    """The index of the comma after the value, or the text's length."""
    first = _SPACE.match(text, start).end()  # type: ignore[union-attr]
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
    raise ParameterError(f"a quote ({quote}) is not closed; close it, or use the other kind of quotes")


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
        raise ParameterError(f"something follows the closing quote in {text}; put all of it in quotes")
    return Text(text[1:-1].replace(quote * 2, quote), quoted=True)


def expand_range(written: Text) -> list[Text] | None:
    """The numbers of ``range(start, stop, step)``, without ``stop``, as in Python; None for any other text.

    Decimals are counted exactly: ``range(0, 1, 0.1)`` has ten. Raises ParameterError.
    """
    read = _match_range(written)
    if read is None:
        return None
    shown, start, stop, step = read
    count = _count(start, stop, step)
    if count > LARGEST_SWEEP:
        raise ParameterError(f"has {_tell(count)} values in {shown}, and a sweep has at most {LARGEST_SWEEP:,} runs")
    if not count:
        raise ParameterError(f"has no value in {shown}; the range is empty")
    whole = "." not in written.text and all(number == number.to_integral_value() for number in (start, stop, step))
    numbers = (start + index * step for index in range(count))
    return [Text(str(int(number)) if whole else repr(float(number))) for number in numbers]


def count_values(written: Text) -> int:
    """How many values ``expand_range`` returns; 1 for any other text, and for a range that it refuses."""
    try:
        read = _match_range(written)
    except ParameterError:
        return 1
    count = _count(*read[1:]) if read else 1
    return count if 0 < count <= LARGEST_SWEEP else 1


def _match_range(written: Text) -> tuple[str, Decimal, Decimal, Decimal] | None:
    """The range as shown in messages, its start, stop and step; None for any other text. Raises ParameterError."""
    match = None if written.quoted else _RANGE.fullmatch(written.text.strip())
    if not match:
        return None
    shown = f"range({' '.join(match['numbers'].split()):.60})"
    try:
        numbers = [_read_number(number) for number in match["numbers"].split(",")]
    except (InvalidOperation, ValueError):
        numbers = []
    if not 1 <= len(numbers) <= 3:
        raise ParameterError(f"has {shown}; write range(stop), range(start, stop) or range(start, stop, step)")
    start, stop, step = (Decimal(0), *numbers, Decimal(1)) if len(numbers) == 1 else (*numbers, Decimal(1))[:3]
    if not step:
        raise ParameterError(f"has {shown}, whose step is 0; give another")
    return shown, start, stop, step


def _read_number(text: str) -> Decimal:
    """A number; raises InvalidOperation or ValueError if it does not fit a float: 1e999 is infinite, 1e-999 is 0."""
    number = Decimal(text.strip())
    if not math.isfinite(float(number)):
        raise ValueError
    return number if float(number) else Decimal(0)


def _count(start: Decimal, stop: Decimal, step: Decimal) -> int:
    return max(0, math.ceil((stop - start) / step))


def _tell(count: int) -> str:
    return f"{count:,}" if count < 10**12 else "more than 10^12"
