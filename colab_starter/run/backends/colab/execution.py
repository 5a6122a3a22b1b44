"""One ``colab exec``, and who watches it: by itself it waits for ever when the kernel dies or a cell takes too long."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path

from colab_starter.errors import ColabSessionError
from colab_starter.run.backends.colab.live import LiveOutput
from colab_starter.run.backends.colab.sent import RemotePaths, as_contents_path
from colab_starter.run.backends.colab.server import KernelProcess, KernelState, SessionServer
from colab_starter.run.backends.colab.sessions import Session
from colab_starter.run.backends.colab.tool import ColabTool, end_group, explain_failure
from colab_starter.run.job import Limits

TICK = 0.1
"""Seconds between two looks at the command."""
STATE_INTERVAL = 1.0
"""Seconds between two questions to the server."""
LIMIT_GRACE = 5.0
"""Seconds that our code in the kernel has for ending a cell that takes too long."""
QUIET = 2.0
"""Seconds without a word from the kernel after which the machine is asked whether it lives."""
IDLE_LIMIT = 30.0
"""Seconds for which the kernel may do nothing, and nothing be printed, while a cell is to be executed."""
LOST_AFTER = 60.0
"""Seconds without an answer of the server, and without a word from the kernel, after which the session is lost."""
START_LIMIT = 300.0
"""Seconds until the first cell."""
SAVE_LIMIT = 12.0
"""Seconds that the interrupted command has for saving what it has; it may take 10 to close its connection first."""
UPLOAD_LIMIT = 30.0

NO_LIMIT = "1000000000"
"""Seconds; the command's own limit, 30 s, only makes it busy: it goes on waiting, without a pause."""


class Ending(Enum):
    """Why there is nothing more to wait for."""

    EXITED = "exited"
    """The command has ended by itself."""
    DIED = "died"
    SILENT = "silent"
    """The kernel has nothing to do, and the command waits for it: their connection broke."""
    LOST = "lost"
    CELL_LIMIT = "cell"
    RUN_LIMIT = "run"
    CANCELLED = "cancelled"
    NOT_STARTED = "not started"


class StopRequest:
    """What ``cancel`` asked for; set by the runner's thread."""

    def __init__(self) -> None:
        self.after_cell = threading.Event()
        self.now = threading.Event()


class Execution:
    """Executes the notebook ``sent.ipynb`` of a folder; the command leaves ``sent_output.ipynb`` beside it."""

    def __init__(self, tool: ColabTool, session: Session, folder: Path, paths: RemotePaths, limits: Limits, total: int):
        self.failure = ""
        """What the command said when it failed by itself; empty if it did not."""
        self._tool = tool
        self._session = session
        self._server = SessionServer(session.name)
        self._process = KernelProcess(self._server, as_contents_path(paths.records))
        self._folder = folder
        self._paths = paths
        self._limits = limits
        self._total = total
        (folder / "out").touch()
        self.live = LiveOutput(folder / "out", total)
        self._started = self._answered = time.monotonic()
        self._first_cell = float("inf")
        self._times_gone = 0
        self._next_question = 0.0
        self._stop_is_sent = False

    @property
    def result(self) -> Path:
        return self._folder / "sent_output.ipynb"

    def run(self, stop: StopRequest, on_cell: Callable[[int], None]) -> Ending:
        """Return when the run has ended, one way or the other; no process is left."""
        sent = str(self._folder / "sent.ipynb")
        with (self._folder / "out").open("wb") as out, (self._folder / "err").open("wb") as err:
            arguments = ("exec", "-s", self._session.name, "-f", sent, "--timeout", NO_LIMIT)
            process = self._tool.start(*arguments, out=out, err=err)
        try:
            ending = self._wait(process, stop, on_cell)
            if ending is not Ending.EXITED:
                self._interrupt(process)
        finally:
            end_group(process)
        self.live.read()
        if process.returncode and ending is Ending.EXITED and not self._has_saved():
            self.failure = self._explain(process.returncode)
        return ending

    def _wait(self, process: "subprocess.Popen[bytes]", stop: StopRequest, on_cell: Callable[[int], None]) -> Ending:
        told = 0
        while process.poll() is None:
            stop.now.wait(TICK)
            self.live.read()
            if self.live.cell > told:
                told = self.live.cell
                self._first_cell = min(self._first_cell, self.live.cell_started)
                on_cell(told)
            if stop.after_cell.is_set() and not self._stop_is_sent:
                self._send_stop(stop)
            if self._has_saved():
                break
            if ending := self._find_ending(stop):
                return ending
        return Ending.EXITED

    def _has_saved(self) -> bool:
        """Is the notebook written? The command may wait for its connection even then."""
        try:
            with self.result.open("rb") as file:
                file.seek(-2, os.SEEK_END)
                return file.read() == b"}\n"
        except OSError:
            return False

    def _send_stop(self, stop: StopRequest) -> None:
        """Leave a file on Colab's machine, which our code in the kernel looks for before each cell."""
        self._stop_is_sent = True
        empty = self._folder / "empty"
        empty.touch()
        try:
            remote = as_contents_path(self._paths.stop)
            self._tool.run("upload", "-s", self._session.name, str(empty), remote, timeout=UPLOAD_LIMIT)
        except ColabSessionError:
            stop.now.set()

    def _find_ending(self, stop: StopRequest) -> Ending | None:
        now = time.monotonic()
        if stop.now.is_set():
            return Ending.CANCELLED
        if not self.live.cell:
            return Ending.NOT_STARTED if now - self._started > START_LIMIT else None
        return self._find_passed_limit(now) or self._ask_server(now)

    def _find_passed_limit(self, now: float) -> Ending | None:
        """Our code in the kernel ends what takes too long; this is for a cell that does not let it."""
        run, cell = self._limits.run, self._limits.cell
        if not 1 < self.live.cell < self._total:
            return None
        if run is not None and now - self._first_cell > run + LIMIT_GRACE:
            return Ending.RUN_LIMIT
        if cell is not None and now - self.live.cell_started > cell + LIMIT_GRACE:
            return Ending.CELL_LIMIT
        return None

    def _ask_server(self, now: float) -> Ending | None:
        if now < self._next_question:
            return None
        state = self._server.kernel_state()
        self._next_question = time.monotonic() + STATE_INTERVAL
        quiet = now - self.live.last_news
        is_gone = state is KernelState.RESTARTED or (quiet > QUIET and self._process.is_gone())
        self._times_gone = self._times_gone + 1 if is_gone else 0
        if state is not KernelState.UNREACHABLE:
            self._answered = now
        if self._times_gone > 1:
            return Ending.DIED
        if min(now - self._answered, quiet) > LOST_AFTER:
            return Ending.LOST
        return Ending.SILENT if state is KernelState.IDLE and quiet > IDLE_LIMIT else None

    def _interrupt(self, process: "subprocess.Popen[bytes]") -> None:
        """Make the command save what it has, and the kernel end what it does."""
        if self.live.cell < self._total:  # after the last cell it saves by itself, unless it is interrupted
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        restarted = threading.Thread(target=self._server.restart_kernel)
        restarted.start()
        deadline = time.monotonic() + SAVE_LIMIT
        while process.poll() is None and time.monotonic() < deadline and not self._has_saved():
            time.sleep(TICK)
        restarted.join(SAVE_LIMIT)

    def _explain(self, status: int) -> str:
        if status < 0:
            return f"the colab command was killed by {signal.Signals(-status).name}"
        printed = (self._folder / "out").read_bytes()[-100_000:] if not self.live.cell else b""
        return explain_failure("exec", printed + b"\n" + (self._folder / "err").read_bytes()[-100_000:], status)
