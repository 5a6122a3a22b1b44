"""Continuing stopped processes (SIGSTOP) among those that the runs of a sweep depend on.

A stopped worker does not enforce time limits, a stopped fork server starts no runs, and a stopped kernel ends no cells:
unnoticed, the sweep would wait forever.
"""

import signal
import time
from collections.abc import Callable, Collection, Iterator

from colab_starter.run.kernels import system
from colab_starter.run.kernels.system import Process

PATIENCE = 10.0
"""Seconds that a process may stay stopped."""
INTERVAL = 2.0
"""The least seconds between two checks."""
_SHARE_OF_TIME = 0.01
"""The largest share of time spent checking, however many processes the machine has."""


class StoppedProcesses:
    """Continues stopped fork servers, workers and kernels; what notebooks start is left alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}
        self._next_look = self._last_look = clock()

    def look(self, servers: Collection[int]) -> list[int]:
        """Continue what has been stopped for PATIENCE seconds; returns the process IDs. Usually does nothing.

        ``servers`` are the process IDs of fork servers, or of Ray's driver. Time in which this process did not check
        because it was stopped itself does not count.
        """
        now = self._clock()
        if now < self._next_look or not servers:
            return []
        if now > self._last_look + PATIENCE:
            self._since.clear()
        stopped = list(_find_stopped(servers))
        self._last_look = self._clock()
        self._next_look = self._last_look + max(INTERVAL, (self._last_look - now) / _SHARE_OF_TIME)
        self._since = {pid: self._since.get(pid, now) for pid in stopped}
        return _let_go_on(pid for pid, since in self._since.items() if now >= since + PATIENCE)

    def let_go_on(self, servers: Collection[int]) -> list[int]:
        """Like ``look``, but at once."""
        return _let_go_on(_find_stopped(servers))


def _let_go_on(pids: Iterator[int]) -> list[int]:
    found = list(pids)
    for pid in found:
        system.kill(pid, signal.SIGCONT)
    return found


def _find_stopped(servers: Collection[int]) -> Iterator[int]:
    """The stopped processes among keepers, serving forks, workers and kernels (Linux)."""
    processes = list(system.list_processes())
    level = [process for process in processes if process.pid in servers]
    for _ in ("keepers", "servers", "workers"):
        yield from (process.pid for process in level if process.is_stopped)
        above = {process.pid: process for process in level}
        level = [process for process in processes if process.parent in above]
    yield from (process.pid for process in level if process.is_stopped and _is_kernel(process, above))


def _is_kernel(child: Process, workers: dict[int, Process]) -> bool:
    """Whether it leads a session, or is about to; a worker's other children are adopted orphans."""
    return child.session in (child.pid, workers[child.parent].session)
