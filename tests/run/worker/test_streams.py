"""What a cell prints, as a terminal shows it in the end."""

import random
import re
import time

import pytest

from colab_starter.run.worker import streams
from colab_starter.run.worker.streams import Stream


def show(*pieces: str) -> str:
    stream = Stream()
    for piece in pieces:
        stream.add(piece)
    return stream.text()


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([], ""),
        (["a\n", "b"], "a\nb"),
        (["a", "b\nc"], "ab\nc"),
        (["10%\r", "20%\r", "30%"], "30%"),
        (["10%", "\r20%", "\r30%\n"], "30%\n"),
        (["10%\r20%\r"], "20%\r"),
        (["done\r\n", "next"], "done\r\nnext"),
        (["done\r", "\n", "next"], "done\r\nnext"),
        (["kept\n10%\r20%\nkept\n"], "kept\n20%\nkept\n"),
        (["ab\x08c"], "ac"),
        (["abc\x08\x08\x08d"], "d"),
        (["ab", "\x08\x08", "c"], "c"),
        (["a\n\x08b"], "a\n\x08b"),
        (["é\r", "ü"], "ü"),
    ],
)
def test_carriage_returns_and_backspaces_do_what_they_do(pieces: list[str], shown: str) -> None:
    assert show(*pieces) == shown


def test_the_text_can_be_asked_for_while_it_comes() -> None:
    stream = Stream()
    stream.add("a\n1")
    assert stream.text() == "a\n1"
    stream.add("\r2")
    assert stream.text() == "a\n2"


@pytest.mark.parametrize("piece", ["x" * 1000, "x" * 999 + "\n", "x" * 500 + "\r" + "y" * 499])
def test_50_megabytes_in_pieces_take_time_in_proportion(piece: str) -> None:
    start = time.process_time()
    show(*[piece] * 50_000)
    assert time.process_time() - start < 2


def test_a_long_line_with_one_carriage_return_does_not_take_for_ever() -> None:
    start = time.process_time()
    assert show("x" * 1_000_000 + "\r" + "y" * 1_000_000 + "\x08") == "y" * 999_999
    assert time.process_time() - start < 2


def show_slowly(text: str) -> str:
    """The same, from all of the text at once: first what carriage returns do, then backspaces."""

    def show_line(line: str) -> str:
        body = line.rstrip("\r")
        return body[body.rfind("\r") + 1 :] + line[len(body) :]

    text = "\n".join(map(show_line, text.split("\n")))
    while (shorter := re.sub("[^\n\x08]\x08", "", text)) != text:
        text = shorter
    return text


def test_it_does_not_matter_in_which_pieces_the_text_comes() -> None:
    pick = random.Random(11)
    for _ in range(3000):
        pieces = ["".join(pick.choices("ab\n\r\x08é", k=pick.randrange(7))) for _ in range(pick.randrange(7))]
        assert show(*pieces) == show_slowly("".join(pieces)), pieces


class CountedPattern:
    """Counts the characters that it is given."""

    def __init__(self, pattern: "re.Pattern[str]") -> None:
        self._pattern = pattern
        self.characters = 0

    def findall(self, text: str) -> list[str]:
        self.characters += len(text)
        return self._pattern.findall(text)


@pytest.mark.parametrize("piece", ["|\x08/\x08", ".|\x08", "\r", "\r10 %", "x\x08\x08", "\n|\x08"])
def test_what_was_there_before_is_not_looked_at_again(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = CountedPattern(streams._TOKENS)
    monkeypatch.setattr(streams, "_TOKENS", pattern)
    stream = Stream()
    stream.add("x" * 1_000_000)
    for _ in range(1000):
        stream.add(piece)
    assert pattern.characters == 1000 * len(piece)


def test_a_long_line_is_not_copied_for_each_character_that_is_taken_back() -> None:
    stream = Stream()
    stream.add("x" * 1_000_000)
    stream.add("\x08")
    pieces = stream.line[:-1]
    for _ in range(1000):
        stream.add("\x08")
    assert max(map(len, pieces)) <= 1024
    assert all(old is new for old, new in zip(pieces, stream.line[:-1], strict=False))
    assert len(stream.text()) == 1_000_000 - 1001


def test_a_thousand_backspaces_take_back_a_thousand_characters() -> None:
    assert show("x" * 3000 + "\x08" * 2999) == "x"
    assert show("x" * 3000, *["\x08"] * 1000) == "x" * 2000
