"""A kernel on this machine: its process and its sockets, with one call that waits for all of them."""

import inspect
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec

from colab_starter.errors import ColdKernelNeededError, NoSuchKernelError
from colab_starter.run.kernels import ending
from colab_starter.run.kernels.connection import Connection, Message, Place, listen, make_place
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.guarded import Guard
from colab_starter.run.kernels.heritage import can_fork_kernel
from colab_starter.run.kernels.kernel import (
    DROP_NOTHING,
    HasFileno,
    Received,
    check_start,
    make_execute_request,
    wait_until_ready,
)
from colab_starter.run.kernels.kernelspecs import find_kernelspec, format_command, read_environment
from colab_starter.run.kernels.process import Death, KernelProcess, fork_kernel, spawn_kernel
from colab_starter.run.kernels.system import Log
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.overlays.entering import enter
from colab_starter.run.this_python import DEFAULT_KERNEL

_LAST_WORDS = 0.05
"""Seconds without a message after which a dead kernel is assumed to have sent everything."""
_END_BY_CODE = 5.0
"""Seconds that a kernel has to reply to the code that ends it."""
_MOST_LEFT = 3
"""How many of the things that a notebook left running are named."""
_WITHOUT_PIDFD = 0.2
"""Seconds between checks of the process where the system cannot report its end."""


class LocalKernel:
    """A kernel that has started and answers. End it with ``shutdown`` or ``kill``; both remove its sockets."""

    def __init__(self, process: KernelProcess, place: Place, spec: KernelSpec, log: MaskedLog | None = None) -> None:
        """Take a process that has just been started; use ``LocalKernel.start`` instead."""
        self.process = process
        self.is_forked = process.ready is not None
        """Whether it was forked from this process rather than started by its command."""
        self.info: dict[str, Any] = {}
        self.host = platform.node()
        self.farewell = ""
        self.peak_memory: int | None = None
        self._place = place
        self._log = log
        self._interrupt_mode = spec.interrupt_mode
        self._connection: Connection | None = None

    @classmethod
    def start(
        cls,
        name: str | None,
        *,
        cwd: str,
        environment: Mapping[str, str],
        log: Path | MaskedLog,
        warm: bool = False,
        overlay: str = "",
        guard: Guard | None = None,
        timeout: float = 60,
        also: Sequence[HasFileno] = (),
    ) -> "LocalKernel":
        """Start the kernel of a kernelspec (None: ``python3``) and wait until it answers on all its sockets.

        ``environment`` is added to this process's own. ``log`` gets what the kernel itself writes, and is followed from
        here on. ``warm`` forks it if this process comes from a fork server, and otherwise starts it cold. ``overlay``
        is the folder of an overlay of the kernel's environment in which it works; it is forked only from a server in
        the same overlay. ``guard`` forks it in another Python, that of the kernelspec; it must be ready. Raises
        NoSuchKernelError, which names those installed; KernelDiedError; KernelSilentError after ``timeout`` seconds;
        StartStoppedError as soon as one of ``also`` is readable; ColdKernelNeededError if ``guard`` is gone. If
        anything is raised, nothing of the kernel is left.
        """
        name = name or DEFAULT_KERNEL
        spec = find_kernelspec(name)
        everything = {**os.environ, **environment, "JPY_PARENT_PID": str(os.getpid())}
        everything |= read_environment(spec, everything)
        if overlay:
            everything = enter(everything, overlay)
        place = make_place(name)
        can_fork = can_fork_kernel() and (not overlay or overlay == sys.prefix)
        try:
            output = log.descriptor if isinstance(log, MaskedLog) else log
            if guard:
                process: KernelProcess = guard.fork_kernel(place.connection_file, cwd, everything, output)
            else:
                process = _start_process(name, place, cwd, everything, output, warm=warm and can_fork, overlay=overlay)
        except (OSError, ColdKernelNeededError) as error:
            place.remove()
            if isinstance(error, ColdKernelNeededError):
                raise
            raise NoSuchKernelError(f"the kernel {name!r} cannot be started: {error}") from None
        kernel = cls(process, place, spec, log if isinstance(log, MaskedLog) else None)
        try:
            kernel._wait_until_ready(time.monotonic() + timeout, also)
        except BaseException:
            kernel.kill()
            raise
        return kernel

    def _wait_until_ready(self, deadline: float, also: Sequence[HasFileno]) -> None:
        if self._log:
            self._log.follow()
        if self.process.ready is not None:
            self._wait_until_bound(self.process.ready, deadline, also)
        self._connection = Connection(self._place)
        wait_until_ready(self, deadline, also)
        if self.info.get("implementation") == "ipython" and not self.is_forked:
            self.execute(DROP_NOTHING, silent=True)

    def _wait_until_bound(self, bound: int, deadline: float, also: Sequence[HasFileno]) -> None:
        """Wait until a forked kernel has closed its end of the pipe, or has ended, which closes it too."""
        ready, _ = listen(None, [bound, *(source.fileno() for source in also)], deadline - time.monotonic())
        check_start([source for source in also if source.fileno() in ready], deadline)

    def execute(self, code: str, *, stop_on_error: bool = True, silent: bool = False) -> str:
        """Request the execution of a cell; returns the ID that messages about it have as ``parent``.

        ``silent``: it is not one of the notebook's cells, and is not counted.
        """
        content = make_execute_request(code, stop_on_error=stop_on_error, silent=silent)
        return self.send("shell", "execute_request", content)

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send any other request on ``shell`` or ``control``; returns its ID."""
        assert self._connection, "the kernel is not connected"
        return self._connection.send(channel, kind, content)

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        """Wait up to ``timeout`` seconds (None: forever) for messages, or for one of ``also``.

        Raises KernelDiedError (with ``death``) if the kernel has died, after everything that it sent has been returned
        and what it wrote is in its log; ColdKernelNeededError if it was forked and only a cold one gives the right
        result.
        """
        assert self._connection, "the kernel is not connected"
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            has_died, ready, has_messages = self._listen(left, also)
            self._check_refusal()
            messages = self._connection.take() if has_messages else []
            if has_died and not messages:
                messages = self._take_last_words()
            if messages or ready or (left is not None and left <= 0):
                return Received(messages, [source for source in also if source.fileno() in ready])
            if death := self.process.poll():
                if self._log:
                    self._log.drain()
                raise KernelDiedError(death.describe(), death)

    def _check_refusal(self) -> None:
        if refusal := self.process.read_refusal():
            raise ColdKernelNeededError(*refusal)

    def _listen(self, timeout: float | None, also: Sequence[HasFileno]) -> tuple[bool, set[int], bool]:
        """Whether the process has ended, which of ``also`` are ready, and whether there are messages."""
        own = self.process.fileno()
        if own < 0:
            timeout = min(_WITHOUT_PIDFD, _WITHOUT_PIDFD if timeout is None else timeout)
        watched = [source.fileno() for source in also]
        own_descriptors = [one for one in (own, self.process.refusals) if one is not None and one >= 0]
        ready, has_messages = listen(self._connection, [*watched, *own_descriptors], timeout)
        return self.process.poll() is not None, ready.intersection(watched), has_messages

    def _take_last_words(self) -> list[Message]:
        assert self._connection
        _, has_messages = listen(self._connection, [], _LAST_WORDS)
        return self._connection.take() if has_messages else []

    def interrupt(self) -> None:
        """Interrupt what it is executing, by SIGINT, or by a message if its kernelspec says so."""
        if self._interrupt_mode == "message":
            self.process.let_go_on()
            self.send("control", "interrupt_request", {})
        else:
            self.process.interrupt()

    def fetch_output(self, is_stopped: Callable[[], bool]) -> None:
        """Do nothing: the files are already here."""

    def shutdown(self, grace: float = 10) -> Death:
        """Ask it to end, so that its atexit handlers run and its files are flushed; kill it after ``grace`` seconds.

        What it started is killed in any case. A kernel that has already died is only cleaned up. Raises
        ColdKernelNeededError if an atexit handler of a forked kernel needs a cold one.
        """
        if self._connection and not self.process.poll():
            deadline = time.monotonic() + grace
            self.process.let_go_on()
            self._ask_to_end()
            if self.process.wait(max(0.0, deadline - time.monotonic())):
                self.farewell = self._describe_left()
            else:
                self.farewell = f"the kernel was killed: it did not end in {grace:g} s"
        refusal = self.process.read_refusal()
        death = self.kill()
        if refusal:
            raise ColdKernelNeededError(*refusal)
        return death

    def _describe_left(self) -> str:
        """A line about what the notebook had left running; see ``ending``."""
        try:
            left = (self._place.folder / ending.FILE_NAME).read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        more = f" and {len(left) - _MOST_LEFT} more" if len(left) > _MOST_LEFT else ""
        return f"ended what the notebook had left running: {', '.join(left[:_MOST_LEFT])}{more}"

    def _ask_to_end(self) -> None:
        # After a shutdown request, a cold IPython's control thread and shutdown may wait for each other: 10 s.
        is_cold_ipython = self.info.get("implementation") == "ipython" and not self.is_forked
        if not (is_cold_ipython and self._end_by_code()):
            self.send("control", "shutdown_request", {"restart": False})

    def _end_by_code(self) -> bool:
        """Whether the kernel has executed the code that ends it: if ``sys.stdout`` is None, IPython executes
        nothing."""
        told = str(self._place.folder / ending.FILE_NAME)
        source = f"{inspect.getsource(ending)}\nreplace_shutdown({told!r})\n"
        request = self.execute(
            f"__import__('builtins').exec({source!r}, {{'__name__': 'ending'}})\n"
            "__import__('IPython').get_ipython().keepkernel_on_exit = None\n"  # which exit(3) may have set
            "__import__('IPython').get_ipython().ask_exit()"
        )
        deadline = time.monotonic() + _END_BY_CODE
        with suppress(KernelDiedError):
            while received := self.receive(deadline - time.monotonic()).messages:
                replies = [message for message in received if message.parent == request and message.channel == "shell"]
                if replies:
                    return bool(replies[0].content["status"] == "ok")
            return False
        return True

    def kill(self, grace: float = 0) -> Death:
        """Kill it and everything it started, at once or ``grace`` seconds after SIGTERM."""
        death = self.process.kill(grace)
        self.peak_memory = death.peak_memory or None
        if self._connection:
            self._connection.close()
            self._connection = None
        self._place.remove()
        return death


def _start_process(
    name: str, place: Place, cwd: str, environment: Mapping[str, str], log: Log, *, warm: bool, overlay: str
) -> KernelProcess:
    if warm:
        return fork_kernel(place.connection_file, cwd, environment, log, may_refuse=True)
    return spawn_kernel(format_command(name, place.connection_file, overlay), cwd, environment, log)
