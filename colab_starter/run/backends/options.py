"""What a backend is before it is opened: its options, and what the rest of ``run`` has to know of it.

Imported for ``--help`` already, so that it imports nothing that takes time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from colab_starter.run.backends import Backend
    from colab_starter.run.secrets import Mask
    from colab_starter.run.storage.store import Lock, Store


class Sweep(Protocol):
    """What a backend has to know of the sweep."""

    @property
    def folder(self) -> Path:
        """Where the runs are executed on this machine."""

    @property
    def cwd(self) -> Path:
        """Where they work."""

    @property
    def store(self) -> Store: ...

    @property
    def mask(self) -> Mask: ...

    @property
    def jobs(self) -> int | None:
        """How many are asked for at once; None lets the backend choose."""

    @property
    def secrets(self) -> Sequence[str]:
        """Names of further secrets."""

    @property
    def kernel_name(self) -> str:
        """The kernelspec of the runs."""

    @property
    def kept_environment(self) -> Path | None:
        """Where the packages stay that the notebook installs; None where they are thrown away."""

    def say(self, text: str) -> None:
        """Something that people want to know, but programs do not."""


OpenBackend = Callable[[Sweep, int, "Lock"], "Backend"]
"""Opens the backend for a sweep of which so many runs are to do."""


class Flag(NamedTuple):
    """What the command line says of a field of ``BackendOptions``; stands in its annotation."""

    help: str
    metavar: str | None = None
    min: float | None = None


@dataclass(frozen=True)
class BackendOptions(ABC):
    """A backend as it was chosen. A subclass's fields are its options on the command line."""

    name: ClassVar[str]
    """As ``--backend`` takes it."""
    runs_here: ClassVar[bool] = False
    """Its runs have the environment of this machine, and share its disk."""
    uses_local_kernelspecs: ClassVar[bool] = True
    """Its kernels are started by the kernelspecs of this machine, or of others that have the same."""
    makes_overlays: ClassVar[bool] = True
    """What a notebook installs goes into an overlay; else into the environment of its kernel, which is not ours."""
    keeps_machines: ClassVar[bool] = True
    """That environment is there after the sweep, so that people want to know what is installed into it."""
    reads_store_directly: ClassVar[bool] = False
    """Its workers read and write a store by its address, because they do not see this disk."""

    @abstractmethod
    def check(self) -> OpenBackend:
        """Check the options, and start nothing. Raises WrongOptionError, and whatever a missing tool raises."""


@dataclass(frozen=True)
class GpuOptions(BackendOptions):
    """Of backends that share out GPUs."""

    gpus: Annotated[str, Flag("auto, none, or which ones: 0,1.")] = "auto"
    gpus_per_run: Annotated[str, Flag("1, 2, ... or a part, such as 0.5.", metavar="N")] = "1"
