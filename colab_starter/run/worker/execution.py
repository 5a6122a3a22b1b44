"""The execution of one notebook with all that belongs to it, wired in one place: for our workers, for papermill's
engine, and whatever kernel there is.
"""

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
"""Characters of the cause that are kept."""


@dataclass
class Execution:
    """A notebook that is executed once."""

    notebook: ExecutedNotebook
    mask: Mask
    started: float = field(default_factory=time.monotonic)
    """When its time began."""

    def __post_init__(self) -> None:
        self.outputs = CellOutputs(self.notebook)
        self.text = NotebookText(self.notebook, self.mask, self.outputs.bring_up_to_date)

    def execute(self, kernel: Kernel, watchers: Watchers, before_end: Callable[[End], End] = lambda end: end) -> End:
        """Execute the cells, then let ``before_end`` use the kernel, then end the kernel and all that it started.

        Whatever is raised, the kernel has been killed.
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
        """How it ended, which the notebook says from now on, too; ``facts`` are those of the outcome beside it."""
        outcome = describe_end(end, self.mask, self.started, self.notebook, **facts)
        self.outputs.set_widgets_metadata()
        self.notebook.end(outcome)
        return outcome


def describe_end(
    end: End, mask: Mask, started: float, notebook: ExecutedNotebook | None = None, **facts: Any
) -> Outcome:
    """The outcome of an execution, or of what ended before there was one."""
    return Outcome(
        status=end.status,
        cause=shorten(mask.apply(end.cause), LONGEST_CAUSE),
        cell=notebook.number_of(end.at) if notebook and end.at is not None else None,
        seconds=round(time.monotonic() - started, 3),
        **facts,
    )
