"""One coordinator per sweep: a lock that the operating system releases however its holder ends."""

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from colab_starter.errors import SweepBusyError, SweepLostError
from colab_starter.files import open_itself
from colab_starter.sweep_folder import LOCK

if TYPE_CHECKING:
    from colab_starter.run.leftovers import Leftovers

FILE_NAME = LOCK
WAIT = 8.0
"""Seconds that a dead coordinator's workers have to end on their own; their fork server gives them 5."""


class SweepLock:
    """Locks a sweep's folder for this process and the children that inherit ``descriptors``.

    Children that should count as holders must be given the descriptors (``pass_fds``); others do not get them. The lock
    is on a file, which says who holds it, and, where the file system can, on the folder itself, because files get
    removed.
    """

    def __init__(self, folder: Path, wait: float = WAIT) -> None:
        """Take the lock. Raises SweepBusyError if another coordinator is alive, and OSError.

        If the coordinator is dead but its workers still hold the lock, wait until they have ended; those that have not
        ended after ``wait`` seconds are killed.
        """
        self._path = folder / FILE_NAME
        self._locks_folder = False
        self._folder_descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.descriptor = _open_file(self._path)
        except BaseException:
            os.close(self._folder_descriptor)
            raise
        try:
            self._take(self._path, wait)
            self._sign()
        except BaseException:
            self.close()
            raise
        self._has_inodes = _is_at(self._folder_descriptor, folder) and _is_at(self.descriptor, self._path)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that hold the lock while any process has them open."""
        return (self.descriptor, self._folder_descriptor)

    def check(self) -> None:
        """Raise SweepLostError if the folder is no longer in its place, or no longer ours alone. Quick."""
        folder = self._path.parent
        if not (_is_at(self._folder_descriptor, folder) if self._has_inodes else folder.is_dir()):
            raise SweepLostError(_describe_move(folder, self._folder_descriptor))
        if self._has_inodes and not _is_at(self.descriptor, self._path):
            self._renew()
        elif os.fstat(self.descriptor).st_size != self._signed:
            with suppress(OSError):
                self._sign()

    def close(self) -> None:
        """Release the lock; it is free once the children that hold it have ended too. May be called twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            os.close(self._folder_descriptor)
            self.descriptor = self._folder_descriptor = -1

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
        # Imported here because it is seldom needed.
        from colab_starter.run.leftovers import Leftovers

        return Leftovers(path, self.descriptors, str(holder.get("pid")), wait)

    def _try(self) -> bool:
        if not _lock(self.descriptor):
            return False
        try:
            self._locks_folder = _lock(self._folder_descriptor)
        except OSError:  # a file system that cannot lock folders, such as NFS
            return True
        if not self._locks_folder:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        return self._locks_folder

    def _sign(self) -> None:
        """Write into the lock file which process holds it."""
        pid = os.getpid()
        holder = {"pid": pid, "started": read_start_time(pid), "host": socket.gethostname()}
        content = json.dumps(holder).encode()
        os.ftruncate(self.descriptor, 0)
        self._signed = os.pwrite(self.descriptor, content, 0)

    def _renew(self) -> None:
        """Restore a lock file that was removed or replaced; meanwhile, the locked folder keeps others out."""
        if not self._locks_folder:
            raise SweepLostError(
                f"{self._path} was removed or replaced meanwhile, so that another colab-starter may work there too; "
                "leave that file alone, then give the same command again: what has ended is kept"
            )
        with suppress(OSError):  # a full disk, say; the folder is still locked
            new = _open_file(self._path)
            _lock(new)  # a process that has it waits for the folder, and is turned away by our signature
            os.dup2(new, self.descriptor, inheritable=False)
            os.close(new)
            self._sign()


def _open_file(path: Path) -> int:
    descriptor = open_itself(path, os.O_RDWR | os.O_CREAT, 0o600)
    with suppress(PermissionError):  # one of an earlier version, perhaps another user's
        os.fchmod(descriptor, 0o600)
    return descriptor


def _lock(descriptor: int) -> bool:
    """Lock the descriptor; returns False if another process has it locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _describe_move(folder: Path, descriptor: int) -> str:
    """A message that says where a folder has gone, and what to do about it."""
    if not os.fstat(descriptor).st_nlink:
        return f"{folder} was removed meanwhile, so the sweep has ended; the same command starts a new one"
    try:
        place = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        place = ""
    remedy = f"rename {place} back, or go on with --out {place}" if place else "put it back, then give the same command"
    return f"{folder} was renamed meanwhile, so the sweep has ended; {remedy}: what has ended is kept"


def _read_holder(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def is_alive(holder: dict[str, Any]) -> bool:
    """Whether the holder is alive; assumed on another machine, and for an unsigned lock, which is being signed."""
    if holder.get("host") != socket.gethostname():
        return bool(holder)
    try:
        os.kill(int(holder["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError, TypeError, OverflowError):
        return False
    except PermissionError:
        return True
    return bool(holder.get("started") == read_start_time(holder["pid"]))


def read_start_time(pid: int) -> str:
    """The start time of a process, which identifies it if its ID is reused; empty if it is dead or without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
