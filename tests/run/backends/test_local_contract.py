"""The backend ``local`` does what every backend has to do."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.run.backends import Backend
from colab_starter.run.backends.gpus import GpuPlaces, GpuShare
from colab_starter.run.backends.local.backend import LocalBackend
from tests.run.backends.contract import BackendContract, MarkedEnvironment, Rig


class LocalRig(Rig):
    def open(self) -> Backend:
        return LocalBackend(3, GpuPlaces([], GpuShare()), {}, self.folder / "warm.log")

    def kill_worker(self, kernel: int, worker: int) -> None:
        os.kill(find_parent(kernel), signal.SIGKILL)


def find_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with MarkedEnvironment():
        yield LocalRig(tmp_path_factory.mktemp("local"), arguments=["-j", "2", "--gpus", "none"])


@pytest.mark.slow
class TestLocal(BackendContract):
    pass
