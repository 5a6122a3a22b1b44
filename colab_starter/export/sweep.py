"""A sweep as the formats describe it: its runs with their parameters, metrics, series and ends."""

import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from colab_starter.errors import NoSweepError
from colab_starter.report.build import Sweep, read_sweep
from colab_starter.run.flat_metrics import FlatMetrics, sort_metrics
from colab_starter.run.job import OUTPUT_DIR
from colab_starter.run.ledger.finished import read_moment
from colab_starter.run.ledger.journal import split_lines
from colab_starter.run.ledger.ledger import LedgerContent, RunRecord, Trial
from colab_starter.run.ledger.series import FILE_NAME
from colab_starter.run.ledger.timed_series import Measurement, TimedSeries, read_timed_series
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask, hide_password, make_mask
from colab_starter.run.storage.store import Store
from colab_starter.sweep_folder import tell_version

Series = Mapping[str, Sequence[Measurement]]
"""The measurements of each metric, in the order in which they were made."""


@dataclass(frozen=True)
class ExportedRun:
    """A run, of which the last attempt counts. Times are in seconds since 1970."""

    id: str
    attempt: int
    """Counted from 1."""
    given: Mapping[str, Any]
    """The parameters that it set."""
    defaults: Mapping[str, Any]
    """The other parameters of its notebook."""
    outcome: Outcome
    """``running`` if it has not ended."""
    metrics: FlatMetrics
    """The metrics that are not series."""
    series: Series
    """The metrics with steps, and those that are lists of numbers, whose steps count from 1."""
    started: float
    ended: float | None
    notebook: str
    """The path of the executed notebook, relative to the sweep's folder."""

    @property
    def status(self) -> Status:
        return self.outcome.status

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters, those that it set first."""
        return {**self.given, **self.defaults}

    def find_number(self, name: str) -> float | None:
        """The value of a metric, of a series the last one; None if it was not recorded as a number."""
        if name in self.metrics.numbers:
            return self.metrics.numbers[name]
        return self.series[name][-1].value if name in self.series else None


@dataclass(frozen=True)
class ExportedSweep:
    """What is told of a sweep; secrets are masked as in its ledger."""

    name: str
    """The name of its folder."""
    place: str
    """Its path or address."""
    notebook: str
    runs: Sequence[ExportedRun]
    """In the order of their first starts."""
    trials: Sequence[Trial]
    """What the last search and earlier ones of the same notebook suggested, in order."""
    search: Mapping[str, Any]
    """The facts of the last search; empty if there was none."""
    mask: Mask

    def list_metrics(self) -> list[str]:
        """The names of all metrics that are numbers or series of numbers."""
        return [*dict.fromkeys(name for run in self.runs for name in (*run.series, *run.metrics.numbers))]

    @property
    def points(self) -> int:
        """How many measurements and single numbers there are."""
        return sum(len(run.metrics.numbers) + sum(map(len, run.series.values())) for run in self.runs)


def read_exported(store: Store) -> ExportedSweep:
    """Read a sweep without changing anything; it may be running.

    Raises NoSweepError if the folder contains no runs or cannot be read, and LedgerVersionError.
    """
    try:
        sweep = read_sweep(store.open_journal(), store)
        lines = _read_lines(store)
    except OSError as error:
        place = hide_password(str(error.filename or store.name))
        raise NoSweepError(
            f"{place} cannot be read ({error.strerror}); give the folder that colab-starter run wrote"
        ) from None
    content = sweep.content
    if not content.runs:
        raise NoSweepError(f"{hide_password(store.name)}: no run has started yet; there is nothing to export")
    attempts = {run.run: run.attempt for run in content.runs.values()}
    series = read_timed_series(lines, attempts, content.aliases)
    parameters: dict[str, list[Any]] = defaultdict(list)
    for name, value in (pair for defaults in sweep.defaults.values() for pair in defaults.items()):
        parameters[name].append(value)
    mask = make_mask(os.environ, (), parameters, [store.name])
    return ExportedSweep(
        name=PurePath(store.name.rstrip("/")).name or "sweep",
        place=hide_password(store.name),
        notebook=str(content.sweeps[-1]["notebook"]) if content.sweeps else "",
        runs=[_describe_run(run, series.get(run.run, {}), sweep, mask) for run in content.runs.values()],
        trials=_list_trials(content),
        search=content.search,
        mask=mask,
    )


def _list_trials(content: LedgerContent) -> list[Trial]:
    """The trials of the notebook of the last search; an edited notebook counts its trials from 0 again."""
    sources = [sweep.get("source") for sweep in content.sweeps if isinstance(sweep.get("search"), dict)]
    trials = [trial for trial in content.trials if trial.source == sources[-1]] if sources else []
    return [replace(trial, run=content.aliases.get(trial.run, trial.run)) for trial in trials]


def _read_lines(store: Store) -> list[bytes]:
    try:
        return split_lines(store.read(FILE_NAME))
    except FileNotFoundError:
        return []


def _describe_run(run: RunRecord, series: TimedSeries, sweep: Sweep, mask: Mask) -> ExportedRun:
    metrics = sort_metrics(run.outcome.metrics)
    started = _read_seconds(run.started, 0.0)
    ended = _read_seconds(run.ended, started) if run.ended else None
    for name, values in metrics.lists.items():
        if name not in series:
            series[name] = [Measurement(step, value, ended or started) for step, value in enumerate(values, 1)]
    numbers = {name: value for name, value in metrics.numbers.items() if name not in series}
    given = {name: value for name, value in run.parameters.items() if name != OUTPUT_DIR}
    defaults = sweep.defaults.get(tell_version(run.source), {})
    return ExportedRun(
        id=run.run,
        attempt=run.attempt,
        given=given,
        defaults=mask.apply_to_value({name: value for name, value in defaults.items() if name not in given}),
        outcome=run.outcome,
        metrics=FlatMetrics(numbers, {}, metrics.texts),
        series=series,
        started=started,
        ended=ended,
        notebook=run.notebook,
    )


def _read_seconds(text: str, default: float) -> float:
    moment = read_moment(text)
    seconds = moment.timestamp() if moment else default
    return seconds if math.isfinite(seconds) else default
