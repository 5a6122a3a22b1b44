"""The interface of a running kernel, wherever it runs."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from colab_starter.errors import KernelSilentError, StartStoppedError
from colab_starter.run.kernels.connection import Message as Message

_ASK_AGAIN = 0.2
"""Seconds after which to ask again if a kernel has replied, but its iopub was not connected in time."""

DROP_NOTHING = (
    "(lambda thread: thread.schedule(lambda: thread.socket.setsockopt(__import__('zmq').SNDHWM, 0)))"
    "(__import__('IPython').get_ipython().kernel.iopub_socket.io_thread)"
)
"""For an IPython kernel, which would otherwise silently drop messages beyond a queue of 1000."""


class HasFileno(Protocol):
    """Something that can be waited for."""

    def fileno(self) -> int: ...


class Received(NamedTuple):
    """The result of one wait; both lists are empty after a timeout."""

    messages: list[Message]
    """In order within each channel."""
    ready: list[HasFileno]
    """Those of ``also`` that are readable."""


class Kernel(Protocol):
    """A kernel that has started and answers. End it with ``shutdown`` or ``kill``."""

    info: dict[str, Any]
    """The content of its kernel_info_reply, including ``language_info``."""
    host: str
    """The name of the machine on which it runs."""
    farewell: str
    """A line about its end after ``shutdown``; empty if it ended normally."""
    peak_memory: int | None
    """The peak memory of its process in bytes, once it has been shut down; None if unknown."""

    @property
    def is_forked(self) -> bool:
        """Whether it was forked from a process with preloaded modules, and already has the error hook."""

    def execute(self, code: str, *, stop_on_error: bool = True, silent: bool = False) -> str:
        """Request the execution of a cell; returns the ID that messages about it have as ``parent``.

        ``silent``: it is not one of the notebook's cells, and is not counted.
        """

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send any other request on ``shell`` or ``control``; returns its ID."""

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        """Wait up to ``timeout`` seconds (None: forever) for messages, or for one of ``also``.

        Raises KernelDiedError if the kernel has died, after everything that it sent has been returned.
        """

    def interrupt(self) -> None:
        """Interrupt what it is executing."""

    def fetch_output(self, is_stopped: Callable[[], bool]) -> None:
        """Bring the files of the run's ``output_dir`` to this machine, unless they are already here.

        Raises OutputError, also if ``is_stopped``, which is called at intervals and may raise an error itself.
        """

    def shutdown(self, grace: float = 10) -> object:
        """Ask it to end, so that its atexit handlers run; kill it after ``grace`` seconds."""

    def kill(self) -> object:
        """Kill it at once, with everything it started. May be called twice."""


def make_execute_request(code: str, *, stop_on_error: bool, silent: bool) -> dict[str, Any]:
    """The content of an ``execute_request`` that does not allow input requests."""
    return {
        "code": code,
        "silent": silent,
        "store_history": not silent,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": stop_on_error,
    }


def wait_until_ready(kernel: Kernel, deadline: float, also: Sequence[HasFileno]) -> None:
    """Request ``kernel.info``, and wait until the kernel is also heard on iopub.

    ``deadline`` is by ``time.monotonic``. Raises KernelSilentError once it has passed, StartStoppedError as soon as one
    of ``also`` is readable, and what ``receive`` raises.
    """
    requests = {kernel.send("shell", "kernel_info_request", {})}
    is_heard = False
    while not (kernel.info and is_heard):
        pause = min(_ASK_AGAIN if kernel.info else deadline, deadline - time.monotonic())
        received = kernel.receive(pause, also)
        check_start(received.ready, deadline)
        for message in received.messages:
            if message.parent in requests and message.kind == "kernel_info_reply":
                kernel.info = message.content
            is_heard |= message.parent in requests and message.channel == "iopub"
        if kernel.info and not received.messages:
            requests.add(kernel.send("shell", "kernel_info_request", {}))


def check_start(ready: Sequence[HasFileno], deadline: float) -> None:
    """Raise StartStoppedError if something is ``ready``, and KernelSilentError if the deadline has passed."""
    if ready:
        raise StartStoppedError("stopped while the kernel was starting")
    if time.monotonic() > deadline:
        raise KernelSilentError("the kernel was started and does not answer; see kernel.log")
