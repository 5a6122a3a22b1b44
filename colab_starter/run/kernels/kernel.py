"""What a running kernel can do for whoever executes a notebook, wherever it runs."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from colab_starter.errors import KernelSilentError, StartStoppedError
from colab_starter.run.kernels.connection import Message as Message

_ASK_AGAIN = 0.2
"""Seconds after which a kernel is asked again that has replied, but whose iopub was not connected in time."""

DROP_NOTHING = (
    "(lambda thread: thread.schedule(lambda: thread.socket.setsockopt(__import__('zmq').SNDHWM, 0)))"
    "(__import__('IPython').get_ipython().kernel.iopub_socket.io_thread)"
)
"""For an IPython kernel: of 1000 messages that wait to be sent, it would drop every further one in silence."""


class HasFileno(Protocol):
    """Something that can be waited for."""

    def fileno(self) -> int: ...


class Received(NamedTuple):
    """What came in one wait; both empty when the time is over."""

    messages: list[Message]
    """In order for each channel."""
    ready: list[HasFileno]
    """Those of ``also`` that can be read."""


class Kernel(Protocol):
    """A started kernel that answers. Leave it by ``shutdown`` or ``kill``."""

    info: dict[str, Any]
    """The content of its kernel_info_reply; ``language_info`` among it."""
    host: str
    """The name of the machine on which it runs."""
    farewell: str
    """What is to be said of its end after ``shutdown``, in one line; empty when it ended in good order."""
    peak_memory: int | None
    """Of its process, in bytes, once it has been shut down; None where that is not known."""

    @property
    def is_forked(self) -> bool:
        """Whether it was forked from a process that had imported modules, and has the error hook already."""

    def execute(self, code: str, *, stop_on_error: bool = True, silent: bool = False) -> str:
        """Ask for the execution of a cell; returns the id that the messages about it have as ``parent``.

        ``silent``: it is none of the notebook's cells, and not counted.
        """

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send any other request on ``shell`` or ``control``; returns its id."""

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        """Wait up to ``timeout`` seconds (None: for ever) for messages, or for one of ``also``.

        Raises KernelDiedError when the kernel has died, after all that it sent has been handed out.
        """

    def interrupt(self) -> None:
        """Interrupt what it executes."""

    def fetch_output(self, is_stopped: Callable[[], bool]) -> None:
        """Bring the files of the run's ``output_dir`` to this machine, if they are not here.

        Raises OutputError; also when ``is_stopped``, which is asked now and then, and may raise an error itself.
        """

    def shutdown(self, grace: float = 10) -> object:
        """Ask it to end, so that its atexit handlers run; after ``grace`` seconds it is killed."""

    def kill(self) -> object:
        """End it at once, with everything it started. May be called twice."""


def make_execute_request(code: str, *, stop_on_error: bool, silent: bool) -> dict[str, Any]:
    """The content of an ``execute_request`` to which nobody answers questions."""
    return {
        "code": code,
        "silent": silent,
        "store_history": not silent,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": stop_on_error,
    }


def wait_until_ready(kernel: Kernel, deadline: float, also: Sequence[HasFileno]) -> None:
    """Ask for ``kernel.info``, and wait until the kernel is heard on iopub, too.

    ``deadline`` is by ``time.monotonic``. Raises KernelSilentError when it has passed, StartStoppedError as soon as
    one of ``also`` can be read, and what ``receive`` raises.
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
    """Raise StartStoppedError where something is ``ready``, and KernelSilentError where the time is over."""
    if ready:
        raise StartStoppedError("stopped while the kernel was starting")
    if time.monotonic() > deadline:
        raise KernelSilentError("the kernel was started and does not answer; look into kernel.log")
