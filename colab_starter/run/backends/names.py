"""Names of what a sweep starts elsewhere, by which later commands find what a killed one has left."""

import hashlib
import os
import platform
import re

from colab_starter.run.ledger.lock import read_start_time

_OWN_NAME = re.compile(r"colab-starter-([0-9a-f]{6})-(\d+)-(\d+)-\d+")


def own_name(number: int) -> str:
    """A name for a resource of this process, from which later commands can tell whether the process is alive."""
    pid = os.getpid()
    return f"colab-starter-{_machine()}-{pid}-{read_start_time(pid) or 0}-{number}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def is_own(name: str) -> bool:
    """Whether this process started the resource of that name."""
    return name.rpartition("-")[0] == own_name(0).rpartition("-")[0]


def is_left_over(name: str) -> bool:
    """Whether a process of this machine that is now dead started the resource of that name."""
    found = _OWN_NAME.fullmatch(name)
    if not found or found[1] != _machine():
        return False
    try:
        os.kill(int(found[2]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return (read_start_time(int(found[2])) or "0") != found[3]
