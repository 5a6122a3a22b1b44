"""What the runner hands to a backend, and what comes back: jobs, events and outcomes.

All of it can be pickled, so that a job can cross to another process or another machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KERNEL_LOG = "kernel.log"
"""In a run's folder: what its kernel wrote by itself, outside of any cell."""
OUTPUT_FOLDER = "output"
"""In a run's folder: the files that its notebook writes to ``output_dir``."""


class Status(StrEnum):
    """Where a run stands. The last five are ends."""

    PENDING = "pending"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    """A cell raised an error, or the run could not be started."""
    TIMEOUT = "timeout"
    """A cell, or the run, took longer than its limit."""
    KILLED = "killed"
    """The kernel, or the process that ran it, died; the cause says of what."""
    INTERRUPTED = "interrupted"
    """The user stopped the sweep; the next one does the run again."""


BAD = {Status.FAILED, Status.TIMEOUT, Status.KILLED}
"""How a run ends that is tried again on request only."""


@dataclass(frozen=True)
class WarmPlan:
    """What a process imports before kernels are forked from it."""

    modules: tuple[str, ...] = ()
    """In the order of import."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables that are set before the imports, because the notebook sets them before its own."""


@dataclass(frozen=True)
class Limits:
    """In seconds; None is no limit."""

    cell: float | None = None
    run: float | None = None


@dataclass(frozen=True)
class Job:
    """One attempt at one run."""

    run: str
    """The run's id, which is also the name of its folder."""
    attempt: int
    """From 1."""
    notebook: str
    """Absolute path of the source notebook."""
    output: str
    """Absolute path of the executed notebook; its folder is the run's."""
    parameters: Mapping[str, Any]
    """Values that survive as Python literals; ``output_dir`` among them where the notebook declares it."""
    cwd: str
    """The kernel's working directory."""
    kernel: str | None = None
    """Name of the kernelspec; None takes the notebook's own."""
    warm: WarmPlan | None = None
    """None starts the kernel cold."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the kernel gets on top of those it inherits."""
    limits: Limits = Limits()
    address: str = ""
    """Of the sweep's folder, where that is in a store and ``notebook`` and ``output`` are in a scratch folder."""
    secrets: tuple[str, ...] = ()
    """Names of further environment variables whose values are masked in whatever is written."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    status: Status
    cause: str = ""
    """One line, empty when all is well."""
    cell: int | None = None
    """The cell in which it ended, counted from 1 over all cells of the source notebook; None after the last."""
    seconds: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """The scraps that the notebook recorded: name to JSON value."""
    peak_memory: int | None = None
    """Of the kernel process, in bytes."""
    host: str = ""
    no_space: bool = False
    """Whether the disk was full when it did not end well, whatever the cause says."""


@dataclass(frozen=True)
class Started:
    run: str
    place: str = ""
    """Where it runs, for people: ``GPU 0``, a host's name; empty for this machine's CPU."""


@dataclass(frozen=True)
class CellStarted:
    run: str
    number: int
    """The cell's place among the code cells, from 1."""
    total: int
    """How many code cells there are."""


@dataclass(frozen=True)
class MetricRecorded:
    run: str
    name: str
    value: Any


@dataclass(frozen=True)
class Ended:
    run: str
    outcome: Outcome


Event = Started | CellStarted | MetricRecorded | Ended
"""``Started`` comes first, ``Ended`` last, each once an attempt."""


@dataclass(frozen=True)
class Stop:
    """What the coordinator sends to a worker: end the run as interrupted."""

    now: bool
    """At once, with the kernel; else after the cell that is being executed."""
