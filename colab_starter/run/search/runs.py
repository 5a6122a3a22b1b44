"""The runs of a search, one after the other: what Optuna suggests, recorded in the ledger before it is started."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from colab_starter.run.flat_metrics import is_number
from colab_starter.run.job import Point
from colab_starter.run.ledger.ledger import Ledger, RunRecord, Trial
from colab_starter.run.ledger.names import KnownNames
from colab_starter.run.ledger.resume import is_to_do
from colab_starter.run.ledger.series import RunSeries
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.search.request import SECONDS, Search
from colab_starter.run.search.study import Study
from colab_starter.run.secrets import Mask
from colab_starter.run.source import Pruning
from colab_starter.run.sweep.runs import Run, make_id
from colab_starter.sweep_folder import tell_digest

MOST_REPEATS = 200
"""How many suggestions in a row may be of runs that are done before the search is taken to be at its end."""


class Searched(Protocol):
    """What a search needs to know of its sweep."""

    @property
    def source(self) -> str:
        """The hash of the notebook."""

    @property
    def mask(self) -> Mask: ...

    @property
    def retry_failed(self) -> bool: ...

    def say(self, text: str) -> None:
        """Print a message for people rather than programs."""


class SearchRuns:
    """A ``RunSource`` that asks a study; the study is rebuilt from the ledger, so that a killed search goes on.

    Runs that were started or suggested but not ended come first, with the same parameters. A suggestion whose run has
    been done counts as a trial, and is told at once.
    """

    def __init__(
        self,
        search: Search,
        ledger: Ledger,
        sweep: Searched,
        series: Mapping[str, RunSeries],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``series`` is what earlier runs recorded. Raises SearchLibraryError."""
        self._search = search
        self._ledger = ledger
        self._sweep = sweep
        self._source = sweep.source
        self._mask = sweep.mask
        self._clock = clock
        self._study = Study(search)
        self._names = KnownNames(ledger.runs.values(), sweep.mask)
        self._open: dict[str, list[int]] = {}
        """The numbers of the trials that have not ended, by their runs."""
        self._next = 0
        self._count = 0
        """How many trials there are."""
        self.outside = 0
        """How many trials of earlier commands had other ranges or fixed values, and are none of this search."""
        self._is_closed = False
        self._deadline: float | None = None
        self._running: set[str] = set()
        self.runs: dict[str, Run] = {}
        """The runs of the trials, in the order in which they were suggested."""
        self._has_warned = False
        self._has_steps = False
        """Whether it is known, and said, if the objective has steps."""
        self._rebuild(series)
        self._waiting = deque(self.runs[run] for run in self._open)

    @property
    def asked(self) -> Sequence[Run]:
        return list(self.runs.values())

    @property
    def left(self) -> int | None:
        """How many runs may still come: those that wait to be done again, and new ones; None if that depends on the
        time."""
        new = self._count_new()
        return None if new is None else len(self._waiting) + new

    def _count_new(self) -> int | None:
        """How many trials may still be suggested; None if that depends on the time."""
        limits = [] if self._search.trials is None else [self._search.trials - self._count]
        if self._search.sampler == "grid" and self._search.size is not None:
            limits.append(self._search.size - len(self.runs))
        return max(0, min(limits)) if limits else None

    @property
    def has_more(self) -> bool:
        return bool(self._waiting) or (not self._is_closed and self._may_ask())

    def take(self) -> Run | None:
        if self._deadline is None and self._search.seconds is not None:
            self._deadline = self._clock() + self._search.seconds
        run = self._waiting.popleft() if self._waiting else self._suggest()
        if run:
            self._running.add(run.id)
        return run

    def put_back(self, run: Run) -> None:
        self._waiting.append(run)

    def note_points(self, run: str, points: Sequence[Point]) -> Pruning | None:
        prunings = [self._study.report(number, points) for number in self._open.get(run, ())]
        return next(filter(None, prunings), None)

    def note_end(self, run: str, outcome: Outcome) -> None:
        self._running.discard(run)
        if outcome.status is Status.OK:
            self._warn_of_steps(run)
        if outcome.status is not Status.INTERRUPTED:
            self._tell(run, outcome)

    def close(self) -> None:
        self._is_closed = True
        self._waiting.clear()

    def _may_ask(self) -> bool:
        if self._count_new() == 0 or (self._deadline is not None and self._clock() >= self._deadline):
            return False
        return self._search.size is None or len(self.runs) < self._search.size

    def _suggest(self) -> Run | None:
        """A suggestion that has to be executed; it is in the ledger when this returns."""
        repeats = 0
        while not self._is_closed and self._may_ask() and repeats < MOST_REPEATS:
            parameters = self._study.suggest(self._next)
            if parameters is None:
                self._is_closed = True
                break
            run = self._name(parameters)
            self._ledger.write_trial(Trial(self._next, run.id, run.parameters, self._source))
            self._begin(self._next, run)
            record = self._ledger.runs.get(run.id)
            if run.id not in self._running and (record is None or is_to_do(record, self._sweep.retry_failed)):
                return run
            if run.id not in self._running and record:
                self._tell(run.id, record.outcome)
            repeats += 1
        if repeats == MOST_REPEATS:
            self._sweep.say(f"the last {repeats} suggestions had all been done, so the search has ended")
            self._is_closed = True
        return None

    def _name(self, parameters: Mapping[str, Any]) -> Run:
        return self._names.recognise(Run(make_id(parameters, self._source, self._mask), dict(parameters)))

    def _begin(self, number: int, run: Run) -> None:
        self._open.setdefault(run.id, []).append(number)
        self.runs.setdefault(run.id, run)
        self._next = number + 1
        self._count += 1

    def _tell(self, run: str, outcome: Outcome, *, is_pruned: bool = False) -> None:
        """Tell the study how the trials of a run ended."""
        metrics = {**outcome.metrics, SECONDS: outcome.seconds} if outcome.status is Status.OK else None
        is_pruned = is_pruned or outcome.status is Status.PRUNED
        for number in self._open.pop(run, ()):
            has_value = self._study.tell(number, metrics, is_pruned=is_pruned)
            if outcome.status is Status.OK and not has_value:
                self._warn(number, run, outcome)

    def _warn(self, number: int, run: str, outcome: Outcome) -> None:
        """Say once that a run does not record what is searched for."""
        lacking = [name for name in self._search.objectives if name not in {*outcome.metrics, SECONDS}]
        what = f"recorded no {lacking[0]}" if lacking else "recorded an objective that is not a number"
        if not self._has_warned:
            self._has_warned = True
            names = [name for name, value in outcome.metrics.items() if is_number(value)]
            instead = (
                f" (it recorded {', '.join(names[:10])}{', ...' * (len(names) > 10)})" if lacking and names else ""
            )
            self._sweep.say(f"trial {number} {what}, so the search learns nothing from it: {run}{instead}")

    def _warn_of_steps(self, run: str) -> None:
        """Say once that nothing can be pruned by a metric that has no steps."""
        numbers = self._open.get(run, [])
        if not self._search.pruner or self._has_steps or not numbers:
            return
        self._has_steps = True
        if not any(map(self._study.has_steps, numbers)):
            name = next(iter(self._search.objectives))
            self._sweep.say(
                f"trial {numbers[0]} recorded {name} without steps, so --prune can end no such run early: {run}"
            )

    def _rebuild(self, series: Mapping[str, RunSeries]) -> None:
        """Tell the study everything that the ledger holds, in the order in which it happened."""
        ended: set[str] = set()
        aliases = self._ledger.content.aliases
        for event in list(self._ledger.content.events):
            run = aliases.get(event.run, event.run)
            record = self._ledger.runs.get(run)
            if isinstance(event, Trial):
                if event.source == self._source:
                    self._take_again(event, run)
                    if record and run in ended:
                        self._tell(run, record.outcome)
            elif record and event.attempt == record.attempt and not is_to_do(record, self._sweep.retry_failed):
                ended.add(run)
                self._learn(record, series.get(run, {}))

    def _take_again(self, trial: Trial, run: str) -> None:
        digest = tell_digest(run)
        parameters = self._search.unmask(
            trial.parameters,
            self._mask,
            lambda point: tell_digest(make_id(point, self._source, self._mask)) == digest,
        )
        if not self._search.covers(parameters):
            self.outside += 1
            self._next = trial.number + 1
            return
        self._begin(trial.number, Run(run, parameters))
        if self._search.seed is None:
            self._study.take(trial.number, parameters)
        else:
            self._study.repeat(trial.number, parameters)

    def _learn(self, record: RunRecord, series: RunSeries) -> None:
        """Tell the study of a run that has ended."""
        if record.run in self._open:
            points = [
                Point(name, step, value)
                for name in self._search.objectives
                for step, value in _cut(series.get(name, []), record.pruned_at)
            ]
            # Without a pruner, only the curves of pruned trials matter, and noting them takes Optuna time.
            for number in self._open[record.run] if self._search.pruner or record.pruned_at is not None else ():
                self._study.note(number, points)
            self._tell(record.run, record.outcome, is_pruned=record.pruned_at is not None)
        elif self._search.enqueue and record.status is Status.OK and record.source == self._source:
            metrics = {**record.outcome.metrics, SECONDS: record.outcome.seconds}
            self._study.learn(record.parameters, metrics)


def _cut(series: Sequence[tuple[float, float]], step: int | None) -> Sequence[tuple[float, float]]:
    """A series up to the step at which its run was pruned: what arrived until it had ended was not learnt from."""
    place = next(
        (place for place, (at, _) in enumerate(series) if step is not None and at >= 0 and int(at) == step), None
    )
    return series if place is None else series[: place + 1]
