"""``colab-starter run``: works out what remains to be done of a batch, and does it."""

import os
from collections.abc import Mapping
from pathlib import PurePath

from colab_starter.errors import SweepLostError
from colab_starter.run.backends import Backend
from colab_starter.run.batch import Batch, Options, prepare_batch
from colab_starter.run.display.progress import choose_progress
from colab_starter.run.display.summary import conclude, write_table
from colab_starter.run.goals import read_objectives
from colab_starter.run.job_maker import JobMaker, plan_run
from colab_starter.run.ledger.ledger import Ledger
from colab_starter.run.observers.observed import add_observers
from colab_starter.run.outcome import Status
from colab_starter.run.overlays.need import describe_need
from colab_starter.run.recovery import hide_secrets, settle
from colab_starter.run.request import check_request
from colab_starter.run.runner import Plan, Runner
from colab_starter.run.secrets import Mask, find_secrets
from colab_starter.run.standard_streams import lasting_output
from colab_starter.run.stopping import StopSignals
from colab_starter.run.storage.choice import reach
from colab_starter.run.storage.store import Lock, Store
from colab_starter.run.sweep.runs import write_snapshot
from colab_starter.run.work import Work, plan_work
from colab_starter.sweep_folder import tell_version
from colab_starter.text import plural, warn


def run_batch(options: Options) -> int:
    """Do what remains of a batch. Returns 0 if all its runs are ok, 1 if not, 128 + N after signal N.

    Raises the errors of ``prepare_batch``, and NoRunsFolderError, SweepBusyError, LedgerVersionError,
    LedgerWriteError, NoSuchKernelError, WrongOptionError, and those of the backend.
    """
    signals = StopSignals()
    with lasting_output(signals.note_closed_pipe):
        return _run_batch(options, signals)


def _run_batch(options: Options, signals: StopSignals) -> int:
    batch = prepare_batch(options)
    open_backend = check_request(batch)
    with _take_lock(batch.store) as lock:
        with reach(batch.store):
            ledger = _open_ledger(batch)
            work = plan_work(batch, ledger)
        _tell_what_is_known(work, ledger)
        with signals:
            try:
                if work.runs.has_more:
                    ledger.check_room()
                    _execute(work, ledger, open_backend(batch, work.most, lock), signals)
            except SweepLostError:
                ledger.close()
                raise
            except BaseException:
                _finish(work.batch_so_far, ledger)
                raise
            is_written = _finish(work.batch_so_far, ledger)
        return conclude(work.batch_so_far, ledger.runs, signals.exit_code, is_written)


def _take_lock(store: Store) -> Lock:
    with reach(store):
        return store.lock()


def _open_ledger(batch: Batch) -> Ledger:
    """The ledger, with everything that can be known about the runs of earlier commands."""
    ledger = Ledger(batch.store.open_journal(), batch.mask, batch.store.open_series())
    batch.store.publish_left(ledger)
    found = [run for run in settle(ledger, batch.store) if run.status is not Status.INTERRUPTED]
    if damaged := ledger.content.damaged:
        first = ", ".join(map(str, damaged[:5])) + ", ..." * (len(damaged) > 5)
        warn(f"the ledger is damaged in line {first}, which is skipped")
    if with_series := [run for run in found if run.outcome.series]:
        # Imported here because it is seldom needed.
        from colab_starter.run.lost_points import recover_points

        recover_points(ledger, batch.store, with_series, batch.options.metrics)
    if found:
        batch.say(f"the ledger did not record how {plural(len(found), 'run')} ended: taken from the executed notebooks")
    if renamed := hide_secrets(ledger, batch.store, batch.mask):
        warn(
            f"{plural(len(renamed), 'folder')} renamed whose names showed a secret, such as {renamed[0]}; "
            "it was not known as one when they were written, and their files still hold it"
        )
    return ledger


def _finish(batch: Batch, ledger: Ledger) -> bool:
    """Write the final records; returns whether the table of results was written."""
    ledger.close()
    is_written = write_table(batch, ledger.runs, read_objectives(ledger.content.search))
    batch.store.finish()
    return is_written


def _tell_what_is_known(work: Work, ledger: Ledger) -> None:
    """Report what already exists, and anything odd about it."""
    batch = work.batch_so_far
    ids = {run.id for run in batch.runs}
    version = tell_version(batch.source)
    older = sum(tell_version(record.source) != version for run, record in ledger.runs.items() if run not in ids)
    if older:
        name = PurePath(batch.store.name).name
        batch.say(f"{plural(older, 'run')} in {name} of an older version of the notebook: left as they are")
    if work.gone:
        batch.say(f"{plural(work.gone, 'run')} had been done, but the executed notebook is gone: done again")
    if batch.mask.apply(batch.notebook.text) != batch.notebook.text:
        warn(_describe_open_secret(batch))
    if batch.search:
        _tell_of_earlier_trials(work, ledger)
    elif done := len(batch.runs) - work.most:
        batch.say(f"{done:,} of {plural(len(batch.runs), 'run')} already done")


def _tell_of_earlier_trials(work: Work, ledger: Ledger) -> None:
    own = sum(trial.source == work.batch.source for trial in ledger.content.trials) - work.outside
    if own:
        further = "the search goes on from there" if work.runs.has_more else "nothing is left to do"
        work.batch.say(f"{plural(own, 'trial')} of earlier commands: {further}")
    if work.outside:
        work.batch.say(
            f"{plural(work.outside, 'trial')} of earlier commands had other ranges or fixed values: left as they are; "
            "the search neither counts them nor learns from them"
        )


def _describe_open_secret(batch: Batch) -> str:
    """A warning if the notebook itself holds a secret: the runs use a copy of it, which must not be altered."""
    masks = {name: Mask(find_secrets({name: value}, batch.options.secrets)) for name, value in os.environ.items()}
    names = ", ".join(name for name, mask in masks.items() if mask.apply(batch.notebook.text) != batch.notebook.text)
    what = f"the value of {names}" if names else "a secret"
    place = batch.mask.apply(batch.store.name)
    return (
        f"{batch.options.notebook} itself holds {what}, and so does the copy of it in {place}; "
        "let the notebook read it from the environment instead"
    )


def _execute(work: Work, ledger: Ledger, backend: Backend, signals: StopSignals) -> None:
    """Execute the remaining runs; returns when nothing is running any more."""
    batch = work.batch
    with backend:
        for line in describe_need(batch.need, batch.kept_environment, is_here=batch.options.backend.runs_here):
            batch.say(line)
        with reach(batch.store):
            backend.prepare(plan_run(batch, work.first))
            snapshot = write_snapshot(batch.notebook, batch.folder, batch.source)
            batch.store.keep_source(snapshot)
        maker = JobMaker(batch, snapshot)
        search = batch.search.to_record() if batch.search else None
        ledger.write_sweep(str(batch.options.notebook), batch.source, work.asked or 0, search)
        progress = add_observers(choose_progress(work.batch_so_far, work.count, ledger.runs), batch)
        try:
            plan = Plan(work.runs, maker, batch.source, batch.options.retries)
            Runner(plan, ledger, backend, progress).run(signals)
        finally:
            progress.close()
        _tell_what_is_cold(batch, {**backend.left_out, **maker.cold})


def _tell_what_is_cold(batch: Batch, cold: Mapping[str, str]) -> None:
    left_out = ", ".join(f"{module or 'all'} ({why})" for module, why in cold.items())
    if left_out:
        batch.say(f"imported again in each run: {batch.mask.apply(left_out)}")
