"""What of a sweep is done already, and what is to do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from colab_starter.run.ledger.ledger import Ledger, RunRecord
from colab_starter.run.ledger.recovery import adopt_finished, finish_renames
from colab_starter.run.outcome import BAD, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import find_revealing

if TYPE_CHECKING:
    from colab_starter.run.storage.store import Store


def is_to_do(record: RunRecord | None, retry_failed: bool) -> bool:
    """Whether a run is executed (again): what is ok never is, what failed only on request, or for want of space."""
    if record is None or record.status in {Status.RUNNING, Status.INTERRUPTED} or record.lacked_space:
        return True
    return retry_failed and record.status in BAD


def find_open(records: Mapping[str, RunRecord]) -> list[RunRecord]:
    """The runs that a killed coordinator left: started, and no end in the ledger."""
    return [record for record in records.values() if record.status == Status.RUNNING]


def settle(ledger: Ledger, store: "Store") -> list[RunRecord]:
    """Write what is missing, from the executed notebooks where they are final; attempts without one are lost.

    Called while the lock is held, so that no worker is about to write one. Returns what was found.
    """
    finish_renames(ledger, store)
    left = find_open(ledger.runs)
    found = adopt_finished(ledger, store)
    ledger.write_lost(*(record.run for record in find_open(ledger.runs)))
    for record in left:
        store.remove_half_written(record.run)
    store.remove_half_written("")
    return found


def hide_secrets(ledger: Ledger, store: "Store", mask: Mask) -> list[str]:
    """Rename the folders whose names show what is secret; returns their new names. Raises OSError."""
    names = find_revealing(ledger.runs, mask)
    if names:
        ledger.write_renames(names)
        finish_renames(ledger, store)
    return list(names.values())
