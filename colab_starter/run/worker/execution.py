"""The execution of one notebook, wired up in one place for our workers, papermill's engine and any kind of kernel."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from colab_starter.run.kernels.kernel import Kernel
from colab_starter.run.outcome import Outcome
from colab_starter.run.secrets import Mask
from colab_starter.run.worker.cell_errors import End
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.executor import SHUTDOWN_GRACE, Executor, Watchers
from colab_starter.run.worker.outputs import CellOutputs
from colab_starter.run.worker.saving import NotebookText
from colab_starter.text import shorten

LONGEST_CAUSE = 1000
"""How many characters of the cause are kept."""


@dataclass
class Execution:
    """The single execution of a notebook."""

    notebook: ExecutedNotebook
    mask: Mask
    started: float = field(default_factory=time.monotonic)
    """When its time started, by ``time.monotonic``."""

    def __post_init__(self) -> None:
        self.outputs = CellOutputs(self.notebook)
        self.text = NotebookText(self.notebook, self.mask, self.outputs.bring_up_to_date)

    def execute(self, kernel: Kernel, watchers: Watchers, before_end: Callable[[End], End] = lambda end: end) -> End:
        """Execute the cells, then let ``before_end`` use the kernel, then end the kernel and everything it started.

        If anything is raised, the kernel has been killed.
        """
        self.outputs.answer_by(lambda kind, content: kernel.send("shell", kind, content))
        try:
            end = before_end(Executor(self.notebook, self.outputs, kernel, watchers, self.mask).execute())
        except BaseException:
            kernel.kill()
            raise
        kernel.shutdown(SHUTDOWN_GRACE)
        return end.with_farewell(kernel.farewell)

    def conclude(self, end: End, **facts: Any) -> Outcome:
        """The outcome, which is also recorded in the notebook; ``facts`` are further fields of the outcome."""
        outcome = describe_end(end, self.mask, self.started, self.notebook, **facts)
        self.outputs.set_widgets_metadata()
        self.notebook.end(outcome)
        return outcome


def describe_end(
    end: End, mask: Mask, started: float, notebook: ExecutedNotebook | None = None, **facts: Any
) -> Outcome:
    """The outcome of an execution, or of an attempt that ended before it."""
    return Outcome(
        status=end.status,
        cause=shorten(mask.apply(end.cause), LONGEST_CAUSE),
        cell=notebook.number_of(end.at) if notebook and end.at is not None else None,
        seconds=round(time.monotonic() - started, 3),
        **facts,
    )
