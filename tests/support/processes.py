"""The command as users start it, and waiting for what processes do."""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import AnyStr

COMMAND = str(Path(sys.executable).with_name("colab-starter"))

PATIENCE = 240.0
"""Seconds: a busy machine is no reason to call something lost."""


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as the condition holds; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def read_until(lines: Iterable[AnyStr], is_last: Callable[[AnyStr], object], seconds: float = PATIENCE) -> list[AnyStr]:
    """Read what a process prints up to, and with, the first line that is looked for.

    Reading from a pipe has no timeout of its own: fail when the line does not come in time, or not at all.
    """
    read: queue.SimpleQueue[AnyStr | None] = queue.SimpleQueue()

    def pass_on() -> None:
        for line in lines:
            read.put(line)
            if is_last(line):
                return
        read.put(None)

    threading.Thread(target=pass_on, daemon=True).start()
    found: list[AnyStr] = []
    deadline = time.monotonic() + seconds
    while not found or not is_last(found[-1]):
        try:
            line = read.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"the line did not come in {seconds:.0f} s; what came: {found}") from None
        assert line is not None, f"the output ended before the line came: {found}"
        found.append(line)
    return found


def processes_with(text: str) -> list[int]:
    """The processes whose environment or command line holds a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                held = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in held:
                found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is more than an exit status to be collected."""
    return read_state(pid) not in ("", "Z")


def read_state(pid: int) -> str:
    """The letter that the system has for a process's state, such as ``Z``; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
