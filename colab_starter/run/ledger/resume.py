"""Deciding which runs of a sweep are done, and which remain."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import BAD, Status

if TYPE_CHECKING:
    pass


def is_to_do(record: RunRecord | None, retry_failed: bool) -> bool:
    """Whether to execute a run (again).

    Never if it is ok or pruned; if it failed, on request or if it lacked disk space.
    """
    if record is None or record.status in {Status.RUNNING, Status.INTERRUPTED} or record.lacked_space:
        return True
    return retry_failed and record.status in BAD


def find_open(records: Mapping[str, RunRecord]) -> list[RunRecord]:
    """The runs that a killed coordinator left: started, but without an end in the ledger."""
    return [record for record in records.values() if record.status == Status.RUNNING]
