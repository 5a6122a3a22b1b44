"""How a run ends: the one place where the facts of an outcome are defined, written and read back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from colab_starter.errors import UnwritableValueError
from colab_starter.run.facts import Facts, read_optional_number, read_seconds, read_text, read_values
from colab_starter.run.literals import to_json

if TYPE_CHECKING:
    from colab_starter.run.secrets import Mask


class Status(StrEnum):
    """The status of a run. All but the first two are final."""

    PENDING = "pending"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    """A cell raised an error, or the run could not be started."""
    TIMEOUT = "timeout"
    """A cell, or the run, took longer than its limit."""
    KILLED = "killed"
    """The kernel, or the process that ran it, died; the cause says why."""
    PRUNED = "pruned"
    """A search ended it early because it did worse than the others; not a failure, and never done again."""
    INTERRUPTED = "interrupted"
    """The user stopped the sweep; the next one does the run again."""


BAD = {Status.FAILED, Status.TIMEOUT, Status.KILLED}
"""The final statuses after which a run is retried only on request."""
DONE = {Status.OK, Status.PRUNED}
"""The final statuses after which a run is never done again; neither is a failure."""


@dataclass(frozen=True)
class SeriesSummary:
    """What is kept of a metric that was recorded with steps; all of its values are in the series file."""

    count: int
    lowest: float
    """The lowest value; NaN if all are NaN."""
    lowest_step: float
    highest: float
    highest_step: float


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    status: Status
    cause: str = ""
    """One line; empty if all is well."""
    cell: int | None = None
    """The cell in which it ended, counted from 1 over all cells of the source notebook; None after the last."""
    seconds: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """The scraps that the notebook recorded: name to JSON value."""
    peak_memory: int | None = None
    """The peak memory of the kernel process, in bytes."""
    host: str = ""
    no_space: bool = False
    """Whether the disk was full when the attempt failed, whatever the cause says."""
    series: Mapping[str, SeriesSummary] = field(default_factory=dict)
    """The metrics that were recorded with steps; their last values are in ``metrics`` too."""

    def to_record(self) -> dict[str, Any]:
        """All facts as strict JSON, for the ledger and for a notebook's metadata."""
        series = {name: encode_metric(asdict(one)) for name, one in self.series.items()}
        return {
            "status": str(self.status),
            "cause": self.cause,
            "cell": self.cell,
            "seconds": round(self.seconds, 3),
            "metrics": {name: encode_metric(value) for name, value in self.metrics.items()},
            **({"series": series} if series else {}),
            "peak_memory": self.peak_memory,
            **({"host": self.host} if self.host else {}),
            **({"no_space": True} if self.no_space else {}),
        }

    @classmethod
    def from_record(cls, facts: Facts) -> Self:
        """Read what ``to_record`` returned; facts that an older colab-starter did not record are empty.

        Raises ValueError if a fact is of the wrong kind or the status is not final, KeyError if there is no status.
        """
        status = Status(read_text(facts, "status"))
        if status in {Status.PENDING, Status.RUNNING}:
            raise ValueError(f"{status} is not an end")
        return cls(
            status=status,
            cause=read_text(facts, "cause", ""),
            cell=read_optional_number(facts, "cell"),
            seconds=read_seconds(facts, "seconds"),
            metrics=read_values(facts, "metrics", {}),
            series={name: _read_series(one) for name, one in read_values(facts, "series", {}).items()},
            peak_memory=read_optional_number(facts, "peak_memory"),
            host=read_text(facts, "host", ""),
            no_space=facts.get("no_space") is True,
        )

    def masked(self, mask: "Mask") -> Self:
        """A copy without the secrets that the cause and the metrics may hold."""
        metrics = mask.apply_to_value(dict(self.metrics))
        series = {mask.apply(name): one for name, one in self.series.items()}
        return replace(self, cause=mask.apply(self.cause), metrics=metrics, series=series)


def _read_series(told: Any) -> SeriesSummary:
    if not isinstance(told, dict):
        raise ValueError("a series has no facts")
    facts = [told[one.name] for one in fields(SeriesSummary)]
    if any(type(fact) not in (int, float) for fact in facts):
        raise ValueError("a series is not described by numbers")
    return SeriesSummary(*facts)


def encode_metric(value: Any) -> Any:
    """Strict JSON for a metric, which may be any JSON; what ``to_json`` refuses is kept as a string."""
    try:
        return to_json(value)
    except UnwritableValueError:
        return _describe_value(value)


def _describe_value(value: Any) -> str:
    try:
        return ascii(value)
    except RecursionError:
        return "nested too deep to be kept"
