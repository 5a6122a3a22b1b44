import time
from collections.abc import Callable

import pytest

from colab_starter.run.backends.lateness import GONE, LATE, LOST, Deadline, Lateness
from colab_starter.run.job import Due
from colab_starter.run.outcome import Outcome, Status

Move = Callable[[float], None]


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Move:
    """Let seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def check_all(deadline: Deadline) -> list[Lateness]:
    return [deadline.check() for _ in range(3)]


def test_a_worker_that_is_silent_is_late_then_lost_then_stuck_and_each_is_told_once(move: Move) -> None:
    deadline = Deadline()
    move(10_000)
    assert check_all(deadline) == [Lateness.NO] * 3
    deadline.set(Due("run", 10.0, "cell 3 took longer"))
    move(10 + LATE - 0.1)
    assert check_all(deadline) == [Lateness.NO] * 3
    move(0.2)
    assert check_all(deadline) == [Lateness.LATE, Lateness.NO, Lateness.NO]
    move(LOST - LATE)
    assert check_all(deadline) == [Lateness.LOST, Lateness.NO, Lateness.NO]
    move(GONE)
    assert check_all(deadline) == [Lateness.STUCK, Lateness.NO, Lateness.NO]
    cause = "cell 3 took longer; the process that ran it did not end it, and was killed"
    assert deadline.judge() == Outcome(Status.TIMEOUT, cause)


@pytest.mark.parametrize("within", [5.0, None])
def test_a_word_from_the_worker_begins_all_over(move: Move, within: float | None) -> None:
    deadline = Deadline()
    deadline.set(Due("run", 1.0))
    move(LATE + 2)
    assert deadline.check() is Lateness.LATE
    deadline.set(Due("run", within))
    assert deadline.check() is Lateness.NO
    move(6 + LATE)
    assert deadline.check() is (Lateness.LATE if within else Lateness.NO)


def test_a_coordinator_that_was_stopped_itself_hears_first_what_was_said(move: Move) -> None:
    deadline = Deadline()
    deadline.set(Due("run", 1.0))
    move(3600)
    assert check_all(deadline) == [Lateness.LATE, Lateness.NO, Lateness.NO]
    deadline.set(Due("run", None))
    move(3600)
    assert check_all(deadline) == [Lateness.NO] * 3
