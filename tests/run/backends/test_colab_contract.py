"""The backend ``colab`` does what every backend has to do: Google's real command, on a real Jupyter server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.run.backends import Backend
from colab_starter.run.backends.colab import ColabBackend
from tests.run.backends.colab_rig import ColabRig
from tests.run.backends.contract import SECRET, BackendContract, MarkedEnvironment, Rig
from tests.run.backends.test_colab import find_commands, use_rig


class ColabContractRig(Rig):
    colab: ColabRig

    def open(self) -> Backend:
        return ColabBackend(sessions=2)

    def kill_worker(self, kernel: int) -> None:
        """Which is Google's command: that which sent this run's notebook."""
        for pid in find_commands("sent.ipynb"):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            sent = next(word for word in words if word.endswith("sent.ipynb"))
            if "worker dies.pid" in Path(sent).read_text():
                return os.kill(pid, signal.SIGKILL)
        raise AssertionError("no command executes the run")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("colab")
    with MarkedEnvironment(TEST_SECRET=SECRET), use_rig(folder) as colab:
        made = ColabContractRig(
            folder,
            arguments=["--backend", "colab", "--sessions", "2"],
            has_server=True,  # what stands for Colab's machine
            cannot={"cause of death": "Colab does not tell of what a kernel died"},
        )
        made.colab = colab
        yield made
        assert colab.sessions() == "{}"


@pytest.mark.slow
class TestColab(BackendContract):
    pass
