"""The backend ``colab``: the backend ``jupyter`` on servers that Google's command opens and closes."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from colab_starter.errors import ColabSessionError
from colab_starter.run.backends.colab.sessions import (
    Session,
    SessionAccess,
    accelerator_options,
    find_soon_expired,
    release_left_over,
    renew_tokens,
)
from colab_starter.run.backends.colab.tool import ColabTool, find_program
from colab_starter.run.backends.jupyter.backend import JupyterBackend
from colab_starter.run.backends.names import own_name
from colab_starter.run.job import Job
from colab_starter.run.kernels.jupyter_server import JupyterServer
from colab_starter.run.kernels.remote_connection import RECONNECT_TIMEOUT
from colab_starter.run.secrets import Mask

PYTHON = "python3"
"""Colab's kernel, which replaces kernels that Colab does not have, such as that of a local environment."""
RENEW_INTERVAL = 60.0
"""Seconds between two checks for tokens that are about to expire."""


class ColabBackend(JupyterBackend):
    """Executes jobs on Google Colab: on the open session ``session``, or on ``sessions`` that it opens and releases.

    ``gpu`` is one of Colab's accelerators, such as T4; None means a machine without one. Opening takes as long as Colab
    takes to find machines; if it finds fewer, fewer are used. Raises ColabToolMissingError, ColabSessionError if no
    session could be opened, and WrongOptionError.
    """

    def __init__(
        self,
        log: Path,
        session: str | None = None,
        gpu: str | None = None,
        sessions: int = 1,
        keep_fds: Sequence[int] = (),
        mask: Mask | None = None,
        *,
        kernelspec: str = PYTHON,
        reconnect_timeout: float = RECONNECT_TIMEOUT,
    ) -> None:
        """``kernelspec`` is the notebook's; for the others, see ``JupyterBackend``."""
        options = accelerator_options(gpu)
        self._tool = ColabTool(find_program())
        names = [session] if session else [own_name(number) for number in range(1, sessions + 1)]
        release_left_over(self._tool)
        self._sessions = _open_sessions([Session(self._tool, name, None if session else options) for name in names])
        self._next_renewal = 0.0
        self._is_released = False
        try:
            hosts = [ColabHost(one) for one in self._sessions]
            super().__init__(hosts, None, log, keep_fds, mask, reconnect_timeout=reconnect_timeout)
            self._kernel = _choose_kernel(hosts[0], kernelspec)
        except BaseException:
            self._release_sessions()
            raise

    def submit(self, job: Job) -> None:
        super().submit(replace(job, kernel=job.kernel or self._kernel))

    def close(self) -> None:
        """Close the backend and release its own sessions; raises ColabSessionError if one may still be open."""
        try:
            super().close()
        finally:
            if not self._is_released:
                self._release_sessions()

    def _release_sessions(self) -> None:
        self._is_released = True
        errors = _do_for_all(self._sessions, Session.release)
        if kept := [str(error) for error in errors if error]:
            raise ColabSessionError("; ".join(kept))

    def _look_after(self) -> None:
        super()._look_after()
        if time.monotonic() >= self._next_renewal:
            self._next_renewal = time.monotonic() + RENEW_INTERVAL
            if find_soon_expired([session.name for session in self._sessions]):
                self._in_thread(lambda: renew_tokens(self._tool), lambda error: None)


class ColabHost:
    """The machine of a session."""

    def __init__(self, session: Session) -> None:
        self.access = SessionAccess(session.name)
        self.label = f"Colab {session.name}"
        self.is_lost = False
        self.can_return = session.is_own
        self._session = session

    def bring_back(self) -> None:
        """Replace the machine by another one."""
        self._session.release()
        self._session.open()


def _choose_kernel(host: ColabHost, kernelspec: str) -> str | None:
    """The kernel to request if a job does not name one; None for the notebook's own."""
    names = JupyterServer(host.access).list_kernelspecs()
    return PYTHON if names is not None and kernelspec not in names else None


def _open_sessions(sessions: Sequence[Session]) -> list[Session]:
    """Open the sessions; returns those that succeeded. Raises the first error if none did."""
    errors = _do_for_all(sessions, Session.open)
    opened = [session for session, error in zip(sessions, errors, strict=True) if error is None]
    if not opened:
        raise next(error for error in errors if error)
    return opened


def _do_for_all(sessions: Sequence[Session], action: Callable[[Session], None]) -> list[ColabSessionError | None]:
    """Apply an action to all sessions at once; returns the error for each, or None."""

    def attempt(session: Session) -> ColabSessionError | None:
        try:
            action(session)
        except ColabSessionError as error:
            return error
        return None

    with ThreadPoolExecutor(max_workers=max(1, len(sessions))) as pool:
        return list(pool.map(attempt, sessions))
