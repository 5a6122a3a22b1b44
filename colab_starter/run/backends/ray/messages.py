"""What the coordinator and the process that talks to Ray say to each other; events pass as they are."""

from dataclasses import dataclass

from colab_starter.run.job import Job, WarmPlan
from colab_starter.run.stopping import StopLevel


@dataclass(frozen=True)
class Needs:
    """What a run takes of a node while it is executed."""

    cpus: float = 1
    gpus: float | None = None
    """None is one GPU where the cluster has any, and none where not; 0.5 is half of one."""


@dataclass(frozen=True)
class Setup:
    """The first message, to the driver."""

    address: str | None
    """None is RAY_ADDRESS, or the cluster of this machine; one is started if there is none, and for ``local``."""
    needs: Needs
    jobs: int | None
    """Runs at once; None is as many as the cluster has room for."""
    folder: str
    """Of the sweep, which every node must be able to write to; empty where the runs go to a store."""
    cwd: str
    """Where the runs work, which every node must have."""
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
    level: StopLevel


@dataclass(frozen=True)
class Room:
    """The driver's first message, and later where it changes."""

    capacity: int
    notice: str = ""
    """What people should know about the cluster; empty for nothing."""


@dataclass(frozen=True)
class Refused:
    """The driver's first and last message, when it cannot work."""

    reason: str
    """One line with the remedy."""
