"""The process of a kernel: starting, interrupting and killing it, and finding out why it died."""

import ctypes  # noqa: F401 - system.die_with_parent uses it in a fork, where nothing should be imported
import json
import os
import select
import signal
import subprocess
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from colab_starter.run.kernels import heritage, system
from colab_starter.run.kernels.death import Death as Death
from colab_starter.run.kernels.death import count_oom_kills, read_death
from colab_starter.run.kernels.hidden import Refusal


class KernelProcess:
    """A kernel's process. The first call of ``poll`` or ``kill`` that sees its end reaps it."""

    def __init__(self, pid: int, oom_kills: int, ready: int | None = None, refusals: int | None = None) -> None:
        self.pid = pid
        self.ready = ready
        """A descriptor that is readable once the kernel's sockets are bound; None if that is not reported."""
        self.refusals = refusals
        """A descriptor that is readable when ``read_refusal`` has news; None if there will be none."""
        self._oom_kills = oom_kills
        self._pidfd = system.open_pidfd(pid)
        self._death: Death | None = None

    def fileno(self) -> int:
        """A descriptor that becomes readable when the process ends; -1 on a system without pidfd."""
        return self._pidfd

    def read_refusal(self) -> Refusal | None:
        """Why a forked kernel has ended in favour of a cold one; None if it has not. Does not wait."""
        if self.refusals is None or not select.select([self.refusals], [], [], 0)[0]:
            return None
        told = os.read(self.refusals, 65536)
        os.close(self.refusals)
        self.refusals = None
        return Refusal(*json.loads(told)) if told else None

    def interrupt(self) -> None:
        """Send SIGINT to the kernel and its process group, as Jupyter does, even if it was stopped."""
        if self._death is None:
            system.kill_group(self.pid, signal.SIGINT)
            self.let_go_on()

    def let_go_on(self) -> None:
        """Continue the process if it was stopped (SIGSTOP)."""
        if self._death is None:
            system.kill(self.pid, signal.SIGCONT)

    def poll(self) -> Death | None:
        """How it ended; None while it is alive."""
        if self._death is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                oom = count_oom_kills() > self._oom_kills
                return self._set_death(read_death(status, usage.ru_maxrss, out_of_memory=oom))
        return self._death

    def wait(self, timeout: float) -> Death | None:
        """How it ended; None if it is still alive after ``timeout`` seconds."""
        if self._death is None and self._pidfd >= 0:
            waiting = select.poll()
            waiting.register(self._pidfd, select.POLLIN)
            waiting.poll(timeout * 1000)
            return self.poll()
        return self._wait_in_slices(timeout)

    def _wait_in_slices(self, timeout: float) -> Death | None:
        deadline = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self._death

    def kill(self, grace: float = 0) -> Death:
        """Kill the kernel and everything it started: first SIGTERM and up to ``grace`` seconds, if any, then SIGKILL.

        Returns when all of it is gone; may also be called for a kernel that has already ended.
        """
        if grace and self.poll() is None:
            system.kill_group(self.pid, signal.SIGTERM)
            self.wait(grace)
        started = () if heritage.is_worker() else system.list_descendants(self.pid)
        death = self.poll() or self._kill_itself()
        if not system.IS_LINUX:
            system.kill_group(self.pid)  # this is all that can be found on such a system
        if heritage.is_worker():
            system.kill_children()
        else:
            system.kill_session(self.pid, started)
        if self.refusals is not None:
            os.close(self.refusals)
            self.refusals = None
        return death

    def _kill_itself(self) -> Death:
        system.kill_group(self.pid)
        _, status, usage = os.wait4(self.pid, 0)
        return self._set_death(read_death(status, usage.ru_maxrss, out_of_memory=False))

    def _set_death(self, death: Death) -> Death:
        self._death = death
        for descriptor in (self._pidfd, self.ready):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self._pidfd, self.ready = -1, None
        return death


def fork_kernel(
    connection_file: Path, cwd: str, environment: Mapping[str, str], log: system.Log, *, may_refuse: bool
) -> KernelProcess:
    """Start an IPython kernel as a fork of this process, which must be a fork server's worker.

    ``environment`` is complete; ``log`` gets what the kernel writes to its descriptors 1 and 2. A kernel that
    ``may_refuse`` ends if only a cold one gives the right result; see ``KernelProcess.read_refusal``.
    """
    oom_kills = count_oom_kills()
    ready, bound = os.pipe()
    refusals, refuse = os.pipe() if may_refuse else (None, None)
    pid = _fork(connection_file, cwd, environment, log, bound, refuse)
    os.close(bound)
    if refuse is not None:
        os.close(refuse)
    return KernelProcess(pid, oom_kills, ready, refusals)


def fork_kernel_for(
    connection_file: Path, cwd: str, environment: Mapping[str, str], log: int, bound: int, refuse: int
) -> KernelProcess:
    """Like ``fork_kernel``, for another process, to which ``bound`` and ``refuse`` report; closes the descriptors."""
    oom_kills = count_oom_kills()
    pid = _fork(connection_file, cwd, environment, log, bound, refuse)
    for descriptor in (log, bound, refuse):
        os.close(descriptor)
    return KernelProcess(pid, oom_kills)


def _fork(
    connection_file: Path, cwd: str, environment: Mapping[str, str], log: system.Log, bound: int, refuse: int | None
) -> int:
    """Fork the kernel; returns its process ID in this process, and never in the other."""
    parent = os.getpid()
    if pid := system.fork():
        return pid
    try:
        from colab_starter.run.kernels.forked import become_kernel

        system.die_with_parent(parent)
        become_kernel(connection_file, cwd, environment, log, bound, refuse)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def spawn_kernel(command: Sequence[str], cwd: str, environment: Mapping[str, str], log: system.Log) -> KernelProcess:
    """Start a kernel of any language by its command; otherwise like ``fork_kernel``. Raises OSError."""
    oom_kills = count_oom_kills()
    with os.fdopen(system.open_log(log), "ab") as output:
        started = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=partial(system.die_with_parent, os.getpid()),
        )
    started.returncode = 0  # KernelProcess reaps it
    return KernelProcess(started.pid, oom_kills)
