"""One attempt at a run on a session: from the source notebook to the executed one, with the run's files."""

import os
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nbformat

from colab_starter.errors import BrokenNotebookError, ColabSessionError, ColabStarterError, SaveError
from colab_starter.run.backends.colab.execution import Ending, Execution, StopRequest
from colab_starter.run.backends.colab.read_back import ReadBack, describe_limit
from colab_starter.run.backends.colab.sent import FOLDER, RemotePaths, as_contents_path, make_sent_notebook
from colab_starter.run.backends.colab.server import SessionServer
from colab_starter.run.backends.colab.sessions import Session
from colab_starter.run.backends.colab.tool import ColabTool
from colab_starter.run.job import OUTPUT_DIR, CellStarted, Event, Job, MetricRecorded
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import make_mask
from colab_starter.run.storage.address import name_files
from colab_starter.run.worker.cell_errors import End
from colab_starter.run.worker.executed_notebook import ExecutedNotebook, read_source
from colab_starter.run.worker.saving import NotebookFile, NotebookText
from colab_starter.text import shorten

RESTART_LIMIT = 120.0
DOWNLOAD_LIMIT = 1800.0
RECORDS_LIMIT = 20.0
"""Seconds."""


BY_US = {Ending.CANCELLED, Ending.CELL_LIMIT, Ending.RUN_LIMIT}
"""Endings that interrupt a cell."""


class Attempt:
    """``folder`` is a private temporary one."""

    def __init__(self, job: Job, tool: ColabTool, session: Session, folder: Path) -> None:
        self._job = job
        self._tool = tool
        self._session = session
        self._folder = folder
        self._paths = RemotePaths(f"{FOLDER}/{session.name}")
        self._mask = make_mask({**os.environ, **job.environment}, job.secrets, job.parameters, (job.address,))
        self._start = time.monotonic()

    def execute(self, stop: StopRequest, send: Callable[[Event], None]) -> Outcome:
        """Execute the notebook and write it. What goes wrong is in the outcome."""
        try:
            return self._execute(stop, send)
        except BrokenNotebookError as error:
            return self._fail(f"{self._job.notebook} {error}")
        except ColabStarterError as error:
            return self._fail(str(error))
        except OSError as error:
            return self._fail(f"{error.filename or self._job.output}: {error.strerror or error}")

    def _fail(self, cause: str) -> Outcome:
        seconds = round(time.monotonic() - self._start, 3)
        return Outcome(Status.FAILED, shorten(self._mask.apply(cause), 1000), seconds=seconds, host=self._session.name)

    def _execute(self, stop: StopRequest, send: Callable[[Event], None]) -> Outcome:
        notebook = self._make_notebook()
        sent = make_sent_notebook(notebook, self._job, self._paths)
        nbformat.write(sent, self._folder / "sent.ipynb")
        self._refresh_kernel()
        total = len(sent.cells)
        execution = Execution(self._tool, self._session, self._folder, self._paths, self._job.limits, total)
        self._start = time.monotonic()
        began = time.time()
        ending = execution.run(stop, lambda cell: self._tell_cell(notebook, cell, total, send))
        back = ReadBack(notebook, self._paths.mark, self._job.limits, self._mask)
        back.read(execution.result)
        if ending is Ending.LOST:
            self._session.is_lost = True
        elif not back.finish and execution.live.cell > 1:
            self._fetch_records(back)
        told = back.find_end() if back.finish or ending not in BY_US else None
        end = told or self._judge(ending, execution, notebook, back, began)
        end = self._fetch_output(back, end)
        for name, value in back.metrics.items():
            send(MetricRecorded(self._job.run, name, self._mask.apply_to_value(value)))
        return self._write(notebook, back, end)

    def _make_notebook(self) -> ExecutedNotebook:
        notebook = ExecutedNotebook(read_source(Path(self._job.notebook)))
        parameters = dict(self._job.parameters)
        if OUTPUT_DIR in parameters:
            parameters[OUTPUT_DIR] = self._paths.output
        if parameters:
            notebook.inject(parameters, self._job.kernel)
        told = self._mask.apply_to_value(parameters)
        notebook.note_source(*name_files(self._job), told)
        notebook.start()
        return notebook

    def _refresh_kernel(self) -> None:
        """No variable of an earlier run is left; the command is asked where the server does not let us."""
        if not SessionServer(self._session.name).restart_kernel():
            self._tool.run("restart-kernel", "-s", self._session.name, timeout=RESTART_LIMIT)

    def _tell_cell(self, notebook: ExecutedNotebook, cell: int, total: int, send: Callable[[Event], None]) -> None:
        """``cell`` and ``total`` count the cells that were sent, ours among them."""
        if 1 < cell < total:
            index = sorted(notebook.executable)[cell - 2]
            if place := notebook.place_of(index):
                send(CellStarted(self._job.run, *place))

    def _judge(
        self, ending: Ending, execution: Execution, notebook: ExecutedNotebook, back: ReadBack, began: float
    ) -> End:
        """How a run ended whose kernel did not tell."""
        index = self._find_last_cell(ending, execution, notebook, back)
        name = "after the last cell" if index is None else f"in {notebook.name_of(index)}"
        has_begun = index is not None and execution.live.cell >= sorted(notebook.executable).index(index) + 2
        if index is not None and has_begun:
            started = time.time() - (time.monotonic() - execution.live.cell_started)
            back.note_lost_cell(index, max(began, started), time.time(), execution.live.cell_text)
        match ending:
            case Ending.CANCELLED:
                return End(
                    Status.INTERRUPTED, f"stopped {name}" if has_begun else "stopped before the first cell", index
                )
            case Ending.CELL_LIMIT | Ending.RUN_LIMIT:
                cell = "its own last step" if index is None else notebook.name_of(index)
                return End(Status.TIMEOUT, describe_limit(ending.value, self._job.limits, cell), index)
            case Ending.DIED:
                return End(Status.KILLED, f"the kernel died {name}; Colab does not tell of what", index)
            case Ending.SILENT:
                return End(Status.KILLED, f"the connection to the kernel broke, or it died, {name}", index)
            case Ending.LOST:
                return End(Status.KILLED, f"Colab session {self._session.name} was lost {name}", index)
            case Ending.NOT_STARTED:
                return End(Status.FAILED, "the first cell did not start; look into `colab log`", index)
            case Ending.EXITED:
                status = Status.KILLED if execution.live.cell else Status.FAILED
                return End(status, f"{execution.failure or 'colab exec ended too early'} ({name})", index)

    def _find_last_cell(
        self, ending: Ending, execution: Execution, notebook: ExecutedNotebook, back: ReadBack
    ) -> int | None:
        """The cell in which it ended; what the kernel says of one that we cut off is only that it was cut off."""
        executable = sorted(notebook.executable)
        if ending in BY_US and 1 < execution.live.cell <= len(executable) + 1:
            return executable[execution.live.cell - 2]
        return back.find_unfinished()

    def _fetch_records(self, back: ReadBack) -> None:
        """What the kernel told and nobody passed on; where it cannot be had, what we know must do."""
        local = self._folder / "records.jsonl"
        with suppress(ColabStarterError, OSError, ValueError):
            remote = as_contents_path(self._paths.records)
            self._tool.run("download", "-s", self._session.name, remote, str(local), timeout=RECORDS_LIMIT)
            back.read_records(local)

    def _fetch_output(self, back: ReadBack, end: End) -> End:
        """Bring the run's files back; one that ended well and lost its files has failed."""
        if not back.finish.get("files"):
            return end
        try:
            if back.finish["problem"]:
                raise ColabSessionError(back.finish["problem"])
            self._download(Path(str(self._job.parameters[OUTPUT_DIR])))
        except (ColabStarterError, OSError, tarfile.TarError) as error:
            if end.status is Status.OK:
                return End(Status.FAILED, f"the run ended well, but its files could not be brought back: {error}")
        return end

    def _download(self, target: Path) -> None:
        local, remote = self._folder / "output.tar.gz", as_contents_path(self._paths.archive)
        self._tool.run("download", "-s", self._session.name, remote, str(local), timeout=DOWNLOAD_LIMIT)
        self._make_folder(target)
        with tarfile.open(local) as archive:
            archive.extractall(target, filter="data")

    def _write(self, notebook: ExecutedNotebook, back: ReadBack, end: End) -> Outcome:
        outcome = Outcome(
            status=end.status,
            cause=shorten(self._mask.apply(end.cause), 1000),
            cell=None if end.at is None else notebook.number_of(end.at),
            seconds=round(time.monotonic() - self._start, 3),
            metrics=self._mask.apply_to_value(back.metrics),
            peak_memory=back.peak_memory,
            host=back.start.get("host", self._session.name),
        )
        self._pass_cells(notebook, end)
        if end.status is Status.FAILED and end.at is not None and end.error:
            notebook.show_error(end.at, end.error)
        notebook.end(outcome)
        notebook.describe_attempt(self._job, outcome)
        path = Path(self._job.output)
        self._make_folder(path.parent)
        NotebookFile(NotebookText(notebook, self._mask, back.outputs.bring_up_to_date), path).finish()
        return outcome

    def _make_folder(self, folder: Path) -> None:
        """Where the sweep's folder has gone meanwhile, it is not made again."""
        if not Path(self._job.notebook).exists():
            raise SaveError(f"{folder} could not be made, because {self._job.notebook} has gone")
        folder.mkdir(parents=True, exist_ok=True)

    def _pass_cells(self, notebook: ExecutedNotebook, end: End) -> None:
        last = len(notebook.node.cells) if end.at is None else end.at
        for index in range(last):
            if index not in notebook.executable:
                notebook.pass_cell(index)
