"""What of a sweep is done already, and what is to do."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colab_starter.run.job import Job, Outcome, Status
from colab_starter.run.ledger import Ledger, RunRecord

if TYPE_CHECKING:
    from colab_starter.run.storage.store import Store

_FINAL = {Status.FAILED, Status.TIMEOUT, Status.KILLED}


def is_to_do(record: RunRecord | None, retry_failed: bool) -> bool:
    """Whether a run is executed (again): what is ok never is, what failed only on request."""
    if record is None:
        return True
    return record.status in {Status.RUNNING, Status.INTERRUPTED} or (retry_failed and record.status in _FINAL)


def find_open(records: Mapping[str, RunRecord]) -> list[RunRecord]:
    """The runs that a killed coordinator left: started, and no end in the ledger."""
    return [record for record in records.values() if record.status == Status.RUNNING]


def settle_open(ledger: Ledger, store: "Store") -> None:
    """Write the ends that are missing, from the executed notebook where it is final; attempts without one are lost.

    Called while the lock is held, so that no worker is about to write one.
    """
    for record in find_open(ledger.runs):
        outcome = read_stored_outcome(store, record)
        if outcome:
            ledger.write_end(record.run, outcome)
        else:
            ledger.write_lost(record.run)
        store.remove_half_written(record.run)
    store.remove_half_written("")


def read_outcome(path: Path, record: RunRecord | Job) -> Outcome | None:
    """How the run ended, as its executed notebook says; None where it is not there, or is of another attempt."""
    try:
        return find_outcome(path.read_bytes(), record)
    except OSError:
        return None


def read_stored_outcome(store: "Store", record: RunRecord) -> Outcome | None:
    """The same for a run in a store. Raises OSError where the store cannot be reached."""
    try:
        return find_outcome(store.read(record.notebook), record)
    except FileNotFoundError:
        return None


def find_outcome(notebook: bytes, record: RunRecord | Job) -> Outcome | None:
    """The same, from the content of the executed notebook."""
    try:
        told = json.loads(notebook)["metadata"]["colab_starter"]
        if (told["run"], told["attempt"]) != (record.run, record.attempt):
            return None
        return _make_outcome(told)
    except (ValueError, KeyError, TypeError):
        return None


def _make_outcome(told: Mapping[str, Any]) -> Outcome:
    return Outcome(
        status=Status(told["status"]),
        cause=told["cause"],
        cell=told["cell"],
        seconds=told["seconds"],
        metrics=told["metrics"],
        peak_memory=told["peak_memory"],
        host=told["host"],
    )
