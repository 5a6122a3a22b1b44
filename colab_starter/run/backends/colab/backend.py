"""The backend ``colab``: each session executes one job at a time, watched by a thread of its own."""

import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from colab_starter.errors import ColabSessionError, ColabStarterError
from colab_starter.run.backends import Backend
from colab_starter.run.backends.colab.attempt import Attempt
from colab_starter.run.backends.colab.execution import StopRequest
from colab_starter.run.backends.colab.sessions import (
    Session,
    accelerator_options,
    own_name,
    release_left_over,
    remove_left_over_folders,
)
from colab_starter.run.backends.colab.tool import ColabTool, find_program
from colab_starter.run.job import Ended, Event, Job, Started
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel


class ColabBackend(Backend):
    """Executes jobs on Google Colab: on the open session ``session``, or on ``sessions`` that it opens and releases.

    ``gpu`` is one of Colab's accelerators, such as T4; None takes a machine without. Opening takes as long as Colab
    takes to find machines; where it finds fewer, there are fewer. Raises ColabToolMissingError, ColabSessionError if
    no session could be had, and WrongOptionError.
    """

    def __init__(self, session: str | None = None, gpu: str | None = None, sessions: int = 1) -> None:
        options = accelerator_options(gpu)
        program = find_program()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{own_name(0)}-"))
        self._tool = ColabTool(program, self._folder)
        self._events: queue.Queue[Event] = queue.Queue()
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._stops: dict[str, StopRequest] = {}
        self._sessions = (
            [Session(self._tool, session, None)]
            if session
            else [Session(self._tool, own_name(number), options) for number in range(1, sessions + 1)]
        )
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        try:
            remove_left_over_folders()
            release_left_over(self._tool)
            self._open_sessions()
        except BaseException:
            self.close()
            raise
        self._threads = [threading.Thread(target=self._work, args=(session,)) for session in self._sessions]
        for thread in self._threads:
            thread.start()

    def _open_sessions(self) -> None:
        """Keep those that could be opened; raises the first error if none could."""
        errors = _do_for_all(self._sessions, Session.open)
        opened = [session for session, error in zip(self._sessions, errors, strict=True) if error is None]
        if not opened:
            raise next(error for error in errors if error)
        self._sessions = opened

    @property
    def capacity(self) -> int:
        return len(self._sessions)

    def submit(self, job: Job) -> None:
        self._stops[job.run] = StopRequest()
        self._jobs.put(job)

    def wait(self, timeout: float) -> list[Event]:
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=timeout))
            while True:
                events.append(self._events.get_nowait())
        except queue.Empty:
            return events

    def cancel(self, run: str, level: StopLevel) -> None:
        if stop := self._stops.get(run):
            (stop.now if level >= StopLevel.NOW else stop.after_cell).set()

    def close(self) -> None:
        """Also releases the sessions that were opened; raises ColabSessionError if one may still be open."""
        if self._is_closed:
            return
        self._is_closed = True
        for stop in list(self._stops.values()):
            stop.now.set()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        try:
            errors = _do_for_all(self._sessions, Session.release)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        if kept := [str(error) for error in errors if error]:
            raise ColabSessionError("; ".join(kept))

    def _work(self, session: Session) -> None:
        while job := self._jobs.get():
            self._events.put(Started(job.run, f"Colab {session.name}"))
            outcome = self._execute(job, session)
            self._stops.pop(job.run, None)
            self._events.put(Ended(job.run, outcome))

    def _execute(self, job: Job, session: Session) -> Outcome:
        stop = self._stops[job.run]
        if stop.now.is_set() or stop.after_cell.is_set():
            return Outcome(Status.INTERRUPTED, "stopped before the first cell", host=session.name)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        start = time.monotonic()
        try:
            session.reopen_if_lost()
            return Attempt(job, self._tool, session, folder).execute(stop, self._events.put)
        except Exception as error:
            cause = str(error) if isinstance(error, ColabStarterError) else f"{type(error).__name__}: {error}"
            return Outcome(Status.FAILED, cause, seconds=time.monotonic() - start, host=session.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _do_for_all(sessions: Sequence[Session], action: Callable[[Session], None]) -> list[ColabSessionError | None]:
    """Do it for all sessions at once; what went wrong for each."""

    def attempt(session: Session) -> ColabSessionError | None:
        try:
            action(session)
        except ColabSessionError as error:
            return error
        return None

    with ThreadPoolExecutor(max_workers=max(1, len(sessions))) as pool:
        return list(pool.map(attempt, sessions))
