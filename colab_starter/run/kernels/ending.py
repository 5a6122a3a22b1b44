"""The end of a Python kernel whose notebook has left threads or processes running: Python would wait for all of them.

Those that work are waited for, for some seconds; those that only wait themselves are not. This module is also sent to
kernels as text, which may be of another environment and another Python, so it needs the standard library alone.
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
"""Seconds in which threads and processes that are waited for must do something."""
LONGEST = 8.0
"""Seconds that they are waited for at most; the kernel is killed after 10."""
LITTLE = 0.002
"""They do nothing that use less of a core: to wake up ten times a second takes about half as much."""
FILE_NAME = "left"
"""Beside the connection file: what was still running, one a line."""


class _GiveUpError(BaseException):
    """Raised in the main thread to end its wait."""


def replace_shutdown(told: str) -> None:
    """Have Python end in this way; ``told`` is the path of the file that says what was still running."""
    module: Any = threading
    module._shutdown = partial(end_leftovers, module._shutdown, told)


def end_leftovers(shut_down: "Callable[[], None]", told: str) -> None:
    """Call ``shut_down``, which is ``threading._shutdown``, but do not wait longer than is good; main thread only.

    Processes of multiprocessing that were not waited for are ended. What was still running is written to ``told``.
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
    """Interrupted by an alarm, because from Python 3.12 on no thread can be started any more that would do it."""
    deadline, done = time.monotonic() + LONGEST, _measure_work()

    def look(*_: object) -> None:
        nonlocal done
        before, done = done, _measure_work()
        if done - before < LITTLE * GRACE or time.monotonic() >= deadline:
            raise _GiveUpError

    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None  # from Python 3.13 on, it hears of _GiveUpError
    signal.signal(signal.SIGALRM, look)
    with suppress(_GiveUpError):
        signal.setitimer(signal.ITIMER_REAL, GRACE, GRACE)
        shut_down()
        for process in _list_processes():
            process.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.unraisablehook = before


def _list_threads() -> "list[threading.Thread]":
    """Those that Python waits for."""
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]


def _list_processes() -> "list[Any]":
    """Those that multiprocessing waits for."""
    module: Any = sys.modules.get("multiprocessing.process")
    return [process for process in module.active_children() if not process.daemon] if module else []


def _describe(left: Any) -> str:
    """Such as ``thread monitor``, from ``Thread-7 (monitor)``."""
    name = " ".join(str(left.name).split())
    if name.startswith("Thread-") and name.endswith(")"):
        name = name[name.index("(") + 1 : -1]
    return f"{'thread' if isinstance(left, threading.Thread) else 'process'} {name}"


def _measure_work() -> float:
    """Seconds of a core that this process, without this thread, has used so far, and what lives below it (Linux)."""
    return time.process_time() - time.thread_time() + sum(_read_times()) / os.sysconf("SC_CLK_TCK")


def _read_times() -> "list[int]":
    """Of each process below this one, in ticks."""
    parents, times = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc") if sys.platform == "linux" else ()):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(name)], times[int(name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    below, level = [], {os.getpid()}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        below += [times[pid] for pid in level]
    return below
