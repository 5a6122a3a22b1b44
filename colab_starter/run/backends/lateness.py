"""Limits of time as somebody else than the worker keeps them, because the worker may be stopped, hang or starve."""

import math
import time
from enum import IntEnum

from colab_starter.run.job import Due
from colab_starter.run.outcome import Outcome, Status

LATE = 5.0
"""Seconds after a limit in which a worker has mostly said that it was passed: it interrupts the cell first."""
LOST = 60.0
"""Seconds after a limit after which a worker is taken to hang: the machine may be busy, and a kernel's end slow."""
GONE = 15.0
"""Seconds in which a worker that was killed has to vanish."""


class Lateness(IntEnum):
    """How late a worker is."""

    NO = 0
    LATE = 1
    """It may have been stopped."""
    LOST = 2
    """It is to be killed."""
    STUCK = 3
    """It was killed, and whoever forked it does not say that it is gone."""


class Deadline:
    """When a worker has to have said more."""

    def __init__(self) -> None:
        self._due = math.inf
        self._since = math.inf
        self._cause = ""
        self._known = Lateness.NO

    def set(self, due: Due) -> None:
        """It has just said when."""
        self._due = math.inf if due.within is None else time.monotonic() + due.within
        self._since = math.inf
        self._cause = due.cause
        self._known = Lateness.NO

    def check(self) -> Lateness:
        """How late it is, where that has become worse since the last call; else NO.

        Counted from the first call that finds it late: a coordinator that was stopped must hear what was said first.
        """
        now = time.monotonic()
        if now < self._due + LATE:
            return Lateness.NO
        self._since = min(self._since, now)
        limits = (LOST - LATE, LOST - LATE + GONE)
        found = Lateness(1 + sum(now >= self._since + limit for limit in limits))
        if found <= self._known:
            return Lateness.NO
        self._known = Lateness(self._known + 1)
        return self._known

    def judge(self) -> Outcome:
        """How a run ends whose worker did not keep the limit."""
        return Outcome(Status.TIMEOUT, f"{self._cause}; the process that ran it did not end it, and was killed")
