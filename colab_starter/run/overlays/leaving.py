"""Locking an overlay, and removing one whose sweep is gone.

Fork servers in other environments do that too, so this module needs only the standard library of Python 3.10.
"""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

IN_USE = ".in-use"
"""In a temporary overlay: locked while its sweep, or a fork server of the sweep, is at work."""


def try_to_lock(folder: Path) -> int | None:
    """Lock an overlay for this process and those that inherit the descriptor; None if it is already locked."""
    descriptor = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove_if_left(folder: Path) -> None:
    """Remove an overlay whose coordinator was killed, unless another process of the sweep still works in it."""
    if not (folder / IN_USE).exists():  # it is a kept one, or has gone
        return
    with suppress(OSError):
        descriptor = try_to_lock(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
