"""The options of the backend ``jupyter``, before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from colab_starter.errors import JupyterExtraMissingError
from colab_starter.run.backends.options import BackendOptions, Flag, OpenBackend, Sweep

if TYPE_CHECKING:
    from colab_starter.run.backends import Backend
    from colab_starter.run.storage.store import Lock

SERVER_LOG = "warm.log"
"""The log of what the workers print; removed if they print nothing."""


@dataclass(frozen=True)
class JupyterOptions(BackendOptions):
    """Runs on the kernels of Jupyter servers."""

    name: ClassVar[str] = "jupyter"
    uses_local_kernelspecs: ClassVar[bool] = False
    makes_overlays: ClassVar[bool] = False

    server: Annotated[
        list[str] | None,
        Flag("the address of a Jupyter server; may be repeated. Its token is in JUPYTER_TOKEN.", metavar="URL"),
    ] = None
    token_file: Annotated[Path | None, Flag("the file with the servers' token instead.", metavar="FILE")] = None

    def check(self) -> OpenBackend:
        check_extra(self.name)
        from colab_starter.run.backends.jupyter.access import read_servers

        servers = read_servers(self.server or [], self.token_file)

        def open_jupyter(sweep: Sweep, todo: int, lock: Lock) -> Backend:
            from colab_starter.run.backends.jupyter.backend import JupyterBackend
            from colab_starter.run.backends.jupyter.hosts import ServerHost, check_server, end_left_over
            from colab_starter.run.backends.publishing import publish_runs

            for access in servers:
                check_server(access, sweep.kernel_name)
                end_left_over(access)
            hosts = [ServerHost(access) for access in servers][: max(1, todo)]
            log = sweep.folder / SERVER_LOG
            return publish_runs(JupyterBackend(hosts, sweep.jobs, log, lock.descriptors, sweep.mask), sweep.store)

        return open_jupyter


def check_extra(backend: str) -> None:
    """Raise JupyterExtraMissingError if the websocket library is not installed."""
    import importlib.util

    if importlib.util.find_spec("websocket") is None:
        raise JupyterExtraMissingError(
            f'--backend {backend} needs websocket-client; run: pip install "colab-starter[jupyter]"'
        )
