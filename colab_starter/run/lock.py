"""One coordinator a sweep: a lock that the kernel's process table releases, however its holder ends."""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from colab_starter.errors import SweepBusyError

if TYPE_CHECKING:
    from colab_starter.run.leftovers import Leftovers

FILE_NAME = ".lock"
WAIT = 8.0
"""Seconds that the workers of a dead coordinator have to end by themselves; their fork server gives them 5."""


class SweepLock:
    """Holds a sweep's folder for this process, and for the children that inherit ``descriptor``.

    Children that are to count as its holders must be given the descriptor (``pass_fds``); others do not get it.
    """

    def __init__(self, folder: Path, wait: float = WAIT) -> None:
        """Take the lock. Raises SweepBusyError where another coordinator lives, and OSError.

        Where the coordinator is dead but workers of it still hold the lock, wait until they have ended; those that
        have not ended after ``wait`` seconds are killed.
        """
        path = folder / FILE_NAME
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._take(path, wait)
            self._sign()
        except BaseException:
            os.close(self.descriptor)
            raise

    def close(self) -> None:
        """Give the lock up; it is free when the children that have it have ended too. May be called twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, path: Path, wait: float) -> None:
        leftovers: Leftovers | None = None
        while not self._try():
            holder = _read_holder(path)
            if is_alive(holder):
                raise SweepBusyError(
                    f"{path.parent} is being worked on by process {holder.get('pid')} on {holder.get('host')}; "
                    "wait for it, or choose another --out"
                )
            if leftovers is None or leftovers.coordinator != str(holder.get("pid")):
                leftovers = self._find_leftovers(path, holder, wait)
            leftovers.look()
            time.sleep(0.05)

    def _find_leftovers(self, path: Path, holder: dict[str, Any], wait: float) -> "Leftovers":
        # Imported only now, because it is seldom needed.
        from colab_starter.run.leftovers import Leftovers

        return Leftovers(path, self.descriptor, str(holder.get("pid")), wait)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _sign(self) -> None:
        """Write down who holds it."""
        pid = os.getpid()
        holder = {"pid": pid, "started": read_start_time(pid), "host": socket.gethostname()}
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(holder).encode(), 0)


def _read_holder(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def is_alive(holder: dict[str, Any]) -> bool:
    """Whether the process still is; one of another machine is taken to be. Unsigned: its holder is just signing."""
    if holder.get("host") != socket.gethostname():
        return bool(holder)
    try:
        os.kill(int(holder["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError):
        return False
    except PermissionError:
        return True
    return bool(holder.get("started") == read_start_time(holder["pid"]))


def read_start_time(pid: int) -> str:
    """Tells a process from a later one of the same number; empty for a dead one, and where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
