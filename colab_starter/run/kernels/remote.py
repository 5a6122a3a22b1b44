"""A kernel on a Jupyter server, with the same interface as a local kernel."""

import base64
import secrets
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from colab_starter.errors import JupyterServerError, KernelSilentError, OutputError
from colab_starter.run.kernels import remote_side
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
from colab_starter.run.kernels.message_watch import read_value
from colab_starter.run.kernels.remote_connection import RECONNECT_TIMEOUT, RemoteConnection

KILL_TIMEOUT = 15.0
"""Seconds that the server has to end a kernel; it interrupts it and waits for 5 of them itself."""
ANSWER_TIMEOUT = 60.0
"""Seconds to wait for an answer of our own code in the kernel."""
CHUNK_SIZE = 4_000_000
"""How many bytes of an archive are requested at once."""

_SIDE = "__import__('IPython').core.getipython.get_ipython().colab_starter"
_SET_UP = "exec(compile({!r}, '<colab-starter>', 'exec'), {{'__name__': 'colab_starter_remote_side'}})"


class RemoteOutput(NamedTuple):
    """A run's ``output_dir`` on the server and on this machine."""

    there: str
    """The folder on the server that is made to hold it."""
    here: Path


def make_folder_name() -> str:
    """A unique name for the folder on the server's machine."""
    return f"/tmp/colab-starter-{secrets.token_hex(8)}"


class RemoteKernel:
    """A kernel that has started and answers. End it with ``shutdown`` or ``kill``; both end it on the server."""

    is_forked = False

    def __init__(
        self,
        server: JupyterServer,
        session: RemoteSession,
        output: RemoteOutput | None = None,
        reconnect_timeout: float = RECONNECT_TIMEOUT,
    ) -> None:
        """Take a kernel that the server has just started; use ``RemoteKernel.start`` instead."""
        self.info: dict[str, Any] = {}
        self.host = server.access.name
        self.farewell = ""
        self.peak_memory: int | None = None
        self._server = server
        self._remote = session
        self._output = output
        self._connection = RemoteConnection(server, session.kernel_id, reconnect_timeout)
        self._is_ended = False

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
        """Start a kernel on the server and wait until it answers. ``name`` and ``label``: see ``JupyterServer.start``.

        If it is IPython, ``environment`` is set in the kernel, and ``output`` is made. ``reconnect_timeout``: see
        ``RemoteConnection``. Raises JupyterServerError, and what ``LocalKernel.start`` raises; nothing of the kernel is
        left then.
        """
        deadline = time.monotonic() + timeout
        kernel = cls(server, server.start(name, label, kernelspec), output, reconnect_timeout)
        try:
            wait_until_ready(kernel, deadline, also)
            kernel._set_up(environment)
        except KernelSilentError:
            kernel.kill()
            raise KernelSilentError("the kernel was started and does not answer; see the server's log") from None
        except BaseException:
            kernel.kill()
            raise
        return kernel

    def _set_up(self, environment: Mapping[str, str]) -> None:
        self._connection.is_established = True
        self._connection.is_ipython = self.info.get("implementation") == "ipython"
        if not self._connection.is_ipython:
            return
        self.execute(DROP_NOTHING, silent=True)
        source = Path(remote_side.__file__).read_text(encoding="utf-8")
        folder = self._output.there if self._output else ""
        self.execute(_SET_UP.format(f"{source}\nset_up({folder!r}, {dict(environment)!r}, {REPORT!r})\n"), silent=True)
        self.host = str(self._ask(f"{_SIDE}.tell_facts()")["host"])

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known; ``receive`` reconnects in time."""
        return self._connection.is_connected

    def execute(self, code: str, *, stop_on_error: bool = True, silent: bool = False) -> str:
        content = make_execute_request(code, stop_on_error=stop_on_error, silent=silent)
        if self._connection.is_ipython and not silent:
            content["user_expressions"] = {"value": f"{_SIDE}.take_reports()"}
        return self.send("shell", "execute_request", content)

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request, as soon as there is a connection."""
        return self._connection.send(channel, kind, content)

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        return self._connection.receive(timeout, also)

    def interrupt(self) -> None:
        """Interrupt it through the server, which sends SIGINT or a message, as its kernelspec says."""
        with suppress(JupyterServerError):  # the caller checks the effect
            self._server.interrupt(self._remote.kernel_id)

    def fetch_output(self, is_stopped: Callable[[], bool]) -> None:
        """Pack the files on the server, fetch the archive in pieces, and unpack it here."""
        if self._output is None or not self._connection.is_ipython or self._connection.end or self._is_ended:
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
                    return read_value(message.content)
        raise OutputError(f"the kernel gave no answer in {ANSWER_TIMEOUT:.0f} s")

    def shutdown(self, grace: float = 10) -> None:
        """End it on the server, which applies its own grace period; ``grace`` is for the server's answer."""
        if self._is_ended:
            return
        if self._connection.is_ipython and not self._connection.end and not self._connection.watch.pending:
            with suppress(KernelDiedError, OutputError, KeyError, TypeError, ValueError):
                self.peak_memory = self._ask(f"{_SIDE}.tell_facts()")["peak_memory"]
        self._finish(grace + KILL_TIMEOUT)

    def kill(self) -> None:
        """Kill it and end it on the server, which gives a busy kernel that cannot kill itself some seconds."""
        if not self._is_ended:
            if self._connection.is_ipython and not self._connection.end:
                self.send("control", remote_side.KILL, {})
            self.interrupt()
            self._finish(KILL_TIMEOUT)

    def _finish(self, timeout: float) -> None:
        self._is_ended = True
        if self._connection.watch.expects_successor:
            self._connection.await_successor()
        self._connection.close()
        try:
            self._server.end(self._remote, timeout)
        except JupyterServerError as error:
            self.farewell = f"the kernel may still run ({error})"
        self._server.close()


def _unpack(archive: IO[bytes], target: Path) -> None:
    archive.seek(0)
    with tarfile.open(fileobj=archive) as opened:
        opened.extractall(target, filter="data")
