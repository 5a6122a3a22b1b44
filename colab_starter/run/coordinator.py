"""``colab-starter run``: finds out what is to do of a batch, and does it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from colab_starter.errors import NoRunsFolderError
from colab_starter.run.backends.local import LocalBackend
from colab_starter.run.batch import Batch, Options, prepare_batch
from colab_starter.run.cpus import available_memory, choose_jobs, count_cores, share_threads
from colab_starter.run.gpus import GpuPlaces, find_gpus, read_share
from colab_starter.run.jobs import JobMaker, check_kernel, plan_run
from colab_starter.run.ledger import Ledger, open_ledger
from colab_starter.run.lock import SweepLock
from colab_starter.run.progress import choose_progress
from colab_starter.run.resume import is_to_do, settle_open
from colab_starter.run.runner import Plan, Runner
from colab_starter.run.runs import Run, make_folder, write_snapshot
from colab_starter.run.stopping import StopSignals
from colab_starter.run.summary import conclude, write_table
from colab_starter.run.wording import count

SERVER_LOG = "warm.log"
"""What the processes print from which the runs are forked; removed where they print nothing."""


def run_batch(options: Options) -> int:
    """Do what is to do of a batch. Returns 0 where all its runs are ok, 1 where not, 128 + N after signal N.

    Raises the errors of ``prepare_batch``, and NoRunsFolderError, SweepBusyError, LedgerVersionError,
    LedgerWriteError, NoSuchKernelError and WrongOptionError.
    """
    batch = prepare_batch(options)
    check_kernel(batch)
    places = GpuPlaces(find_gpus(options.gpus), read_share(options.gpus_per_run))
    make_folder(batch.folder)
    with _take_lock(batch.folder) as lock:
        ledger = open_ledger(batch.folder, batch.mask)
        settle_open(ledger, batch.folder)
        todo = [run for run in batch.runs if is_to_do(ledger.runs.get(run.id), options.retry_failed)]
        _tell_what_is_known(batch, ledger, len(todo))
        with StopSignals() as signals:
            try:
                if todo:
                    _execute(batch, todo, ledger, _make_backend(batch, len(todo), places, lock), signals)
            finally:
                ledger.close()
                write_table(batch, ledger.runs)
        return conclude(batch, ledger.runs, signals.exit_code)


def _take_lock(folder: Path) -> SweepLock:
    try:
        return SweepLock(folder)
    except OSError as error:
        raise NoRunsFolderError(f"{folder} cannot be written ({error.strerror}); choose another --out") from None


def _tell_what_is_known(batch: Batch, ledger: Ledger, todo: int) -> None:
    """What is there already, and what is odd about it."""
    ids = {run.id for run in batch.runs}
    older = sum(record.source != batch.source for run, record in ledger.runs.items() if run not in ids)
    if older:
        batch.say(f"{count(older, 'run')} in {batch.folder.name} of an older state of the notebook: left as they are")
    if ledger.damaged:
        numbers = ", ".join(map(str, ledger.damaged[:5]))
        print(f"colab-starter: warning: the ledger is damaged in line {numbers}; passed over", file=sys.stderr)
    done = len(batch.runs) - todo
    if done:
        batch.say(f"{done:,} of {count(len(batch.runs), 'run')} done already")


def _make_backend(batch: Batch, todo: int, places: GpuPlaces, lock: SweepLock) -> LocalBackend:
    cores = count_cores()
    jobs = batch.options.jobs or choose_jobs(todo, places.capacity, cores, available_memory())
    if places.capacity is not None and jobs > places.capacity:
        jobs = places.capacity
        batch.say(f"{count(jobs, 'run')} at once, by the number of GPUs (--gpus-per-run 0.5 lets two share one)")
    threads = share_threads(min(jobs, todo), cores)
    return LocalBackend(jobs, places, threads, batch.folder / SERVER_LOG, keep_fds=(lock.descriptor,))


def _execute(batch: Batch, todo: Sequence[Run], ledger: Ledger, backend: LocalBackend, signals: StopSignals) -> None:
    """Run what is to do; returns when nothing runs any more."""
    with backend:
        backend.prepare(plan_run(batch, todo[0]))
        maker = JobMaker(batch, write_snapshot(batch.notebook, batch.folder, batch.source))
        ledger.write_sweep(str(batch.options.notebook), batch.source, len(batch.runs))
        progress = choose_progress(batch, len(todo))
        try:
            plan = Plan(todo, maker.make_job, batch.source, batch.options.retries)
            Runner(plan, ledger, backend, progress).run(signals)
        finally:
            progress.close()
        _tell_what_is_cold(batch, backend)


def _tell_what_is_cold(batch: Batch, backend: LocalBackend) -> None:
    left_out = ", ".join(f"{module} ({why})" for module, why in backend.left_out.items())
    if left_out:
        batch.say(f"imported anew in each run: {left_out}")
