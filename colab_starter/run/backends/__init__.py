"""Backends: where runs are executed, on this machine or elsewhere."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from colab_starter.run.job import Event, Job, WarmPlan
from colab_starter.run.stopping import StopLevel


class Backend(ABC):
    """Executes jobs, and reports what happens to them.

    The runner calls all methods from one thread. A submitted job ends with exactly one ``Ended`` event, whatever dies
    in the meantime. Leaving the ``with`` block closes the backend.
    """

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many jobs can be executed at once; the runner never submits more."""

    @property
    def left_out(self) -> Mapping[str, str]:
        """Modules of the warm plans that are not preloaded, and why, as far as the backend knows."""
        return {}

    def prepare(self, plan: WarmPlan | None) -> None:  # noqa: B027 - a backend may do without
        """Start preloading what runs of this plan need; returns at once."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Start a job. Returns at once; a job that cannot be started reports that in its ``Ended`` event."""

    @abstractmethod
    def wait(self, timeout: float) -> list[Event]:
        """The events since the last call, in order; waits up to ``timeout`` seconds for the first."""

    @abstractmethod
    def cancel(self, run: str, level: StopLevel) -> None:
        """End a job as interrupted: after its current cell, or at once, with its kernel."""

    @abstractmethod
    def prune(self, run: str, cause: str) -> None:
        """End a job as pruned, at once and with its kernel; ``cause`` is the cause of its outcome.

        Does nothing if the job has already ended or been cancelled.
        """

    @abstractmethod
    def close(self) -> None:
        """End what is still running, and every process that was started. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
