"""A backend that wraps a local one and publishes its runs, which end only once they are published."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colab_starter.errors import LedgerWriteError
from colab_starter.run.backends import Backend
from colab_starter.run.job import Ended, Event, Job, WarmPlan
from colab_starter.run.outcome import Outcome
from colab_starter.run.stopping import StopLevel
from colab_starter.run.storage.runs import describe_failure, publish_run
from colab_starter.run.storage.store import Store

if TYPE_CHECKING:
    from colab_starter.run.storage.objects import Objects

AT_ONCE = 8
"""How many runs are published at once."""
LOOK = 0.02
"""Seconds between checks for published runs."""


def publish_runs(backend: Backend, store: Store) -> Backend:
    """Wrap the backend, if necessary, so that what it executes on this machine gets to the store."""
    publishing = store.publishing
    return PublishingBackend(backend, *publishing) if publishing else backend


class PublishingBackend(Backend):
    """Publishes runs in threads of this process, because importing a store's library may take longer than a run."""

    def __init__(self, inner: Backend, objects: Objects, check: Callable[[], None]) -> None:
        """``check`` raises LedgerWriteError if this process may no longer write to the store."""
        self._inner = inner
        self._objects = objects
        self._check = check
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="publish")
        self._jobs: dict[str, Job] = {}
        self._publishing: dict[str, Future[Outcome]] = {}
        self._is_closed = False

    @property
    def capacity(self) -> int:
        """See ``Backend``; others are executed while runs are published, but not so many that all wait for the
        store."""
        inner = self._inner.capacity
        return inner + min(len(self._publishing), inner)

    @property
    def left_out(self) -> Mapping[str, str]:
        return self._inner.left_out

    def prepare(self, plan: WarmPlan | None) -> None:
        self._inner.prepare(plan)

    def submit(self, job: Job) -> None:
        job = replace(job, address=self._objects.address)
        shutil.rmtree(Path(job.output).parent, ignore_errors=True)
        self._jobs[job.run] = job
        self._inner.submit(job)

    def wait(self, timeout: float) -> list[Event]:
        events: list[Event] = []
        if not self._is_closed:
            events = [event for event in self._inner.wait(self._cut(timeout)) if not self._publish(event)]
        for run in [run for run, future in self._publishing.items() if future.done()]:
            events.append(Ended(run, self._publishing.pop(run).result()))
        return events

    def cancel(self, run: str, level: StopLevel) -> None:
        if run not in self._publishing:
            self._inner.cancel(run, level)

    def prune(self, run: str, cause: str) -> None:
        if run not in self._publishing:
            self._inner.prune(run, cause)

    def close(self) -> None:
        """Close the backend after finishing what is being published."""
        self._is_closed = True
        self._inner.close()
        self._threads.shutdown(cancel_futures=True)

    def _cut(self, timeout: float) -> float:
        """Shorten the timeout, because no thread can interrupt the inner backend's wait."""
        if any(future.done() for future in self._publishing.values()):
            return 0
        return min(timeout, LOOK) if self._publishing else timeout

    def _publish(self, event: Event) -> bool:
        """Start publishing the run that the event ends."""
        if not isinstance(event, Ended):
            return False
        job = self._jobs.pop(event.run)
        self._publishing[event.run] = self._threads.submit(self._send, job, event.outcome)
        return True

    def _send(self, job: Job, outcome: Outcome) -> Outcome:
        folder = Path(job.output).parent
        try:
            publish_run(self._objects, job, self._check)
        except (OSError, LedgerWriteError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            failure = describe_failure(self._objects.address, reason, folder)
            return replace(outcome, status=failure.status, cause=failure.cause)
        shutil.rmtree(folder, ignore_errors=True)
        return outcome
