"""Processes that somebody has stopped (SIGSTOP) and forgotten, among those that the runs of a sweep depend on.

A worker that is stopped keeps no time limit, a fork server starts no run, and a kernel ends no cell: a sweep without
somebody who notices would wait for ever.
"""

import signal
import time
from collections.abc import Callable, Collection, Iterator

from colab_starter.run.kernels import system
from colab_starter.run.kernels.system import Process

PATIENCE = 10.0
"""Seconds that a process may stand still."""
INTERVAL = 2.0
"""Seconds between two looks at the least."""
_SHARE_OF_TIME = 0.01
"""Looking takes no more of the time than this, however many processes the machine has."""


class StoppedProcesses:
    """Lets fork servers, their workers and kernels go on that were stopped; what notebooks start is left alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}
        self._next_look = self._last_look = clock()

    def look(self, servers: Collection[int]) -> list[int]:
        """Let go on what has stood still for PATIENCE seconds; returns its process ids. Mostly does nothing.

        ``servers`` are the ids of fork servers, or of Ray's driver. Time in which this process did not look, because it
        was stopped itself, does not count.
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
        """The same at once, without patience."""
        return _let_go_on(_find_stopped(servers))


def _let_go_on(pids: Iterator[int]) -> list[int]:
    found = list(pids)
    for pid in found:
        system.kill(pid, signal.SIGCONT)
    return found


def _find_stopped(servers: Collection[int]) -> Iterator[int]:
    """Those of keepers, the processes that fork the workers, workers and kernels that are stopped (Linux)."""
    processes = list(system.list_processes())
    level = [process for process in processes if process.pid in servers]
    for _ in ("keepers", "servers", "workers"):
        yield from (process.pid for process in level if process.is_stopped)
        above = {process.pid: process for process in level}
        level = [process for process in processes if process.parent in above]
    yield from (process.pid for process in level if process.is_stopped and _is_kernel(process, above))


def _is_kernel(child: Process, workers: dict[int, Process]) -> bool:
    """Whether it leads a session, or is about to; a worker's other children have lost the parent that they had."""
    return child.session in (child.pid, workers[child.parent].session)
