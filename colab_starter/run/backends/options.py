"""Backends before they are opened: their options, and what the rest of ``run`` needs to know about them.

This is imported even for ``--help``, so it imports nothing slow.
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
    """What a backend needs to know about the sweep."""

    @property
    def folder(self) -> Path:
        """Where the runs are executed on this machine."""

    @property
    def cwd(self) -> Path:
        """The working directory of the runs."""

    @property
    def store(self) -> Store: ...

    @property
    def mask(self) -> Mask: ...

    @property
    def jobs(self) -> int | None:
        """The requested number of parallel runs; None lets the backend choose."""

    @property
    def secrets(self) -> Sequence[str]:
        """The names of further secrets."""

    @property
    def kernel_name(self) -> str:
        """The kernelspec of the runs."""

    @property
    def kept_environment(self) -> Path | None:
        """Where packages that the notebook installs are kept; None if they are thrown away."""

    def say(self, text: str) -> None:
        """Print a message for people rather than programs."""


OpenBackend = Callable[[Sweep, int, "Lock"], "Backend"]
"""Opens the backend for a sweep with that number of remaining runs."""


class Flag(NamedTuple):
    """How a field of ``BackendOptions`` appears on the command line; used in its annotation."""

    help: str
    metavar: str | None = None
    min: float | None = None


@dataclass(frozen=True)
class BackendOptions(ABC):
    """The chosen backend. A subclass's fields are its options on the command line."""

    name: ClassVar[str]
    """The name for ``--backend``."""
    runs_here: ClassVar[bool] = False
    """Whether its runs have the environment of this machine and share its disk."""
    uses_local_kernelspecs: ClassVar[bool] = True
    """Whether its kernels are started by the kernelspecs of this machine, or of others with the same ones."""
    makes_overlays: ClassVar[bool] = True
    """Whether installs go into an overlay; otherwise they go into the kernel's environment, which is not ours."""
    keeps_machines: ClassVar[bool] = True
    """Whether that environment outlives the sweep, so that users want to know what is installed into it."""
    reads_store_directly: ClassVar[bool] = False
    """Whether its workers access a store by its address, because they cannot access this disk."""

    @abstractmethod
    def check(self) -> OpenBackend:
        """Check the options; starts nothing. Raises WrongOptionError, and the error of a missing tool."""


@dataclass(frozen=True)
class GpuOptions(BackendOptions):
    """The options of backends that assign GPUs."""

    gpus: Annotated[str, Flag("auto, none, or which ones: 0,1.")] = "auto"
    gpus_per_run: Annotated[str, Flag("1, 2, ... or a part, such as 0.5.", metavar="N")] = "1"
