"""What remains to be done of a batch: the runs of a list that are not done, or the trials of a search."""

from dataclasses import dataclass, replace

from colab_starter.run.batch import Batch
from colab_starter.run.ledger.ledger import Ledger
from colab_starter.run.ledger.names import recognise_runs
from colab_starter.run.ledger.resume import is_to_do
from colab_starter.run.ledger.series import read_series
from colab_starter.run.recovery import note_gone
from colab_starter.run.search.request import Search
from colab_starter.run.source import ListedRuns, RunSource
from colab_starter.run.sweep.options import LARGEST_SWEEP
from colab_starter.run.sweep.runs import Run


@dataclass(frozen=True)
class Work:
    """What remains to be done."""

    batch: Batch
    runs: RunSource
    first: Run
    """A run like those to come, whose modules are preloaded before any is started."""
    count: int | None
    """How many runs may come; None if that depends on the time."""
    asked: int | None
    """How many runs or trials were asked for; None if that depends on the time."""
    gone: int
    """How many runs were done, but have to be done again because their notebooks are gone."""
    outside: int = 0
    """How many trials of earlier commands had other ranges or fixed values than the search."""

    @property
    def most(self) -> int:
        """How many runs may come at most."""
        return LARGEST_SWEEP if self.count is None else self.count

    @property
    def batch_so_far(self) -> Batch:
        """The batch with all runs that there are by now."""
        return replace(self.batch, runs=list(self.runs.asked))


def plan_work(batch: Batch, ledger: Ledger) -> Work:
    """What remains to be done. Raises OSError, and SearchLibraryError."""
    if batch.search:
        return _plan_search(batch, batch.search, ledger)
    runs = recognise_runs(batch.runs, ledger.runs, batch.mask)
    gone = note_gone(ledger, batch.store, [run.id for run in runs])
    todo = [run for run in runs if is_to_do(ledger.runs.get(run.id), batch.options.retry_failed)]
    return Work(batch, ListedRuns(todo, runs), (todo or runs)[0], len(todo), len(runs), gone)


def _plan_search(batch: Batch, search: Search, ledger: Ledger) -> Work:
    # Imported here because only a search needs Optuna.
    from colab_starter.run.search.runs import SearchRuns

    trials = [trial for trial in ledger.content.trials if trial.source == batch.source]
    gone = note_gone(ledger, batch.store, dict.fromkeys(trial.run for trial in trials))
    series = read_series(batch.store.open_series().read(), ledger.content.aliases) if trials else {}
    runs = SearchRuns(search, ledger, batch, series)
    return Work(batch, runs, batch.runs[0], runs.left, search.trials, gone, runs.outside)
