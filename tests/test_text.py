"""Text for people."""

import pytest

from colab_starter.text import plural, printable, shorten, suggest, warn


def test_a_long_text_is_cut_and_a_coloured_one_is_plain() -> None:
    assert shorten("\x1b[31mred\x1b[0m\n and  more") == "red and more"
    assert shorten("x" * 300) == "x" * 199 + "…"


@pytest.mark.parametrize(("number", "said"), [(0, "0 runs"), (1, "1 run"), (12345, "12,345 runs")])
def test_things_are_counted_in_words(number: int, said: str) -> None:
    assert plural(number, "run") == said


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert printable("a\x1b[2Jb\n") == "a?[2Jb?"


@pytest.mark.parametrize(("wanted", "near"), [("LERNING_RATE", "learning_rate"), ("Seeed", "seed"), ("zzz", "")])
def test_the_nearest_name_is_suggested_whatever_its_case(wanted: str, near: str) -> None:
    assert suggest(wanted, ["learning_rate", "seed"]) == near


def test_a_warning_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    warn("careful")
    assert capsys.readouterr().err == "colab-starter: warning: careful\n"
