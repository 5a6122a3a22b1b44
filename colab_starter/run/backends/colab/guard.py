"""``python guard.py PARENT FILE PROGRAM ARGUMENT...``: runs Google's command, and ends it only between its writes.

The command truncates its session file, FILE, before it writes it again. If it were killed in between, all sessions
would be forgotten, but stay open and cost money. So it is stopped first, and killed once the file is complete. That
happens on SIGTERM, and when the process PARENT is gone. SIGINT is left to the command.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import NoReturn

PARENT_INTERVAL = 0.5
"""Seconds between two checks that the parent is alive."""
PATIENCE = 2.0
"""Seconds that the file may take to be complete."""


def main() -> None:
    parent, file, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    is_told = []
    signal.signal(signal.SIGTERM, lambda *_: is_told.append(True))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    news = _open_wakeup()
    child = _start(command)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_like(status)
        if is_told or os.getppid() != parent:
            _end(child, file)
            os.killpg(0, signal.SIGKILL)
        if select.select([news], [], [], PARENT_INTERVAL)[0]:
            os.read(news, 100)


def _open_wakeup() -> int:
    """A descriptor that becomes readable as soon as a signal arrives."""
    news, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    return news


def _start(command: list[str]) -> int:
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that it can be interrupted even under nohup
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: the command ends with the guard
    if os.getppid() == guard:
        os.execv(command[0], command)
    os._exit(1)


def _end_like(status: int) -> NoReturn:
    """End with the command's exit code, or by the signal that ended it."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _end(child: int, file: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        os.kill(child, signal.SIGSTOP)
        if not os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]) or _is_whole(file):
            return
        os.kill(child, signal.SIGCONT)
        time.sleep(0.01)


def _is_whole(file: str) -> bool:
    try:
        with open(file, encoding="utf-8") as opened:
            return isinstance(json.load(opened), dict)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    main()
