"""A worker's line to the coordinator: events go up, at most so many a second, and stops come down."""

import math
import select
import time
from collections.abc import Sequence
from typing import Any, Protocol

from colab_starter.errors import CoordinatorGoneError
from colab_starter.run.job import CellStarted, Due, Event, MetricRecorded, Stop
from colab_starter.run.kernels.kernel import HasFileno
from colab_starter.run.stopping import StopLevel

REPORT_INTERVAL = 0.1
"""Seconds between two reports; of what comes between, the last cell, the last value of each metric and the last limit
are told."""


class Channel(Protocol):
    """A ``multiprocessing.connection.Connection`` is one."""

    def send(self, obj: Any) -> None:
        """Send an event; raises OSError when the coordinator has gone."""

    def poll(self) -> bool:
        """Is there something to receive?"""

    def recv(self) -> Any:
        """A ``Stop``; raises EOFError or OSError when the coordinator has gone."""

    def fileno(self) -> int:
        """Readable when there is something to receive, or the coordinator has gone."""


class Uplink:
    """The coordinator, as the worker of one run sees it. What loses it raises CoordinatorGoneError."""

    def __init__(self, run: str, channel: Channel) -> None:
        self._run = run
        self._channel = channel
        self._stop = StopLevel.NO
        self._reports: dict[str, Event] = {}
        self._next_report = 0.0

    def send(self, event: Event) -> None:
        """Tell it at once."""
        try:
            self._channel.send(event)
        except OSError:
            raise CoordinatorGoneError("the coordinator has gone") from None

    def report_cell(self, number: int, total: int) -> None:
        self._report("cell", CellStarted(self._run, number, total))

    def report_metric(self, name: str, value: Any) -> None:
        self._report(f"metric {name}", MetricRecorded(self._run, name, value))

    def report_limit(self, within: float | None, cause: str = "") -> None:
        """See ``Due``."""
        self._report("limit", Due(self._run, within, cause))

    def _report(self, key: str, event: Event) -> None:
        self._reports[key] = event
        self.do_if_due()

    def next_time(self) -> float:
        """When the reports that wait are to be sent; infinity where there are none."""
        return self._next_report if self._reports else math.inf

    def do_if_due(self) -> None:
        """Send the reports that wait, if it is time, and the coordinator takes them: one that was stopped does not,
        and must not hold up who keeps the limits."""
        if time.monotonic() < self.next_time():
            return
        if self._has_room():
            self.flush()
        else:
            self._next_report = time.monotonic() + REPORT_INTERVAL

    def _has_room(self) -> bool:
        sending = select.poll()
        sending.register(self._channel.fileno(), select.POLLOUT)
        return bool(sending.poll(0))

    def flush(self) -> None:
        """Send the reports that wait."""
        self._next_report = time.monotonic() + REPORT_INTERVAL
        reports, self._reports = self._reports, {}
        for event in reports.values():
            self.send(event)

    def waited_for(self) -> Sequence[HasFileno]:
        """What becomes readable when a stop comes."""
        return (self._channel,)

    def read_stop(self) -> StopLevel:
        """Whether the run is to stop, and how. Does not wait."""
        try:
            while self._channel.poll():
                stop = self._channel.recv()
                if isinstance(stop, Stop):
                    self._stop = max(self._stop, stop.level)
        except (EOFError, OSError):
            raise CoordinatorGoneError("the coordinator has gone") from None
        return self._stop
