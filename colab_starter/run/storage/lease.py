"""One coordinator a sweep where there is no lock: a lease in the store, which its holder renews.

Each holder creates the object of the next number, which of several only one can. The highest number holds the
sweep. A holder overwrites nothing but its own object, so one that was taken for dead can do no harm by it.
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
"""Seconds without a renewal after which the holder counts as dead."""
LOOK = 1.0
"""Seconds between two looks at somebody else's lease."""


class Lease:
    """Holds the sweep behind an address, until ``release``."""

    def __init__(self, objects: Objects) -> None:
        """Take it. Raises SweepBusyError where its holder lives, and OSError.

        Of a holder on another machine only its renewals tell that it lives: they are waited for.
        """
        self._objects = objects
        self._token = token_hex(8)
        self._guard = threading.Lock()
        self._is_lost = False
        self.number = self._take()
        """Higher than that of each holder before."""
        self._renewed = time.time()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise SweepLostError where the sweep is, or may be, somebody else's now."""
        if not self._is_lost and time.time() > self._renewed + STALE * 0.75:
            self._renew()  # this process was stopped, or the store did not answer
        if self._is_lost:
            raise SweepLostError(
                f"{self._objects.address} was taken over by another colab-starter, or could not be reached for "
                f"{STALE:.0f} s; the same command goes on once that has ended"
            )

    def release(self) -> None:
        """Give it up. May be called twice."""
        if self._end.is_set():
            return
        self._end.set()
        self._thread.join()
        with suppress(OSError):  # it becomes stale by itself
            if not self._is_lost:
                self._objects.write(_name(self.number), self._describe(released=True))
                self._objects.remove([_name(number) for number in self._list() if number < self.number])

    def _take(self) -> int:
        while True:
            last = max(self._list(), default=0)
            if last:
                self._wait_for_end(last)
            with suppress(FileExistsError):  # somebody was quicker
                self._objects.create(_name(last + 1), self._describe())
                if self._is_own(last + 1):
                    return last + 1

    def _is_own(self, number: int) -> bool:
        """Of stores that let two create the same object, the second holds it."""
        return bool(_read(self._objects, number).get("token") == self._token)

    def _wait_for_end(self, number: int) -> None:
        """Return when the holder has given the lease up, or is dead. Raises SweepBusyError where it lives."""
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
    print(f"colab-starter: looking for up to {STALE:.0f} s whether {who} still works on it", file=sys.stderr)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08}.json"


def _read(objects: Objects, number: int) -> dict[str, Any]:
    """Who holds it; given up where there is nothing to read."""
    try:
        holder = json.loads(objects.read(_name(number)))
    except (FileNotFoundError, ValueError):
        return {"released": True}
    return holder if isinstance(holder, dict) else {"released": True}


def _name_machine() -> str:
    """Tells this machine, since it was started, from all others, and from containers on it; empty without /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
