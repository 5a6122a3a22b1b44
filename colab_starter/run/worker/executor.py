"""Executing the cells of a notebook with a kernel: their order, time limits and results.

``outputs`` puts Jupyter's messages into the cells; here, one loop waits for whatever comes first: a message, the
kernel's death, a stop, or a timeout.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from colab_starter.errors import ColdKernelNeededError
from colab_starter.run.job import Limits, Stop
from colab_starter.run.kernels import error_hook
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.kernel import HasFileno, Kernel, Message, Received
from colab_starter.run.outcome import DONE, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker.causes import describe_cell_limit, describe_log, describe_run_limit
from colab_starter.run.worker.cell_errors import CellFacts, End, judge_cell
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.outputs import CellErrors, CellOutputs
from colab_starter.text import shorten

INTERRUPT_GRACE = 2.0
"""Seconds between interrupting a cell that takes too long and killing its kernel."""

IDLE_PATIENCE = 5.0
"""Seconds without a message, after a cell's reply, to wait for the one that says that no output follows."""

SHUTDOWN_GRACE = 10.0
"""Seconds that a kernel has for its atexit handlers after the last cell."""

REPLY_PATIENCE = 1.0
"""Seconds that a kernel may be idle without having replied before it is probed for having moved on."""

LAST_OUTPUT = 0.1
"""Seconds at most to take what a kernel has already sent before it is killed for pruning."""

_INSTALL_HOOK = "exec(compile({!r}, '<colab-starter>', 'exec'), {{'__name__': 'colab_starter_error_hook'}})".format(
    Path(error_hook.__file__).read_text(encoding="utf-8") + "\ninstall_error_hook()\n"
)


class Chore(Protocol):
    """Something to do at intervals while cells are executed."""

    def next_time(self) -> float:
        """When it is due, by ``time.monotonic``; infinity if there is nothing to do."""

    def do_if_due(self) -> None: ...


class StopSource(Protocol):
    """Where stops come from."""

    def waited_for(self) -> Sequence[HasFileno]:
        """What becomes readable when a stop arrives."""

    def read_stop(self) -> Stop:
        """Whether and how the run should stop. Does not wait."""


class NeverStopped:
    """A source that never stops the execution."""

    def waited_for(self) -> Sequence[HasFileno]:
        return ()

    def read_stop(self) -> Stop:
        return Stop()


@dataclass(frozen=True)
class Watchers:
    """What happens alongside the cells, and the callbacks that report on them."""

    limits: Limits = field(default_factory=Limits)
    deadline: float = math.inf
    """The deadline of the run, by ``time.monotonic``."""
    log: Path | None = None
    """The file for what the kernel itself writes."""
    stops: StopSource | None = None
    chores: Sequence[Chore] = ()
    on_cell_start: Callable[[int], None] = lambda index: None
    on_cell_end: Callable[[int], None] = lambda index: None
    on_limit: Callable[[float, str], None] = lambda within, cause: None
    """Called at the start of a cell with the seconds in which it must end, and the cause if it does not."""


class Executor:
    """Executes a notebook once."""

    def __init__(
        self,
        notebook: ExecutedNotebook,
        outputs: CellOutputs,
        kernel: Kernel,
        watchers: Watchers,
        mask: Mask,
    ) -> None:
        """``mask`` is applied to the causes."""
        self._notebook = notebook
        self._outputs = outputs
        self._kernel = kernel
        self._watchers = watchers
        self._stops = watchers.stops or NeverStopped()
        self._mask = mask
        self._latest: int | None = None
        """The index of the cell that was executed last."""

    def execute(self) -> End:
        """Execute the cells in order, up to the first that fails.

        The kernel may or may not be alive afterwards; the cell it was executing when it died is ``failed``.
        """
        if self._kernel.info.get("implementation") == "ipython" and not self._kernel.is_forked:
            # There is no need to wait: requests are executed in order. A forked kernel already has the hook.
            self._kernel.execute(_INSTALL_HOOK, stop_on_error=False, silent=True)
        for index in range(len(self._notebook.node.cells)):
            if index not in self._notebook.executable:
                self._notebook.pass_cell(index)
                continue
            if (stop := self._stops.read_stop()).level:
                return self._stop_before(index, stop)
            if time.monotonic() >= self._watchers.deadline:
                cause = f"{describe_run_limit(self._watchers.limits.run)}, before {self._notebook.name_of(index)}"
                return End(Status.TIMEOUT, cause, index)
            if end := self._execute_cell(index):
                return end
        return End(Status.OK)

    def _stop_before(self, index: int, stop: Stop) -> End:
        """End the run before a cell. A pruned run ends in the cell before it, which may show why."""
        if not stop.pruned:
            return End(Status.INTERRUPTED, f"stopped before {self._notebook.name_of(index)}", index)
        self._kernel.kill()
        end = End(Status.PRUNED, stop.pruned, index if self._latest is None else self._latest)
        self._note_end(end)
        return end

    def _execute_cell(self, index: int) -> End | None:
        self._latest = index
        cell = self._notebook.node.cells[index]
        self._outputs.sync_widgets()
        self._notebook.start_cell(index)
        self._watchers.on_cell_start(index)
        failed = True
        try:
            end = self._wait_for_cell(index, self._kernel.execute(cell.source, stop_on_error=False))
            failed = end is not None and end.status not in DONE and end.at == index
        except KernelDiedError as error:
            end = End(Status.KILLED, self._describe_death(error, index), index)
        finally:
            self._outputs.bring_up_to_date()
            self._notebook.end_cell(index, failed=failed)
        if end:
            self._note_end(end)
        self._watchers.on_cell_end(index)
        return end

    def _note_end(self, end: End) -> None:
        """Make the cell in which the run has ended show why.

        A failed cell may be an earlier one whose background task has failed now.
        """
        if end.at is None:
            return
        if end.status == Status.PRUNED:
            self._notebook.show_pruning(end.at, end.cause)
        elif end.status == Status.FAILED:
            self._notebook.note_failure(end.at)
            if end.error:
                self._notebook.show_error(end.at, end.error)

    def _wait_for_cell(self, index: int, request: str) -> End | None:
        self._outputs.expect(request, index)
        wait = _Wait(request, *self._next_limit(index))
        if wait.deadline < math.inf:
            self._watchers.on_limit(wait.deadline - time.monotonic(), wait.limit)
        while not wait.is_over:
            received = self._receive(wait)
            for message in received.messages:
                self._take(message, wait)
            wait.allow_for(received.messages)
            self._do_chores()
            if time.monotonic() >= wait.probe_time:
                wait.probe = self._kernel.send("shell", "kernel_info_request", {})
            if received.ready and (end := self._stop_in(index, wait)):
                return end
            if time.monotonic() >= wait.deadline:
                self._enforce(wait)
        if wait.passed_limit:
            return End(Status.TIMEOUT, wait.limit, index)
        return self._judge(wait, index)

    def _stop_in(self, index: int, wait: "_Wait") -> End | None:
        """End the run in a cell if it should stop at once; None if it should not, or if the cell has just ended."""
        stop = self._stops.read_stop()
        if stop.level < StopLevel.NOW:
            return None
        if stop.pruned:
            self._take_last_output(wait)
        if wait.is_over:
            return None
        # An interrupt would not do: code in C does not notice it, and a cell may catch it.
        self._kernel.kill()
        if stop.pruned:
            return End(Status.PRUNED, stop.pruned, index)
        return End(Status.INTERRUPTED, f"stopped in {self._notebook.name_of(index)}", index)

    def _take_last_output(self, wait: "_Wait") -> None:
        """Take what the kernel has already sent."""
        deadline = time.monotonic() + LAST_OUTPUT
        with suppress(KernelDiedError, ColdKernelNeededError):
            while (messages := self._kernel.receive(0).messages) and time.monotonic() < deadline:
                for message in messages:
                    self._take(message, wait)

    def _receive(self, wait: "_Wait") -> Received:
        """Wait for what comes next; a kernel that dies after its reply, or after its deadline, is ignored."""
        next_time = min([wait.deadline, wait.probe_time, *(chore.next_time() for chore in self._watchers.chores)])
        timeout = None if next_time == math.inf else max(0.0, next_time - time.monotonic())
        try:
            return self._kernel.receive(timeout, self._stops.waited_for())
        except KernelDiedError:
            if wait.reply is None and not wait.passed_limit:
                raise
            wait.give_up()
            return Received([], [])

    def _take(self, message: Message, wait: "_Wait") -> None:
        if message.channel == "iopub":
            if self._outputs.take(message.data) == wait.request:
                wait.note_idle()
        elif message.parent == wait.request and message.kind == "execute_reply":
            wait.reply = message.content
        elif message.parent and message.parent == wait.probe:
            wait.give_up()  # requests are answered in order, so there will be no reply to the cell

    def _enforce(self, wait: "_Wait") -> None:
        """Enforce a passed deadline: first interrupt, which leaves the cell's traceback, then kill the kernel."""
        if wait.reply is not None or wait.passed_limit:
            wait.give_up()
            if wait.reply is None:
                self._kernel.kill()
            return
        self._kernel.interrupt()
        wait.passed_limit = True
        wait.deadline = time.monotonic() + INTERRUPT_GRACE

    def _next_limit(self, index: int) -> tuple[float, str]:
        """The cell's deadline, and the cause if it is exceeded."""
        limit = self._watchers.limits.cell
        deadline = math.inf if limit is None else time.monotonic() + limit
        if self._watchers.deadline < deadline:
            return (
                self._watchers.deadline,
                f"{describe_run_limit(self._watchers.limits.run)}, in {self._notebook.name_of(index)}",
            )
        return deadline, describe_cell_limit(self._notebook.name_of(index), limit)

    def _judge(self, wait: "_Wait", index: int) -> End | None:
        """How the run ends because of a cell; None if it continues.

        Errors of earlier cells count too: what they have started may still be running.
        """
        errors = self._outputs.take_errors()
        for earlier in sorted(errors.keys() - {index}):
            if end := self._judge_cell(earlier, {"status": "ok"}, errors[earlier]):
                return end
        return self._judge_cell(index, wait.reply, errors.get(index, CellErrors()))

    def _judge_cell(self, index: int, reply: Mapping[str, Any] | None, errors: CellErrors) -> End | None:
        # Mask before cutting anything: the beginning of a secret would remain.
        told = self._mask.apply_to_value([reply, errors.shown, errors.reports])
        facts = CellFacts(str(self._notebook.node.cells[index].source), *told)
        return judge_cell(facts, index, self._notebook.name_of(index), may_fail=self._notebook.allows_error(index))

    def _describe_death(self, error: KernelDiedError, index: int) -> str:
        said = error.hint or (describe_log(self._watchers.log) if self._watchers.log else "")
        return shorten(f"{error} in {self._notebook.name_of(index)}" + (f": {said}" if said else ""))

    def _do_chores(self) -> None:
        for chore in self._watchers.chores:
            chore.do_if_due()


class _Wait:
    """The wait for one cell: over once the kernel has replied and has said that no output follows."""

    def __init__(self, request: str, deadline: float, limit: str) -> None:
        self.request = request
        self.deadline = deadline
        self.limit = limit
        """The cause if the deadline passes."""
        self.passed_limit = False
        self.reply: Mapping[str, Any] | None = None
        self.probe = ""
        """The ID of the request that probes whether the kernel has moved on without a reply."""
        self._idle_since: float | None = None
        self._gave_up = False

    @property
    def is_over(self) -> bool:
        return self._gave_up or (self.reply is not None and self._idle_since is not None)

    @property
    def probe_time(self) -> float:
        """When to probe whether the kernel has moved on; infinity while there is no reason to."""
        if self._idle_since is None or self.reply is not None or self.probe:
            return math.inf
        return self._idle_since + REPLY_PATIENCE

    def note_idle(self) -> None:
        """Note the kernel's message that the cell has ended and no output follows."""
        self._idle_since = time.monotonic()

    def allow_for(self, messages: Sequence[Message]) -> None:
        """After the reply, extend the wait only as long as outputs keep arriving."""
        if self.reply is not None and messages:
            self.deadline = time.monotonic() + IDLE_PATIENCE

    def give_up(self) -> None:
        """Stop waiting: nothing more will come."""
        self._gave_up = True
