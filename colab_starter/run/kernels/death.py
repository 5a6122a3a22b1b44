"""The cause of a process's death."""

import os
import signal
from pathlib import Path
from typing import NamedTuple

from colab_starter.errors import ColabStarterError


class Death(NamedTuple):
    """How a kernel's process ended."""

    exit_code: int | None
    """None if a signal ended it."""
    signal: int | None
    out_of_memory: bool
    """Whether the system killed it for lack of memory (according to counters of its cgroup or the machine)."""
    peak_memory: int
    """The peak memory in bytes, from wait4."""

    def describe(self) -> str:
        """A line such as ``the kernel was killed by SIGSEGV``."""
        if self.out_of_memory:
            return f"the kernel ran out of memory (the system killed it at {self.peak_memory / 1e9:.1f} GB)"
        if self.signal is not None:
            return f"the kernel was killed by {name_signal(self.signal)}"
        return f"the kernel ended with exit code {self.exit_code}"


def name_signal(number: int) -> str:
    """The name of a signal, such as ``SIGKILL``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def read_death(status: int, max_rss: int, *, out_of_memory: bool) -> Death:
    """The death given by wait4's status and ``ru_maxrss``."""
    code = os.waitstatus_to_exitcode(status)
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    exit_code, number = (code, None) if code >= 0 else (None, -code)
    return Death(exit_code, number, out_of_memory and number == signal.SIGKILL, max_rss * unit)


def count_oom_kills(root: Path = Path("/")) -> int:
    """How many processes the system has killed for lack of memory in this cgroup and on this machine."""
    files = [*_cgroup_files(root), root / "proc/vmstat"]
    return sum(_read_counter(file) for file in files)


def _cgroup_files(root: Path) -> list[Path]:
    """The counter files of this process's cgroups, versions 1 and 2, as seen inside or outside a container."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, name = root / "sys/fs/cgroup", "memory.events"
        elif "memory" in controllers.split(","):
            top, name = root / "sys/fs/cgroup/memory", "memory.oom_control"
        else:
            continue
        own = top / path.lstrip("/") / name
        found.append(own if own.exists() else top / name)
    return found


def _read_counter(file: Path) -> int:
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return 0
    return next((int(line[1]) for line in lines if line[:1] == ["oom_kill"]), 0)


class KernelDiedError(ColabStarterError):
    """A kernel has ended on its own, or can no longer be reached.

    ``death`` says how its process ended, if that is known; ``hint`` is any further explanation.
    """

    def __init__(self, message: str, death: "Death | None" = None, hint: str = "") -> None:
        super().__init__(message)
        self.death = death
        self.hint = hint
