"""What the runner hands to a backend, and what comes back: jobs and events.

All of it can be pickled, so that a job can cross to another process or another machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from colab_starter.run.outcome import Outcome
from colab_starter.run.stopping import StopLevel

KERNEL_LOG = "kernel.log"
"""In a run's folder: what its kernel wrote by itself, outside of any cell."""
OUTPUT_DIR = "output_dir"
"""The parameter that every run is given a folder of its own in."""
OUTPUT_FOLDER = "output"
"""In a run's folder: the files that its notebook writes to ``output_dir``."""


@dataclass(frozen=True)
class Overlay:
    """An environment on top of a kernel's own, for what a notebook installs."""

    python: str = ""
    """Of the environment below; empty for the Python of whoever makes the overlay."""
    name: str = ""
    """Tells it from others of the sweep: runs share one, unless what they install depends on their parameters."""
    is_of_one_run: bool = False
    """It goes with the run."""
    folder: str = ""
    """Set by the backend, which makes the overlay."""
    state: str = ""
    """Set with it, and another whenever something has been installed: kernels are not forked from processes that
    started before, and may have imported what is not to be found any more.
    """


@dataclass(frozen=True)
class WarmPlan:
    """What a process imports before kernels are forked from it."""

    steps: tuple[str | tuple[str, str], ...] = ()
    """Modules to import, and environment variables with their values, in the notebook's order."""
    cwd: str = ""
    """Where that is done; empty where the kernels may work anywhere."""
    overlay: Overlay | None = None
    """Whose Python the process runs, instead of this one."""

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(step for step in self.steps if isinstance(step, str))

    def cut_before(self, module: str) -> "WarmPlan":
        """The plan up to where it imports ``module``; all of it where it does not."""
        at = self.steps.index(module) if module in self.steps else len(self.steps)
        return replace(self, steps=self.steps[:at])


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
    overlay: Overlay | None = None
    """Where the kernel installs packages, and finds them; also the overlay of ``warm``."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the kernel gets on top of those it inherits."""
    limits: Limits = Limits()
    address: str = ""
    """Of the sweep's folder, where that is in a store and ``notebook`` and ``output`` are in a scratch folder."""
    secrets: tuple[str, ...] = ()
    """Names of further environment variables, or of parameters, whose values are masked in whatever is written."""
    typed: tuple[str, str] | None = None
    """What the user calls the source and the executed notebook."""


@dataclass(frozen=True)
class Started:
    run: str
    place: str = ""
    """Where it runs, for people: ``GPU 0``, a host's name; empty for this machine's CPU."""
    pid: int = field(default=0, compare=False)
    """Of the worker, on its machine; 0 where there is none."""


@dataclass(frozen=True)
class Due:
    """When the worker will say more, because a limit ends the cell or the run that it executes.

    For who looks after the worker, and is to end it where it does not keep the limit itself.
    """

    run: str
    within: float | None
    """Seconds; None where no limit counts any more."""
    cause: str = ""
    """What is to be said of a run that took longer."""


@dataclass(frozen=True)
class StartedCold:
    """The run was begun again with a cold kernel: what an import depends on is not as it was beforehand."""

    run: str
    module: str
    """The module of the warm plan that is to blame; empty where it is not in the plan."""
    why: str


@dataclass(frozen=True)
class CellStarted:
    run: str
    number: int
    """As Jupyter counts: 1 is the first cell that is executed, and the cell that sets the parameters counts too."""
    total: int
    """How many cells are executed."""


@dataclass(frozen=True)
class MetricRecorded:
    run: str
    name: str
    value: Any


@dataclass(frozen=True)
class Ended:
    run: str
    outcome: Outcome


Event = Started | StartedCold | CellStarted | MetricRecorded | Due | Ended
"""``Started`` comes first, ``Ended`` last, each once an attempt."""


@dataclass(frozen=True)
class Stop:
    """What the coordinator sends to a worker: end the run as interrupted."""

    level: StopLevel
