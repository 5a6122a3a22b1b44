"""Executes the cells of a notebook over a kernel: in which order, for how long, and how it ended.

Jupyter's messages are put into the cells by ``outputs``; here is one loop that waits for whatever comes
first: a message, the kernel's death, a stop, or the end of a time.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from colab_starter.run.job import Limits
from colab_starter.run.kernels import error_hook
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.kernel import HasFileno, Kernel, Message, Received
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker.causes import describe_cell_limit, describe_log, describe_run_limit
from colab_starter.run.worker.cell_errors import CellFacts, End, judge_cell
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.outputs import CellErrors, CellOutputs
from colab_starter.text import shorten

INTERRUPT_GRACE = 2.0
"""Seconds between the interrupt of a cell that takes too long and the end of its kernel."""

IDLE_PATIENCE = 5.0
"""Seconds without a message, after a cell's reply, until it is given up that one says that no output follows."""

SHUTDOWN_GRACE = 10.0
"""Seconds that a kernel has for its atexit handlers when the last cell is done."""

REPLY_PATIENCE = 1.0
"""Seconds that a kernel may be idle without having replied before it is asked whether it has gone on."""

_INSTALL_HOOK = "exec(compile({!r}, '<colab-starter>', 'exec'), {{'__name__': 'colab_starter_error_hook'}})".format(
    Path(error_hook.__file__).read_text(encoding="utf-8") + "\ninstall_error_hook()\n"
)


class Chore(Protocol):
    """Something that is done now and then while cells are executed."""

    def next_time(self) -> float:
        """When it is due, by ``time.monotonic``; infinity where there is nothing to do."""

    def do_if_due(self) -> None: ...


class StopSource(Protocol):
    """Where stops come from."""

    def waited_for(self) -> Sequence[HasFileno]:
        """What becomes readable when one comes."""

    def read_stop(self) -> StopLevel:
        """Whether the run is to stop, and how. Does not wait."""


class NeverStopped:
    """Nobody stops this execution."""

    def waited_for(self) -> Sequence[HasFileno]:
        return ()

    def read_stop(self) -> StopLevel:
        return StopLevel.NO


@dataclass(frozen=True)
class Watchers:
    """What goes on beside the cells, and who wants to know of them."""

    limits: Limits = field(default_factory=Limits)
    deadline: float = math.inf
    """Of the run, by ``time.monotonic``."""
    log: Path | None = None
    """What the kernel writes by itself."""
    stops: StopSource | None = None
    chores: Sequence[Chore] = ()
    on_cell_start: Callable[[int], None] = lambda index: None
    on_cell_end: Callable[[int], None] = lambda index: None
    on_limit: Callable[[float, str], None] = lambda within, cause: None
    """At the start of a cell that has to end within so many seconds, with what is said of it if it does not."""


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
        """``mask`` is for the causes."""
        self._notebook = notebook
        self._outputs = outputs
        self._kernel = kernel
        self._watchers = watchers
        self._stops = watchers.stops or NeverStopped()
        self._mask = mask

    def execute(self) -> End:
        """Execute the cells in their order, up to the first that fails.

        The kernel may be alive afterwards, or not; a cell that was being executed when it died is ``failed``.
        """
        if self._kernel.info.get("implementation") == "ipython" and not self._kernel.is_forked:
            # Nobody waits for it: requests are executed in their order. A forked kernel has the hook already.
            self._kernel.execute(_INSTALL_HOOK, stop_on_error=False, silent=True)
        for index in range(len(self._notebook.node.cells)):
            if index not in self._notebook.executable:
                self._notebook.pass_cell(index)
                continue
            if self._stops.read_stop():
                return End(Status.INTERRUPTED, f"stopped before {self._notebook.name_of(index)}", index)
            if time.monotonic() >= self._watchers.deadline:
                cause = f"{describe_run_limit(self._watchers.limits.run)}, before {self._notebook.name_of(index)}"
                return End(Status.TIMEOUT, cause, index)
            if end := self._execute_cell(index):
                return end
        return End(Status.OK)

    def _execute_cell(self, index: int) -> End | None:
        cell = self._notebook.node.cells[index]
        self._outputs.sync_widgets()
        self._notebook.start_cell(index)
        self._watchers.on_cell_start(index)
        failed = True
        try:
            end = self._wait_for_cell(index, self._kernel.execute(cell.source, stop_on_error=False))
            failed = end is not None and end.status != Status.OK and end.at == index
        except KernelDiedError as error:
            end = End(Status.KILLED, self._describe_death(error, index), index)
        finally:
            self._outputs.bring_up_to_date()
            self._notebook.end_cell(index, failed=failed)
        if end:
            self._note_failure(end)
        self._watchers.on_cell_end(index)
        return end

    def _note_failure(self, end: End) -> None:
        """The cell that failed shows its error; it may be an earlier one, whose task failed now."""
        if end.status == Status.FAILED and end.at is not None:
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
            if received.ready and self._stops.read_stop() >= StopLevel.NOW:
                self._kernel.kill()
                return End(Status.INTERRUPTED, f"stopped in {self._notebook.name_of(index)}", index)
            if time.monotonic() >= wait.deadline:
                self._enforce(wait)
        if wait.passed_limit:
            return End(Status.TIMEOUT, wait.limit, index)
        return self._judge(wait, index)

    def _receive(self, wait: "_Wait") -> Received:
        """What comes next; a kernel that dies after its reply, or after its time, is no news."""
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
            wait.give_up()  # requests are answered in their order, so that no reply to the cell will come

    def _enforce(self, wait: "_Wait") -> None:
        """A time is over: first an interrupt, which leaves the cell's traceback, then the end of the kernel."""
        if wait.reply is not None or wait.passed_limit:
            wait.give_up()
            if wait.reply is None:
                self._kernel.kill()
            return
        self._kernel.interrupt()
        wait.passed_limit = True
        wait.deadline = time.monotonic() + INTERRUPT_GRACE

    def _next_limit(self, index: int) -> tuple[float, str]:
        """When the cell has to be over, and what to say if it is not."""
        limit = self._watchers.limits.cell
        deadline = math.inf if limit is None else time.monotonic() + limit
        if self._watchers.deadline < deadline:
            return (
                self._watchers.deadline,
                f"{describe_run_limit(self._watchers.limits.run)}, in {self._notebook.name_of(index)}",
            )
        return deadline, describe_cell_limit(self._notebook.name_of(index), limit)

    def _judge(self, wait: "_Wait", index: int) -> End | None:
        """What the end of a cell means for the run; None to go on.

        Errors of earlier cells count too: what they have started may go on.
        """
        errors = self._outputs.take_errors()
        for earlier in sorted(errors.keys() - {index}):
            if end := self._judge_cell(earlier, {"status": "ok"}, errors[earlier]):
                return end
        return self._judge_cell(index, wait.reply, errors.get(index, CellErrors()))

    def _judge_cell(self, index: int, reply: Mapping[str, Any] | None, errors: CellErrors) -> End | None:
        # Before anything is cut: the beginning of a secret would be left.
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
    """The wait for one cell: it is over with the kernel's reply and the word that no output follows."""

    def __init__(self, request: str, deadline: float, limit: str) -> None:
        self.request = request
        self.deadline = deadline
        self.limit = limit
        """What to say when the deadline has passed."""
        self.passed_limit = False
        self.reply: Mapping[str, Any] | None = None
        self.probe = ""
        """Id of the request that asks whether the kernel has gone on without a reply."""
        self._idle_since: float | None = None
        self._gave_up = False

    @property
    def is_over(self) -> bool:
        return self._gave_up or (self.reply is not None and self._idle_since is not None)

    @property
    def probe_time(self) -> float:
        """When to ask whether the kernel has gone on; infinity while there is no reason to."""
        if self._idle_since is None or self.reply is not None or self.probe:
            return math.inf
        return self._idle_since + REPLY_PATIENCE

    def note_idle(self) -> None:
        """The kernel says that the cell has ended, and that no output follows."""
        self._idle_since = time.monotonic()

    def allow_for(self, messages: Sequence[Message]) -> None:
        """After the reply only the last outputs are waited for: as long as they come, and not much longer."""
        if self.reply is not None and messages:
            self.deadline = time.monotonic() + IDLE_PATIENCE

    def give_up(self) -> None:
        """Nothing more will come."""
        self._gave_up = True
