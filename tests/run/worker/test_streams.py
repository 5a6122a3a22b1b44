"""What a cell prints, as a terminal shows it in the end."""

import time

import pytest

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
