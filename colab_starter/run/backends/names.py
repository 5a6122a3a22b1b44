"""Names of what is started elsewhere for a sweep: by them later commands find what a killed one has left."""

import hashlib
import os
import platform
import re

from colab_starter.run.ledger.lock import read_start_time

_OWN_NAME = re.compile(r"colab-starter-([0-9a-f]{6})-(\d+)-(\d+)-\d+")


def own_name(number: int) -> str:
    """The name of a thing of this process; it tells later commands whether the process still lives."""
    pid = os.getpid()
    return f"colab-starter-{_machine()}-{pid}-{read_start_time(pid) or 0}-{number}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def is_own(name: str) -> bool:
    """Was the thing started by this process?"""
    return name.rpartition("-")[0] == own_name(0).rpartition("-")[0]


def is_left_over(name: str) -> bool:
    """Was the thing started on this machine by a process that is dead?"""
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
