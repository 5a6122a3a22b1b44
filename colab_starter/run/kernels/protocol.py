"""What a fork server and its client tell each other.

The server may run in another Python than the client, and in an environment that has none of the client's packages: the
fields are of plain types, and this module needs only the standard library of Python 3.10.
"""

from collections.abc import Mapping
from typing import NamedTuple

GUARD = "colab_starter.run.kernels.guard:guard_for_worker"
"""What a fork server in the kernel's Python forks for each worker."""
ENDED = "the process that its kernels are forked from has ended"
"""Why kernels start cold after that."""


class Setup(NamedTuple):
    """The first message to a server."""

    steps: tuple[str | tuple[str, str], ...]
    """Modules to import, and environment variables with their values, in order."""
    cwd: str
    """The working directory for these steps; empty if kernels may work anywhere."""
    overlay: str
    """The folder of the overlay in which the server runs; empty if there is none."""
    keep_fds: tuple[int, ...]
    environment: Mapping[str, str] = {}
    """Variables in addition to those it was started with."""
    is_early: bool = False
    """It was started early, in another folder and without a log: the descriptors of the log and of what must stay open
    follow this message.
    """
    may_lack: bool = False
    """Whether a module that does not exist is not worth mentioning."""
    threadpoolctl: str = ""
    """The file to load if that module is not installed where the server runs."""


class Ready(NamedTuple):
    """The server's only message: its imports are done."""

    left_out: dict[str, str]


class Exited(NamedTuple):
    """The last record in a fork's channel, sent by the fork server: the fork is gone, with all that it started."""

    status: int
    """The exit code, or the negative number of the signal that killed it."""


class KernelRequest(NamedTuple):
    """The kernel that a guard forks for a worker.

    Three descriptors follow: of the log, the one that is closed once the kernel's sockets are bound, and the one that
    gets its refusal.
    """

    connection_file: str
    cwd: str
    environment: Mapping[str, str]
    """The complete environment."""
