"""What a worker has from the fork server that it was forked from."""

from dataclasses import dataclass, field
from typing import Any

from colab_starter.run.kernels.hidden import HiddenModules


@dataclass
class Heritage:
    """Noted by the server once its imports are done, before the first fork."""

    environment: dict[str, str] = field(default_factory=dict)
    """All of it, as the server was started with it."""
    descriptors: set[int] = field(default_factory=set)
    """Those that the imported modules have open; a kernel keeps them, and no others."""
    kernel_path: list[str] = field(default_factory=list)
    """``sys.path`` as a kernel that starts cold has it."""
    filters: list[Any] = field(default_factory=list)
    """Those of ``warnings``, as a kernel that starts cold has them."""
    hidden: HiddenModules | None = None
    """The modules that a kernel which starts cold has not imported yet."""
    folder: str = ""
    """Where workers make their folders for sockets: ``<folder>/<pid>``. The server removes what they leave."""


_heritage: Heritage | None = None


def set_heritage(heritage: Heritage) -> None:
    """Called once, in the server."""
    global _heritage
    _heritage = heritage


def get_heritage() -> Heritage | None:
    """None in a process that no fork server has forked."""
    return _heritage


def is_worker() -> bool:
    """Whether this process was forked to look after one kernel, so that all its children are the kernel's doing."""
    return _heritage is not None
