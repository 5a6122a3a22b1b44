"""The backend ``jupyter`` does what every backend has to do, on a real Jupyter server."""

import os
import signal
from collections.abc import Iterator

import pytest

from colab_starter.run.backends import Backend
from colab_starter.run.backends.jupyter.access import TokenAccess
from colab_starter.run.backends.jupyter.backend import JupyterBackend
from colab_starter.run.backends.jupyter.hosts import ServerHost
from tests.run.backends.contract import SECRET, BackendContract, MarkedEnvironment, Rig
from tests.run.backends.jupyter_rig import JupyterRig


class JupyterContractRig(Rig):
    server: JupyterRig

    def open(self) -> Backend:
        host = ServerHost(TokenAccess(self.server.url, self.server.token))
        return JupyterBackend([host], 2, self.folder / "warm.log")

    def kill_worker(self, kernel: int, worker: int) -> None:
        os.kill(worker, signal.SIGKILL)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("jupyter")
    with MarkedEnvironment(TEST_SECRET=SECRET), JupyterRig(folder / "server") as server:
        made = JupyterContractRig(
            folder,
            arguments=["--backend", "jupyter", "--server", server.url, "-j", "2"],
            has_server=True,
            cannot={"cause of death": "a Jupyter server does not tell of what a kernel died"},
        )
        made.server = server
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JUPYTER_TOKEN", server.token)
            yield made


@pytest.mark.slow
class TestJupyter(BackendContract):
    pass
