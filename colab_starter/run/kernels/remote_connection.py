"""The connection to a kernel on a Jupyter server, which reconnects when it breaks.

jupyter_server keeps the messages for a client that has lost its connection until it reconnects with the same session,
so usually nothing is missed. Messages lost in a dead connection can still be detected: every IPython kernel numbers its
messages, and answers requests in order.
"""

import select
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from jupyter_client.session import Session

from colab_starter.errors import JupyterServerError, SocketLostError
from colab_starter.run.kernels.background import Background
from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.jupyter_server import JupyterServer
from colab_starter.run.kernels.kernel import HasFileno, Received
from colab_starter.run.kernels.message_watch import NOT_TOLD, MessageWatch
from colab_starter.run.kernels.websocket import KernelSocket

RECONNECT_TIMEOUT = 60.0
"""The default for the seconds without a connection after which a kernel is given up."""
RECONNECT_INTERVAL = 1.0
"""Seconds between two attempts to connect."""
STATE_INTERVAL = 5.0
"""Seconds of silence from a busy kernel after which the server is asked whether the kernel still exists."""
PING_INTERVAL = 10.0
"""Seconds of silence from the server after which it is pinged."""
SILENCE_TIMEOUT = 30.0
"""Seconds of silence after which the connection is assumed to be broken."""
SUCCESSOR_TIMEOUT = 5.0
"""Seconds that the server has to start a replacement for a kernel that died."""
SUCCESSOR_INTERVAL = 1.0
"""Seconds between two questions to the replacement whether it is there."""


class RemoteConnection:
    """The client's end of a kernel's websocket. Waiting for one thing never blocks another."""

    def __init__(self, server: JupyterServer, kernel_id: str, reconnect_timeout: float = RECONNECT_TIMEOUT) -> None:
        """After ``reconnect_timeout`` seconds without a connection, the kernel is given up."""
        self.is_established = False
        """Whether the kernel has answered; set by the caller, as is ``is_ipython``."""
        self.is_ipython = False
        self.end: KernelDiedError | None = None
        """Why there is nothing more to wait for; raised once all messages have been returned."""
        self._server = server
        self._kernel_id = kernel_id
        self._reconnect_timeout = reconnect_timeout
        self._session = Session()
        self._session.key = b""  # servers sign for us; the constructor would warn about an empty key
        self.watch = MessageWatch(self._session.session)
        self._socket: KernelSocket | None = None
        self._connecting: Background[KernelSocket] | None = None
        self._asking: Background[str | None] | None = None
        self._unsent: list[tuple[str, dict[str, Any]]] = []
        self._lost_since = time.monotonic()
        self._next_duty = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known; ``receive`` reconnects in time."""
        return self._socket is not None

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request, as soon as there is a connection."""
        message = self._session.msg(kind, content)
        if self._socket is None or self.watch.resync:
            self._unsent.append((channel, message))
        else:
            self._write(self._socket, channel, message)
        return str(message["header"]["msg_id"])

    def _write(self, socket: KernelSocket, channel: str, message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_request":
            self.watch.pending.append(str(message["header"]["msg_id"]))
        try:
            socket.send(channel, message)
        except SocketLostError:
            self._lose()

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        """See ``Kernel.receive``; connects if there is no connection, and raises JupyterServerError if that fails."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self.end:
                raise self.end
            self._do_duties()
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            messages, ready = self._listen(left, also)
            if messages or ready or (left is not None and left <= 0 and not self.end):
                return Received(messages, ready)

    def _listen(self, timeout: float | None, also: Sequence[HasFileno]) -> tuple[list[Message], list[HasFileno]]:
        if self.end:
            return [], []
        socket, has_more = self._socket, self._socket is not None and self._socket.has_more
        pause = 0.0 if has_more else max(0.0, self._next_duty - time.monotonic())
        own: list[HasFileno | None] = [self._connecting, self._asking, None if has_more else socket]
        waiting = select.poll()
        for source in (*also, *filter(None, own)):
            waiting.register(source.fileno(), select.POLLIN)
        found = {descriptor for descriptor, _ in waiting.poll(_in_milliseconds(pause, timeout))}
        ready = [source for source in also if source.fileno() in found]
        if self._connecting and self._connecting.fileno() in found:
            self._finish_connecting(self._connecting)
        if self._asking and self._asking.fileno() in found:
            self._finish_asking(self._asking)
        if socket and (has_more or socket.fileno() in found):
            return self._take(socket), ready
        return [], ready

    def _take(self, socket: KernelSocket) -> list[Message]:
        """The messages up to the one that says that the kernel is gone."""
        kept: list[Message] = []
        try:
            messages = socket.take()
        except SocketLostError:
            self._lose()
            return kept
        for message in messages:
            kept += self.watch.take(message, is_ipython=self.is_ipython)
            if self.watch.end:
                self.end = self.watch.end
                break
        if not self.watch.resync:
            self._send_waiting()
        return kept

    def _send_waiting(self) -> None:
        waiting, self._unsent = self._unsent, []
        for channel, message in waiting:
            if self._socket:
                self._write(self._socket, channel, message)
            else:
                self._unsent.append((channel, message))

    def _do_duties(self) -> None:
        """Reconnect, or check that the connection and the kernel are alive; does not wait."""
        now = time.monotonic()
        if now < self._next_duty:
            return
        self._next_duty = now + STATE_INTERVAL / 2
        if self._socket is None:
            if self._connecting is None:
                self._connecting = Background(self._connect, KernelSocket.close)
            return
        quiet = now - self._socket.heard
        if quiet > SILENCE_TIMEOUT and not self._socket.is_ready():  # otherwise this process itself was stopped
            self._lose()
            return
        if self.watch.pending and quiet > STATE_INTERVAL / 2 and self._asking is None:
            self._asking = Background(lambda: self._server.read_state(self._kernel_id))
        if quiet > PING_INTERVAL:
            with suppress(SocketLostError):  # ``take`` will say so
                self._socket.ping()

    def _connect(self) -> KernelSocket:
        address = self._server.channels_url(self._kernel_id, self._session.session)
        return KernelSocket(*address, self._session)

    def _finish_connecting(self, connecting: Background[KernelSocket]) -> None:
        self._connecting = None
        try:
            self._socket = connecting.finish()
        except (SocketLostError, JupyterServerError) as error:
            self._next_duty = time.monotonic() + RECONNECT_INTERVAL
            return self._note_no_connection(error)
        if self.is_established:  # pending requests wait until it is known what was missed
            request = self._session.msg("kernel_info_request", {})
            self.watch.begin_resync(str(request["header"]["msg_id"]), time.monotonic() - self._lost_since)
            self._write(self._socket, "shell", request)
        else:
            self._send_waiting()

    def _note_no_connection(self, error: SocketLostError | JupyterServerError) -> None:
        if error.code == 404:
            self.end = self._describe_gone()
        elif error.code and not self.is_established:
            remedy = "a proxy before it has to let websockets pass"
            raise JupyterServerError(f"{self._server.access.name}: no connection to the kernel ({error}); {remedy}")
        elif time.monotonic() - self._lost_since > self._reconnect_timeout:
            cause = f"the connection to {self._server.access.name} was lost"
            self.end = KernelDiedError(cause, hint=self._explain(error))

    def _explain(self, error: SocketLostError | JupyterServerError) -> str:
        if isinstance(error, SocketLostError) and error.code in (401, 403):
            return self._server.access.explain(error.code)
        return str(error).removeprefix(f"{self._server.access.name}: ")

    def _lose(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None
        self._lost_since = time.monotonic()
        self._next_duty = 0.0

    def _finish_asking(self, asking: Background[str | None]) -> None:
        self._asking = None
        try:
            state = asking.finish()
        except JupyterServerError:
            return  # the connection itself will show it
        if state is None:
            self.end = self._describe_gone()
        elif state == "dead":
            self.end = KernelDiedError("the kernel died", hint=NOT_TOLD)

    def _describe_gone(self) -> KernelDiedError:
        return KernelDiedError("the kernel was deleted", hint="someone shut it down, or the server was restarted")

    def await_successor(self) -> None:
        """Wait for the server's replacement of a kernel that died, before the kernel is ended.

        A replacement that the server ends while starting it would run forever. What it says of itself when it starts
        often comes before the server listens, so it is asked.
        """
        deadline, next_question = time.monotonic() + SUCCESSOR_TIMEOUT, 0.0
        while self._socket and not self.watch.has_successor and time.monotonic() < deadline:
            waiting = select.poll()
            waiting.register(self._socket.fileno(), select.POLLIN)
            try:
                if time.monotonic() > next_question:
                    self._socket.send("shell", self._session.msg("kernel_info_request", {}))
                    next_question = time.monotonic() + SUCCESSOR_INTERVAL
                if self._socket.has_more or waiting.poll(200):
                    for message in self._socket.take():
                        self.watch.take(message, is_ipython=self.is_ipython)
            except SocketLostError:
                return

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self.end = self.end or KernelDiedError("the kernel was ended")
        if self._socket:
            self._socket.close()
        for background in (self._connecting, self._asking):
            if background:
                background.abandon()
        self._socket = self._connecting = self._asking = None


def _in_milliseconds(pause: float, timeout: float | None) -> float:
    return 1000 * (pause if timeout is None else min(pause, timeout))
