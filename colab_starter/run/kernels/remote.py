"""A kernel on a Jupyter server: its websocket, behind the same calls as those of a kernel here.

jupyter_server keeps the messages of a client that has lost its connection until it comes again with the same session,
so that nothing is missed as a rule. What a dead connection has swallowed all the same shows: every IPython kernel
numbers its messages, and answers requests in their order.
"""

import ast
import base64
import json
import secrets
import select
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from jupyter_client.session import Session

from colab_starter.errors import JupyterServerError, KernelSilentError, OutputError, SocketLostError
from colab_starter.run.kernels import remote_side
from colab_starter.run.kernels.background import Background
from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.error_hook import REPORT
from colab_starter.run.kernels.jupyter_server import JupyterServer, RemoteSession
from colab_starter.run.kernels.kernel import (
    DROP_NOTHING,
    HasFileno,
    Received,
    make_execute_request,
    wait_until_ready,
)
from colab_starter.run.kernels.websocket import KernelSocket

RECONNECT_TIMEOUT = 60.0
"""Seconds without a connection after which a kernel is given up, unless something else is asked for."""
RECONNECT_INTERVAL = 1.0
"""Seconds between two attempts to connect."""
STATE_INTERVAL = 5.0
"""Seconds without a word from a kernel that executes something, after which the server is asked whether it exists."""
PING_INTERVAL = 10.0
"""Seconds without a word from the server after which it is asked for a sign of life."""
SILENCE_TIMEOUT = 30.0
"""Seconds without any after which the connection is taken to be broken."""
KILL_TIMEOUT = 15.0
"""Seconds that the server has for ending a kernel; it interrupts and waits for 5 of them itself."""
SUCCESSOR_TIMEOUT = 5.0
"""Seconds that the server has for starting another kernel in the place of one that died."""
ANSWER_TIMEOUT = 60.0
"""Seconds for one answer of our own code in the kernel."""
CHUNK_SIZE = 4_000_000
"""Bytes of an archive that are asked for at once."""

_SIDE = "__import__('IPython').core.getipython.get_ipython().colab_starter"
_SET_UP = "exec(compile({!r}, '<colab-starter>', 'exec'), {{'__name__': 'colab_starter_remote_side'}})"


class RemoteOutput(NamedTuple):
    """A run's ``output_dir``, there and here."""

    there: str
    """The folder that holds it, and is made for it."""
    here: Path


def make_folder_name() -> str:
    """A new name for the folder on the server's machine."""
    return f"/tmp/colab-starter-{secrets.token_hex(8)}"


class RemoteKernel:
    """A started kernel that answers. Leave it by ``shutdown`` or ``kill``; both end it on the server."""

    is_forked = False

    def __init__(
        self,
        server: JupyterServer,
        session: RemoteSession,
        output: RemoteOutput | None = None,
        reconnect_timeout: float = RECONNECT_TIMEOUT,
    ) -> None:
        """Of a kernel that the server has just started; use ``RemoteKernel.start``.

        After ``reconnect_timeout`` seconds without a connection it is given up.
        """
        self.info: dict[str, Any] = {}
        self.host = server.access.name
        self.farewell = ""
        self.peak_memory: int | None = None
        self._server = server
        self._remote = session
        self._output = output
        self._reconnect_timeout = reconnect_timeout
        self._session = Session()
        self._session.key = b""  # servers sign for us; the constructor would warn of it
        self._socket: KernelSocket | None = None
        self._end: KernelDiedError | None = None
        """Why there is nothing more to wait for; raised when all messages have been handed out."""
        self._is_ended = False
        self._watch = _Watch(self._session.session)
        self._lost_since = time.monotonic()
        self._next_duty = 0.0
        self._connecting: Background[KernelSocket] | None = None
        self._asking: Background[str | None] | None = None
        self._unsent: list[tuple[str, dict[str, Any]]] = []

    @classmethod
    def start(
        cls,
        server: JupyterServer,
        name: str,
        label: str,
        kernelspec: str | None,
        *,
        environment: Mapping[str, str],
        output: RemoteOutput | None = None,
        reconnect_timeout: float = RECONNECT_TIMEOUT,
        timeout: float = 60,
        also: Sequence[HasFileno] = (),
    ) -> "RemoteKernel":
        """Start a kernel on the server, and wait until it answers. ``name`` and ``label``: see ``JupyterServer.start``.

        ``environment`` is set in the kernel, and ``output`` is made, where it is IPython. Raises JupyterServerError,
        and what ``LocalKernel.start`` raises; nothing of the kernel is left then.
        """
        deadline = time.monotonic() + timeout
        kernel = cls(server, server.start(name, label, kernelspec), output, reconnect_timeout)
        try:
            wait_until_ready(kernel, deadline, also)
            kernel._set_up(environment)
        except KernelSilentError:
            kernel.kill()
            raise KernelSilentError("the kernel was started and does not answer; look into the server's log") from None
        except BaseException:
            kernel.kill()
            raise
        return kernel

    def _set_up(self, environment: Mapping[str, str]) -> None:
        if not self._is_ipython:
            return
        self.execute(DROP_NOTHING, silent=True)
        source = Path(remote_side.__file__).read_text(encoding="utf-8")
        folder = self._output.there if self._output else ""
        self.execute(_SET_UP.format(f"{source}\nset_up({folder!r}, {dict(environment)!r}, {REPORT!r})\n"), silent=True)
        self.host = str(self._ask(f"{_SIDE}.tell_facts()")["host"])

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known; ``receive`` makes another one in time."""
        return self._socket is not None

    @property
    def _is_ipython(self) -> bool:
        return self.info.get("implementation") == "ipython"

    def execute(self, code: str, *, stop_on_error: bool = True, silent: bool = False) -> str:
        content = make_execute_request(code, stop_on_error=stop_on_error, silent=silent)
        if self._is_ipython and not silent:
            content["user_expressions"] = {"value": f"{_SIDE}.take_reports()"}
        return self.send("shell", "execute_request", content)

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request; without a connection, as soon as there is one."""
        message = self._session.msg(kind, content)
        if self._socket is None or self._watch.resync:
            self._unsent.append((channel, message))
        else:
            self._write(self._socket, channel, message)
        return str(message["header"]["msg_id"])

    def _write(self, socket: KernelSocket, channel: str, message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_request":
            self._watch.pending.append(str(message["header"]["msg_id"]))
        try:
            socket.send(channel, message)
        except SocketLostError:
            self._lose()

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        """See ``Kernel.receive``; connects where there is no connection."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._end:
                raise self._end
            self._do_duties()
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            messages, ready = self._listen(left, also)
            if messages or ready or (left is not None and left <= 0 and not self._end):
                return Received(messages, ready)

    def _listen(self, timeout: float | None, also: Sequence[HasFileno]) -> tuple[list[Message], list[HasFileno]]:
        if self._end:
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
        """Messages up to the one that says that the kernel is gone."""
        kept: list[Message] = []
        try:
            messages = socket.take()
        except SocketLostError:
            self._lose()
            return kept
        for message in messages:
            kept += self._watch.take(message, is_ipython=self._is_ipython)
            if self._watch.end:
                self._end = self._watch.end
                break
        if not self._watch.resync:
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
        """Connect, or look whether the connection and the kernel live; none of it waits."""
        now = time.monotonic()
        if now < self._next_duty:
            return
        self._next_duty = now + STATE_INTERVAL / 2
        if self._socket is None:
            if self._connecting is None:
                self._connecting = Background(self._connect, KernelSocket.close)
            return
        quiet = now - self._socket.heard
        if quiet > SILENCE_TIMEOUT:
            self._lose()
            return
        if self._watch.pending and quiet > STATE_INTERVAL / 2 and self._asking is None:
            self._asking = Background(lambda: self._server.read_state(self._remote.kernel_id))
        if quiet > PING_INTERVAL:
            with suppress(SocketLostError):  # ``take`` will say so
                self._socket.ping()

    def _connect(self) -> KernelSocket:
        address = self._server.channels_url(self._remote.kernel_id, self._session.session)
        return KernelSocket(*address, self._session)

    def _finish_connecting(self, connecting: Background[KernelSocket]) -> None:
        self._connecting = None
        try:
            self._socket = connecting.finish()
        except (SocketLostError, JupyterServerError) as error:
            self._next_duty = time.monotonic() + RECONNECT_INTERVAL
            return self._note_no_connection(error)
        if self.info:  # the requests that wait go on doing so until it is known what was missed
            request = self._session.msg("kernel_info_request", {})
            self._watch.begin_resync(str(request["header"]["msg_id"]), time.monotonic() - self._lost_since)
            self._write(self._socket, "shell", request)
        else:
            self._send_waiting()

    def _note_no_connection(self, error: SocketLostError | JupyterServerError) -> None:
        if error.code == 404:
            self._end = self._describe_gone()
        elif error.code and not self.info:
            remedy = "a proxy before it has to let websockets pass"
            raise JupyterServerError(f"{self._server.access.name}: no connection to the kernel ({error}); {remedy}")
        elif time.monotonic() - self._lost_since > self._reconnect_timeout:
            cause = f"the connection to {self._server.access.name} was lost"
            self._end = KernelDiedError(cause, hint=self._explain(error))

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
            return  # the connection itself will tell
        if state is None:
            self._end = self._describe_gone()
        elif state == "dead":
            self._end = KernelDiedError("the kernel died", hint="the server does not tell of what")

    def _describe_gone(self) -> KernelDiedError:
        return KernelDiedError("the kernel was deleted", hint="somebody ended it, or the server was restarted")

    def interrupt(self) -> None:
        """By the server, which sends it SIGINT or a message, as its kernelspec says."""
        with suppress(JupyterServerError):  # whoever interrupts looks at what comes of it
            self._server.interrupt(self._remote.kernel_id)

    def fetch_output(self, is_stopped: Callable[[], bool]) -> None:
        """Pack the files there, ask for the archive piece by piece, and unpack it here."""
        if self._output is None or not self._is_ipython or self._end or self._is_ended:
            return
        try:
            size = int(self._ask(f"{_SIDE}.pack()"))
            with tempfile.TemporaryFile() as archive:
                for offset in range(0, size, CHUNK_SIZE):
                    if is_stopped():
                        raise OutputError("stopped meanwhile")
                    piece = self._ask(f"{_SIDE}.read({offset}, {CHUNK_SIZE})")
                    archive.write(base64.b64decode(piece))
                if size:
                    _unpack(archive, self._output.here)
        except (KernelDiedError, OSError, tarfile.TarError, ValueError, TypeError) as error:
            raise OutputError(str(error) or type(error).__name__) from None

    def _ask(self, expression: str) -> Any:
        """The value of an expression in the kernel, which must be a literal. Raises OutputError."""
        content = make_execute_request("", stop_on_error=False, silent=True)
        request = self.send("shell", "execute_request", {**content, "user_expressions": {"value": expression}})
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while time.monotonic() < deadline:
            for message in self.receive(max(0.0, deadline - time.monotonic())).messages:
                if message.parent == request and message.kind == "execute_reply":
                    return _read_value(message.content)
        raise OutputError(f"the kernel gave no answer in {ANSWER_TIMEOUT:.0f} s")

    def shutdown(self, grace: float = 10) -> None:
        """End it on the server, which gives it some seconds of its own; ``grace`` is for the server's answer."""
        if self._is_ended:
            return
        if self._is_ipython and not self._end and not self._watch.pending:
            with suppress(KernelDiedError, OutputError, KeyError, TypeError, ValueError):
                self.peak_memory = self._ask(f"{_SIDE}.tell_facts()")["peak_memory"]
        self._finish(grace + KILL_TIMEOUT)

    def kill(self) -> None:
        """Interrupt and end it on the server: one that executes something is given 5 seconds there otherwise."""
        if not self._is_ended:
            self.interrupt()
            self._finish(KILL_TIMEOUT)

    def _finish(self, timeout: float) -> None:
        self._is_ended = True
        if self._watch.expects_successor:
            self._await_successor()
        self._end = self._end or KernelDiedError("the kernel was ended")
        if self._socket:
            self._socket.close()
            self._socket = None
        for background in (self._connecting, self._asking):
            if background:
                background.abandon()
        self._connecting = self._asking = None
        try:
            self._server.end(self._remote, timeout)
        except JupyterServerError as error:
            self.farewell = f"the kernel may still run ({error})"
        self._server.close()

    def _await_successor(self) -> None:
        """The server starts another kernel in the place of one that died. One that it ends meanwhile goes on for ever:
        so it is ended when it is heard.
        """
        deadline = time.monotonic() + SUCCESSOR_TIMEOUT
        while self._socket and not self._watch.has_successor and time.monotonic() < deadline:
            waiting = select.poll()
            waiting.register(self._socket.fileno(), select.POLLIN)
            if self._socket.has_more or waiting.poll(200):
                with suppress(SocketLostError):
                    for message in self._socket.take():
                        self._watch.take(message, is_ipython=self._is_ipython)
                    continue
                return


class _Watch:
    """Reads from a kernel's messages whether it is still the same, and whether any have been lost."""

    def __init__(self, own_session: str) -> None:
        self.pending: list[str] = []
        """Requests for execution without a reply."""
        self.resync = ""
        """The request after a lost connection whose reply tells that all earlier ones have been replied to."""
        self.end: KernelDiedError | None = None
        self.expects_successor = False
        """Whether the server has told that it starts another kernel in the place of this one."""
        self.has_successor = False
        """Whether that one was heard."""
        self._own_session = own_session
        self._kernel_session = ""
        self._number = self._number_before = -1
        """The highest number of a message, and that before the connection was lost."""
        self._first_after: int | None = None
        self._was_pending = ""
        self._away = 0.0
        self._reports: Counter[str] = Counter()
        """How many reports of errors came on iopub for a request; less than none: they came with its reply before."""

    def begin_resync(self, request: str, away: float) -> None:
        """The connection is there again, after so many seconds, and this is the first request."""
        self.resync, self._away = request, away
        self._number_before, self._first_after = self._number, None
        self._was_pending = self.pending[-1] if self.pending else ""

    def take(self, message: Message, *, is_ipython: bool) -> list[Message]:
        """What is to be handed out for a message."""
        if self._tells_end(message, is_ipython):
            return []
        if message.channel == "shell" and message.parent in self.pending:
            self.pending.remove(message.parent)
        if is_ipython:
            self._note_number(message)
        if self.resync and message.channel == "shell" and message.parent == self.resync:
            return self._end_resync()
        if message.kind == REPORT:
            self._reports[message.parent] += 1
            return [message] if self._reports[message.parent] > 0 else []
        if message.kind == "execute_reply":
            return [*self._find_lost_reports(message), message]
        return [message]

    def _find_lost_reports(self, reply: Message) -> list[Message]:
        """Those that came with the reply, and not yet by themselves."""
        try:
            reports = json.loads(_read_value(reply.content))
        except (OutputError, TypeError, ValueError):
            return []
        lost = reports[self._reports[reply.parent] :]
        self._reports[reply.parent] -= len(lost)
        return [_make_message(REPORT, reply.parent, content) for content in lost]

    def _tells_end(self, message: Message, is_ipython: bool) -> bool:
        """Whether it says, or shows, that there is another kernel now, or none."""
        sender = str(message.data["header"].get("session", ""))
        state = message.content.get("execution_state") if message.kind == "status" else None
        if is_ipython and sender and sender != self._own_session:
            self._kernel_session = self._kernel_session or sender
            self.has_successor = sender != self._kernel_session
        if self.end:
            return True
        if state in ("restarting", "dead"):
            self.expects_successor = state == "restarting"
            self.end = KernelDiedError("the kernel died", hint="the server does not tell of what")
        elif message.kind == "shutdown_reply":
            self.expects_successor = is_restart = bool(message.content.get("restart"))
            self.end = KernelDiedError(f"the kernel was {'restarted' if is_restart else 'shut down'} by somebody else")
        elif self.has_successor:
            self.end = KernelDiedError("the kernel was restarted by somebody else, or died")
        return self.end is not None

    def _note_number(self, message: Message) -> None:
        number = str(message.data["header"].get("msg_id", "")).rpartition("_")[2]
        if not number.isdecimal():
            return
        self._number = max(self._number, int(number))
        if self.resync and message.parent != self.resync:
            self._first_after = min(int(number), self._number if self._first_after is None else self._first_after)

    def _end_resync(self) -> list[Message]:
        """By now all has come that the server had kept."""
        self.resync = ""
        if self.pending:
            self.end = KernelDiedError("the kernel's reply was lost with the connection", hint=f"{self._away:.0f} s")
        elif self._was_pending and self._first_after is not None and self._first_after > self._number_before + 1:
            return [_make_remark(self._was_pending, self._away)]
        return []


def _make_remark(request: str, away: float) -> Message:
    text = f"colab-starter: the connection was lost for {away:.0f} s, and some of the output with it.\n"
    return _make_message("stream", request, {"name": "stderr", "text": text})


def _make_message(kind: str, request: str, content: dict[str, Any]) -> Message:
    parts = {"header": {"msg_type": kind}, "parent_header": {"msg_id": request}, "metadata": {}, "buffers": []}
    return Message("iopub", {**parts, "msg_type": kind, "content": content})


def _in_milliseconds(pause: float, timeout: float | None) -> float:
    return 1000 * (pause if timeout is None else min(pause, timeout))


def _unpack(archive: IO[bytes], target: Path) -> None:
    archive.seek(0)
    with tarfile.open(fileobj=archive) as opened:
        opened.extractall(target, filter="data")


def _read_value(reply: Mapping[str, Any]) -> Any:
    found = reply.get("user_expressions", {}).get("value", {})
    if found.get("status") == "ok":
        with suppress(KeyError, ValueError, SyntaxError):
            return ast.literal_eval(found["data"]["text/plain"])
    raise OutputError(f"{found.get('ename', 'no value')}: {found.get('evalue', '')}".rstrip(": "))
