"""One coordinator per sweep where there are no locks: a lease in the store, which its holder renews.

Each holder creates the object with the next number, which only one of several can do. The highest number holds the
sweep. A holder overwrites only its own object, so one that was wrongly presumed dead can do no harm.
"""

import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from colab_starter.errors import SweepBusyError, SweepLostError
from colab_starter.run.ledger.lock import is_alive, read_start_time
from colab_starter.run.storage.objects import Objects

FOLDER = ".lock"
RENEWAL = 20.0
"""Seconds between two renewals."""
STALE = 60.0
"""Seconds without a renewal after which the holder is presumed dead."""
LOOK = 1.0
"""Seconds between two checks of another process's lease."""


class Lease:
    """Holds the sweep at an address, until ``release``."""

    def __init__(self, objects: Objects) -> None:
        """Take the lease. Raises SweepBusyError if its holder is alive, and OSError.

        Only its renewals show that a holder on another machine is alive, so this waits for them.
        """
        self._objects = objects
        self._token = token_hex(8)
        self._guard = threading.Lock()
        self._is_lost = False
        self.number = self._take()
        """Higher than that of every previous holder."""
        self._renewed = time.time()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise SweepLostError if another process holds, or may hold, the sweep now."""
        if not self._is_lost and time.time() > self._renewed + STALE * 0.75:
            self._renew()  # this process was stopped, or the store did not answer
        if self._is_lost:
            raise SweepLostError(
                f"{self._objects.address} was taken over by another colab-starter, or could not be reached for "
                f"{STALE:.0f} s; the same command resumes once that has ended"
            )

    def release(self) -> None:
        """Give up the lease. May be called twice."""
        if self._end.is_set():
            return
        self._end.set()
        self._thread.join()
        with suppress(OSError):  # it becomes stale anyway
            if not self._is_lost:
                self._objects.write(_name(self.number), self._describe(released=True))
                self._objects.remove([_name(number) for number in self._list() if number < self.number])

    def _take(self) -> int:
        while True:
            last = max(self._list(), default=0)
            if last:
                self._wait_for_end(last)
            with suppress(FileExistsError):  # another process was quicker
                self._objects.create(_name(last + 1), self._describe())
                if self._is_own(last + 1):
                    return last + 1

    def _is_own(self, number: int) -> bool:
        """Whether we hold this number; if a store lets two create the same object, the second one holds it."""
        return bool(_read(self._objects, number).get("token") == self._token)

    def _wait_for_end(self, number: int) -> None:
        """Wait until the holder has given up the lease or is dead. Raises SweepBusyError if it is alive."""
        holder = _read(self._objects, number)
        if holder.get("released"):
            return
        if holder.get("machine") and holder["machine"] == _name_machine():
            if is_alive(holder):
                self._refuse(holder)
            return
        end = time.monotonic() + STALE
        _tell_to_wait(holder)
        while not holder.get("released") and time.monotonic() < end:
            time.sleep(LOOK)
            before, holder = holder, _read(self._objects, number)
            if holder != before and not holder.get("released"):
                self._refuse(holder)

    def _refuse(self, holder: dict[str, Any]) -> None:
        raise SweepBusyError(
            f"{self._objects.address} is being worked on by process {holder.get('pid')} on {holder.get('host')}; "
            "wait for it, or choose another --out"
        )

    def _list(self) -> list[int]:
        stems = (Path(name).stem for name in self._objects.list(FOLDER))
        return [int(stem) for stem in stems if stem.isdigit()]

    def _describe(self, *, released: bool = False) -> bytes:
        pid = os.getpid()
        holder = {
            "token": self._token,
            "pid": pid,
            "started": read_start_time(pid),
            "host": socket.gethostname(),
            "machine": _name_machine(),
            "time": time.time(),
            "released": released,
        }
        return json.dumps(holder).encode()

    def _keep(self) -> None:
        while not self._end.wait(RENEWAL) and not self._is_lost:
            self._renew()

    def _renew(self) -> None:
        with self._guard, suppress(OSError):
            if max(self._list(), default=0) != self.number or not self._is_own(self.number):
                self._is_lost = True
                return
            self._objects.write(_name(self.number), self._describe())
            self._renewed = time.time()
            return
        self._is_lost = self._is_lost or time.time() > self._renewed + STALE


def _tell_to_wait(holder: dict[str, Any]) -> None:
    who = f"process {holder.get('pid')} on {holder.get('host')}"
    print(f"colab-starter: checking for up to {STALE:.0f} s whether {who} is still working on it", file=sys.stderr)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08}.json"


def _read(objects: Objects, number: int) -> dict[str, Any]:
    """The holder's description of itself; given up if there is nothing to read."""
    try:
        holder = json.loads(objects.read(_name(number)))
    except (FileNotFoundError, ValueError):
        return {"released": True}
    return holder if isinstance(holder, dict) else {"released": True}


def _name_machine() -> str:
    """A name unique to this boot of this machine and to each container on it; empty without /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
