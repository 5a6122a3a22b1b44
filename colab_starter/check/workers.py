"""Checking many notebooks, in this process or in several, one verdict after the other in the notebooks' order.

Each worker has a pipe of its own, and no threads are involved: so it is known at which notebook a worker died, a
worker notices when the command is gone, and forking is safe.
"""

import gc
import multiprocessing
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, Self

from colab_starter.check.checker import Checked, Checker, Settings

Notebooks = Iterable[tuple[Path, bool]]
"""Paths, each with whether it was named."""

ALONE_FOR = 0.5
"""Seconds that this process checks by itself before it starts others: few notebooks are checked sooner than that."""
_AHEAD = 4
"""Notebooks that are sent to a worker before its answers are taken, so that it never waits."""
_HELD_BACK = 256
"""Verdicts a worker that wait for an earlier notebook at most; so one large notebook does not fill the memory."""
_COLLECTED_EVERY = 500
"""Notebooks between two searches for garbage."""


def check_all(settings: Settings, notebooks: Notebooks, jobs: int | None = None) -> Generator[Checked, None, None]:
    """The verdicts in the order of the notebooks, each as soon as it and those before it are known.

    ``jobs`` is the number of processes; None for as many as there are cores if it takes longer than ALONE_FOR, and
    for none but this one otherwise. Close the iterator to end the workers.
    """
    checker, waiting = Checker(settings), iter(notebooks)
    if jobs is None:
        yield from _check_here(checker, waiting, time.monotonic() + ALONE_FOR)
        jobs = _count_cores()
    if jobs == 1:
        yield from _check_here(checker, waiting, None)
    else:
        with _Pool(settings, jobs) as pool:
            yield from pool.check(checker, waiting)
    checker.close()


def _count_cores() -> int:
    from colab_starter.run.backends.cpus import count_cores

    return count_cores()


def _check_here(checker: Checker, waiting: Iterator[tuple[Path, bool]], until: float | None) -> Iterator[Checked]:
    with few_collections() as collect:
        for path, named in waiting:
            yield checker.check(path, named)
            collect()
            if until and time.monotonic() > until:
                return


@contextmanager
def few_collections() -> Iterator[Callable[[], None]]:
    """Search for garbage seldom, when the function that this gives has been called often enough.

    Syntax trees are many small objects without cycles; to look for cycles among them takes a fifth of the time.
    """
    was_enabled, count = gc.isenabled(), 0

    def collect() -> None:
        nonlocal count
        count += 1
        if count % _COLLECTED_EVERY == 0:
            gc.collect()

    gc.disable()
    try:
        yield collect
    finally:
        if was_enabled:
            gc.enable()


class _Task(NamedTuple):
    """A notebook for a worker."""

    number: int
    """Its place among all."""
    path: Path
    named: bool


class _Worker:
    """A process that checks what it is sent, in that order."""

    def __init__(self, settings: Settings) -> None:
        context: Any = multiprocessing.get_context(_choose_method())
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.connection, settings), daemon=True)
        self._process.start()
        theirs.close()
        self.sent: deque[_Task] = deque()
        """What it has not answered yet, the oldest first."""

    def send(self, task: _Task) -> None:
        self.sent.append(task)
        with suppress(OSError):  # it has died, which is noticed when its answer is taken
            self.connection.send((task.path, task.named))

    def receive(self) -> Checked | None:
        """The answer to the oldest question; None if the worker has died."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return None
        return answer if isinstance(answer, Checked) else None

    def end(self) -> int:
        """End it, in the middle of a notebook if need be; returns its status, negative for a signal."""
        self.connection.close()
        self._process.terminate()
        self._process.join()
        status = self._process.exitcode or 0
        self._process.close()
        return status


def _choose_method() -> str:
    """Fork where that is safe, for it takes a hundredth of the time: on Linux, with no other thread."""
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


def _serve(connection: Connection, other_end: Connection, settings: Settings) -> None:
    """What a worker does until the command closes the pipe, or is gone."""
    other_end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the command ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    checker = Checker(settings)
    with few_collections() as collect, suppress(EOFError, OSError):
        while True:
            path, named = connection.recv()
            connection.send(checker.check(path, named))
            collect()


class _Pool:
    """Several workers, started when there is something for them to do."""

    def __init__(self, settings: Settings, jobs: int) -> None:
        self._settings = settings
        self._jobs = jobs
        self._workers: list[_Worker] = []
        self._done: dict[int, Checked] = {}
        self._again: deque[_Task] = deque()
        """Notebooks for which no worker was free, and those that one which died had been sent besides."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def check(self, checker: Checker, waiting: Iterator[tuple[Path, bool]]) -> Iterator[Checked]:
        """The verdicts in order; what ``checker`` can look up is told without the workers."""
        tasks = (_Task(number, path, named) for number, (path, named) in enumerate(waiting))
        following = 0
        while True:
            while following in self._done:
                yield self._done.pop(following)
                following += 1
            task = self._next_task(tasks)
            known = checker.look_up(task.path, task.named) if task else None
            if task and known:
                self._done[task.number] = known
            elif task and (worker := self._find_idle()):
                worker.send(task)
            elif task or any(worker.sent for worker in self._workers):
                self._again.extendleft([task] if task else [])
                self._collect()
            else:
                return

    def _next_task(self, tasks: Iterator[_Task]) -> _Task | None:
        if self._again:
            return self._again.popleft()
        return next(tasks, None) if self._count_held() < _HELD_BACK * self._jobs else None

    def _count_held(self) -> int:
        return len(self._done) + sum(len(worker.sent) for worker in self._workers)

    def _find_idle(self) -> _Worker | None:
        """A worker that can be sent a notebook; a new one if the others have enough."""
        least = min(self._workers, key=lambda worker: len(worker.sent), default=None)
        if least and not least.sent:
            return least
        if len(self._workers) < self._jobs:
            self._workers.append(_Worker(self._settings))
            return self._workers[-1]
        return least if least and len(least.sent) < _AHEAD else None

    def _collect(self) -> None:
        """Wait for an answer, and take all that are there."""
        asked = {worker.connection: worker for worker in self._workers if worker.sent}
        for connection in wait(list(asked)):
            worker = asked[connection]
            answer = worker.receive()
            task = worker.sent.popleft()
            if answer is None:
                self._workers.remove(worker)
                self._again.extend(worker.sent)
                answer = Checked(task.path, failure=f"its process {_describe_status(worker.end())}")
            self._done[task.number] = answer


def _describe_status(status: int) -> str:
    """How a process ended."""
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended with status {status}"
