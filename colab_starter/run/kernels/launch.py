"""Starting the program of a fork server, ahead of time if it will be needed.

Quick to import, because the command starts one before it imports anything else: the imports of each take half a second,
and there is more than one core.
"""

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PROGRAM = "colab_starter.run.kernels.server"
START = "import sys; del sys.path[0]; sys.path.append(sys.argv.pop()); from {module} import main; main()"
"""Code for ``python -c``, followed by the folder of this package; the folder of the runs is not searched."""
START_ELSEWHERE = """\
import sys
if sys.version_info < (3, 10):
    sys.exit("%s is older than 3.10" % sys.executable)
if sys.path[0] == "":
    del sys.path[0]
ours = type(sys)("colab_starter")
ours.__path__ = [sys.argv.pop()]
sys.modules["colab_starter"] = ours
from {module} import main_elsewhere
main_elsewhere()
"""
"""The same for a Python of another environment, which finds this package, but nothing that is installed beside it."""

_WITHOUT_RUNS = ("-h", "--help", "--dry-run", "--parameters", "--backend", "--runtime")
"""Options of ``colab-starter run`` with which nothing is, or may be, executed here, or only after minutes: that is what
making an environment may take."""


class Launched(NamedTuple):
    """The process of a server that is waiting for its ``Setup``."""

    process: subprocess.Popen[bytes]
    control: int
    """Our end of the socket that is its stdin."""


def launch(
    python: str,
    environment: Mapping[str, str],
    output: int,
    cwd: str | None = None,
    keep_fds: Sequence[int] = (),
    *,
    is_elsewhere: bool = False,
) -> Launched:
    """Start the program; ``output`` takes what it prints. ``is_elsewhere``: in an environment that is not this one."""
    start, folder = (START_ELSEWHERE, 2) if is_elsewhere else (START, 3)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [python, "-c", start.format(module=PROGRAM), str(Path(__file__).parents[folder])],
            stdin=theirs.fileno(),
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=environment,
            pass_fds=keep_fds,
            start_new_session=True,
        )
        return Launched(process, ours.detach())


_early: list[Launched] = []
"""The server that was started early, until it is taken."""


def launch_early(arguments: Sequence[str]) -> None:
    """Start a server with this process's environment if the command with these arguments will need one."""
    is_run = arguments[:1] == ["run"] and not any(argument.startswith(_WITHOUT_RUNS) for argument in arguments)
    if is_run and (os.cpu_count() or 1) > 1:
        with open(os.devnull, "wb") as nowhere:
            _early.append(launch(sys.executable, os.environ, nowhere.fileno()))
        atexit.register(_end_early)


def take_early() -> Launched | None:
    """The server that was started early; None if there is none left."""
    return _early.pop() if _early else None


def _end_early() -> None:
    """End a server that was not needed."""
    for launched in _early:
        os.close(launched.control)
        launched.process.kill()
        launched.process.wait()
