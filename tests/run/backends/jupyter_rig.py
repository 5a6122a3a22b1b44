"""A real Jupyter server on this machine, and a proxy before it that can cut connections."""

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

_NOTE_FOLDERS = """\
def _note_folders(event, arguments):
    if event == "os.mkdir" and str(arguments[0]).startswith("/tmp/colab-starter-"):
        with open({notes!r}, "a") as notes:
            notes.write(str(arguments[0]) + "\\n")

__import__("sys").addaudithook(_note_folders)
del _note_folders
"""
"""Executed as a kernel starts: a killed one leaves its run's folder, which is told from those of other tests."""
_SERVER = "from jupyter_server.serverapp import main; main()"


def find_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


class JupyterRig:
    """A server whose kernels run on this machine."""

    def __init__(
        self,
        folder: Path,
        *,
        home: Path | None = None,
        script: str = _SERVER,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """``script`` is what starts it, with ``options`` on top of those that are needed here."""
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.port = find_port()
        self.base = str((options or {}).get("ServerApp.base_url", "")).rstrip("/")
        scheme = "https" if "ServerApp.certfile" in (options or {}) else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}{self.base}"
        self.home = home or folder / "home"
        for path in (folder, self.home, folder / "root"):
            path.mkdir(parents=True, exist_ok=True)
        self._notes = folder / "folders-of-runs"
        self._server = self._start(script, options or {})

    def _start(self, script: str, more: Mapping[str, Any]) -> "subprocess.Popen[bytes]":
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": str(self.folder / "root"),
            "ServerApp.allow_root": True,
            "ServerApp.open_browser": False,
            "ServerApp.jpserver_extensions": "{}",
            "IdentityProvider.token": self.token,
            "ZMQChannelsWebsocketConnection.iopub_data_rate_limit": 1e9,
            "KernelRestarter.time_to_dead": 0.5,
            **more,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        startup = self.folder / "ipython/profile_default/startup"
        startup.mkdir(parents=True)
        (startup / "note_folders.py").write_text(_NOTE_FOLDERS.format(notes=str(self._notes)))
        environment = {**os.environ, "HOME": str(self.home), "JUPYTER_CONFIG_DIR": str(self.folder / "no-config")}
        environment["IPYTHONDIR"] = str(self.folder / "ipython")
        environment.pop("JUPYTER_TOKEN", None)
        with (self.folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-c", script, *arguments],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_up(server)
        return server

    def _wait_until_up(self, server: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and server.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=5).close()
                return
            except urllib.error.URLError as error:
                if isinstance(error, urllib.error.HTTPError) or "CERTIFICATE" in str(error):
                    return
                time.sleep(0.05)
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.folder / "server.log").read_text())

    @property
    def pid(self) -> int:
        return self._server.pid

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def list_children(self) -> list[int]:
        """The server's processes: its kernels."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill(self) -> None:
        """The server goes, and the kernels with it."""
        for pid in [self.pid, *self.list_children()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait()

    def close(self) -> None:
        """End the server, and remove what killed runs have left on their machine."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        for folder in self._notes.read_text().splitlines() if self._notes.exists() else ():
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Proxy:
    """Passes on what comes to its port; can cut all connections, refuse new ones, or swallow what comes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_open = True
        """Whether new connections are taken; those that are not are closed at once."""
        self.swallows = False
        """Whether what comes is thrown away, as on a line that is dead without saying so."""
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_closed = False
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def cut(self) -> None:
        """Cut all connections."""
        for pair in self._pairs:
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._is_closed = True
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while not self._is_closed:
            others = {one: other for pair in self._pairs for one, other in (pair, pair[::-1])}
            ready, _, _ = select.select([self._listener, *others], [], [], 0.02)
            for one in ready:
                if one is self._listener:
                    self._accept()
                elif any(one in pair for pair in self._pairs):
                    self._pass_on(one, others[one])
        for pair in list(self._pairs):
            self._drop(pair)

    def _accept(self) -> None:
        ours, _ = self._listener.accept()
        try:
            if not self.is_open:
                raise OSError
            self._pairs.append((ours, socket.create_connection(("127.0.0.1", self._target), 5)))
        except OSError:
            ours.close()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            news = one.recv(65_536)
            if news and not self.swallows:
                other.sendall(news)
        except OSError:
            news = b""
        if not news:
            self._drop(next(pair for pair in self._pairs if one in pair))

    def _drop(self, pair: Sequence[socket.socket]) -> None:
        self._pairs = [kept for kept in self._pairs if kept is not pair]
        for one in pair:
            one.close()
