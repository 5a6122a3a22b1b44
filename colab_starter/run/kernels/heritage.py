"""What a worker inherits from the fork server."""

from dataclasses import dataclass, field
from typing import Any

from colab_starter.run.kernels.hidden import HiddenModules


@dataclass
class Heritage:
    """Recorded by the server once its imports are done, before the first fork."""

    environment: dict[str, str] = field(default_factory=dict)
    """The complete environment with which the server was started."""
    descriptors: set[int] = field(default_factory=set)
    """The descriptors that the imported modules have open; a kernel keeps only these."""
    kernel_variables: dict[str, str] = field(default_factory=dict)
    """The environment variables that a cold kernel sets itself where they are missing."""
    kernel_path: list[str] = field(default_factory=list)
    """``sys.path`` of a cold kernel."""
    filters: list[Any] = field(default_factory=list)
    """The filters of ``warnings`` in a cold kernel."""
    hidden: HiddenModules | None = None
    """The modules that a cold kernel has not imported yet."""
    has_kernel: bool = True
    """Whether a worker can turn a fork of itself into a kernel; otherwise it starts all kernels cold."""
    folder: str = ""
    """Where workers make their socket folders: ``<folder>/<pid>``. The server removes what they leave."""


_heritage: Heritage | None = None


def set_heritage(heritage: Heritage) -> None:
    """Set the heritage; called once, in the server."""
    global _heritage
    _heritage = heritage


def get_heritage() -> Heritage | None:
    """The heritage; None in a process that was not forked by a fork server."""
    return _heritage


def is_worker() -> bool:
    """Whether this process was forked to look after one kernel, so that all its children come from the kernel."""
    return _heritage is not None


def can_fork_kernel() -> bool:
    """Whether this process is a worker that can turn a fork of itself into a kernel."""
    return _heritage is not None and _heritage.has_kernel
