"""The backend ``ray`` does what every backend has to do, on a real cluster of two nodes."""

import os
import signal
from collections.abc import Iterator

import pytest

from colab_starter.run.backends import Backend
from colab_starter.run.backends.ray.backend import RayBackend
from colab_starter.run.backends.ray.messages import Needs
from colab_starter.run.outcome import Status
from tests.run.backends.contract import SECRET, BackendContract, MarkedEnvironment, Rig
from tests.run.backends.ray_rig import RayRig, find_ray_process

pytestmark = pytest.mark.xdist_group("ray")  # Ray finds all clusters of this machine


class RayContractRig(Rig):
    def open(self) -> Backend:
        address = self.arguments[self.arguments.index("--address") + 1]
        return RayBackend(address, Needs(), None, self.folder.parent, self.folder, self.folder / "ray.log")

    def kill_worker(self, kernel: int, worker: int) -> None:
        os.kill(find_ray_process("worker dies"), signal.SIGKILL)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with MarkedEnvironment(TEST_SECRET=SECRET):
        cluster = RayRig([{"num_cpus": 2}, {"num_cpus": 1}])
        yield RayContractRig(
            tmp_path_factory.mktemp("ray"),
            arguments=["--backend", "ray", "--address", cluster.address],
            worker_ends={Status.OK},
            cannot={"keeping to this machine": "this cluster is one as if of several machines; see test_ray.py"},
        )
        cluster.close()


@pytest.mark.slow
class TestRay(BackendContract):
    pass
