"""A worker that only looks after one kernel, with which another process communicates."""

import os
import select
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from colab_starter.run.kernels import system
from colab_starter.run.kernels.process import Death, KernelProcess, fork_kernel


@dataclass(frozen=True)
class Guarded:
    """The kernel to fork."""

    connection_file: str
    cwd: str
    environment: dict[str, str]
    """The complete environment."""
    log: str


def guard_kernel(kernel: Guarded, connection: "Connection[Any, Any]") -> None:
    """Fork a kernel; send its process ID, and its return code once it has ended; forward received signals to it.

    When the kernel ends, or the other end of the connection is closed, everything that it started is killed.
    """
    environment = {**kernel.environment, "JPY_PARENT_PID": str(os.getpid())}
    process = fork_kernel(Path(kernel.connection_file), kernel.cwd, environment, Path(kernel.log), may_refuse=False)
    connection.send(process.pid)
    death = _forward_signals(process, connection)
    process.kill()
    if death:
        connection.send(-death.signal if death.signal else death.exit_code)


def _forward_signals(process: KernelProcess, connection: "Connection[Any, Any]") -> Death | None:
    """Forward signals until the kernel ends; returns None if the connection ends first."""
    waiting = select.poll()
    for source in (process, connection):
        if source.fileno() >= 0:
            waiting.register(source.fileno(), select.POLLIN)
    while not (death := process.poll()):
        waiting.poll(None if process.fileno() >= 0 else 200)
        try:
            while connection.poll():
                system.kill_group(process.pid, connection.recv())
        except (EOFError, OSError):
            return None
    return death
