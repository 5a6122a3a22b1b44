"""Ranges are what was meant, or one fault; nothing else is taken for one."""

import random

import pytest

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.comments import read_comment
from colab_starter.run.sweep.ranges import (
    Choices,
    Range,
    describe_axis,
    looks_like_range,
    make_range,
    read_form,
    read_range,
)
from colab_starter.run.sweep.types import ANYTHING, ValueType

FLOAT, INT, EITHER = ValueType((float,)), ValueType((int,)), ValueType((int, float))


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("1e-4..1e-1 log", FLOAT, Range(1e-4, 1e-1, log=True)),
        ("16..256 step 16", INT, Range(16, 256, step=16)),
        ("0..1", FLOAT, Range(0.0, 1.0)),
        ("0..1", EITHER, Range(0, 1)),
        ("0..1.5", EITHER, Range(0.0, 1.5)),
        ("0..1", ANYTHING, Range(0, 1)),
        (" -1 .. +1 ", INT, Range(-1, 1)),
        ("-.5...5", FLOAT, Range(-0.5, 0.5)),
        ("1_000..2_000", INT, Range(1000, 2000)),
        ("0..1 step 0.1", FLOAT, Range(0.0, 1.0, step=0.1)),
        ("1..8 log", INT, Range(1, 8, log=True)),
        ("16..250 step 16", INT, Range(16, 240, step=16)),
        ("0..0.35 step .1", FLOAT, Range(0.0, 0.3, step=0.1)),
        ("0..3 step 0.5", EITHER, Range(0.0, 3.0, step=0.5)),
    ],
)
def test_a_range_has_the_type_of_its_parameter_and_ends_on_a_step(text: str, wanted: ValueType, found: Range) -> None:
    assert looks_like_range(text)
    read = read_range(text, wanted)
    assert (read, type(read.low), type(read.high), type(read.step)) == (
        found,
        type(found.low),
        type(found.high),
        type(found.step),
    )


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("1..1", INT, "has the range 1..1, which is a single value; write that alone"),
        ("2..1", INT, "has the range 2..1, which is empty; write the lower end first"),
        ("0..1 log", FLOAT, "has the range 0.0..1.0 log, and a log range must begin above 0"),
        ("0..1 lgo", FLOAT, "has the range 0..1 lgo; write LOW..HIGH, LOW..HIGH log or LOW..HIGH step S"),
        ("0..1log", FLOAT, "has the range 0..1log; write LOW..HIGH"),
        ("1..9 log step 2", INT, "has the range 1..9 log step 2; write LOW..HIGH"),
        ("1..9 step", INT, "has the range 1..9 step; write LOW..HIGH"),
        ("1..9 step 0", INT, "has the range 1..9 step 0, whose step does not fit into it"),
        ("1..9 step -1", INT, "has the range 1..9 step -1, whose step does not fit into it"),
        ("1..9 step 20", INT, "has the range 1..9 step 20, whose step does not fit into it"),
        ("1e-3..1", INT, "must be an int, not 1e-3"),
        ("1..2.5", INT, "must be an int, not 2.5"),
        ("1..2", ValueType((bool,)), "must be a bool, not 1; write true or false"),
        ("1..2", ValueType((list,)), "must be a list, not 1"),
        ("1..1e999", FLOAT, "must be a float, not 1e999"),
        ("1...2", INT, "must be an int, not 1."),
        ("0..1 step 1e-9", FLOAT, "has the range 0.0..1.0 step 1e-09, which has more than 1,000,000 steps"),
        ("1..x2", INT, "has the range 1..x2; write LOW..HIGH"),
        (f"1..{2**53 + 1}", INT, "has the range 1..9007199254740993, and ranges end at 9007199254740992"),
        (f"-1{40 * '0'}..1 step 7", INT, "has the range -1000000000000000000000000000000000000000"),
        ("1e308..1.7e308", FLOAT, "has the range 1e+308..1.7e+308, and ranges end at 1e+300"),
    ],
)
def test_a_range_that_cannot_be_meant_is_a_fault_with_a_remedy(text: str, wanted: ValueType, told: str) -> None:
    assert looks_like_range(text)
    with pytest.raises(ParameterError) as caught:
        read_range(text, wanted)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("text", ["1", "0.5", "a..b", "../data", "range(3)", "v1.2", "..", "1..", "..5", "[1, 2]", ""])
def test_other_values_are_not_taken_for_ranges(text: str) -> None:
    assert not looks_like_range(text)


def test_the_values_of_a_range_with_steps_lie_in_it_and_others_do_not() -> None:
    chance = random.Random(5)
    for _ in range(300):
        low, width = chance.randint(-50, 50), chance.randint(1, 60)
        step = chance.randint(1, width)
        divisor = chance.choice([1, 10, 100])
        scaled = [number if divisor == 1 else number / divisor for number in (low, low + width, step)]
        made = make_range(scaled[0], scaled[1], log=False, step=scaled[2])
        values = made.list_values()
        assert len(values) == made.count == width // step + 1
        assert values[0] == made.low
        assert values[-1] == made.high
        assert all(value in made for value in values)
        assert made.low - step / divisor not in made
        assert made.high + step / divisor not in made


def test_choices_tell_types_apart() -> None:
    choices = Choices((1, True, "1", None, [1]))
    assert all(value in choices for value in (1, True, "1", None, [1]))
    assert not any(value in choices for value in (1.0, False, "None", [True], 0))


@pytest.mark.parametrize(
    ("comment", "wanted", "axis"),
    [
        ('@param {type:"slider", min:0, max:1, step:0.1}', FLOAT, Range(0.0, 1.0, step=0.1)),
        ('@param {type:"slider", min:1, max:10, step:1}', INT, Range(1, 10)),
        ('@param {type:"slider", min:8, max:64, step:8}', INT, Range(8, 64, step=8)),
        ('@param {type:"slider", min:0, max:1, step:"any"}', FLOAT, Range(0.0, 1.0)),
        ('@param ["adam", "sgd"]', ValueType(choices=("adam", "sgd")), Choices(("adam", "sgd"))),
        ('@param {type:"boolean"}', ValueType((bool,)), Choices((False, True))),
    ],
)
def test_a_form_says_what_may_be_tried(comment: str, wanted: ValueType, axis: Range | Choices) -> None:
    assert read_form(read_comment(comment), wanted) == axis


@pytest.mark.parametrize("comment", ["", '@param {type:"number"}', '@param {type:"slider", min:0}'])
def test_a_form_without_bounds_is_a_fault(comment: str) -> None:
    with pytest.raises(ParameterError, match="has no form that bounds it"):
        read_form(read_comment(comment), FLOAT)


def test_an_axis_is_shown_as_it_is_written() -> None:
    assert describe_axis(Range(1e-4, 0.1, log=True), str) == "0.0001..0.1 log"
    assert describe_axis(Range(16, 64, step=16), str) == "16..64 step 16"
    assert describe_axis(Choices((32, "adam", "1, 2")), str) == "32, adam, '1, 2'"


@pytest.mark.parametrize("step", ["true", "[1]", '"0.1"', "0.5"])
def test_a_form_whose_step_does_not_fit_its_parameter_is_a_fault(step: str) -> None:
    with pytest.raises(ParameterError, match="must be an int, not "):
        read_form(read_comment(f'@param {{type:"slider", min:0, max:4, step:{step}}}'), INT)
