"""The servers on which a backend starts kernels."""

from typing import Protocol

from colab_starter.errors import JupyterServerError
from colab_starter.run.backends.names import is_left_over, is_own
from colab_starter.run.kernels.jupyter_server import Access, JupyterServer


class Host(Protocol):
    """A server, and how to restore it when it is lost. Called from several threads."""

    access: Access
    label: str
    """The name for display."""
    is_lost: bool
    """Whether it can no longer be reached."""
    can_return: bool
    """Whether ``bring_back`` may help."""

    def bring_back(self) -> None:
        """Restore a lost host; called before its next run. Raises ColabStarterError."""


class ServerHost:
    """A server that is managed by others."""

    can_return = False

    def __init__(self, access: Access) -> None:
        self.access = access
        self.label = access.name
        self.is_lost = False

    def bring_back(self) -> None:
        """Do nothing: only its owner can restore it."""


def check_server(access: Access, kernelspec: str | None) -> None:
    """Check that the server can be reached, grants access, and has the kernel. Raises JupyterServerError."""
    server = JupyterServer(access)
    try:
        server.check()
        names = server.list_kernelspecs()
    finally:
        server.close()
    if kernelspec and names is not None and kernelspec not in names:
        raise JupyterServerError(
            f"{access.name} has no kernel {kernelspec!r}; give one of its own with --kernel: {', '.join(names)}"
        )


def end_kernel(access: Access, session: str) -> None:
    """End the kernel that was started under this name, if there is one. Raises JupyterServerError."""
    server = JupyterServer(access)
    try:
        if found := server.list_sessions().get(session):
            server.end(found)
    finally:
        server.close()


def end_left_over(access: Access) -> None:
    """End the kernels that killed sweeps of this machine left on the server. Raises JupyterServerError."""
    _end_all(access, of_this_process=False)


def end_own(access: Access) -> None:
    """End the kernels that this process has started. Raises JupyterServerError."""
    _end_all(access, of_this_process=True)


def _end_all(access: Access, *, of_this_process: bool) -> None:
    server = JupyterServer(access)
    try:
        for name, session in server.list_sessions().items():
            if is_own(name) if of_this_process else is_left_over(name):
                server.end(session)
    finally:
        server.close()
