"""Sessions on Colab: their names, opening and releasing them, and those that a killed sweep left open."""

import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from colab_starter.errors import ColabSessionError, WrongOptionError
from colab_starter.run.backends.colab.tool import SESSIONS, ColabTool
from colab_starter.run.ledger.lock import read_start_time

GPUS = ("T4", "L4", "G4", "A100", "H100")
"""Those that google-colab-cli 0.7 knows (its commands/session.py); it makes an A100 of any other name."""
TPUS = ("v5e1", "v6e1")

OPENING_LIMIT = 900.0
"""Seconds; Colab may take minutes to find a machine."""
STOPPING_LIMIT = 60.0

_OWN_NAME = re.compile(r"colab-starter-([0-9a-f]{6})-(\d+)-(\d+)-\d+")


def accelerator_options(accelerator: str | None) -> list[str]:
    """The options of ``colab new``; raises WrongOptionError for a name that it would take for another."""
    if accelerator is None:
        return []
    for option, names in (("--gpu", GPUS), ("--tpu", TPUS)):
        for name in names:
            if name.lower() == accelerator.lower():
                return [option, name]
    raise WrongOptionError(f"Colab has no accelerator {accelerator!r}; there are {', '.join(GPUS + TPUS)}")


def own_name(number: int) -> str:
    """The name of a session of this process; it tells later commands whether the process still lives."""
    pid = os.getpid()
    return f"colab-starter-{_machine()}-{pid}-{read_start_time(pid) or 0}-{number}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def is_left_over(name: str) -> bool:
    """Was the session opened on this machine by a process that is dead?"""
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


def read_sessions() -> dict[str, dict[str, Any]]:
    """What is in the command's own file, by the sessions' names; empty where there is none."""
    path = Path(os.path.expanduser(SESSIONS))
    for _ in range(5):
        try:
            data = json.loads(path.read_text(encoding="utf-8") or "{}")
            return {name: session for name, session in data.items() if isinstance(session, dict)}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError):
            time.sleep(0.05)  # the command truncates the file before it writes it
    return {}


class Session:
    """One session: a machine on Colab with one kernel."""

    def __init__(self, tool: ColabTool, name: str, options: Sequence[str] | None) -> None:
        self.name = name
        self.is_own = options is not None
        """Opened and released by us; another one was there before and stays."""
        self.is_lost = False
        """Its machine has gone; set by who notices."""
        self._tool = tool
        self._options = options or ()

    def open(self) -> None:
        """Open an own session; raises ColabSessionError."""
        if self.is_own:
            self._tool.run("new", "-s", self.name, *self._options, timeout=OPENING_LIMIT)
        elif self.name not in read_sessions():
            raise ColabSessionError(f"there is no Colab session {self.name!r}; `colab sessions` lists those there are")

    def reopen_if_lost(self) -> None:
        """Take another machine in place of one that has gone; raises ColabSessionError."""
        if not self.is_own and self.name not in read_sessions():
            raise ColabSessionError(f"Colab session {self.name} is gone; open another with `colab new -s NAME`")
        if self.is_own and (self.is_lost or self.name not in read_sessions()):
            self.release()
            self.open()
        self.is_lost = False

    def release(self) -> None:
        """Give an own session back; raises ColabSessionError if it may still be there."""
        if self.is_own and self.name in read_sessions():
            release_session(self._tool, self.name)


def release_session(tool: ColabTool, name: str) -> None:
    """Stop a session; a second try covers a passing fault. Raises ColabSessionError."""
    try:
        tool.run("stop", "-s", name, timeout=STOPPING_LIMIT)
    except ColabSessionError:
        try:
            tool.run("stop", "-s", name, timeout=STOPPING_LIMIT)
        except ColabSessionError as error:
            raise ColabSessionError(
                f"Colab session {name} may still be open: stop it with `colab stop -s {name}` ({error})"
            ) from None


def release_left_over(tool: ColabTool) -> list[str]:
    """Stop the sessions that killed processes left open; returns their names."""
    names = [name for name in read_sessions() if is_left_over(name)]
    for name in names:
        release_session(tool, name)
    return names


def remove_left_over_folders() -> None:
    """Remove the temporary folders of killed processes: they hold notebooks whose secrets are not masked."""
    for path in Path(tempfile.gettempdir()).glob("colab-starter-*"):
        if is_left_over(path.name.rpartition("-")[0]):
            shutil.rmtree(path, ignore_errors=True)
