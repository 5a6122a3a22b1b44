"""A kernel that was forked in another Python, as its worker sees it.

The worker cannot be its parent, because it is a fork of another process. A *guard* is: see ``guard.guard_for_worker``.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from colab_starter.errors import ColdKernelNeededError, StartStoppedError
from colab_starter.run.kernels import system
from colab_starter.run.kernels.death import Death
from colab_starter.run.kernels.kernel import HasFileno
from colab_starter.run.kernels.process import KernelProcess
from colab_starter.run.kernels.protocol import ENDED, KernelRequest

_NOT_READY = "the process that its kernels are forked from does not answer"
_WRONG_CONFIGURATION = "no kernel can be made with the configuration of IPython there"


class Guard:
    """A guard, and the only channel to it: when that is closed, the guard ends, and so does its kernel."""

    def __init__(self, channel: "Connection[Any, Any]") -> None:
        self.channel = channel
        self.pid = 0
        """Its process ID; 0 until it has been forked."""

    def fileno(self) -> int:
        """A descriptor that is readable once the guard can be asked for a kernel, or never can."""
        return self.channel.fileno()

    def wait_until_ready(self, timeout: float, also: Sequence[HasFileno] = ()) -> None:
        """Wait until it can fork a kernel.

        Raises ColdKernelNeededError if it never can, or not within ``timeout`` seconds; StartStoppedError as soon as
        one of ``also`` is readable.
        """
        ready = wait([self.fileno(), *(source.fileno() for source in also)], timeout)
        if self.fileno() not in ready:
            if ready:
                raise StartStoppedError("stopped while the kernel was starting")
            raise ColdKernelNeededError("", "", _NOT_READY)
        try:
            self.pid, can_fork = self.channel.recv()
        except (EOFError, OSError):
            raise ColdKernelNeededError("", "", ENDED) from None
        if not can_fork:
            raise ColdKernelNeededError("", "", _WRONG_CONFIGURATION)

    def fork_kernel(
        self, connection_file: Path, cwd: str, environment: Mapping[str, str], log: system.Log
    ) -> "GuardedProcess":
        """Have it fork a kernel; otherwise like ``process.fork_kernel``. Raises ColdKernelNeededError.

        The environment's ``JPY_PARENT_PID`` becomes the guard.
        """
        ready, bound = os.pipe()
        refusals, refuse = os.pipe()
        output = system.open_log(log)
        try:
            self.channel.send(KernelRequest(str(connection_file), cwd, dict(environment)))
            for descriptor in (output, bound, refuse):
                reduction.send_handle(self.channel, descriptor, self.pid)
        except OSError:
            os.close(ready)
            os.close(refusals)
            raise ColdKernelNeededError("", "", ENDED) from None
        finally:
            for descriptor in (output, bound, refuse):
                os.close(descriptor)
        return GuardedProcess(self, ready, refusals)

    def close(self) -> None:
        """End it, with its kernel; does not wait. May be called twice."""
        self.channel.close()


class GuardedProcess(KernelProcess):
    """The process of a kernel that is the child of a guard."""

    def __init__(self, guard: Guard, ready: int, refusals: int) -> None:
        super().__init__(0, 0, ready, refusals)
        self._guard = guard
        self._channel = guard.channel
        self._is_gone = False
        """Whether the guard and everything that the kernel started are gone."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when the process ends, and may be so before; -1 after ``kill``."""
        return -1 if self._channel.closed else self._channel.fileno()

    def interrupt(self) -> None:
        for number in (signal.SIGINT, signal.SIGCONT):
            self._send(number)

    def let_go_on(self) -> None:
        self._send(signal.SIGCONT)

    def poll(self) -> Death | None:
        while not self._is_gone and self._channel.poll():
            self._receive()
        return self._death

    def wait(self, timeout: float) -> Death | None:
        deadline = time.monotonic() + timeout
        while not self.poll() and (left := deadline - time.monotonic()) > 0:
            self._channel.poll(left)
        return self._death

    def kill(self, grace: float = 0) -> Death:
        if grace and not self.poll():
            self._send(signal.SIGTERM)
            self.wait(grace)
        was_alive = not self.poll()
        self._send(signal.SIGKILL)
        system.kill(self._guard.pid, signal.SIGCONT)  # it may have been stopped
        while not self._is_gone:  # its fork server closes the channel when nothing of it is left
            self._receive()
        if not self._channel.closed:
            self._channel.close()
            self._close_pipes()
        assert self._death
        if was_alive:
            self._death = self._death._replace(out_of_memory=False)
        return self._death

    def _send(self, number: int) -> None:
        """Have the guard, which may have been stopped, send a signal to the kernel and its process group."""
        if self._death is None:
            system.kill(self._guard.pid, signal.SIGCONT)
            with suppress(OSError):
                self._channel.send(int(number))

    def _receive(self) -> None:
        """Wait for a message of the guard."""
        try:
            message = self._channel.recv()
        except (EOFError, OSError):
            self._is_gone = True
            self._death = self._death or Death(None, signal.SIGKILL, out_of_memory=False, peak_memory=0)
            return
        if isinstance(message, Death):
            self._death = message
        elif isinstance(message, int):
            self.pid = message

    def _close_pipes(self) -> None:
        for descriptor in (self.ready, self.refusals):
            if descriptor is not None:
                os.close(descriptor)
        self.ready = self.refusals = None
