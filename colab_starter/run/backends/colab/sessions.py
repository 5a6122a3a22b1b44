"""Sessions on Colab: opening and releasing them, their servers, and those left open by a killed sweep."""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from colab_starter.errors import ColabSessionError, JupyterServerError, WrongOptionError
from colab_starter.run.backends.colab.tool import SESSIONS, ColabTool
from colab_starter.run.backends.names import is_left_over
from colab_starter.run.kernels.jupyter_server import Address

GPUS = ("T4", "L4", "G4", "A100", "H100")
"""The GPUs that google-colab-cli 0.7 knows (its commands/session.py); it takes any other name for an A100."""
TPUS = ("v5e1", "v6e1")

OPENING_LIMIT = 900.0
"""In seconds; Colab may take minutes to find a machine."""
STOPPING_LIMIT = 60.0
RENEW_BEFORE = timedelta(minutes=10)
PROXY_TOKEN = "X-Colab-Runtime-Proxy-Token"
"""The header that Google's proxy requires for access."""


def accelerator_options(accelerator: str | None) -> list[str]:
    """The options of ``colab new``; raises WrongOptionError for a name that the command would misread."""
    if accelerator is None:
        return []
    for option, names in (("--gpu", GPUS), ("--tpu", TPUS)):
        for name in names:
            if name.lower() == accelerator.lower():
                return [option, name]
    raise WrongOptionError(f"Colab has no accelerator {accelerator!r}; there are {', '.join(GPUS + TPUS)}")


def read_sessions() -> dict[str, dict[str, Any]]:
    """The content of the command's own file, by session name; empty if there is no file."""
    path = Path(os.path.expanduser(SESSIONS))
    for _ in range(5):
        try:
            data = json.loads(path.read_text(encoding="utf-8") or "{}")
            return {name: session for name, session in data.items() if isinstance(session, dict)}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError):
            time.sleep(0.05)  # the command truncates the file before it writes it
    return {}


@dataclass(frozen=True)
class SessionAccess:
    """The Jupyter server of a session, according to the command's current file: its token is renewed regularly."""

    session: str

    @property
    def name(self) -> str:
        return f"Colab session {self.session}"

    def find(self) -> Address:
        session = read_sessions().get(self.session)
        if session is None:
            raise JupyterServerError(f"{self.name}: it is gone; open another with `colab new -s NAME`")
        headers = {PROXY_TOKEN: str(session.get("token")), "X-Colab-Client-Agent": "colab-cli"}
        return Address(str(session.get("url")).rstrip("/"), headers)

    def list_secrets(self) -> list[str]:
        return [self.find().headers[PROXY_TOKEN]]

    def explain(self, code: int) -> str:
        return "Google's proxy denies access; `colab sessions` renews the token"


def find_soon_expired(names: Sequence[str]) -> list[str]:
    """The sessions whose token is about to expire."""
    sessions, limit = read_sessions(), datetime.now(UTC) + RENEW_BEFORE
    found = []
    for name in names:
        with suppress(ValueError, TypeError):
            expires = datetime.fromisoformat(str(sessions.get(name, {}).get("token_expires_at")))
            if expires.replace(tzinfo=expires.tzinfo or UTC) < limit:
                found.append(name)
    return found


def renew_tokens(tool: ColabTool) -> None:
    """Renew the tokens, which the command does when it lists the sessions. Raises ColabSessionError."""
    tool.run("sessions", timeout=STOPPING_LIMIT)


class Session:
    """One session: a machine on Colab with one kernel."""

    def __init__(self, tool: ColabTool, name: str, options: Sequence[str] | None) -> None:
        self.name = name
        self.is_own = options is not None
        """Whether it is opened and released by us; any other session existed before and stays open."""
        self._tool = tool
        self._options = options or ()

    def open(self) -> None:
        """Open a session of our own; raises ColabSessionError."""
        if self.is_own:
            self._tool.run("new", "-s", self.name, *self._options, timeout=OPENING_LIMIT)
        elif self.name not in read_sessions():
            raise ColabSessionError(f"there is no Colab session {self.name!r}; `colab sessions` lists those there are")

    def release(self) -> None:
        """Release a session of our own; raises ColabSessionError if it may still be open."""
        if self.is_own and self.name in read_sessions():
            release_session(self._tool, self.name)


def release_session(tool: ColabTool, name: str) -> None:
    """Stop a session, with one retry for transient failures. Raises ColabSessionError."""
    try:
        tool.run("stop", "-s", name, timeout=STOPPING_LIMIT)
    except ColabSessionError:
        try:
            tool.run("stop", "-s", name, timeout=STOPPING_LIMIT)
        except ColabSessionError as error:
            raise ColabSessionError(
                f"Colab session {name} may still be open: stop it with `colab stop -s {name}` ({error})"
            ) from None


def release_left_over(tool: ColabTool) -> list[str]:
    """Stop the sessions that killed processes left open; returns their names."""
    names = [name for name in read_sessions() if is_left_over(name)]
    for name in names:
        release_session(tool, name)
    return names
