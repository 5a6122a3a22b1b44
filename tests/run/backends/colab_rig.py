"""Google's real command ``colab`` talking to a real Jupyter server here; only what needs Google's machines is faked."""

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Self

import pytest

from tests.run.backends.jupyter_rig import JupyterRig
from tools.install_colab_command import COMMAND, find_python, install_colab_command, is_installed

_SERVER = """\
import sys
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.serverapp import main

class ColabProxy(IdentityProvider):
    '''Colab's proxy takes the token from a header of its own, and from nowhere else.'''

    def get_token(self, handler):
        return handler.request.headers.get("X-Colab-Runtime-Proxy-Token", "")

main(["--ServerApp.identity_provider_class=__main__.ColabProxy", *sys.argv[1:]])
"""

_COLAB_BUT_NEW_AND_STOP = '''\
#!{python}
"""Google's colab command, but ``new``, ``stop`` and ``sessions`` need Google: here they only edit the session file."""
import json, os, pathlib, sys, urllib.request

FOLDER, REAL, URL, TOKEN = {folder!r}, {real!r}, {url!r}, {token!r}
sessions_path = pathlib.Path.home() / ".config/colab-cli/sessions.json"
command, name = sys.argv[1], sys.argv[sys.argv.index("-s") + 1] if "-s" in sys.argv else ""
with open(FOLDER + "/calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if os.path.exists(FOLDER + "/" + command + "-says"):
    print(open(FOLDER + "/" + command + "-says").read(), file=sys.stderr)
    sys.exit(1)
if command not in ("new", "stop", "sessions"):
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
    elif command == "sessions":
        for session in sessions.values():
            session.update(token=TOKEN, token_expires_at="2099-01-01T00:00:00Z")
    else:
        session = sessions.pop(name)
        if session.get("kernel_id"):
            kernel = URL + "/api/kernels/" + session["kernel_id"]
            headers = {{"X-Colab-Runtime-Proxy-Token": TOKEN}}
            try:
                urllib.request.urlopen(urllib.request.Request(kernel, method="DELETE", headers=headers), timeout=10)
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
        for path in (self.home / ".config/colab-cli", self.bin):
            path.mkdir(parents=True)
        (self.home / ".config/colab-cli/settings.json").write_text('{"enable_update_check": false}')
        (self.home / ".config/colab-cli/sessions.json").write_text("{}")
        self.server = JupyterRig(folder / "server", home=self.home, script=_SERVER)
        names = {"python": sys.executable, "folder": str(folder), "real": real}
        names |= {"url": self.server.url, "token": self.server.token}
        script = self.bin / "colab"
        script.write_text(_COLAB_BUT_NEW_AND_STOP.format(**names))
        script.chmod(0o755)
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        """While the block lasts, ``colab`` is the real command with a home of its own."""
        self._patch.setenv("HOME", str(self.home))
        self._patch.setenv("PATH", f"{self.bin}{os.pathsep}{os.environ['PATH']}")
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        self.server.close()

    def calls(self, command: str) -> list[str]:
        """How the command was called, without its own name: ``-s NAME``."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == command]

    def fail(self, command: str, says: str) -> None:
        """From now on the command fails, and says so."""
        (self.folder / f"{command}-says").write_text(says)

    def spoil_tokens(self) -> None:
        """As if the tokens of all sessions had run out; ``colab sessions`` renews them."""
        path = self.home / ".config/colab-cli/sessions.json"
        sessions = json.loads(path.read_text())
        for session in sessions.values():
            session.update(token="old", token_expires_at="2020-01-01T00:00:00Z")
        path.write_text(json.dumps(sessions))

    def sessions(self) -> str:
        return (self.home / ".config/colab-cli/sessions.json").read_text()


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
