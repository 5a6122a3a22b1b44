"""A fork that only looks after one kernel, with which another process communicates."""

import os
import select
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from colab_starter.run.kernels import system
from colab_starter.run.kernels.heritage import can_fork_kernel
from colab_starter.run.kernels.process import Death, KernelProcess, fork_kernel, fork_kernel_for
from colab_starter.run.kernels.protocol import KernelRequest


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


def guard_for_worker(_: None, worker: "Connection[Any, Any]") -> None:
    """Fork the kernel that a worker of another Python requests, and report on it to that worker.

    Sends its own process ID and whether it can fork kernels; after the request, the kernel's process ID; and the
    kernel's ``Death`` once it has ended. Forwards received signals to it. When the kernel ends, or the worker is gone,
    everything that the kernel started is killed.
    """
    with suppress(EOFError, OSError):  # the worker is gone, or starts its kernel cold
        worker.send((os.getpid(), can_fork_kernel()))
        request: KernelRequest = worker.recv()
        log, bound, refuse = (reduction.recv_handle(worker) for _ in range(3))
        environment = {**request.environment, "JPY_PARENT_PID": str(os.getpid())}
        process = fork_kernel_for(Path(request.connection_file), request.cwd, environment, log, bound, refuse)
        try:
            worker.send(process.pid)
            if death := _forward_signals(process, worker):
                worker.send(death)
        finally:
            process.kill()


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
