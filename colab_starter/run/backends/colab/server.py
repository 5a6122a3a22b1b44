"""The Jupyter server of a session: is its kernel alive? ``colab exec`` itself waits for a dead one for ever."""

import json
import urllib.error
import urllib.request
from contextlib import suppress
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from colab_starter.run.backends.colab.sessions import read_sessions

ANSWER_LIMIT = 10.0
"""Seconds for one answer."""
RESTART_LIMIT = 60.0


class KernelState(StrEnum):
    BUSY = "busy"
    IDLE = "idle"
    RESTARTED = "restarted"
    """It died, and the server starts another in its place; nobody has asked that one anything yet."""
    UNKNOWN = "unknown"
    """The server does not let us ask; a token that has run out, mostly."""
    UNREACHABLE = "unreachable"


_STATES = {"busy": KernelState.BUSY, "idle": KernelState.IDLE}
_RESTARTED = {"starting", "restarting", "autorestarting", "dead"}


class SessionServer:
    """Asks for the kernel's state, and restarts it, as ``colab`` does: by the address and token of its session file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def kernel_state(self) -> KernelState:
        """How the session's kernel is."""
        try:
            kernels = self._ask("GET", "kernels", ANSWER_LIMIT)
        except urllib.error.HTTPError as error:
            error.close()
            return KernelState.UNKNOWN if error.code in (401, 403) else KernelState.UNREACHABLE
        except (OSError, ValueError):
            return KernelState.UNREACHABLE
        return self._find_state(kernels)

    def _find_state(self, kernels: Any) -> KernelState:
        wanted = read_sessions().get(self._name, {}).get("kernel_id")
        states = {kernel.get("id"): kernel.get("execution_state") for kernel in kernels if isinstance(kernel, dict)}
        # The file keeps the id of a kernel that is gone; then the only one is meant.
        state = states.get(wanted) if wanted in states or len(states) != 1 else next(iter(states.values()))
        return KernelState.RESTARTED if state in _RESTARTED else _STATES.get(str(state), KernelState.UNKNOWN)

    def restart_kernel(self) -> bool:
        """Put a fresh kernel in place of the one there is, if there is one; False if that could not be done."""
        kernel = read_sessions().get(self._name, {}).get("kernel_id")
        if not kernel:
            return True
        try:
            self._ask("POST", f"kernels/{kernel}/restart", RESTART_LIMIT)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code == 404  # no kernel is left; the next command starts one
        except (OSError, ValueError):
            return False
        return True

    def exists(self, path: str) -> bool | None:
        """Is there such a file or folder on the machine? None where that is not told."""
        try:
            self._ask("GET", f"contents/{quote(path)}?content=0", ANSWER_LIMIT)
        except urllib.error.HTTPError as error:
            error.close()
            return False if error.code == 404 else None
        except (OSError, ValueError):
            return None
        return True

    def read_text(self, path: str) -> str:
        """A text file on the machine; empty where it cannot be had."""
        try:
            found = self._ask("GET", f"contents/{quote(path)}?type=file&format=text", ANSWER_LIMIT)
            return str(found["content"])
        except urllib.error.HTTPError as error:
            error.close()
            return ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _ask(self, method: str, path: str, timeout: float) -> Any:
        session = read_sessions().get(self._name)
        if session is None:
            raise OSError(f"no session {self._name}")
        token = str(session.get("token", ""))
        headers = {
            "Authorization": f"Bearer {token}",
            "X-Colab-Runtime-Proxy-Token": token,
            "Accept": "application/json",
        }
        address = f"{str(session.get('url', '')).rstrip('/')}/api/{path}"
        request = urllib.request.Request(
            address, method=method, headers=headers, data=b"{}" if method == "POST" else None
        )
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read() or b"null")


class KernelProcess:
    """The kernel's process, by the machine's list of processes.

    The server's word on a kernel may be old: of one that died, and was started again, it can go on to say ``busy``.
    """

    def __init__(self, server: SessionServer, records: str) -> None:
        """``records`` is the file whose first line holds the kernel's ``pid`` and ``parent``."""
        self._server = server
        self._records = records
        self._pid = self._parent = 0

    def is_gone(self) -> bool:
        """True only where its parent, the server, is seen and it is not."""
        if not self._pid:
            self._read_pid()
        if self._parent < 2 or self._server.exists(f"proc/{self._pid}") is not False:
            return False
        return self._server.exists(f"proc/{self._parent}") is True

    def _read_pid(self) -> None:
        with suppress(ValueError, KeyError, IndexError, TypeError):
            start = json.loads(self._server.read_text(self._records).splitlines()[0])
            self._pid, self._parent = int(start["pid"]), int(start["parent"])
