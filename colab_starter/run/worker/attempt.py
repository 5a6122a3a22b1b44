"""Executing one job: starting the kernel, executing and writing the notebook, and reporting events.

A fork server calls ``run_job`` in a forked process; ``execute_job`` does the same in a process that was started in
another way, perhaps on another machine.
"""

import errno
import math
import os
import platform
import shutil
import time
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from colab_starter.errors import (
    BrokenNotebookError,
    ColabStarterError,
    ColdKernelNeededError,
    CoordinatorGoneError,
    KernelSilentError,
    OutputError,
    StartStoppedError,
)
from colab_starter.run.job import KERNEL_LOG, OUTPUT_DIR, Ended, Job, Limits, Started, StartedCold, Stop
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.kernel import Kernel
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.outcome import BAD, Outcome, Status
from colab_starter.run.overlays.leaving import remove_if_left
from colab_starter.run.secrets import make_mask
from colab_starter.run.space import is_full
from colab_starter.run.stopping import StopLevel
from colab_starter.run.storage.address import is_address, name_files
from colab_starter.run.worker.causes import describe_log, describe_run_limit
from colab_starter.run.worker.cell_errors import End
from colab_starter.run.worker.executed_notebook import ExecutedNotebook, read_source
from colab_starter.run.worker.execution import Execution, describe_end
from colab_starter.run.worker.executor import Watchers
from colab_starter.run.worker.kernel_source import KernelSource, LocalKernels
from colab_starter.run.worker.metrics import MetricRecorder
from colab_starter.run.worker.reporter import Channel, Uplink
from colab_starter.run.worker.saving import NotebookFile, TimedSaves

START_LIMIT = 60.0
"""Seconds that a kernel has to answer after its start."""


def run_job(job: Job, connection: Channel, source: KernelSource | None = None) -> None:
    """Execute a job, and send its events: ``Started`` first, ``Ended`` last, whatever happens.

    ``source`` is where its kernel comes from; None means this machine.

    If the coordinator is gone, the kernel is killed, and no executed notebook is left.
    """
    try:
        outcome = execute_job(job, connection, source)
        Uplink(job.run, connection).send(Ended(job.run, outcome))
    except CoordinatorGoneError:
        if job.overlay:
            remove_if_left(Path(job.overlay.folder))


def execute_job(job: Job, channel: Channel, source: KernelSource | None = None) -> Outcome:
    """Execute a job; sends all its events except ``Ended``. When it returns, nothing of the kernel is left.

    Failures are in the outcome. The only error it raises is CoordinatorGoneError: the coordinator is gone.
    """
    if is_address(job.output):
        return _execute_in_store(job, channel, source)
    attempt = _Attempt(job, channel, source or LocalKernels())
    try:
        return attempt.execute()
    except CoordinatorGoneError:
        raise
    except Exception as error:
        return attempt.describe_early_end(End(Status.FAILED, _describe(error, job)))
    finally:
        attempt.close_log()


def _execute_in_store(job: Job, channel: Channel, source: KernelSource | None) -> Outcome:
    """Like ``execute_job``, for a job whose executed notebook goes to a store: it is also published."""
    # Imported here because importing it may take longer than a run.
    from colab_starter.run.storage.runs import execute_staged

    return execute_staged(job, lambda staged: execute_job(staged, channel, source))


def _make_itself(folder: Path) -> None:
    """Make a folder, if there is none. Raises OSError for a symbolic link, which another user may have put there."""
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "is a link, which is not followed; remove it", str(folder))


def _describe(error: Exception, job: Job) -> str:
    if isinstance(error, BrokenNotebookError):
        return f"{job.notebook} {error}"
    if isinstance(error, ColabStarterError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or job.output}: {error.strerror or error}"
    traceback.print_exception(error)  # a bug of ours; the worker's log keeps it
    return f"{type(error).__name__}: {error}"


class _Attempt:
    """One attempt at a run, from its folder to its executed notebook."""

    def __init__(self, job: Job, channel: Channel, source: KernelSource) -> None:
        self._job = job
        self._source = source
        self._path = Path(job.output)
        addresses = (job.address, job.notebook)
        self._mask = make_mask({**os.environ, **job.environment}, job.secrets, job.parameters, addresses)
        self._log = MaskedLog(self._path.with_name(KERNEL_LOG), self._mask)
        self._uplink = Uplink(job.run, channel)
        self._start = time.monotonic()
        self._deadline = math.inf
        self._metrics = MetricRecorder(self._uplink, self._mask, job.metric_patterns)
        self._peak_memory: int | None = None
        self._host = platform.node()
        self._results_before: set[str] = set()

    def execute(self) -> Outcome:
        """Execute and write the notebook. Raises the error that prevents it from being written."""
        self._uplink.send(Started(self._job.run, pid=os.getpid()))
        self._begin_time()
        notebook = self._read_notebook()  # first: if the sweep's folder is gone, it must not be made again
        self._make_folder()
        try:
            return self._execute_once(notebook)
        except ColdKernelNeededError as error:
            self._uplink.send(StartedCold(self._job.run, error.root, self._mask.apply(error.why)))
            self._begin_again_cold()
            return self._execute_once(self._read_notebook())

    def _begin_time(self) -> None:
        """Start the clock of the run's time limit."""
        self._start = time.monotonic()
        limit = self._job.limits.run
        if limit is not None:
            self._deadline = self._start + limit
            self._uplink.report_limit(limit, describe_run_limit(limit))

    def _begin_again_cold(self) -> None:
        """Restart the run with a cold kernel; files that the notebook wrote outside its folder remain."""
        self._job = replace(self._job, warm=None)
        self._metrics.start_over()
        self._begin_time()
        if results := self._job.parameters.get(OUTPUT_DIR):
            for path in Path(results).iterdir():
                if path.name in self._results_before:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        self._log.close()
        self._log.path.unlink(missing_ok=True)
        self._log = MaskedLog(self._log.path, self._mask)

    def _execute_once(self, notebook: ExecutedNotebook) -> Outcome:
        notebook.describe_attempt(self._job, Outcome(Status.RUNNING))
        execution = Execution(notebook, self._mask, self._start)
        self._metrics.listen_to(execution.outputs)
        file = NotebookFile(execution.text, self._path)
        end = self._execute_cells(execution, TimedSaves(notebook, file.save_partial))
        if self._job.limits != Limits():
            self._uplink.report_limit(None)  # writing everything may take a while
            self._uplink.flush()
        outcome = execution.conclude(end, **self._tell_facts(end))
        self.close_log()
        notebook.describe_attempt(self._job, outcome)
        file.finish()
        self._uplink.flush()
        return outcome

    def describe_early_end(self, end: End) -> Outcome:
        """The outcome if the notebook could not be executed or written; all that it recorded is sent before."""
        self._uplink.flush()
        return describe_end(end, self._mask, self._start, **self._tell_facts(end))

    def _tell_facts(self, end: End) -> dict[str, Any]:
        return {
            "metrics": self._metrics.values,
            "series": self._metrics.summarise(),
            "peak_memory": self._peak_memory,
            "host": self._host,
            "no_space": end.status in BAD and self._is_disk_full(),
        }

    def _is_disk_full(self) -> bool:
        try:
            return is_full(self._path.parent)
        except OSError:
            return False

    def close_log(self) -> None:
        """Close the kernel's log, which then holds everything that the kernel itself wrote."""
        self._log.close()

    def _make_folder(self) -> None:
        """Make the run's folder, and remove what a killed attempt may have left there."""
        folder = self._path.parent
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_itself(folder)
        if results := self._job.parameters.get(OUTPUT_DIR):
            _make_itself(Path(results))
            self._results_before = set(os.listdir(results))
        half_written = [path for path in folder.iterdir() if path.name.startswith(f".{self._path.stem}.")]
        for leftover in (*half_written, self._log.path):
            leftover.unlink(missing_ok=True)

    def _read_notebook(self) -> ExecutedNotebook:
        job = self._job
        notebook = ExecutedNotebook(read_source(Path(job.notebook)))
        parameters = dict(job.parameters)
        if results := parameters.get(OUTPUT_DIR):
            parameters[OUTPUT_DIR] = self._source.place_output(str(results))
        if parameters:
            notebook.inject(parameters, job.kernel)
        notebook.note_source(*name_files(job), self._mask.apply_to_value(parameters))
        notebook.start()
        return notebook

    def _report_cell(self, notebook: ExecutedNotebook, index: int) -> None:
        self._uplink.report_cell(*notebook.place_of(index))

    def _execute_cells(self, execution: Execution, saves: TimedSaves) -> End:
        """Start the kernel, execute the cells, and end the kernel with everything it started."""
        try:
            kernel = self._start_kernel(execution.notebook)
        except StartStoppedError:
            if cause := self._uplink.read_stop().pruned:
                return End(Status.PRUNED, cause)
            return End(Status.INTERRUPTED, "stopped while the kernel was starting")
        except KernelSilentError:
            if time.monotonic() < self._deadline:
                raise
            return End(Status.TIMEOUT, f"{describe_run_limit(self._job.limits.run)}, while the kernel was starting")
        except KernelDiedError as error:
            said = error.hint or describe_log(self._log.path)
            return End(Status.KILLED, f"{error}: {said}" if said else str(error))
        try:
            end = execution.execute(
                kernel, self._make_watchers(execution.notebook, saves), partial(self._fetch_output, kernel)
            )
        except (CoordinatorGoneError, ColdKernelNeededError):
            raise
        except Exception as error:
            return End(Status.FAILED, _describe(error, self._job))  # what had been executed by then is kept
        self._peak_memory = kernel.peak_memory
        return end

    def _make_watchers(self, notebook: ExecutedNotebook, saves: TimedSaves) -> Watchers:
        return Watchers(
            limits=self._job.limits,
            deadline=self._deadline,
            log=self._log.path,
            stops=self._uplink,
            chores=(saves, self._uplink),
            on_cell_start=lambda index: self._report_cell(notebook, index),
            on_limit=self._uplink.report_limit,
        )

    def _fetch_output(self, kernel: Kernel, end: End) -> End:
        """Fetch the run's output files; a run that ended well but lost them has failed.

        Pruning does not abort this: by now, the run has ended by itself.
        """
        try:
            kernel.fetch_output(lambda: self._uplink.read_stop() == Stop(StopLevel.NOW))
        except OutputError as error:
            if end.status is Status.OK:
                return End(Status.FAILED, f"the run ended well, but its files could not be brought back: {error}")
        return end

    def _start_kernel(self, notebook: ExecutedNotebook) -> Kernel:
        job = self._job
        kernel = self._source.start(
            job,
            job.kernel or notebook.kernel_name,
            self._log,
            timeout=min(START_LIMIT, max(0.0, self._deadline - time.monotonic())),
            also=self._uplink.waited_for(),
        )
        self._host = kernel.host
        notebook.note_kernel(job.kernel, kernel.info)
        return kernel
