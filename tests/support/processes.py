"""The command as users start it, and waiting for what processes do."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("colab-starter"))

PATIENCE = 240.0
"""Seconds: a busy machine is no reason to call something lost."""


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as the condition holds; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is more than an exit status to be collected."""
    return read_state(pid) not in ("", "Z")


def read_state(pid: int) -> str:
    """The letter that the system has for a process's state, such as ``Z``; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
