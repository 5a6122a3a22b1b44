"""Messages between the coordinator and the process that talks to Ray; events are passed on unchanged."""

from dataclasses import dataclass

from colab_starter.run.job import Job, Stop, WarmPlan


@dataclass(frozen=True)
class Needs:
    """The resources of a node that a run occupies."""

    cpus: float = 1
    gpus: float | None = None
    """None means one GPU if the cluster has any, otherwise none; 0.5 is half of one."""


@dataclass(frozen=True)
class Setup:
    """The first message, to the driver."""

    address: str | None
    """None means RAY_ADDRESS or this machine's cluster; one is started if there is none, and for ``local``."""
    needs: Needs
    jobs: int | None
    """Parallel runs; None means as many as the cluster has room for."""
    folder: str
    """The sweep's folder, which every node must be able to write to; empty if the runs go to a store."""
    cwd: str
    """The working directory of the runs, which every node must have."""
    secrets: tuple[str, ...] = ()
    """Names of further environment variables whose values are masked in the nodes' logs."""
    is_insecure_allowed: bool = False
    """Whether the cluster may have several machines and no token."""


@dataclass(frozen=True)
class Prepare:
    plan: WarmPlan


@dataclass(frozen=True)
class Submit:
    job: Job


@dataclass(frozen=True)
class Cancel:
    run: str
    stop: Stop


@dataclass(frozen=True)
class Room:
    """The room for runs: the driver's first message, sent again whenever it changes."""

    capacity: int
    notice: str = ""
    """A notice about the cluster for the user; may be empty."""


@dataclass(frozen=True)
class Refused:
    """The driver's first and last message if it cannot work."""

    reason: str
    """One line with the remedy."""
