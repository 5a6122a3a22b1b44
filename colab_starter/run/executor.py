"""Executes the cells of a notebook over a kernel: in which order, for how long, and how it ended.

Jupyter's messages are put into the cells by ``outputs``; here is one loop that waits for whatever comes
first: a message, the kernel's death, a stop, or the end of a time.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from colab_starter.errors import KernelDiedError
from colab_starter.run.executed import ExecutedNotebook
from colab_starter.run.failure import (
    describe_cell_limit,
    describe_error,
    describe_log,
    describe_run_limit,
    shorten,
)
from colab_starter.run.job import Limits, Status
from colab_starter.run.kernels.kernel import HasFileno, Kernel, Message, Received
from colab_starter.run.outputs import CellOutputs

INTERRUPT_GRACE = 2.0
"""Seconds between the interrupt of a cell that takes too long and the end of its kernel."""

IDLE_PATIENCE = 5.0
"""Seconds without a message, after a cell's reply, until it is given up that one says that no output follows."""

SHUTDOWN_GRACE = 10.0
"""Seconds that a kernel has for its atexit handlers when the last cell is done."""

_EXIT_CODES_OF_SUCCESS = ("", "0", "None")


class End(NamedTuple):
    """How the execution ended."""

    status: Status
    cause: str = ""
    at: int | None = None
    """Index of the cell in which it ended; None after the last."""

    def with_farewell(self, farewell: str) -> "End":
        """The same, with what is to be said of the kernel's end where all went well; else the cause says enough."""
        if self.status != Status.OK:
            return self
        return self._replace(cause="; ".join(filter(None, [self.cause, farewell])))


class Chore(Protocol):
    """Something that is done now and then while cells are executed."""

    def next_time(self) -> float:
        """When it is due, by ``time.monotonic``; infinity where there is nothing to do."""

    def do_if_due(self) -> None: ...


class StopSource(Protocol):
    """Where stops come from."""

    def waited_for(self) -> Sequence[HasFileno]:
        """What becomes readable when one comes."""

    def read_stop(self) -> bool | None:
        """None: go on; False: stop after this cell; True: stop now. Does not wait."""


class NeverStopped:
    """Nobody stops this execution."""

    def waited_for(self) -> Sequence[HasFileno]:
        return ()

    def read_stop(self) -> bool | None:
        return None


class Executor:
    """Executes a notebook once."""

    def __init__(
        self,
        notebook: ExecutedNotebook,
        outputs: CellOutputs,
        kernel: Kernel,
        *,
        limits: Limits,
        run_deadline: float = math.inf,
        log: Path | None = None,
        stops: StopSource | None = None,
        chores: Sequence[Chore] = (),
        on_cell_start: Callable[[int], None] = lambda index: None,
        on_cell_end: Callable[[int], None] = lambda index: None,
        on_limit: Callable[[float, str], None] = lambda within, cause: None,
    ) -> None:
        """``run_deadline`` is by ``time.monotonic``; ``log`` is what the kernel itself writes.

        ``on_limit`` is called at the start of a cell that has to end within so many seconds, with what is said of it
        if it does not.
        """
        self._notebook = notebook
        self._outputs = outputs
        self._kernel = kernel
        self._limits = limits
        self._run_deadline = run_deadline
        self._log = log
        self._stops = stops or NeverStopped()
        self._chores = chores
        self._on_cell_start = on_cell_start
        self._on_cell_end = on_cell_end
        self._on_limit = on_limit

    def execute(self) -> End:
        """Execute the cells in their order, up to the first that fails.

        The kernel may be alive afterwards, or not; a cell that was being executed when it died is ``failed``.
        """
        for index in range(len(self._notebook.node.cells)):
            if index not in self._notebook.executable:
                self._notebook.pass_cell(index)
                continue
            if self._stops.read_stop() is not None:
                return End(Status.INTERRUPTED, f"stopped before {self._notebook.name_of(index)}", index)
            if time.monotonic() >= self._run_deadline:
                cause = f"{describe_run_limit(self._limits.run)}, before {self._notebook.name_of(index)}"
                return End(Status.TIMEOUT, cause, index)
            if end := self._execute_cell(index):
                return end
        return End(Status.OK)

    def _execute_cell(self, index: int) -> End | None:
        cell = self._notebook.node.cells[index]
        self._notebook.start_cell(index)
        self._on_cell_start(index)
        failed = True
        try:
            end = self._wait_for_cell(index, self._kernel.execute(cell.source, stop_on_error=False))
            failed = end is not None and end.status != Status.OK
        except KernelDiedError as error:
            end = End(Status.KILLED, self._describe_death(error, index), index)
        finally:
            self._outputs.write_streams()
            self._notebook.end_cell(index, failed=failed)
        self._on_cell_end(index)
        return end

    def _wait_for_cell(self, index: int, request: str) -> End | None:
        self._outputs.expect(request, index)
        wait = _Wait(request, *self._next_limit(index))
        if wait.deadline < math.inf:
            self._on_limit(wait.deadline - time.monotonic(), wait.limit)
        while not wait.is_over:
            received = self._receive(wait)
            for message in received.messages:
                self._take(message, wait)
            wait.allow_for(received.messages)
            self._do_chores()
            if received.ready and self._stops.read_stop():
                self._kernel.kill()
                return End(Status.INTERRUPTED, f"stopped in {self._notebook.name_of(index)}", index)
            if time.monotonic() >= wait.deadline:
                self._enforce(wait)
        if wait.passed_limit:
            return End(Status.TIMEOUT, wait.limit, index)
        return self._judge(wait.reply or {}, index)

    def _receive(self, wait: "_Wait") -> Received:
        """What comes next; a kernel that dies after its reply, or after its time, is no news."""
        next_time = min([wait.deadline, *(chore.next_time() for chore in self._chores)])
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
            wait.is_idle |= self._outputs.take(message.data) == wait.request
        elif message.parent == wait.request and message.data["msg_type"] == "execute_reply":
            wait.reply = message.data["content"]

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
        limit = self._limits.cell
        deadline = math.inf if limit is None else time.monotonic() + limit
        if self._run_deadline < deadline:
            return self._run_deadline, f"{describe_run_limit(self._limits.run)}, in {self._notebook.name_of(index)}"
        return deadline, describe_cell_limit(self._notebook.name_of(index), limit)

    def _judge(self, reply: Mapping[str, Any], index: int) -> End | None:
        """What a cell's reply means for the run; None to go on."""
        payload = reply.get("payload") or ()
        if any(part.get("source") == "ask_exit" for part in payload):
            return End(Status.OK, f"ended early by exit() in {self._notebook.name_of(index)}", index)
        if reply.get("status") == "ok":
            return None
        if reply.get("ename") == "SystemExit" and reply.get("evalue") in _EXIT_CODES_OF_SUCCESS:
            return End(Status.OK, f"ended early by sys.exit() in {self._notebook.name_of(index)}", index)
        if self._notebook.allows_error(index):
            return None
        count = reply.get("execution_count")
        return End(Status.FAILED, describe_error(reply, count, self._notebook.name_of(index)), index)

    def _describe_death(self, error: KernelDiedError, index: int) -> str:
        said = describe_log(self._log) if self._log else ""
        return shorten(f"{error.death.describe()} in {self._notebook.name_of(index)}" + (f": {said}" if said else ""))

    def _do_chores(self) -> None:
        for chore in self._chores:
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
        self.is_idle = False
        self._gave_up = False

    @property
    def is_over(self) -> bool:
        return self._gave_up or (self.reply is not None and self.is_idle)

    def allow_for(self, messages: Sequence[Message]) -> None:
        """After the reply only the last outputs are waited for: as long as they come, and not much longer."""
        if self.reply is not None and messages:
            self.deadline = time.monotonic() + IDLE_PATIENCE

    def give_up(self) -> None:
        """Nothing more will come."""
        self._gave_up = True
