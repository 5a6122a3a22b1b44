"""Process management by the operating system; macOS offers less, but nothing breaks there."""

import os
import signal
import sys
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

IS_LINUX = sys.platform == "linux"
HAS_PIDFD = hasattr(os, "pidfd_open")

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GIVE_UP = 5.0
"""Seconds after which a process that survives SIGKILL is left alone: the system is blocking it."""

_FORK_SAFE_THREADS = frozenset(["jemalloc_bg_thd"])
"""pyarrow's jemalloc ends its background threads at a fork (background_thread_prefork0 in its source)."""


Log: TypeAlias = Path | int
"""A file, or an open descriptor, that gets what a process writes to its descriptors 1 and 2."""


class Process(NamedTuple):
    """An entry in the system's list of processes."""

    pid: int
    parent: int
    session: int
    is_zombie: bool
    is_stopped: bool
    """Whether it was stopped by SIGSTOP or the like, not by a debugger."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Arrange for this process to be killed when its parent, which must be ``parent``, dies (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if IS_LINUX and os.getppid() != parent:  # the parent died before the line above
        os._exit(1)


def outlive_parent() -> None:
    """Undo ``die_with_parent``."""
    _prctl(_PR_SET_PDEATHSIG, 0)


def _prctl(option: int, value: int) -> None:
    if IS_LINUX:
        # Imported here because the coordinator does not need it; fork servers load it before their first fork.
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def fork() -> int:
    """Call os.fork without the warnings of libraries (JAX), which do not apply without threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def open_pidfd(pid: int) -> int:
    """A descriptor that is readable once the process has ended; -1 if the system does not support it."""
    try:
        return os.pidfd_open(pid) if HAS_PIDFD else -1
    except OSError:
        return -1


def list_processes() -> Iterator[Process]:
    """All processes of the machine (Linux)."""
    for name in os.listdir("/proc") if IS_LINUX else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, parent, _, session, *_ = file.read().rpartition(b")")[2].split(maxsplit=4)
            except OSError:  # the process has just ended
                continue
            yield Process(int(name), int(parent), int(session), state == b"Z", state == b"T")


def list_descendants(ancestor: int, without: Collection[int] = ()) -> list[int]:
    """The living descendants of ``ancestor``, except its children with the IDs ``without`` and their descendants."""
    children: dict[int, list[Process]] = {}
    for process in list_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[int] = []
    level = [process for process in children.get(ancestor, ()) if process.pid not in without]
    while level:
        found += [process.pid for process in level if not process.is_zombie]
        level = [child for process in level for child in children.get(process.pid, ())]
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; does nothing if the process is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_group(leader: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to the group that ``leader`` leads, or only to the process while it does not lead one yet."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        kill(leader, number)


def kill_tree(root: int) -> None:
    """Kill all descendants of ``root``, then ``root`` itself, even if they were stopped."""
    deadline = time.monotonic() + _GIVE_UP
    while (below := list_descendants(root)) and time.monotonic() < deadline:
        for pid in below:
            kill(pid)
        time.sleep(0.001)
    kill(root)


def kill_children() -> None:
    """Kill and reap all descendants of this process, which adopts orphans."""
    deadline = time.monotonic() + _GIVE_UP
    while _reap_children():
        for pid in list_descendants(os.getpid()):
            kill(pid)
        if time.monotonic() > deadline:
            return
        time.sleep(0.001)


def _reap_children() -> bool:
    """Reap the children that have ended; returns whether another is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_session(leader: int, others: Collection[int]) -> None:
    """Kill what is left of the session led by ``leader``, and ``others``, which are not this process's children."""
    for pid in others:
        kill(pid)
    deadline = time.monotonic() + _GIVE_UP
    while left := [process.pid for process in list_processes() if process.session == leader and not process.is_zombie]:
        for pid in left:
            kill(pid)
        if time.monotonic() > deadline:
            return
        time.sleep(0.001)


def reset_signals() -> None:
    """Restore the signal handlers with which Python starts, and unblock all signals."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def count_threads() -> int:
    """The number of threads of this process, except those safe for a fork; 1 if the system does not report it."""
    return len([name for name in _list_threads() if name not in _FORK_SAFE_THREADS]) if IS_LINUX else 1


def _list_threads() -> Iterator[str]:
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/comm") as file:
            yield file.read().strip()


def open_log(log: Log) -> int:
    """A new descriptor to write to, which the caller owns."""
    if isinstance(log, int):
        return os.dup(log)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)


def list_descriptors() -> set[int]:
    """The open file descriptors of this process."""
    folder = "/proc/self/fd" if IS_LINUX else "/dev/fd"
    listed = {int(name) for name in os.listdir(folder)}
    return {descriptor for descriptor in listed if _is_open(descriptor)}


def _is_open(descriptor: int) -> bool:
    """Whether the descriptor is open; False for the one with which the folder was listed."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def close_descriptors(keep: Collection[int]) -> None:
    """Close every descriptor except the standard ones and ``keep``."""
    for descriptor in list_descriptors() - set(keep) - {0, 1, 2}:
        os.close(descriptor)
