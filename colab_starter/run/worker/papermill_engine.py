"""Executing notebooks for papermill with our executor; papermill itself imports ``papermill_entry``."""

import os
import tempfile
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.iorw import LocalHandler, papermill_io
from papermill.log import logger

from colab_starter.files import write_whole
from colab_starter.notebook.repair import mend_notebook
from colab_starter.run.job import KERNEL_LOG, Limits
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import Mask, StreamMask, make_mask
from colab_starter.run.worker.cell_errors import End
from colab_starter.run.worker.executed_notebook import ExecutedNotebook, make_node
from colab_starter.run.worker.execution import Execution
from colab_starter.run.worker.executor import Watchers
from colab_starter.run.worker.saving import TimedSaves


class PapermillExecution:
    """The execution of one notebook for papermill."""

    def __init__(self, nb: NotebookNode, output_path: str | None, options: dict[str, Any]) -> None:
        """``options`` are papermill's."""
        self._output_path = output_path
        self._options = options
        nb.update(make_node(mend_notebook(nb)))
        self._notebook = ExecutedNotebook(nb)
        self._notebook.move_injected()
        self._notebook.start()
        parameters = nb.metadata.get("papermill", {}).get("parameters", {})
        self._mask = make_mask(os.environ, (), parameters, [output_path or ""])
        self._execution = Execution(self._notebook, self._mask)
        self._echo = _Echo(options, self._mask)
        self._execution.outputs.on_output = self._echo.take
        self._saves = TimedSaves(self._notebook, self._save)
        self._bar = _make_bar(options.get("progress_bar", True), len(nb.cells))

    def run(self, kernel_name: str) -> NotebookNode:
        """Execute and save the notebook. Nothing is written until the kernel has started, so a good output is not lost.

        Raises nbclient's DeadKernelError and CellTimeoutError.
        """
        end = End(Status.INTERRUPTED, "stopped")
        with tempfile.TemporaryDirectory(prefix="colab-starter-") as folder:
            log = MaskedLog(Path(folder) / KERNEL_LOG, self._mask)
            try:
                kernel = self._start_kernel(kernel_name, log)
            except BaseException:
                log.close()
                raise
            try:
                end = self._execution.execute(kernel, self._make_watchers(log))
            finally:
                log.close()
                self._finish(end)
        _raise_for(end._replace(cause=self._mask.apply(end.cause)))
        return self._notebook.node

    def _start_kernel(self, name: str, log: MaskedLog) -> LocalKernel:
        try:
            timeout = self._options.get("start_timeout") or 60
            kernel = LocalKernel.start(name, cwd=os.getcwd(), environment={}, log=log, timeout=timeout)
        except KernelDiedError as error:
            raise DeadKernelError(str(error)) from None
        self._notebook.note_kernel(None, kernel.info)
        return kernel

    def _make_watchers(self, log: MaskedLog) -> Watchers:
        return Watchers(
            limits=Limits(cell=self._options.get("execution_timeout") or self._options.get("timeout")),
            log=log.path,
            chores=[self._saves] if self._options.get("autosave_cell_every", 30) else [],
            on_cell_start=self._note_cell_start,
            on_cell_end=self._note_cell_end,
        )

    def _note_cell_start(self, index: int) -> None:
        if self._options.get("log_output"):
            logger.info(f"Executing Cell {index + 1:-<40}")

    def _note_cell_end(self, index: int) -> None:
        self._echo.flush()
        self._saves.do_if_due()
        if self._bar:
            self._bar.update(index + 1 - self._bar.n)
        if self._options.get("log_output"):
            logger.info(f"Ending Cell {index + 1:-<43}")

    def _finish(self, end: End) -> None:
        """Record in the notebook how it ended, and save it if that was requested."""
        self._echo.flush()
        self._mark_exit(end)
        self._notebook.describe(**self._execution.conclude(end).to_record())
        if self._bar:
            self._bar.update(self._bar.total - self._bar.n if end.status == Status.OK else 0)
            self._bar.close()
        self._save()
        self._mask_node()

    def _mask_node(self) -> None:
        """Mask the notebook, which papermill writes once more, and whose errors it shows."""
        if self._mask:
            node = self._notebook.node
            for key in node:
                node[key] = self._mask.apply_to_cell(node[key])

    def _mark_exit(self, end: "End") -> None:
        """Write an exit code so that papermill judges it correctly: only '' and 0 mean success to it."""
        if end.at is None or end.error is None or not end.error.exit_call:
            return
        for output in self._notebook.node.cells[end.at].outputs:
            if output.output_type == "error" and output.ename == "SystemExit":
                looks_good = output.evalue in ("", "0")
                if end.error.is_success and not looks_good:
                    output.evalue = "0"
                elif not end.error.is_success and looks_good:
                    output.evalue = repr(output.evalue)
                self._notebook.changed.add(end.at)

    def _save(self) -> None:
        """Save the notebook; a local file is complete at any time, except during papermill's own final write."""
        if not self._output_path:
            return
        text = b"".join(self._execution.text.encode()).decode()
        handler = papermill_io.get_handler(self._output_path)
        if type(handler) is LocalHandler:
            _write_local(Path(handler._cwd or "", self._output_path), text)
        else:
            papermill_io.write(text, self._output_path)


def _write_local(path: Path, text: str) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"output folder {path.parent} doesn't exist.")
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")  # a device or a pipe
    else:
        write_whole(path, text.encode("utf-8"), through_links=True)


def _raise_for(end: End) -> None:
    if end.status == Status.KILLED:
        raise DeadKernelError(end.cause)
    if end.status == Status.TIMEOUT:
        raise CellTimeoutError(end.cause)


def _make_bar(wanted: bool | dict[str, Any], total: int) -> Any:
    """papermill's progress bar; None if it is not wanted."""
    if not wanted:
        return None
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    return tqdm(**{"total": total, "unit": "cell", "desc": "Executing", **(wanted if isinstance(wanted, dict) else {})})


class _Echo:
    """Passes outputs to papermill's log and files, as the options say, without secrets."""

    def __init__(self, options: dict[str, Any], mask: Mask) -> None:
        self._options = options
        self._mask = mask
        self._streams = {name: StreamMask(mask) for name in ("stdout", "stderr")}

    def take(self, output: NotebookNode) -> None:
        name = output.get("name", "")
        if name in self._streams:
            self._tell(self._streams[name].feed_text(output.get("text", "")), name)
        else:
            self._tell(self._mask.apply(output.get("data", {}).get("text/plain") or ""), "")

    def flush(self) -> None:
        """Pass on what was held back because a secret might have begun in it."""
        for name, stream in self._streams.items():
            self._tell(stream.end_text(), name)

    def _tell(self, text: str, stream: str) -> None:
        if not text:
            return
        if self._options.get("log_output"):
            (logger.warning if stream == "stderr" else logger.info)(text)
        file = self._options.get(f"{stream}_file") if stream else None
        if file:
            file.write(text)
            file.flush()
