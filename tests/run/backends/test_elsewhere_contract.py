"""The backend ``local`` does the same where its kernels are forked in another environment."""

import os
import signal
from collections.abc import Iterator

import pytest

from colab_starter.run.job import WarmPlan
from tests.run.backends.contract import BackendContract, MarkedEnvironment, Rig
from tests.run.backends.test_local_contract import LocalRig
from tests.run.kernels.elsewhere import NAME, found_by_jupyter, make_environment


class ElsewhereRig(LocalRig):
    def kill_worker(self, kernel: int, worker: int) -> None:
        os.kill(worker, signal.SIGKILL)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("elsewhere")
    kernel = make_environment(folder / "environment")
    arguments = ["-j", "2", "--gpus", "none", "--kernel", NAME]
    with found_by_jupyter(folder / "environment"), MarkedEnvironment():
        yield ElsewhereRig(
            folder,
            arguments,
            of_reference=["--kernel", NAME, "--cold"],
            kernel=NAME,
            warm=WarmPlan(kernel=kernel),
        )


@pytest.mark.weekly
class TestElsewhere(BackendContract):
    pass
