"""A summary of a sweep: which notebook, when, how it went, and what went wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True)
class Failure:
    """Runs that ended badly in the same way."""

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
        failures=_group_failures(runs),
    )


def _notebook_name(content: LedgerContent) -> str:
    """The notebook's file name according to the ledger, or else that of the executed notebooks."""
    asked = [str(sweep.get("notebook") or "") for sweep in content.sweeps]
    written = [run.notebook for run in content.runs.values()]
    return next((PurePosixPath(path).name for path in [*reversed(asked), *written] if path), "notebook")


def _moments(texts: Iterable[str]) -> list[datetime]:
    return [moment for text in texts if (moment := read_moment(text))]


def _group_failures(runs: Sequence[RunRecord]) -> list[Failure]:
    grouped = Counter((run.status, cut(run.outcome.cause)) for run in runs if run.status in TROUBLE)
    return [Failure(status, cause or WORDS[status], count) for (status, cause), count in grouped.most_common()]
