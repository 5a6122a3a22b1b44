"""Searches whose runs are functions: the real runner, ledger and study, without kernels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab_starter.run.job import Ended, Event, Job, Point, PointsRecorded, Started, StartedCold
from colab_starter.run.ledger.ledger import Ledger, open_ledger
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.runner import Plan, Runner
from colab_starter.run.search.request import Search
from colab_starter.run.search.runs import SearchRuns
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopSignals
from colab_starter.run.sweep.runs import Run
from tests.run.scripted import Listener, ScriptedBackend

Function = Callable[[Mapping[str, Any]], list[float]]
"""The values of the metric ``score`` at the steps 0, 1, ...; the last is the run's."""


@dataclass
class Simulated:
    """What a search needs to know of its sweep."""

    source: str = "a1b2c3"
    mask: Mask = field(default_factory=Mask)
    retry_failed: bool = False
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)


class FunctionBackend(ScriptedBackend):
    """Calls a function instead of executing a notebook; a run that is pruned records nothing more."""

    def __init__(self, function: Function, capacity: int = 1) -> None:
        super().__init__(lambda job: None, capacity)
        self._function = function
        self._pruned: dict[str, str] = {}
        self._left: dict[str, list[Point]] = {}
        self._values: dict[str, list[float]] = {}
        self.steps = 0

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.running.add(job.run)
        self._values[job.run] = self._function(job.parameters)
        self._left[job.run] = [Point("score", step, value) for step, value in enumerate(self._values[job.run])]
        self._events.append(Started(job.run))

    def wait(self, timeout: float) -> list[Event]:
        if self._events:
            return [self._events.popleft()]
        return [self._go_on(run) for run in sorted(self.running)]

    def _go_on(self, run: str) -> Event:
        if self._left[run] and run not in self._pruned:
            self.steps += 1
            return PointsRecorded(run, (self._left[run].pop(0),))
        self.running.discard(run)
        shown = self._values[run][: len(self._values[run]) - len(self._left[run])]
        status = Status.PRUNED if run in self._pruned else Status.OK
        return Ended(run, Outcome(status, self._pruned.get(run, ""), metrics={"score": shown[-1]} if shown else {}))

    def prune(self, run: str, cause: str) -> None:
        self._pruned.setdefault(run, cause)


class SimulatedJobs:
    def make_job(self, run: Run, attempt: int) -> Job:
        return Job(run.id, attempt, "nb.ipynb", f"{run.id}/nb.ipynb", run.parameters, "")

    def note_cold(self, event: StartedCold) -> None:
        raise AssertionError


def run_search(
    folder: Path, search: Search, function: Function, capacity: int = 1, sweep: Simulated | None = None
) -> tuple[Ledger, FunctionBackend]:
    """Search to the end; the ledger is closed, but can be read."""
    folder.mkdir(exist_ok=True)
    ledger = open_ledger(folder, Mask())
    backend = FunctionBackend(function, capacity)
    sweep = sweep or Simulated()
    runs = SearchRuns(search, ledger, sweep, {})
    Runner(Plan(runs, SimulatedJobs(), sweep.source), ledger, backend, Listener()).run(StopSignals())
    ledger.close()
    return ledger, backend
