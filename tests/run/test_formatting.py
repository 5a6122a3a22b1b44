import math
from typing import Any

import pytest

from colab_starter.report.page import read_asset
from colab_starter.report.summary import TROUBLE, WORDS
from colab_starter.run.formatting import STYLES, Wording, list_counts
from colab_starter.run.outcome import BAD, DONE, Status
from colab_starter.run.secrets import Mask

WORDING = Wording(["lr", "name"], Mask(["hunter22"]))


def test_a_run_is_known_by_what_varies() -> None:
    assert WORDING.name_run("id", {"other": 1, "name": "x", "lr": 0.5}) == "lr=0.5 name=x"
    assert WORDING.name_run("id", {"lr": (1,)}) == "lr=(1,)"
    assert WORDING.name_run("id", {}) == "id"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("key hunter22", "key ***"),
        ("two\n lines", "two lines"),
        ("\x1b[31mred", "?[31mred"),
        ("x" * 31, f"{'x' * 29}…"),
        ([1, "a"], "[1, 'a']"),
        (None, "None"),
    ],
)
def test_values_are_shown_short_harmless_and_without_secrets(value: Any, shown: str) -> None:
    assert WORDING.show(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "m=0.1235"),
        (1e-9, "m=1e-09"),
        (math.nan, "m=nan"),
        (12345678, "m=12345678"),
        ({"a": [1]}, 'm={"a": [1]}'),
    ],
)
def test_metrics_are_shown_with_the_digits_that_count(value: Any, shown: str) -> None:
    assert WORDING.show_metric("m", value) == shown


def test_counts_are_said_in_words() -> None:
    assert list_counts({Status.FAILED: 1, Status.OK: 3, Status.KILLED: 0}) == "3 ok, 1 failed"
    assert list_counts({Status.PRUNED: 2, Status.OK: 3}) == "3 ok, 2 pruned"


def test_every_status_has_its_place_in_the_terminal_and_on_the_page() -> None:
    final = {*Status} - {Status.PENDING, Status.RUNNING}
    assert final == STYLES.keys() == BAD | DONE | {Status.INTERRUPTED}
    assert BAD.isdisjoint(DONE)
    assert {*TROUBLE} == BAD
    assert {*WORDS} == {*Status}
    colours, rules = read_asset("colours.css"), read_asset("report.css")
    for status in Status:
        assert colours.count(f"--{status}: #") == len(["light", "dark"])
        assert f".{status} {{ --mark: var(--{status}); }}" in rules
