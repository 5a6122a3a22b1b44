"""papermill's engine ``colab-starter``: ``papermill --engine colab-starter in.ipynb out.ipynb``.

papermill imports this module whenever it is imported itself, so nothing heavy stands at the top.
"""

import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from colab_starter.run.kernels.local import LocalKernel
    from colab_starter.run.masked_log import MaskedLog
    from colab_starter.run.secrets import Mask
    from colab_starter.run.worker.cell_errors import End
    from colab_starter.run.worker.executor import Executor


class ColabStarterEngine:
    """Executes for papermill as ``colab-starter run`` does, with a kernel that starts cold.

    IPC sockets, statuses that are true, files that are whole, saved for no more than 5 % of the time,
    streams put together while they come, secrets masked in all that is written, and the cause of a kernel's death.
    It has the interface of
    ``papermill.engines.Engine``; it is no subclass, because papermill imports it while it is being imported.
    """

    @classmethod
    def execute_notebook(
        cls, nb: "NotebookNode", kernel_name: str, output_path: str | None = None, **options: Any
    ) -> "NotebookNode":
        """Execute the notebook in place, and return it.

        ``options`` are those of papermill: ``progress_bar``, ``log_output``, ``stdout_file``, ``stderr_file``,
        ``autosave_cell_every`` (0: save between cells only), ``start_timeout`` and ``execution_timeout``
        (seconds, for a cell). Without ``output_path`` nothing is saved before the end. Raises nbclient's
        DeadKernelError and CellTimeoutError; an error in a cell is for papermill to raise.
        """
        if output_path:
            _write_whole_files(output_path)
        return _Execution(nb, output_path, options).run(kernel_name)

    @classmethod
    def nb_kernel_name(cls, nb: "NotebookNode", name: str | None = None) -> str:
        """The kernel to use, as papermill finds it."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: "NotebookNode", language: str | None = None) -> str:
        """The language of the notebook, as papermill finds it."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))


class _Execution:
    """One notebook that papermill has executed."""

    def __init__(self, nb: "NotebookNode", output_path: str | None, options: dict[str, Any]) -> None:
        from colab_starter.notebook.repair import mend_notebook
        from colab_starter.run.secrets import make_mask
        from colab_starter.run.worker.executed_notebook import ExecutedNotebook, make_node
        from colab_starter.run.worker.outputs import CellOutputs
        from colab_starter.run.worker.saving import NotebookText, TimedSaves

        self._output_path = output_path
        self._options = options
        self._start = time.monotonic()
        nb.update(make_node(mend_notebook(nb)))
        self._notebook = ExecutedNotebook(nb)
        self._notebook.move_injected()
        self._notebook.start()
        self._outputs = CellOutputs(self._notebook)
        parameters = nb.metadata.get("papermill", {}).get("parameters", {})
        self._mask = make_mask(os.environ, (), parameters, [output_path or ""])
        self._echo = _Echo(options, self._mask)
        self._outputs.on_output = self._echo.take
        self._text = NotebookText(self._notebook, self._mask, self._outputs.bring_up_to_date)
        self._saves = TimedSaves(self._notebook, self._save)
        self._bar = _make_bar(options.get("progress_bar", True), len(nb.cells))

    def run(self, kernel_name: str) -> "NotebookNode":
        """Execute and save it. Until the kernel has started, nothing is written: a good output is there still."""
        from colab_starter.run.job import KERNEL_LOG
        from colab_starter.run.masked_log import MaskedLog
        from colab_starter.run.outcome import Status
        from colab_starter.run.worker.cell_errors import End
        from colab_starter.run.worker.executor import SHUTDOWN_GRACE

        end = End(Status.INTERRUPTED, "stopped")
        with tempfile.TemporaryDirectory(prefix="colab-starter-") as folder:
            log = MaskedLog(Path(folder) / KERNEL_LOG, self._mask)
            try:
                kernel = self._start_kernel(kernel_name, log)
            except BaseException:
                log.close()
                raise
            try:
                end = self._make_executor(kernel, log).execute()
                kernel.shutdown(SHUTDOWN_GRACE)
                end = end.with_farewell(kernel.farewell)
            except BaseException:
                kernel.kill()
                raise
            finally:
                log.close()
                self._finish(end)
        _raise_for(end._replace(cause=self._mask.apply(end.cause)))
        return self._notebook.node

    def _start_kernel(self, name: str, log: "MaskedLog") -> "LocalKernel":
        from nbclient.exceptions import DeadKernelError

        from colab_starter.run.kernels.death import KernelDiedError
        from colab_starter.run.kernels.local import LocalKernel

        try:
            timeout = self._options.get("start_timeout") or 60
            kernel = LocalKernel.start(name, cwd=os.getcwd(), environment={}, log=log, timeout=timeout)
        except KernelDiedError as error:
            raise DeadKernelError(str(error)) from None
        self._notebook.note_kernel(None, kernel.info)
        self._outputs.answer_by(lambda kind, content: kernel.send("shell", kind, content))
        return kernel

    def _make_executor(self, kernel: "LocalKernel", log: "MaskedLog") -> "Executor":
        from colab_starter.run.job import Limits
        from colab_starter.run.worker.executor import Executor

        return Executor(
            self._notebook,
            self._outputs,
            kernel,
            limits=Limits(cell=self._options.get("execution_timeout") or self._options.get("timeout")),
            log=log.path,
            mask=self._mask,
            chores=[self._saves] if self._options.get("autosave_cell_every", 30) else [],
            on_cell_start=self._note_cell_start,
            on_cell_end=self._note_cell_end,
        )

    def _note_cell_start(self, index: int) -> None:
        if self._options.get("log_output"):
            _log().info(f"Executing Cell {index + 1:-<40}")

    def _note_cell_end(self, index: int) -> None:
        self._echo.flush()
        self._saves.do_if_due()
        if self._bar:
            self._bar.update(index + 1 - self._bar.n)
        if self._options.get("log_output"):
            _log().info(f"Ending Cell {index + 1:-<43}")

    def _finish(self, end: "End") -> None:
        """Say in the notebook how it ended, and save it, if anybody asked for that."""
        from colab_starter.run.outcome import Outcome, Status

        number = None if end.at is None else self._notebook.number_of(end.at)
        self._echo.flush()
        outcome = Outcome(end.status, self._mask.apply(end.cause), number, round(time.monotonic() - self._start, 3))
        self._outputs.set_widgets_metadata()
        self._mark_exit(end)
        self._notebook.end(outcome)
        self._notebook.describe(**outcome.to_record())
        if self._bar:
            self._bar.update(self._bar.total - self._bar.n if end.status == Status.OK else 0)
            self._bar.close()
        self._save()
        self._mask_node()

    def _mask_node(self) -> None:
        """papermill writes the notebook once more, and shows its errors."""
        if self._mask:
            node = self._notebook.node
            for key in node:
                node[key] = self._mask.apply_to_cell(node[key])

    def _mark_exit(self, end: "End") -> None:
        """Write the code of an exit so that papermill takes it for what it is: '' and 0 are its only good ones."""
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
        from papermill.iorw import papermill_io

        if self._output_path:
            papermill_io.write(b"".join(self._text.encode()).decode(), self._output_path)


def _raise_for(end: "End") -> None:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    from colab_starter.run.outcome import Status

    if end.status == Status.KILLED:
        raise DeadKernelError(end.cause)
    if end.status == Status.TIMEOUT:
        raise CellTimeoutError(end.cause)


def _make_bar(wanted: bool | dict[str, Any], total: int) -> Any:
    """papermill's progress bar; None where nobody wants one."""
    if not wanted:
        return None
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    return tqdm(**{"total": total, "unit": "cell", "desc": "Executing", **(wanted if isinstance(wanted, dict) else {})})


class _Echo:
    """Gives outputs to papermill's log and files, as far as the options say, without secrets."""

    def __init__(self, options: dict[str, Any], mask: "Mask") -> None:
        from colab_starter.run.secrets import StreamMask

        self._options = options
        self._mask = mask
        self._streams = {name: StreamMask(mask) for name in ("stdout", "stderr")}

    def take(self, output: "NotebookNode") -> None:
        name = output.get("name", "")
        if name in self._streams:
            self._tell(self._streams[name].feed_text(output.get("text", "")), name)
        else:
            self._tell(self._mask.apply(output.get("data", {}).get("text/plain") or ""), "")

    def flush(self) -> None:
        """Give what was kept because a secret might have begun in it."""
        for name, stream in self._streams.items():
            self._tell(stream.end_text(), name)

    def _tell(self, text: str, stream: str) -> None:
        if not text:
            return
        if self._options.get("log_output"):
            (_log().warning if stream == "stderr" else _log().info)(text)
        file = self._options.get(f"{stream}_file") if stream else None
        if file:
            file.write(text)
            file.flush()


def _log() -> Any:
    from papermill.log import logger

    return logger


def _write_whole_files(path: str) -> None:
    """Let papermill write local files in one step: the last write is its own, over a file that is good."""
    from papermill.iorw import LocalHandler, papermill_io

    handler = papermill_io.get_handler(path)
    if type(handler) is LocalHandler:
        handler.write = partial(_write_local, handler)


def _write_local(handler: Any, text: str, path: str) -> None:
    from colab_starter.files import write_whole

    target = Path(handler._cwd or "") / path
    if not target.parent.is_dir():
        raise FileNotFoundError(f"output folder {target.parent} doesn't exist.")
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")  # a device or a pipe
    else:
        write_whole(target, text.encode("utf-8"), through_links=True)
