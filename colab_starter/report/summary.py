"""A summary of a sweep: which notebook, when, how it went, and what went wrong."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from colab_starter.report.table import cut
from colab_starter.run.durations import format_duration
from colab_starter.run.ledger.finished import read_moment
from colab_starter.run.ledger.ledger import LedgerContent, RunRecord
from colab_starter.run.outcome import Status

WORDS = {
    Status.OK: "ok",
    Status.PRUNED: "pruned",
    Status.FAILED: "failed",
    Status.TIMEOUT: "timed out",
    Status.KILLED: "killed",
    Status.INTERRUPTED: "interrupted",
    Status.RUNNING: "unfinished",
    Status.PENDING: "not started",
}
"""The name of each status on the page, in the order in which they are listed there."""

TROUBLE = (Status.FAILED, Status.TIMEOUT, Status.KILLED)
STOPPED_EARLY = (Status.PRUNED,)


@dataclass(frozen=True)
class Failure:
    """Runs that ended in the same way, before they were done."""

    status: Status
    cause: str
    runs: int


@dataclass(frozen=True)
class Summary:
    """The content of the head of the page."""

    notebook: str
    folder: str
    counts: dict[Status, int]
    """The statuses that occur, in the order of WORDS."""
    started: datetime | None
    ended: datetime | None
    running_time: str
    """The total of all runs."""
    failures: list[Failure]
    """Most frequent first."""
    pruned: list[Failure]
    """The runs that a search ended early, by the step at which it did; most frequent first."""


def summarise(content: LedgerContent, folder: str) -> Summary:
    """Count and group the runs."""
    runs = list(content.runs.values())
    found = Counter(run.status for run in runs)
    return Summary(
        notebook=_notebook_name(content),
        folder=folder,
        counts={status: found[status] for status in WORDS if found[status]},
        started=min(_moments(run.started for run in runs), default=None),
        ended=max(_moments(run.ended for run in runs), default=None),
        running_time=format_duration(sum(run.outcome.seconds for run in runs)),
        failures=_group_failures(runs, TROUBLE),
        pruned=_group_failures(runs, STOPPED_EARLY),
    )


def _notebook_name(content: LedgerContent) -> str:
    """The notebook's file name according to the ledger, or else that of the executed notebooks."""
    asked = [str(sweep.get("notebook") or "") for sweep in content.sweeps]
    written = [run.notebook for run in content.runs.values()]
    return next((PurePosixPath(path).name for path in [*reversed(asked), *written] if path), "notebook")


def _moments(texts: Iterable[str]) -> list[datetime]:
    return [moment for text in texts if (moment := read_moment(text))]


def _group_failures(runs: Sequence[RunRecord], statuses: Collection[Status]) -> list[Failure]:
    grouped = Counter((run.status, _tell_cause(run)) for run in runs if run.status in statuses)
    return [Failure(status, cause or WORDS[status], count) for (status, cause), count in grouped.most_common()]


def _tell_cause(run: RunRecord) -> str:
    """The cause as one of a group: "pruned at step 3" without the numbers that differ. The page does the same."""
    cause = cut(run.outcome.cause)
    return cause.partition(":")[0] if run.status is Status.PRUNED else cause
