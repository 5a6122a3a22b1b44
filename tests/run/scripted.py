"""A backend that executes nothing: what becomes of its jobs is said beforehand. For the runner's own logic."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from colab_starter.run.backends import Backend
from colab_starter.run.display.progress import Progress
from colab_starter.run.job import Ended, Event, Job, MetricRecorded, Started
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from colab_starter.run.sweep.runs import Run

Script = Callable[[Job], Outcome | None]
"""How a job ends; None leaves it running until it is cancelled."""


class ScriptedBackend(Backend):
    def __init__(self, script: Script, capacity: int = 2) -> None:
        self._script = script
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self.jobs: list[Job] = []
        self.running: set[str] = set()
        self.most_running = 0
        self.cancelled: list[tuple[str, StopLevel]] = []
        self.pruned: list[tuple[str, str]] = []
        self.is_deaf = False
        """Takes no notice of being cancelled."""
        self.is_closed = False

    @property
    def capacity(self) -> int:
        return self._capacity

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.running.add(job.run)
        self.most_running = max(self.most_running, len(self.running))
        self._events.append(Started(job.run))
        if outcome := self._script(job):
            self._events.append(Ended(job.run, outcome))

    def wait(self, timeout: float) -> list[Event]:
        if not self._events:
            time.sleep(min(timeout, 0.001))  # as a backend does; threads that are waited for need the core
            return []
        event = self._events.popleft()
        if isinstance(event, Ended):
            self.running.discard(event.run)
        return [event]

    def cancel(self, run: str, level: StopLevel) -> None:
        self.cancelled.append((run, level))
        if level is StopLevel.NOW and not self.is_deaf:
            self._events.append(Ended(run, Outcome(Status.INTERRUPTED)))

    def prune(self, run: str, cause: str) -> None:
        self.pruned.append((run, cause))
        has_ended = any(isinstance(event, Ended) and event.run == run for event in self._events)
        if run in self.running and not has_ended:
            self._events.append(Ended(run, Outcome(Status.PRUNED, cause)))

    def close(self) -> None:
        self.is_closed = True


def end_with(*statuses: Status) -> Script:
    """The first job ends so, the second so, and so on; the last status goes on for ever."""
    left = deque(statuses)

    def end(job: Job) -> Outcome:
        return Outcome(left.popleft() if len(left) > 1 else left[0], seconds=1)

    return end


class Listener(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bool]] = []
        self.metrics: list[MetricRecorded] = []

    def metric_recorded(self, event: MetricRecorded) -> None:
        self.metrics.append(event)

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        self.said.append((str(record.status), again))


def runs_of(jobs: Sequence[Job]) -> list[tuple[str, int]]:
    return [(job.run, job.attempt) for job in jobs]
