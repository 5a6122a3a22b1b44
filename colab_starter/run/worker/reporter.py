"""A worker's channel to the coordinator: events go up at a limited rate, and stops come down."""

import math
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from colab_starter.errors import CoordinatorGoneError
from colab_starter.run.job import CellStarted, Due, Event, MetricRecorded, Point, PointsRecorded, Stop
from colab_starter.run.kernels.kernel import HasFileno

REPORT_INTERVAL = 0.1
"""Seconds between two reports; of what happens in between, only the last cell, metric values and limit are sent, but
all points.
"""
MOST_POINTS = 500
"""How many points are sent in one event, so that there is room for all of it wherever there is some."""


class Channel(Protocol):
    """The part of ``multiprocessing.connection.Connection`` that is used."""

    def send(self, obj: Any) -> None:
        """Send an event; raises OSError if the coordinator is gone."""

    def poll(self) -> bool:
        """Whether there is something to receive."""

    def recv(self) -> Any:
        """Receive a ``Stop``; raises EOFError or OSError if the coordinator is gone."""

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to receive or the coordinator is gone."""


class Uplink:
    """The coordinator as seen by the worker of one run. Methods raise CoordinatorGoneError once it is gone."""

    def __init__(self, run: str, channel: Channel) -> None:
        self._run = run
        self._channel = channel
        self._stop = Stop()
        self._reports: dict[str, Event] = {}
        self._points: deque[Point] = deque()
        self._dropped: dict[str, None] = {}
        self._is_anew = True
        self._next_report = 0.0

    def send(self, event: Event) -> None:
        """Send an event at once."""
        try:
            self._channel.send(event)
        except OSError:
            raise CoordinatorGoneError("the coordinator has gone") from None

    def report_cell(self, number: int, total: int) -> None:
        self._report("cell", CellStarted(self._run, number, total))

    def report_metric(self, name: str, value: Any) -> None:
        self._report(f"metric {name}", MetricRecorded(self._run, name, value))

    def report_point(self, point: Point) -> None:
        """Report a value of a series. None is left out."""
        self._points.append(point)
        self.do_if_due()

    def drop_points(self, name: str) -> None:
        """Report that the points of a series so far do not count."""
        self._points = deque(point for point in self._points if point.name != name)
        self._dropped[name] = None

    def start_over(self) -> None:
        """Forget the points of an attempt that starts again; the next ones replace those that have been sent."""
        self._points.clear()
        self._dropped.clear()
        self._is_anew = True

    def report_limit(self, within: float | None, cause: str = "") -> None:
        """Report a limit; see ``Due``."""
        self._report("limit", Due(self._run, within, cause))

    def _report(self, key: str, event: Event) -> None:
        self._reports[key] = event
        self.do_if_due()

    def next_time(self) -> float:
        """When pending reports are due; infinity if there are none."""
        return self._next_report if self._reports or self._points or self._dropped else math.inf

    def do_if_due(self) -> None:
        """Send pending reports if they are due and the coordinator takes them.

        A coordinator that was stopped does not, and must not block the worker, which enforces the limits.
        """
        if time.monotonic() < self.next_time():
            return
        if self._has_room():
            self._send_reports()
            while (self._points or self._dropped) and self._has_room():
                self._send_points()
        self._next_report = time.monotonic() + REPORT_INTERVAL

    def _has_room(self) -> bool:
        sending = select.poll()
        sending.register(self._channel.fileno(), select.POLLOUT)
        return bool(sending.poll(0))

    def flush(self) -> None:
        """Send pending reports and points, even if that takes a while."""
        self._next_report = time.monotonic() + REPORT_INTERVAL
        self._send_reports()
        while self._points or self._dropped:
            self._send_points()

    def _send_reports(self) -> None:
        reports, self._reports = self._reports, {}
        for event in reports.values():
            self.send(event)

    def _send_points(self) -> None:
        points = tuple(self._points.popleft() for _ in range(min(MOST_POINTS, len(self._points))))
        dropped, self._dropped = tuple(self._dropped), {}
        anew, self._is_anew = self._is_anew, False
        self.send(PointsRecorded(self._run, points, anew, dropped))

    def waited_for(self) -> Sequence[HasFileno]:
        """What becomes readable when a stop arrives."""
        return (self._channel,)

    def read_stop(self) -> Stop:
        """Whether and how the run should stop; of several stops, what applies. Does not wait."""
        try:
            while self._channel.poll():
                stop = self._channel.recv()
                if isinstance(stop, Stop):
                    self._stop = self._stop.then(stop)
        except (EOFError, OSError):
            raise CoordinatorGoneError("the coordinator has gone") from None
        return self._stop
