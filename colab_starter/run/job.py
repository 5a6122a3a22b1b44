"""What the runner hands to a backend, and what comes back: jobs and events.

All of it can be pickled, so that a job can be sent to another process or another machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from colab_starter.run.outcome import Outcome
from colab_starter.run.stopping import StopLevel

KERNEL_LOG = "kernel.log"
"""In a run's folder: what its kernel wrote outside any cell."""
OUTPUT_DIR = "output_dir"
"""The parameter that gives every run a folder of its own."""
OUTPUT_FOLDER = "output"
"""In a run's folder: the files that its notebook writes to ``output_dir``."""


@dataclass(frozen=True)
class Overlay:
    """An environment on top of a kernel's own, for what a notebook installs."""

    python: str = ""
    """The Python of the underlying environment; empty for the Python of the process that makes the overlay."""
    name: str = ""
    """Distinguishes the sweep's overlays: runs share one, unless what they install depends on their parameters."""
    is_of_one_run: bool = False
    """Whether it is removed when its run ends."""
    folder: str = ""
    """Set by the backend when it makes the overlay."""
    state: str = ""
    """Set with the folder, and changed whenever something is installed: kernels are not forked from processes that
    started earlier, which may have imported what no longer exists.
    """


@dataclass(frozen=True)
class KernelPython:
    """The Python of a kernelspec that is not the one of the process that executes the runs."""

    python: str
    """The absolute path of the interpreter."""
    environment: tuple[tuple[str, str], ...] = ()
    """The variables of the kernelspec, in which ``${NAME}`` stands for the values of others."""


@dataclass(frozen=True)
class WarmPlan:
    """What a process imports before kernels are forked from it."""

    steps: tuple[str | tuple[str, str], ...] = ()
    """Modules to import, and environment variables with their values, in the notebook's order."""
    cwd: str = ""
    """The working directory for these steps; empty if the kernels may work anywhere."""
    overlay: Overlay | None = None
    """The overlay whose Python the process runs instead of this one."""
    kernel: KernelPython | None = None
    """The Python that the process runs instead of this one. Such a process forks only kernels, and no workers."""
    may_lack: bool = False
    """Whether modules that do not exist are ignored: nobody has looked for them in the environment of ``kernel``."""

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(step for step in self.steps if isinstance(step, str))

    def cut_before(self, module: str) -> "WarmPlan":
        """The plan up to its import of ``module``; the whole plan if it does not import it."""
        at = self.steps.index(module) if module in self.steps else len(self.steps)
        return replace(self, steps=self.steps[:at])


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds; None means no limit."""

    cell: float | None = None
    run: float | None = None


@dataclass(frozen=True)
class Job:
    """One attempt at one run."""

    run: str
    """The run's id, which is also the name of its folder."""
    attempt: int
    """Counted from 1."""
    notebook: str
    """The absolute path of the source notebook."""
    output: str
    """The absolute path of the executed notebook; its folder is the run's."""
    parameters: Mapping[str, Any]
    """Values that can be written as Python literals, including ``output_dir`` if the notebook declares it."""
    cwd: str
    """The kernel's working directory."""
    kernel: str | None = None
    """The name of the kernelspec; None means the notebook's own."""
    warm: WarmPlan | None = None
    """What is preloaded; None starts the kernel cold."""
    overlay: Overlay | None = None
    """Where the kernel installs and finds packages; also the overlay of ``warm``."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that the kernel gets in addition to those it inherits."""
    limits: Limits = Limits()
    address: str = ""
    """The sweep's address, if it is in a store and ``notebook`` and ``output`` are in a scratch folder."""
    secrets: tuple[str, ...] = ()
    """Names of further environment variables or parameters whose values are masked in everything written."""
    typed: tuple[str, str] | None = None
    """The source and the executed notebook as the user calls them."""
    metric_patterns: tuple[str, ...] = ()
    """Regular expressions that find metrics in printed lines; see ``metric_lines``."""


@dataclass(frozen=True)
class Started:
    run: str
    place: str = ""
    """Where it runs, for display: ``GPU 0``, a host's name; empty for this machine's CPU."""
    pid: int = field(default=0, compare=False)
    """The process ID of the worker on its machine; 0 if there is none."""


@dataclass(frozen=True)
class Due:
    """The deadline for the worker's next event, set by the limit on the cell or run that it is executing.

    For the process that supervises the worker, and ends it if it does not enforce the limit itself.
    """

    run: str
    within: float | None
    """In seconds; None if no limit applies any more."""
    cause: str = ""
    """The cause to record for a run that takes longer."""


@dataclass(frozen=True)
class StartedCold:
    """The run was restarted with a cold kernel: something an import depends on had changed since preloading."""

    run: str
    module: str
    """The module of the warm plan that caused it; empty if it is not in the plan."""
    why: str


@dataclass(frozen=True)
class CellStarted:
    run: str
    number: int
    """As Jupyter counts: 1 is the first cell executed, and the cell that sets the parameters counts too."""
    total: int
    """How many cells are executed."""


@dataclass(frozen=True)
class MetricRecorded:
    run: str
    name: str
    value: Any
    step: int | float | None = None
    """Where a series has got to; None if the metric was recorded without a step."""


class Point(NamedTuple):
    """A value of a metric at a step, such as the accuracy after an epoch."""

    name: str
    step: int | float
    """Finite; the steps of a metric usually grow, but need not."""
    value: int | float
    """May be NaN or infinite."""


@dataclass(frozen=True)
class PointsRecorded:
    """Values with steps, in the order in which the notebook recorded them; none is ever left out."""

    run: str
    points: tuple[Point, ...]
    anew: bool = False
    """Whether these are the first points of an execution: earlier ones of the same attempt, which was started over on
    a cold kernel or another node, do not count.
    """
    dropped: tuple[str, ...] = ()
    """Names whose earlier points do not count: they were read from printed lines, and now come as scraps."""


@dataclass(frozen=True)
class Ended:
    run: str
    outcome: Outcome


Event = Started | StartedCold | CellStarted | MetricRecorded | PointsRecorded | Due | Ended
"""``Started`` comes first and ``Ended`` last, each once per attempt."""


@dataclass(frozen=True)
class Stop:
    """Sent by the coordinator to a worker: end the run, as interrupted or as pruned."""

    level: StopLevel = StopLevel.NO
    pruned: str = ""
    """Why a search prunes the run: the cause of its outcome. Empty if it ends as interrupted."""

    @classmethod
    def prune(cls, cause: str) -> "Stop":
        return cls(StopLevel.NOW, cause)

    def then(self, later: "Stop") -> "Stop":
        """What applies after a later stop: the first one, unless the user has raised the level since.

        So a run that the user has already stopped ends as interrupted, and is done again.
        """
        is_raised = later.level > self.level and not (later.pruned and self.level)
        return later if is_raised else self
