"""Fork servers that start in a hundredth of a second, for tests whose subject is neither their start nor their imports.

Each is a fork of a process that has done the imports of all fork servers, half a second of work. From there on it is
what ``launch_early`` starts: a server that waits for its plan.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels import forkserver, system
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.launch import START, Launched

_READ_BY_IMPORTS = ("HOME", "IPYTHON", "JUPYTER_CONFIG", "LD_", "PYTHON", "XDG_")
"""How the variables begin that decide what is imported, and how."""
_PR_SET_CHILD_SUBREAPER = 36


class ReadyServers:
    """Starts fork servers by forking them from one whose imports are done."""

    def __init__(self) -> None:
        # A kernel that knows of pytest by this variable does not capture what is written to its descriptors.
        self._environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        ours, theirs = socket.socketpair()
        code = START.format(module="tests.support.forked_servers")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, str(Path(__file__).parents[2])],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
            )
        self._requests: Connection[Any, Any] = Connection(ours.detach())

    def start(
        self, plan: WarmPlan, environment: Mapping[str, str], log: system.Log, keep_fds: Sequence[int] = ()
    ) -> ForkServer:
        """Start one as ``ForkServer`` would; by its own program, if it has to have another Python or other imports."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(forkserver, "take_early", self._take)
            since = dict(os.environ.items() - self._environment.items())
            return ForkServer(plan, {**since, **environment}, log, keep_fds)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()

    def _take(self) -> Launched | None:
        changed = self._environment.items() ^ os.environ.items()
        if any(name.startswith(_READ_BY_IMPORTS) for name, _ in changed) or self._environment.keys() - os.environ:
            return None
        ours, theirs = socket.socketpair()
        with theirs, _adopting_orphans():
            reduction.send_handle(self._requests, theirs.fileno(), self._process.pid)
            pid = self._requests.recv()
            self._requests.recv()  # its parent is gone
        return Launched(cast("subprocess.Popen[bytes]", _Adopted(pid)), ours.detach())


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    system.adopt_orphans()
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


class _Adopted:
    """A child that this process did not start itself, with what ``ForkServer`` needs of a ``Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._end = os.pidfd_open(pid)

    def wait(self, timeout: float | None = None) -> None:
        if self._end < 0:
            return
        if not wait([self._end], timeout):
            raise subprocess.TimeoutExpired("a fork server", timeout or 0)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self._end)
        self._end = -1

    def kill(self) -> None:
        system.kill(self.pid, signal.SIGKILL)
