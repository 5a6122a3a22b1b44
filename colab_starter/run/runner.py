"""The runner: hands jobs to a backend while it has room, and records how they ended."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from colab_starter.errors import LedgerWriteError
from colab_starter.run.backends import Backend
from colab_starter.run.display.progress import Progress
from colab_starter.run.job import (
    CellStarted,
    Ended,
    Event,
    Job,
    MetricRecorded,
    PointsRecorded,
    Started,
    StartedCold,
)
from colab_starter.run.ledger.ledger import Ledger
from colab_starter.run.outcome import BAD, Outcome, Status
from colab_starter.run.source import RunSource
from colab_starter.run.stopping import StopLevel, StopSignals
from colab_starter.run.sweep.runs import Run

TICK = 0.2
"""Seconds after which the runner checks signals and the clock if nothing else happens."""
PATIENCE = 30.0
"""Seconds to wait for runs that were told to end at once. Google's command alone may take 12 to save what it has, and
more on a busy machine."""


class MakesJobs(Protocol):
    """Makes the jobs of runs, and learns from their outcomes."""

    def make_job(self, run: Run, attempt: int) -> Job: ...

    def note_cold(self, event: StartedCold) -> None: ...


@dataclass(frozen=True)
class Plan:
    """What the runner has to do."""

    runs: RunSource
    jobs: MakesJobs
    source: str
    retries: int = 0
    """How often an unsuccessful run is retried."""


class Runner:
    """Executes the runs of a plan."""

    def __init__(self, plan: Plan, ledger: Ledger, backend: Backend, progress: Progress) -> None:
        self._plan = plan
        self._ledger = ledger
        self._backend = backend
        self._progress = progress
        self._runs: dict[str, Run] = {}
        """The runs that were started."""
        self._running: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._stop = StopLevel.NO
        self._stopped_at = 0.0

    def run(self, signals: StopSignals) -> None:
        """Execute the runs; returns when all have ended or, after a signal, when those then running have.

        Raises LedgerWriteError if the ledger cannot be written; by then, nothing is running any more.
        """
        try:
            while self._running or self._plan.runs.has_more:
                self._obey(signals.level)
                self._submit()
                self._take_events(TICK)
                if self._stop is StopLevel.NOW and time.monotonic() > self._stopped_at + PATIENCE:
                    self._abandon()
        except LedgerWriteError:
            self._drain()
            raise

    def _obey(self, level: StopLevel) -> None:
        if level <= self._stop:
            return
        self._stop, self._stopped_at = level, time.monotonic()
        self._plan.runs.close()
        if self._running:
            self._progress.stopping(level, len(self._running))
        for run in self._running:
            self._backend.cancel(run, level)

    def _submit(self) -> None:
        while len(self._running) < self._backend.capacity and (run := self._plan.runs.take()):
            self._runs[run.id] = run
            known = self._ledger.runs.get(run.id)
            job = self._plan.jobs.make_job(run, known.attempt + 1 if known else 1)
            notebook = f"{run.id}/{PurePath(job.output).name}"
            self._ledger.write_start(run.id, job.attempt, run.parameters, self._plan.source, notebook)
            self._tries[run.id] += 1
            self._running.add(run.id)
            self._backend.submit(job)

    def _take_events(self, timeout: float) -> None:
        for event in self._backend.wait(timeout):
            self._take(event)
        self._ledger.check()
        self._progress.tick()

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._progress.started(self._runs[event.run], self._ledger.runs[event.run].attempt, event.place)
            case StartedCold():
                self._plan.jobs.note_cold(event)
            case CellStarted():
                self._progress.cell_started(event)
            case MetricRecorded():
                self._progress.metric_recorded(event)
            case PointsRecorded():
                self._take_points(event)
            case Ended():
                self._end(event.run, event.outcome)

    def _take_points(self, event: PointsRecorded) -> None:
        """Keep all points, show where each of their series has got to, and end the run early if they are bad."""
        self._ledger.write_points(event)
        for point in {point.name: point for point in event.points}.values():
            self._progress.metric_recorded(MetricRecorded(event.run, point.name, point.value, point.step))
        self._progress.points_recorded(event)
        if self._stop or event.run not in self._running:
            return
        if pruning := self._plan.runs.note_points(event.run, event.points):
            self._ledger.write_pruning(event.run, pruning.step, pruning.cause)
            self._backend.prune(event.run, pruning.cause)

    def _end(self, run: str, outcome: Outcome) -> None:
        self._running.discard(run)
        record = self._ledger.write_end(run, outcome)
        again = self._is_tried_again(run, outcome)
        if again:
            self._plan.runs.put_back(self._runs[run])
        else:
            self._plan.runs.note_end(run, record.outcome)
        self._progress.ended(self._runs[run], record, again)

    def _is_tried_again(self, run: str, outcome: Outcome) -> bool:
        if self._stop or outcome.status not in BAD:
            return False
        return self._tries[run] <= self._plan.retries

    def _abandon(self) -> None:
        """Let the backend kill the runs that do not end on their own, and record their ends."""
        self._backend.close()
        for run in list(self._running):
            self._end(run, Outcome(Status.INTERRUPTED, "did not end in time, and was killed"))

    def _drain(self) -> None:
        """Stop everything without recording it in the ledger."""
        self._plan.runs.close()
        for run in self._running:
            self._backend.cancel(run, StopLevel.NOW)
        deadline = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < deadline:
            ended = {event.run for event in self._backend.wait(TICK) if isinstance(event, Ended)}
            self._running -= ended
