"""A worker that does nothing but look after one kernel, which somebody else talks to."""

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
    """All of it."""
    log: str


def guard_kernel(kernel: Guarded, connection: "Connection[Any, Any]") -> None:
    """Fork a kernel; send its process id, and its return code when it has ended. Signals to send it come in.

    When the kernel ends, or nobody holds the other end of the connection any more, all that it started is killed.
    """
    environment = {**kernel.environment, "JPY_PARENT_PID": str(os.getpid())}
    process = fork_kernel(Path(kernel.connection_file), kernel.cwd, environment, Path(kernel.log), may_refuse=False)
    connection.send(process.pid)
    death = _forward_signals(process, connection)
    process.kill()
    if death:
        connection.send(-death.signal if death.signal else death.exit_code)


def _forward_signals(process: KernelProcess, connection: "Connection[Any, Any]") -> Death | None:
    """Until the kernel ends; None when the connection ends first."""
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
