"""The client side of a fork server: a process that preloads a notebook's modules and forks workers on demand."""

import importlib.util
import os
import pickle
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from multiprocessing import reduction
from multiprocessing.connection import Connection
from string import Template
from typing import IO, Any, TypeAlias

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels import system
from colab_starter.run.kernels.launch import Launched, launch, take_early
from colab_starter.run.kernels.protocol import Exited as Exited
from colab_starter.run.kernels.protocol import Setup
from colab_starter.run.kernels.stopped import StoppedProcesses
from colab_starter.run.overlays.entering import enter, find_python

Channel: TypeAlias = "Connection[Any, Any]"


_SOON = 1.0
"""Seconds in which an unhindered server ends; after that, it is checked whether it was stopped."""


class ServerState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DEAD = "dead"


class ForkServer:
    """A fork server that starts at once and imports in the background; ``fork`` never waits for that.

    When the process that created this object dies, so do the server, its workers and their kernels.
    """

    def __init__(
        self, plan: WarmPlan, environment: Mapping[str, str], log: system.Log, keep_fds: Sequence[int] = ()
    ) -> None:
        """``environment`` is added to this process's own, for the server and its workers.

        ``log`` gets what the imports and the workers print. ``keep_fds`` stay open in the server and its workers, but
        not in kernels.
        """
        self.left_out: dict[str, str] = {}
        """Modules that are not preloaded, and why (``started 4 threads``); complete once the state is READY."""
        self._state = ServerState.STARTING
        early = None if plan.overlay or plan.kernel else take_early()
        with os.fdopen(system.open_log(log), "ab") as output:
            self._process, control = early or _launch(plan, environment, output.fileno(), keep_fds)
            self._control: Channel = Connection(control)
            setup = _make_setup(plan, keep_fds)
            if early:
                setup = setup._replace(environment=dict(environment), is_early=True)
            with suppress(OSError):  # it has died already, which ``poll`` will tell
                self._control.send_bytes(pickle.dumps(setup))
                for descriptor in (output.fileno(), *keep_fds) if early else ():
                    reduction.send_handle(self._control, descriptor, self.pid)

    @property
    def pid(self) -> int:
        """The process ID of the process that this object started; the workers are not its children."""
        return self._process.pid

    def fork(self, target: str, payload: object) -> Channel:
        """Call ``package.module:function`` as ``function(payload, connection)`` in a fork of the server.

        Returns the other end of the connection, which yields an ``Exited`` and then EOFError when the fork is gone, or
        EOFError alone if the server died. Raises OSError if the server is dead.
        """
        ours, theirs = socket.socketpair()
        with theirs, _write_payload(payload) as file:
            try:
                self._control.send_bytes(target.encode())
                reduction.send_handle(self._control, theirs.fileno(), self.pid)
                reduction.send_handle(self._control, file.fileno(), self.pid)
            except OSError:
                ours.close()
                raise
        return Connection(ours.detach())

    def fileno(self) -> int:
        """A descriptor that is readable when ``poll`` has news."""
        return self._control.fileno()

    def poll(self) -> ServerState:
        """Read the server's messages about itself; returns its state. Does not wait."""
        try:
            while self._state is not ServerState.DEAD and self._control.poll():
                self.left_out = self._control.recv().left_out
                self._state = ServerState.READY
        except (EOFError, OSError):
            self._state = ServerState.DEAD
        return self._state

    def close(self, timeout: float = 6) -> None:
        """End the server and its workers: those that have not ended ``timeout`` seconds later are killed."""
        self._state = ServerState.DEAD
        self._control.close()
        if self._has_ended(min(timeout, _SOON)):
            return
        StoppedProcesses().let_go_on([self.pid])
        if not self._has_ended(timeout - _SOON):
            system.kill_tree(self.pid)
            self._process.wait()

    def _has_ended(self, timeout: float) -> bool:
        try:
            self._process.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            return False
        return True


def _launch(plan: WarmPlan, environment: Mapping[str, str], output: int, keep_fds: Sequence[int]) -> Launched:
    python, variables = sys.executable, {**os.environ, **environment}
    if plan.kernel:
        python = plan.kernel.python
        variables |= {name: Template(value).safe_substitute(variables) for name, value in plan.kernel.environment}
    if plan.overlay:
        python, variables = find_python(plan.overlay.folder), enter(variables, plan.overlay.folder)
    cwd = plan.cwd if os.path.isdir(plan.cwd) else None
    return launch(python, variables, output, cwd, keep_fds, is_elsewhere=plan.kernel is not None)


def _make_setup(plan: WarmPlan, keep_fds: Sequence[int]) -> Setup:
    setup = Setup(plan.steps, plan.cwd, plan.overlay.folder if plan.overlay else "", tuple(keep_fds))
    if plan.kernel is None:
        return setup
    found = importlib.util.find_spec("threadpoolctl")
    return setup._replace(may_lack=plan.may_lack, threadpoolctl=(found and found.origin) or "")


def _write_payload(payload: object) -> IO[bytes]:
    """Write a payload to an unnamed file, because sending it through the socket could block until the server reads."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("payload"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115
    pickle.dump(payload, file)
    file.seek(0)
    return file
