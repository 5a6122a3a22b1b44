"""Ending a Python kernel whose notebook left threads or processes running, all of which Python would wait for.

Those that do work are waited for, for some seconds; those that only wait themselves are not. This module is also sent
as text to kernels, which may have another environment and another Python, so it uses only the standard library.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

GRACE = 1.0
"""Seconds within which threads and processes must do something to be waited for."""
LONGEST = 8.0
"""The most seconds that they are waited for; the kernel is killed after 10."""
LITTLE = 0.002
"""The share of a core below which they count as idle: waking up ten times a second takes about half as much."""
FILE_NAME = "left"
"""Beside the connection file: what was still running, one per line."""


class _GiveUpError(BaseException):
    """Raised in the main thread to end its wait."""


def replace_shutdown(told: str) -> None:
    """Make Python end in this way; ``told`` is the path of the file that says what was still running."""
    module: Any = threading
    module._shutdown = partial(end_leftovers, module._shutdown, told)


def end_leftovers(shut_down: "Callable[[], None]", told: str) -> None:
    """Call ``shut_down``, which is ``threading._shutdown``, with a limited wait; in the main thread only.

    Processes of multiprocessing that are left are terminated, then killed.
    What was still running is written to ``told``.
    """
    if not (_list_threads() or _list_processes()):
        return shut_down()
    _wait_while_they_work(shut_down)
    left = [*_list_threads(), *_list_processes()]
    if left and told:
        with open(told, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{_describe(one)}\n" for one in left)
    for process in _list_processes():
        process.terminate()
        process.join(GRACE)
        process.kill()


def _wait_while_they_work(shut_down: "Callable[[], None]") -> None:
    """Wait, interrupted by an alarm, because from Python 3.12 on no thread can be started at this point."""
    deadline, done = time.monotonic() + LONGEST, _measure_work()

    def look(*_: object) -> None:
        nonlocal done
        before, done = done, _measure_work()
        if done - before < LITTLE * GRACE or time.monotonic() >= deadline:
            raise _GiveUpError

    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None  # from Python 3.13 on, it is called for _GiveUpError
    signal.signal(signal.SIGALRM, look)
    with suppress(_GiveUpError):
        signal.setitimer(signal.ITIMER_REAL, GRACE, GRACE)
        shut_down()
        for process in _list_processes():
            process.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.unraisablehook = before


def _list_threads() -> "list[threading.Thread]":
    """The threads that Python waits for."""
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]


def _list_processes() -> "list[Any]":
    """The processes that multiprocessing waits for."""
    module: Any = sys.modules.get("multiprocessing.process")
    return [process for process in module.active_children() if not process.daemon] if module else []


def _describe(left: Any) -> str:
    """A phrase such as ``thread monitor``, from ``Thread-7 (monitor)``."""
    name = " ".join(str(left.name).split())
    if name.startswith("Thread-") and name.endswith(")"):
        name = name[name.index("(") + 1 : -1]
    return f"{'thread' if isinstance(left, threading.Thread) else 'process'} {name}"


def _measure_work() -> float:
    """CPU seconds used so far by this process's other threads and by its living descendants (Linux)."""
    return time.process_time() - time.thread_time() + sum(_read_times()) / os.sysconf("SC_CLK_TCK")


def _read_times() -> "list[int]":
    """The CPU time of each descendant process, in ticks."""
    parents, times = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc") if sys.platform == "linux" else ()):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:  # the process has just ended
            continue
        parents[int(name)], times[int(name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    below, level = [], {os.getpid()}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        below += [times[pid] for pid in level]
    return below
