"""The backend ``colab`` does what every backend has to do: Google's real command, on a real Jupyter server."""

import os
import signal
from collections.abc import Iterator

import pytest

from colab_starter.run.backends import Backend
from colab_starter.run.backends.colab.backend import ColabBackend
from tests.run.backends.colab_rig import ColabRig, install_colab
from tests.run.backends.contract import SECRET, BackendContract, MarkedEnvironment, Rig, Trial


class ColabContractRig(Rig):
    def open(self) -> Backend:
        return ColabBackend(self.folder / "warm.log", sessions=2)

    def kill_worker(self, kernel: int, worker: int) -> None:
        os.kill(worker, signal.SIGKILL)


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ColabRig]:
    with (
        MarkedEnvironment(TEST_SECRET=SECRET),
        ColabRig(tmp_path_factory.mktemp("colab") / "rig", install_colab()) as made,
    ):
        yield made
        assert made.sessions() == "{}"


@pytest.fixture(scope="module")
def rig(colab: ColabRig, tmp_path_factory: pytest.TempPathFactory) -> Rig:
    return ColabContractRig(
        tmp_path_factory.mktemp("trials"),
        arguments=["--backend", "colab", "--sessions", "2"],
        one_at_a_time=["--sessions", "1"],
        has_server=True,  # what stands for Colab's machine
        cannot={"cause of death": "Colab does not tell of what a kernel died"},
    )


@pytest.mark.slow
class TestColab(BackendContract):
    def test_closing_releases_the_sessions(self, trial: Trial, colab: ColabRig) -> None:
        assert len(set(colab.calls("new"))) >= 2
        assert colab.sessions() == "{}"
