"""Values come back from source and from JSON as they were."""

import ast
import json
import math
from collections import OrderedDict, namedtuple
from datetime import date
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import UnwritableValueError
from colab_starter.run.literals import from_json, to_canonical, to_json, to_source

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**400,
    0.1,
    -0.0,
    1e-323,
    1e308,
    float("inf"),
    float("-inf"),
    complex(-0.0, 1.5),
    complex(1, float("inf")),
    "",
    'it\'s "quoted" \\ \n\r\t\x00 {braces} ünï 🙂 \u2028',
    "'; import os; os.system('true') #",
    b"",
    b"\x00\xff'",
    [],
    [1, [2.0, [None]]],
    (),
    (1,),
    (1, (2, 3)),
    set(),
    {1, "a", (2, 3)},
    frozenset(),
    frozenset({1}),
    {},
    {"a": 1, "b": [1, {"c": (1,)}]},
    {1: "int", "1": "str", (1, 2): None, False: b"x"},
    {"$": "tuple", "of": [1]},
    {"outer": {"$": 1}},
    {None: {2.5: {3}}},
]


def name_value(value: Any) -> str:
    """Without the order of a set, which changes from one process to the next."""
    return ascii(sorted(value, key=str) if isinstance(value, set) else value)[:40]


class Colour(IntEnum):
    RED = 1


Point = namedtuple("Point", "x y")


class Name(str):
    pass


LOST = [
    object(),
    {object()},
    {"a": [Path("x")]},
    date(2026, 1, 1),
    Decimal("0.1"),
    Fraction(1, 3),
    Colour.RED,
    Point(1, 2),
    Name("n"),
    OrderedDict(a=1),
    range(3),
    ...,
    bytearray(b"x"),
    int,
    len,
    "\udcff",
    {"\udcff": 1},
    10**5000,
]


def same(one: Any, other: Any) -> bool:
    """Equal, with equal types all the way down; the sign of a zero counts."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, list | tuple):
        return all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    return isinstance(one, set | frozenset) or repr(one) == repr(other)


@pytest.mark.parametrize("value", VALUES, ids=name_value)
def test_a_value_comes_back_from_its_source(value: Any) -> None:
    source = to_source(value)
    ast.parse(source, mode="eval")
    assert "\n" not in source
    assert same(eval(source), value)  # noqa: S307


@pytest.mark.parametrize("value", VALUES, ids=name_value)
def test_a_value_comes_back_from_strict_json(value: Any) -> None:
    line = json.dumps(to_json(value), allow_nan=False)
    assert same(from_json(json.loads(line)), value)


def test_what_json_can_say_stays_as_it_is() -> None:
    plain = {"lr": 0.1, "layers": [32, 64], "name": "a", "note": None, "deep": {"x": [True]}}
    assert to_json(plain) == plain


def test_nan_comes_back() -> None:
    assert math.isnan(eval(to_source(float("nan"))))  # noqa: S307
    assert math.isnan(from_json(json.loads(json.dumps(to_json([float("nan")]), allow_nan=False)))[0])


@pytest.mark.parametrize("value", LOST, ids=lambda value: f"{type(value).__name__}"[:40])
def test_what_does_not_survive_is_refused(value: Any) -> None:
    for write in (to_source, to_json, to_canonical):
        with pytest.raises(UnwritableValueError) as caught:
            write(value)
        assert "\n" not in str(caught.value)


def test_a_numpy_number_is_refused_rather_than_turned_into_a_text() -> None:
    numpy = pytest.importorskip("numpy")
    for value in (numpy.int64(1), numpy.float64(0.1), numpy.zeros(2), numpy.bool_(True)):
        with pytest.raises(UnwritableValueError):
            to_source(value)


def test_what_holds_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    for write in (to_source, to_json):
        with pytest.raises(UnwritableValueError, match="nested"):
            write(circle)


def test_the_canonical_text_tells_types_apart_but_not_the_order_of_names() -> None:
    assert len({to_canonical(value) for value in (1, 1.0, True, "1", "1.0", None, "None", (1,), [1])}) == 9
    assert to_canonical({"a": 1, "b": 2}) == to_canonical({"b": 2, "a": 1})
    assert to_canonical({3, 1, 2}) == to_canonical({2, 3, 1})
