"""The series of a sweep with their times."""

import json
import math
from typing import Any

import pytest

from colab_starter.run.job import Point
from colab_starter.run.ledger.series import describe_points
from colab_starter.run.ledger.timed_series import read_timed_series


def line(*points: tuple[Any, ...], run: str = "a", attempt: int = 1, **more: Any) -> bytes:
    told = {"run": run, "attempt": attempt, "time": "2026-11-28T22:00:00.500+00:00", "points": points, **more}
    return json.dumps(told).encode()


def read(*lines: bytes, **attempts: int) -> dict[str, dict[str, list[tuple[float, float]]]]:
    found = read_timed_series(lines, attempts or {"a": 1})
    return {run: {name: [one[:2] for one in told] for name, told in series.items()} for run, series in found.items()}


def test_what_the_runner_writes_is_read_with_its_time() -> None:
    points = [Point("loss", 1, 0.5), Point("loss", 2.5, math.inf)]
    [first, second] = read_timed_series([describe_points("a", 1, points)], {"a": 1})["a"]["loss"]
    assert (first[:2], second[:2]) == ((1, 0.5), (2.5, math.inf))
    assert first.time == second.time > 1.7e9
    [[measurement]] = read_timed_series([line(("loss", 1, 0.5))], {"a": 1})["a"].values()
    assert measurement.time == 1795903200.5


def test_only_the_attempt_that_is_asked_for_counts() -> None:
    lines = line(("x", 1, 1)), line(("x", 1, 2), attempt=2), line(("x", 1, 3), run="b")
    assert read(*lines, a=1) == {"a": {"x": [(1, 1)]}}
    assert read(*lines, a=2, c=1) == {"a": {"x": [(1, 2)]}}


def test_points_of_an_execution_that_was_started_over_and_dropped_names_do_not_count() -> None:
    first = line(("x", 1, 1), ("y", 1, 2))
    assert read(first, line(("x", 1, 3), anew=True)) == {"a": {"x": [(1, 3)]}}
    assert read(first, line(("x", 1, 3), dropped=["x"])) == {"a": {"x": [(1, 3)], "y": [(1, 2)]}}


def test_the_points_of_a_renamed_run_are_under_its_new_name() -> None:
    assert [*read_timed_series([line(("x", 1, 1), run="old")], {"new": 1}, {"old": "new"})] == ["new"]


BAD_POINTS = [("x", 1, "a"), ("x", 1), ("x", "b", 1), ("x", 10**400, 1)]


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b"3", b"{}", b'{"points": 3}', *map(line, BAD_POINTS)])
def test_damaged_lines_are_skipped(damaged: bytes) -> None:
    assert read(damaged, line(("x", 1, 1))) == {"a": {"x": [(1, 1)]}}
