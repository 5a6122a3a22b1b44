"""Warm kernels for any Jupyter client: nbclient, papermill, a Jupyter server.

Choose it for all kernels with ``JUPYTER_DEFAULT_PROVISIONER_NAME=colab-starter-warm``, or for one in its
``kernel.json``::

    "metadata": {"kernel_provisioner": {"provisioner_name": "colab-starter-warm",
                                        "config": {"modules": ["tensorflow", "keras"]}}}
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, TypeAlias, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import Channel, ForkServer, ServerState
from colab_starter.run.kernels.guard import Guarded
from colab_starter.run.this_python import is_plain

MODULES_VARIABLE = "COLAB_STARTER_WARM"
"""Modules to preload, separated by commas; added to those of the kernelspec."""

_GUARD = "colab_starter.run.kernels.guard:guard_kernel"

ReturnCode: TypeAlias = int | None


class GuardedKernel:
    """A forked kernel with the part of subprocess.Popen's interface that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, guard: Channel) -> None:
        self.pid = pid
        self.returncode: ReturnCode = None
        self._guard = guard

    def poll(self) -> ReturnCode:
        """The return code; None while the kernel is alive. A guard that is gone has killed it."""
        try:
            while self.returncode is None and self._guard.poll():
                answer = self._guard.recv()
                self.returncode = answer if isinstance(answer, int) else self.returncode
        except (EOFError, OSError):
            self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutExpired("kernel", timeout or 0)
            self._guard.poll(left)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and its process group."""
        if self.poll() is None:
            self._guard.send(number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class WarmProvisioner(LocalProvisioner):
    """Forks kernels of this very Python from a process that has preloaded what they need; starts others cold."""

    modules = List(Unicode(), help="What to import before kernels are forked.").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Like LocalProvisioner's; a kernel that is started with options of its own is not forked."""
        connection_file = str(getattr(self.parent, "connection_file", ""))
        if sys.platform == "win32" or not is_plain(cmd, connection_file):
            return await super().launch_kernel(cmd, **kwargs)
        environment = dict(kwargs.get("env") or os.environ)
        cwd = str(kwargs.get("cwd") or os.getcwd())
        server = _find_server(self._list_modules(environment), environment)
        guard = server.fork(_GUARD, Guarded(connection_file, cwd, environment, _find_log()))
        # The server may still be importing.
        pid = await asyncio.get_running_loop().run_in_executor(None, guard.recv)
        self.process = cast(Any, GuardedKernel(pid, guard))
        self.pid = self.pgid = pid
        self.cwd = cwd
        return self.connection_info

    def _list_modules(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        named = (name.strip() for name in environment.get(MODULES_VARIABLE, "").split(","))
        return tuple(dict.fromkeys([*self.modules, *filter(None, named)]))


_servers: dict[tuple[str, ...], ForkServer] = {}
"""The fork servers of this process, which end with it."""


def _find_server(modules: tuple[str, ...], environment: Mapping[str, str]) -> ForkServer:
    server = _servers.get(modules)
    if server is None or server.poll() is ServerState.DEAD:
        server = _servers[modules] = ForkServer(WarmPlan(modules), environment, Path(_find_log()))
    return server


def _find_log() -> str:
    """Where a cold kernel would write: this process's stderr."""
    return "/dev/stderr" if os.access("/dev/stderr", os.W_OK) else os.devnull


def close_servers() -> None:
    """End the fork servers and their kernels."""
    while _servers:
        _servers.popitem()[1].close()
