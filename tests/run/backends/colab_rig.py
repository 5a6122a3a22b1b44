"""Google's real command ``colab`` talking to a real Jupyter server here; only what needs Google's machines is faked."""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

import pytest

from colab_starter.run.backends.colab.sent import FOLDER
from tools.install_colab_command import COMMAND, find_python, install_colab_command, is_installed

_SERVER = """\
import sys
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.serverapp import main

class ColabProxy(IdentityProvider):
    '''Colab's proxy takes the token from a parameter of its own.'''

    def get_token(self, handler):
        return handler.get_argument("colab-runtime-proxy-token", "") or super().get_token(handler)

main(["--ServerApp.identity_provider_class=__main__.ColabProxy", *sys.argv[1:]])
"""

_COLAB_BUT_NEW_AND_STOP = '''\
#!{python}
"""Google's colab command, but for ``new`` and ``stop``, which need Google: here they only edit the session file."""
import json, os, pathlib, sys, urllib.request

FOLDER, REAL, URL, TOKEN = {folder!r}, {real!r}, {url!r}, {token!r}
sessions_path = pathlib.Path.home() / ".config/colab-cli/sessions.json"
command, name = sys.argv[1], sys.argv[sys.argv.index("-s") + 1] if "-s" in sys.argv else ""
with open(FOLDER + "/calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if os.path.exists(FOLDER + "/" + command + "-says"):
    print(open(FOLDER + "/" + command + "-says").read(), file=sys.stderr)
    sys.exit(1)
if command not in ("new", "stop"):
    os.execv(REAL, [REAL, *sys.argv[1:]])
import fcntl
with open(FOLDER + "/lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    sessions = json.loads(sessions_path.read_text())
    if command == "new":
        sessions[name] = dict(
            name=name, token=TOKEN, url=URL, endpoint="here-" + name, token_expires_at="2099-01-01T00:00:00Z"
        )
        print("[colab] Session READY.")
    else:
        session = sessions.pop(name)
        if session.get("kernel_id"):
            kernel = URL + "/api/kernels/" + session["kernel_id"] + "?token=" + TOKEN
            try:
                urllib.request.urlopen(urllib.request.Request(kernel, method="DELETE"), timeout=10)
            except OSError:
                pass
        print("[colab] Session terminated.")
    sessions_path.write_text(json.dumps(sessions))
'''


class ColabRig:
    """A home folder for the command, and a server whose machine, this one, stands for those of the sessions."""

    def __init__(self, folder: Path, real: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.bin = folder / "bin"
        self.token = secrets.token_hex(16)
        with closing(socket.create_server(("127.0.0.1", 0))) as found:
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        for path in (self.home / ".config/colab-cli", self.bin):
            path.mkdir(parents=True)
        (self.home / ".config/colab-cli/settings.json").write_text('{"enable_update_check": false}')
        (self.home / ".config/colab-cli/sessions.json").write_text("{}")
        names = {"python": sys.executable, "folder": str(folder), "real": real, "url": self.url, "token": self.token}
        script = self.bin / "colab"
        script.write_text(_COLAB_BUT_NEW_AND_STOP.format(**names))
        script.chmod(0o755)
        self._new_folders = [path for path in [Path("/content")] if not path.exists()]
        """Those that ``colab exec`` makes where it may: the kernels' working folder."""
        self._server = self._start_server()

    def _start_server(self) -> "subprocess.Popen[bytes]":
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": "/",
            "ServerApp.allow_root": True,
            "ServerApp.disable_check_xsrf": True,
            "ServerApp.open_browser": False,
            "ServerApp.jpserver_extensions": "{}",
            "IdentityProvider.token": self.token,
            "ZMQChannelsWebsocketConnection.iopub_data_rate_limit": 1e9,
            "KernelRestarter.time_to_dead": 0.5,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        environment = {**os.environ, "HOME": str(self.home), "JUPYTER_CONFIG_DIR": str(self.folder / "no-config")}
        with (self.folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-c", _SERVER, *arguments],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_for_server(server)
        return server

    def _wait_for_server(self, server: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and server.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=5).close()
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise AssertionError((self.folder / "server.log").read_text())

    def calls(self, command: str) -> list[str]:
        """How the command was called, without its own name: ``-s NAME``."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.removeprefix(f"{command} ") for line in lines if line.startswith(f"{command} ")]

    def fail(self, command: str, says: str) -> None:
        """From now on the command fails, and says so."""
        (self.folder / f"{command}-says").write_text(says)

    def sessions(self) -> str:
        return (self.home / ".config/colab-cli/sessions.json").read_text()

    def kill_server(self) -> None:
        """As when Colab takes its machine back; the kernels go with it."""
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in [str(self._server.pid), *children]:
            os.kill(int(pid), signal.SIGKILL)
        self._server.wait()

    def close(self) -> None:
        """End the server, and remove what the runs left on their machine."""
        self._end_server()
        for call in self.calls("new"):
            shutil.rmtree(Path(FOLDER, call.split()[1]), ignore_errors=True)
        for path in [Path(FOLDER), *self._new_folders]:
            with suppress(OSError):
                path.rmdir()

    def _end_server(self) -> None:
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.wait(15)
            except subprocess.TimeoutExpired:
                self.kill_server()


def install_colab() -> str:
    """The real command, which `make test` has installed; skips where no Python can have it."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_installed():
            _install()
    return str(COMMAND)


def _install() -> None:
    python = find_python()
    if python is None:
        pytest.skip(
            "the backend colab is NOT tested: Google's command needs Python 3.12 or newer, and there is none here"
        )
    install_colab_command(python)
