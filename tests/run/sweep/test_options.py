"""Values behind -p are taken apart as documented."""

import random
from typing import Any

import pytest

from colab_starter.errors import ParameterError
from colab_starter.run.sweep import options as sweep_options
from colab_starter.run.sweep.options import count_values, expand_range, read_options, split_values
from colab_starter.run.sweep.types import Text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("1", ["1"]),
        ("", [""]),
        ("0.1,0.01", ["0.1", "0.01"]),
        ("a,", ["a", ""]),
        (" a , b", [" a ", " b"]),
        ("a=b,c=d", ["a=b", "c=d"]),
        ("it's,b", ["it's", "b"]),
        ("[32,64],[64]", ["[32,64]", "[64]"]),
        ("(1,2),{'a': [1,2]}", ["(1,2)", "{'a': [1,2]}"]),
        ('[\'a,]\', "b\\"]"],c', ['[\'a,]\', "b\\"]"]', "c"]),
        ("range(1,10,2),20", ["range(1,10,2)", "20"]),
        ("f(1,2)", ["f(1", "2)"]),
    ],
)
def test_commas_divide_values_but_not_in_brackets(text: str, pieces: list[str]) -> None:
    assert list(split_values(text)) == [Text(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("'a,b',\"c,d\"", ["a,b", "c,d"]),
        ("'a' , 'b'", ["a", "b"]),
        ("''", [""]),
        ("'it''s'", ["it's"]),
        ('"C:\\new"', ["C:\\new"]),
        ("' '", [" "]),
        ("'[1,2'", ["[1,2"]),
    ],
)
def test_quotes_keep_everything(text: str, pieces: list[str]) -> None:
    assert list(split_values(text)) == [Text(piece, quoted=True) for piece in pieces]


def test_any_texts_survive_quoting() -> None:
    pick = random.Random(1)
    for _ in range(300):
        texts = ["".join(pick.choices("ab,'\"[]()\\= \n", k=pick.randrange(8))) for _ in range(pick.randrange(1, 4))]
        quoted = ["'" + text.replace("'", "''") + "'" for text in texts]
        assert [piece.text for piece in split_values(",".join(quoted))] == texts


@pytest.mark.parametrize("text", ["'a", "[1,2", "[1,2)", "'a'b", "{'a", "a,'b"])
def test_what_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        list(split_values(text))


def test_options_keep_their_order_and_their_equals_signs() -> None:
    axes, faults = read_options(["b=1", " a =x=y", "c="])
    assert list(axes) == ["b", "a", "c"]
    assert axes["a"] == [Text("x=y")]
    assert not faults


def test_options_without_a_value_or_given_twice_are_faults() -> None:
    _, faults = read_options(["n", "m=1", "m=2", "k='"])
    assert len(faults) == 3
    assert "NAME=VALUE" in faults[0]
    assert "-p m=1,2" in faults[1]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("range(3)", ["0", "1", "2"]),
        ("range(1,10,4)", ["1", "5", "9"]),
        (" range( 1 , 3 ) ", ["1", "2"]),
        ("range(3,0,-1)", ["3", "2", "1"]),
        ("range(0,1,0.25)", ["0.0", "0.25", "0.5", "0.75"]),
        ("range(0, 0.4, 0.1)", ["0.0", "0.1", "0.2", "0.3"]),
        ("range(1.0, 3)", ["1.0", "2.0"]),
        ("range(0,2e-3,1e-3)", ["0.0", "0.001"]),
    ],
)
def test_ranges_count_as_in_python_and_decimals_exactly(text: str, numbers: list[str]) -> None:
    assert expand_range(Text(text)) == [Text(number) for number in numbers]


@pytest.mark.parametrize("text", ["3", "", "ranger(3)", "range(3)x", "range(f(3))"])
def test_other_texts_are_no_ranges(text: str) -> None:
    assert expand_range(Text(text)) is None


def test_a_range_in_quotes_is_a_text() -> None:
    assert expand_range(Text("range(3)", quoted=True)) is None


@pytest.mark.parametrize(
    "text",
    [
        "range()",
        "range(a)",
        "range(1,2,3,4)",
        "range(0)",
        "range(3,1)",
        "range(1,2,0)",
        "range(inf)",
        "range(nan)",
        "range(1e999999999)",
        "range(100001)",
        "range(0,1,1e-300)",
        "range(0,1,1e-9999)",
        "range(0,1,-1e-999999999)",
        "range(0,1,1e-99999999999999999999)",
        "range(1e308)",
        "range(0,1e300,5e-324)",
        "range(0,-1e300,-5e-324)",
        "range(1e-9999)",
        "range(0,1,-0.0)",
        "range(0,1,nan)",
        "range(0,sNaN)",
        "range(-inf,inf)",
        "range(0,\n1,\nnan)",
        f"range(0,{'1' * 5000})",
        f"range(0,1,0.{'0' * 5000}1)",
        f"range({','.join('1' * 5000)})",
    ],
)
def test_ranges_that_make_no_sense_are_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        expand_range(Text(text))
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200
    assert count_values(Text(text)) == 1


@pytest.mark.parametrize("text", ["range(3)", "range(3,0,-1)", "range(0,1,0.25)", "range(100000)", "3", "range(a)"])
def test_the_values_of_a_range_are_counted_without_being_made(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        expected = len(expand_range(Text(text)) or [text])
    except ParameterError:
        expected = 1
    monkeypatch.setattr(sweep_options, "Text", None)
    assert count_values(Text(text)) == expected


def test_splitting_values_copies_none_of_what_follows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Line(str):
        copied = 0

        def __getitem__(self, key: Any) -> str:
            found = super().__getitem__(key)
            Line.copied += len(found)
            return found

    text = Line(",".join(map(str, range(3000))))
    assert len(list(split_values(text))) == 3000
    assert Line.copied <= 4 * len(text)
