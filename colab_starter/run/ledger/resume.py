"""Which runs of a sweep are already done, and which are still to do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import BAD, Status

if TYPE_CHECKING:
    pass


def is_to_do(record: RunRecord | None, retry_failed: bool) -> bool:
    """Whether a run is executed (again): what is ok never is, what failed only on request, or for want of space."""
    if record is None or record.status in {Status.RUNNING, Status.INTERRUPTED} or record.lacked_space:
        return True
    return retry_failed and record.status in BAD


def find_open(records: Mapping[str, RunRecord]) -> list[RunRecord]:
    """The runs that a killed coordinator left: started, and no end in the ledger."""
    return [record for record in records.values() if record.status == Status.RUNNING]
