"""Enforcing time limits from outside the worker, which may be stopped, hang or starve."""

import math
import time
from enum import IntEnum

from colab_starter.run.job import Due
from colab_starter.run.outcome import Outcome, Status

LATE = 5.0
"""Seconds after a limit within which a worker has usually reported it: it interrupts the cell first."""
LOST = 60.0
"""Seconds past a limit after which a worker is presumed hung: machines may be busy, and kernels slow to end."""
GONE = 15.0
"""Seconds that a killed worker has to disappear."""


class Lateness(IntEnum):
    """How late a worker is."""

    NO = 0
    LATE = 1
    """The worker may have been stopped."""
    LOST = 2
    """The worker should be killed."""
    STUCK = 3
    """The worker was killed, but its fork server does not report that it is gone."""


class Deadline:
    """The time by which a worker must send its next event."""

    def __init__(self) -> None:
        self._due = math.inf
        self._since = math.inf
        self._cause = ""
        self._known = Lateness.NO

    def set(self, due: Due) -> None:
        """Set the deadline from the worker's latest ``Due``."""
        self._due = math.inf if due.within is None else time.monotonic() + due.within
        self._since = math.inf
        self._cause = due.cause
        self._known = Lateness.NO

    def check(self) -> Lateness:
        """How late the worker is, if that has become worse since the last call; otherwise NO.

        Counted from the first call that finds it late, because a coordinator that was stopped must first read its
        messages.
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
        """The outcome of a run whose worker did not enforce the limit."""
        return Outcome(Status.TIMEOUT, f"{self._cause}; the process that ran it did not end it, and was killed")
