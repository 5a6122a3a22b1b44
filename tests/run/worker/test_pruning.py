"""A run may be pruned at any moment: what becomes of it, with a kernel whose messages arrive as the test says."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from nbformat import v4

from colab_starter.errors import ColdKernelNeededError
from colab_starter.run.job import Stop
from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.kernel import HasFileno, Received
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker.cell_errors import End
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.executor import Executor, Watchers
from colab_starter.run.worker.outputs import CellOutputs

PRUNE = Stop.prune("worse than most")
PRUNED_IN_FIRST = End(Status.PRUNED, "worse than most", 0)
NOTE = "colab-starter ended this run here: worse than most"

Answer = list[Message] | Exception | Stop
"""What the worker receives next: messages, the kernel's end, or a stop from the coordinator."""


def answer(channel: str, kind: str, **content: Any) -> Message:
    parent = {"msg_id": "request"}
    return Message(channel, {"header": {}, "parent_header": parent, "msg_type": kind, "content": content})


REPLY = answer("shell", "execute_reply", status="ok", execution_count=1)
IDLE = answer("iopub", "status", execution_state="idle")
SHOWN = answer("iopub", "display_data", data={"text/plain": "epoch 3"}, metadata={})
FAILED = answer("shell", "execute_reply", status="error", ename="ValueError", evalue="bad", traceback=[])


class ScriptedKernel:
    """Answers every request with the next answers."""

    is_forked = True

    def __init__(self, *answers: Answer) -> None:
        self.info: dict[str, Any] = {}
        self.is_killed = False
        self._answers = deque(answers)
        self._stop = Stop()

    def execute(self, code: str, *, stop_on_error: bool = True, silent: bool = False) -> str:
        return "request"

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        return ""

    def receive(self, timeout: float | None, also: Sequence[HasFileno] = ()) -> Received:
        if not self._answers:
            assert timeout == 0, "nothing else will come"
            return Received([], [])
        match self._answers.popleft():
            case Stop() as stop:
                self._stop = self._stop.then(stop)
                return Received([], [self])
            case Exception() as error:
                raise error
            case messages:
                return Received(messages, [])

    def kill(self) -> None:
        self.is_killed = True

    def fileno(self) -> int:
        return 0

    def waited_for(self) -> Sequence[HasFileno]:
        return [self]

    def read_stop(self) -> Stop:
        return self._stop


def execute(*answers: Answer, cells: int = 1, before: Stop | None = None) -> tuple[End, ScriptedKernel, list[Any]]:
    """Execute cells; returns the end, the kernel, and what the cells show."""
    kernel = ScriptedKernel(*answers)
    kernel._stop = before or Stop()
    notebook = ExecutedNotebook(v4.new_notebook(cells=[v4.new_code_cell("1") for _ in range(cells)]))
    notebook.start()
    outputs = CellOutputs(notebook)
    end = Executor(notebook, outputs, kernel, Watchers(stops=kernel), Mask()).execute()  # type: ignore[arg-type]
    return end, kernel, [[*map(read, cell.outputs)] for cell in notebook.node.cells]


def read(output: Any) -> str:
    return str(output.evalue if output.output_type == "error" else output.data["text/plain"])


def test_what_the_kernel_has_sent_is_shown_before_the_note() -> None:
    end, kernel, shown = execute(PRUNE, [SHOWN], [SHOWN])
    assert (end, kernel.is_killed, shown) == (PRUNED_IN_FIRST, True, [["epoch 3", "epoch 3", NOTE]])


def test_a_run_that_has_just_ended_stays_as_it_is() -> None:
    endings: list[list[Answer]] = [[PRUNE, [REPLY, IDLE]], [[REPLY], PRUNE, [IDLE]]]
    for answers in endings:
        end, kernel, shown = execute(*answers)
        assert (end, kernel.is_killed, shown) == (End(Status.OK), False, [[]])
    end, _, shown = execute(PRUNE, [FAILED, IDLE])
    assert (end.status, shown) == (Status.FAILED, [["bad"]])


def test_between_two_cells_it_ends_in_the_one_that_was_executed() -> None:
    end, kernel, shown = execute(PRUNE, [REPLY, IDLE], cells=2)
    assert (end, kernel.is_killed, shown) == (PRUNED_IN_FIRST, True, [[NOTE], []])


def test_before_the_first_cell_it_ends_there() -> None:
    end, kernel, shown = execute(cells=2, before=PRUNE)
    assert (end, kernel.is_killed, shown) == (PRUNED_IN_FIRST, True, [[NOTE], []])


@pytest.mark.parametrize(
    "error",
    [KernelDiedError("the kernel died"), ColdKernelNeededError("numpy", "numpy", "it has changed")],
    ids=["dies", "refuses"],
)
def test_a_kernel_that_ends_while_it_is_pruned_changes_nothing(error: Exception) -> None:
    end, _, shown = execute(PRUNE, error)
    assert (end, shown) == (PRUNED_IN_FIRST, [[NOTE]])


def test_a_kernel_that_died_before_is_told_as_dead() -> None:
    end, _, shown = execute(KernelDiedError("the kernel died"), PRUNE)
    assert (end.status, shown) == (Status.KILLED, [[]])


@pytest.mark.parametrize("stop", [Stop(StopLevel.AFTER_CELLS), Stop(StopLevel.NOW)])
def test_a_run_that_the_user_has_stopped_before_ends_as_interrupted(stop: Stop) -> None:
    end, _, shown = execute(stop, PRUNE, [REPLY, IDLE], cells=2)
    assert end.status is Status.INTERRUPTED
    assert shown == [[], []]
