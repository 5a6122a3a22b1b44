"""Kernels for the tests: cells executed in one, in this process or in a worker of a fork server."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from colab_starter.errors import ColdKernelNeededError
from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.death import Death, KernelDiedError
from colab_starter.run.kernels.forkserver import Exited, ForkServer
from colab_starter.run.kernels.local import LocalKernel

PATIENCE = 60.0
"""Seconds in which a message has to come."""


@dataclass(frozen=True)
class Talk:
    """Cells to execute in a kernel; all that a worker needs."""

    cells: Sequence[str]
    folder: str
    warm: bool = True
    name: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """What came of it."""

    messages: list[Message]
    death: Death
    died: bool
    """By itself, before it was asked to end."""

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(message.content["text"] for message in self.messages if message.kind == "stream")

    def split(self) -> list["Answer"]:
        """The answers to the single cells."""
        requests = dict.fromkeys(message.parent for message in self.messages)
        return [replace(self, messages=[one for one in self.messages if one.parent == request]) for request in requests]

    @property
    def stdout(self) -> str:
        """What was printed, without messages and warnings."""
        streams = [message.content for message in self.messages if message.kind == "stream"]
        return "".join(stream["text"] for stream in streams if stream["name"] == "stdout")

    @property
    def errors(self) -> list[str]:
        return [message.content["evalue"] for message in self.messages if message.kind == "error"]

    @property
    def displayed(self) -> list[dict[str, Any]]:
        kinds = ("display_data", "execute_result")
        return [message.content["data"] for message in self.messages if message.kind in kinds]


def start(talk: Talk) -> LocalKernel:
    return LocalKernel.start(
        talk.name, cwd=talk.folder, environment=talk.environment, log=Path(talk.folder, "kernel.log"), warm=talk.warm
    )


def talk(what: Talk) -> Answer:
    """Execute the cells in a new kernel, and shut it down."""
    return talk_in(start(what), what.cells)


def talk_in(kernel: LocalKernel, cells: Sequence[str]) -> Answer:
    """Execute the cells in a kernel, and shut it down."""
    messages: list[Message] = []
    try:
        for cell in cells:
            messages += execute(kernel, cell)
    except KernelDiedError as error:
        death = kernel.kill()
        return Answer(messages, error.death or death, died=True)
    except ColdKernelNeededError:
        kernel.kill()
        raise
    return Answer(messages, kernel.shutdown(), died=False)


def execute(kernel: LocalKernel, code: str) -> list[Message]:
    """Execute a cell; returns the messages that it caused, once there are a reply and the sign that all is said."""
    # Otherwise an old ipykernel may abort the next cell too, though it is sent only after the reply.
    request, messages, ends = kernel.execute(code, stop_on_error=False), list[Message](), 0
    while ends < 2:
        received = kernel.receive(PATIENCE)
        assert received.messages, f"nothing came for {PATIENCE} s"
        own = [message for message in received.messages if message.parent == request]
        messages += own
        ends += sum(message.kind == "execute_reply" or _is_idle(message) for message in own)
    return messages


def _is_idle(message: Message) -> bool:
    return message.kind == "status" and message.content["execution_state"] == "idle"


def talk_in_worker(what: Talk, connection: "Connection[Any, Any]") -> None:
    """The target for a fork server."""
    connection.send(talk(what))


def talk_through(server: ForkServer, what: Talk) -> Answer:
    """Execute the cells in a kernel of a worker of its own."""
    answer, end = receive_all(server.fork("tests.run.kernels.talks:talk_in_worker", what))
    assert end == Exited(0)
    assert isinstance(answer, Answer)
    return answer


def receive_all(connection: "Connection[Any, Any]") -> list[Any]:
    """What a worker sends until nobody holds its end any more."""
    received = []
    with connection:
        while True:
            assert connection.poll(PATIENCE), f"nothing came for {PATIENCE} s"
            try:
                received.append(connection.recv())
            except EOFError:
                return received


def hold(what: Talk, connection: "Connection[Any, Any]") -> None:
    """A target that starts a kernel and a process below it, tells of all their ids, and waits for the end."""
    kernel = start(what)
    text = Answer(execute(kernel, DAEMON), Death(0, None, False, 0), died=False).stdout
    connection.send([os.getpid(), kernel.process.pid, int(text)])
    with suppress(KernelDiedError):
        kernel.receive(None, [connection])
    kernel.kill()


DAEMON = """
import os, time
read, write = os.pipe()
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    for descriptor in range(1, write):
        os.close(descriptor)
    os.write(write, str(os.getpid()).encode())
    os.close(write)
    time.sleep(600)
    os._exit(0)
os.close(write)
os.wait()
print(os.read(read, 100).decode())
"""
"""Leaves a process behind that has left its group and its session, and whose parent is gone."""


def talk_or_refuse(what: tuple[Sequence[str], str], connection: "Connection[Any, Any]") -> None:
    """In a worker: send what the cells print in a forked kernel, or why that kernel refuses."""
    cells, folder = what
    kernel = LocalKernel.start(None, cwd=folder, environment={}, log=Path(folder, "log"), warm=True)
    try:
        messages = [message for cell in cells for message in execute(kernel, cell)]
        connection.send("".join(one.content["text"] for one in messages if one.kind == "stream"))
    except ColdKernelNeededError as error:
        connection.send(error)
    finally:
        kernel.kill()
