"""Finding the processes that a dead coordinator left, by the lock they inherited, and ending them."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from colab_starter.errors import SweepBusyError
from colab_starter.run.kernels import system

_LOOK = 1.0
"""Seconds between two searches for them."""
_FORCE = 15.0
"""Seconds that killed processes have to disappear."""


class Leftovers:
    """Waits for the processes that hold a lock taken by ``coordinator`` before it died.

    They end on their own when they notice its death. Those that were stopped (SIGSTOP) are continued, so that they
    notice it too; those still there ``patience`` seconds later are killed, with everything they started.
    """

    def __init__(self, lock: Path, descriptors: Sequence[int], coordinator: str, patience: float) -> None:
        self.coordinator = coordinator
        """Its process ID, as written in the lock."""
        self._lock = lock
        self._descriptors = tuple(descriptors)
        self._force_at = time.monotonic() + patience
        self._next_look = time.monotonic() + min(_LOOK, patience)
        self._is_told = False

    def look(self) -> None:
        """Check on them; call this until the lock is free. Raises SweepBusyError if they cannot be ended."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK
        if now > self._force_at + _FORCE:
            raise SweepBusyError(
                f"processes of an earlier run are still working in {self._lock.parent} and cannot be ended from here; "
                f"end them (fuser {self._lock} names them), or choose another --out"
            )
        holders = find_holders(self._descriptors, self.coordinator)
        if now < self._force_at:
            self._next_look = min(self._next_look, self._force_at)
            for pid in holders:
                system.kill(pid, signal.SIGCONT)
        else:
            self._tell(len(holders))
            below = [child for holder in holders for child in system.list_descendants(holder)]
            for pid in [*holders, *below]:
                system.kill(pid)

    def _tell(self, count: int) -> None:
        if count and not self._is_told:
            self._is_told = True
            processes = "a process" if count == 1 else f"{count} processes"
            print(
                f"colab-starter: killing {processes} that an earlier run left in {self._lock.parent}", file=sys.stderr
            )


def find_holders(descriptors: Sequence[int], dead: str) -> list[int]:
    """The processes of this user that hold a lock taken by a dead process on one of these open files (Linux).

    ``dead`` is the ID of a process known to be dead, even if another process now has that number. A process that has
    only opened the file, or that took the lock itself and is alive, is not included; nor is this process.
    """
    wanted = [os.fstat(descriptor) for descriptor in descriptors]
    others = [process.pid for process in system.list_processes() if process.pid != os.getpid()]
    return [pid for pid in others if _is_own(pid) and any(_holds(fd, wanted, dead) for fd in _list_descriptors(pid))]


def _is_own(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == os.geteuid()
    except OSError:
        return False


def _list_descriptors(pid: int) -> Iterator[Path]:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:  # the process has just ended
        return
    for name in names:
        yield Path(f"/proc/{pid}/fd/{name}")


def _holds(descriptor: Path, wanted: Sequence[os.stat_result], dead: str) -> bool:
    """Whether the descriptor is of a locked file and inherited the lock from a dead process.

    The line is ``lock: 1: FLOCK  ADVISORY  WRITE 4711 08:01:123 0 EOF``; in a container, a dead process is shown as 0.
    """
    try:
        status = descriptor.stat()
        if not any(os.path.samestat(status, one) for one in wanted):
            return False
        facts = (descriptor.parents[1] / "fdinfo" / descriptor.name).read_text()
    except OSError:
        return False
    locks = [line.split() for line in facts.splitlines() if line.startswith("lock:")]
    takers = [lock[5] for lock in locks if lock[2] == "FLOCK"]
    return any(taker in (dead, "0") or not Path("/proc", taker).exists() for taker in takers)
