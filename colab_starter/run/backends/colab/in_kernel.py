"""Runs in the kernel on Colab, sent there as text: times the cells, ends the run at the first error, packs the files.

``colab exec`` goes on after a failing cell, and its limit on a cell's time does not end the cell. Works with
IPython 7 (Colab's) and later, and with any Python since 3.10. The text of ``kernels.error_hook`` stands before
this one.
"""

import json
import os
import platform
import resource
import shutil
import signal
import sys
import tarfile
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython
from IPython.display import display

if TYPE_CHECKING:
    from colab_starter.run.kernels.error_hook import ErrorHook, Report, is_good_exit, send_everything

WAKING_TIME = 3.0
"""Seconds."""


class CellWatch:
    """What stands between the cells and IPython during one run.

    ``settings``: ``mark`` is in our own cells and nowhere else; ``allowed`` holds the numbers of the cells that
    may fail; ``cell_limit`` and ``run_limit`` are in seconds or None; ``folder`` is emptied, and holds the
    ``stop`` file that ends the run after the cell; ``output`` is packed into ``archive`` unless it is None;
    ``records`` is a file that holds what was told;
    ``record_type`` is the MIME type of what is told to the other side, which takes it out of the notebook.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.shell: Any = get_ipython()
        self.stopped = ""
        """Why cells are passed over: failed, exit, cell, run or interrupted."""
        self._number = 0
        self._info: Any = None
        self._started = 0.0
        self._is_decided = False
        self._is_passed_over = False
        self._limit = ""
        self._timers: list[threading.Timer] = []
        self._run_ends = float("inf")
        self._reports: list[Report] = []
        self._hook = ErrorHook(self.shell, self._reports.append, ends_kernel=False)

    def start(self) -> None:
        shutil.rmtree(self.settings["folder"], ignore_errors=True)
        os.makedirs(self.settings["output"] or self.settings["folder"], exist_ok=True)
        os.environ.update(self.settings["environment"])
        if self.settings["run_limit"] is not None:
            self._run_ends = time.monotonic() + self.settings["run_limit"]
        self.shell.events.register("pre_run_cell", self.begin_cell)
        self.shell.events.register("post_run_cell", self.end_cell)
        self.shell.input_transformers_cleanup.insert(0, self.pass_over)
        self._hook.install()
        send_everything(self.shell.kernel.session)
        self.tell({"record": "start", "host": platform.node(), "pid": os.getpid(), "parent": os.getppid()})

    def finish(self) -> None:
        self.shell.events.unregister("pre_run_cell", self.begin_cell)
        self.shell.events.unregister("post_run_cell", self.end_cell)
        self.shell.input_transformers_cleanup.remove(self.pass_over)
        self._hook.remove()
        files, problem = self.pack_output()
        self.tell({"record": "finish", "stopped": self.stopped, "files": files, "problem": problem})
        threading.Thread(target=self.wake_client, daemon=True).start()

    def pass_over(self, lines: list[str]) -> list[str]:
        """The first thing that IPython does with a cell's lines: nothing is left of them once the run has stopped.

        What is decided for a cell holds until its end: IPython may ask twice, and cells may run others.
        """
        if any(self.settings["mark"] in line for line in lines):
            return lines
        if not self._is_decided:
            self._is_decided = True
            self._is_passed_over = self._has_stopped()
        return ["pass\n"] if self._is_passed_over else lines

    def _has_stopped(self) -> bool:
        if not self.stopped and os.path.exists(self.settings["stop"]):
            self.stopped = "interrupted"
        if not self.stopped and time.monotonic() > self._run_ends:
            self.stopped = "run"
        return bool(self.stopped)

    def begin_cell(self, info: Any) -> None:
        if self._info is not None or self.settings["mark"] in info.raw_cell:
            return
        self._info = info
        self._number += 1
        self._started = time.time()
        self._limit = ""
        self._set_timer("cell", self.settings["cell_limit"])
        self._set_timer("run", self._run_ends - time.monotonic())

    def _set_timer(self, limit: str, seconds: float | None) -> None:
        if seconds is not None and seconds < threading.TIMEOUT_MAX:
            timer = threading.Timer(max(0.0, seconds), self.interrupt_cell, (limit, self._info))
            timer.daemon = True
            timer.start()
            self._timers.append(timer)

    def interrupt_cell(self, limit: str, info: Any) -> None:
        if self._info is info and not self._limit:
            self._limit = limit
            # To the main thread, so that a call in which it waits returns.
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]

    def end_cell(self, result: Any) -> None:
        if self._info is None or result.info is not self._info:
            return
        self._info = None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        error = result.error_before_exec or result.error_in_exec
        if error is not None and not self._reports:  # IPython shows nothing of some, such as BdbQuit
            self._hook.report(error)
        reports = [*self._reports]
        self._reports.clear()
        state = self._judge(reports, result.info.raw_cell)
        record = {"record": "cell", "number": self._number, "state": state, "stopped": self.stopped, "errors": reports}
        record.update(count=result.execution_count, started=self._started, ended=time.time(), peak_memory=peak_memory())
        self._is_decided = self._is_passed_over = False
        self.tell(record)

    def _judge(self, reports: "list[Report]", source: str) -> str:
        """What ``cell_errors.judge_cell`` will say of the cell; here it decides whether the next ones are executed."""
        if self._is_passed_over:
            return "passed over"
        if self._limit:
            self.stopped = self._limit
            return "limit"
        ends = {is_good_exit(report, source) for report in reports if not report["again"]}
        if False in ends and self._number not in self.settings["allowed"]:
            self.stopped = "failed"
        elif True in ends:
            self.stopped = "exit"
        return "ended"

    def pack_output(self) -> "tuple[int, str]":
        """How many files the output folder has, and what went wrong with them."""
        output = self.settings["output"]
        if not output or not os.path.isdir(output):
            return 0, ""
        files = sum(len(names) for _, _, names in os.walk(output))
        try:
            if files:
                with tarfile.open(self.settings["archive"], "w:gz", compresslevel=1) as archive:
                    archive.add(output, arcname=".")
        except OSError as error:
            return files, str(error)
        return files, ""

    def tell(self, record: dict[str, Any]) -> None:
        """Also into a file: of what is displayed, the server drops some when there is much of it."""
        with suppress(OSError), open(self.settings["records"], "a") as file:
            file.write(json.dumps(record) + "\n")
        display({self.settings["record_type"]: {"mark": self.settings["mark"], **record}}, raw=True)

    def wake_client(self) -> None:
        """``colab`` closes its connection now, and takes 10 s to see that it did unless a message comes meanwhile."""
        nothing: dict[str, Any] = {"text/plain": ""}
        ends = time.monotonic() + WAKING_TIME
        while time.monotonic() < ends:
            display(nothing, raw=True, display_id=self.settings["mark"], update=True)
            time.sleep(0.002)


def start_watch(settings: dict[str, Any]) -> None:
    """IPython keeps the watch for our last cell: the notebook's own names stay as they are."""
    watch = CellWatch(settings)
    watch.shell.colab_starter = watch
    watch.start()


def peak_memory() -> int:
    """In bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
