"""The backend ``ray`` does what every backend has to do, on a real cluster of two nodes; GPUs, and lost drivers."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from colab_starter.errors import RayClusterError, RayLostError
from colab_starter.run.backends import Backend
from colab_starter.run.backends.ray.backend import RayBackend
from colab_starter.run.backends.ray.messages import Needs
from colab_starter.run.job import Event, Started
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from tests.run.backends.contract import (
    SECRET,
    BackendContract,
    MarkedEnvironment,
    Rig,
    is_alive,
    wait_until_gone,
)
from tests.run.backends.ray_jobs import (
    TELL_PID,
    MakeJob,
    ends,
    execute,
    in_overlay,
    make_job_in,
    printed,
    wait_until_removed,
)
from tests.run.backends.ray_rig import RayRig, find_ray_process
from tests.run.overlays.packages import write_wheel

pytestmark = pytest.mark.xdist_group("ray")  # Ray finds all clusters of this machine


SHOW_DEVICES = "import os\nprint(repr(os.environ['CUDA_VISIBLE_DEVICES']), os.environ['OMP_NUM_THREADS'])"
WAIT_FOR_TWO = "import glob\nwhile len(glob.glob('*.began')) < 2:\n    time.sleep(0.05)"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayRig]:
    with MarkedEnvironment(TEST_SECRET=SECRET):
        made = RayRig([{"num_cpus": 1}, {"num_cpus": 2, "num_gpus": 2}])
        yield made
        made.close()


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    return partial(make_job_in, tmp_path)


class RayContractRig(Rig):
    def open(self) -> Backend:
        address = self.arguments[self.arguments.index("--address") + 1]
        return RayBackend(address, Needs(gpus=0), None, self.folder.parent, self.folder, self.folder / "ray.log")

    def kill_worker(self, kernel: int, worker: int) -> None:
        os.kill(find_ray_process("worker dies"), signal.SIGKILL)


@pytest.fixture(scope="module")
def rig(cluster: RayRig, tmp_path_factory: pytest.TempPathFactory) -> Rig:
    return RayContractRig(
        tmp_path_factory.mktemp("ray"),
        arguments=["--backend", "ray", "--address", cluster.address, "--gpus", "none"],
        worker_ends={Status.OK},
        cannot={"keeping to this machine": "this cluster is one as if of several machines; see test_ray.py"},
    )


@pytest.mark.slow
class TestRay(BackendContract):
    pass


@pytest.mark.slow
class TestCluster:
    def test_runs_see_the_gpus_that_ray_gave_them_and_no_others(
        self, cluster: RayRig, make_job: MakeJob, tmp_path: Path
    ) -> None:
        meet = "import os, time\nopen(f'{os.getpid()}.began', 'w').close()\n" + WAIT_FOR_TWO
        jobs = [make_job(run, SHOW_DEVICES, meet, SHOW_DEVICES) for run in "abc"]
        with RayBackend(cluster.address, Needs(), None, tmp_path, tmp_path, tmp_path / "ray.log") as opened:
            assert opened.capacity == 2
            events = execute(opened, jobs)
        assert {outcome.status for _, outcome in ends(events)} == {Status.OK}
        assert {printed(job) for job in jobs} == {"'0' 1\n", "'1' 1\n"}
        places = [event.place.partition(", ")[2] for event in events if isinstance(event, Started)]
        assert set(places) == {"GPU 0", "GPU 1"}
        assert not (tmp_path / "ray.log").exists()

    def test_runs_without_a_gpu_see_none_and_have_their_share_of_threads(
        self, cluster: RayRig, make_job: MakeJob, tmp_path: Path
    ) -> None:
        jobs = [make_job("warm", SHOW_DEVICES), make_job("cold", SHOW_DEVICES, warm=None)]
        with RayBackend(
            cluster.address, Needs(cpus=2, gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log"
        ) as opened:
            assert opened.capacity == 1
            execute(opened, jobs)
        assert [printed(job) for job in jobs] == ["'' 2\n", "'' 2\n"]

    @pytest.mark.weekly
    def test_packages_are_installed_into_an_overlay_on_each_node_that_goes_with_the_sweep(
        self, cluster: RayRig, make_job: MakeJob, tmp_path: Path
    ) -> None:
        jobs = [in_overlay(make_job(run, *install_something(tmp_path))) for run in "abcd"]
        jobs[0] = replace(jobs[0], warm=None)
        with RayBackend(cluster.address, Needs(gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log") as opened:
            opened.prepare(jobs[1].warm)
            events = execute(opened, jobs)
        assert {outcome.status for _, outcome in ends(events)} == {Status.OK}, ends(events)
        prefixes = {printed(job).strip() for job in jobs}
        assert 1 <= len(prefixes) <= 2
        assert sys.prefix not in prefixes
        wait_until_removed(*map(Path, prefixes))

    @pytest.mark.weekly
    def test_a_cluster_without_room_or_without_the_folder_is_refused(self, cluster: RayRig, tmp_path: Path) -> None:
        with pytest.raises(RayClusterError, match="no node of the Ray cluster has 64 CPU for a run"):
            RayBackend(cluster.address, Needs(cpus=64, gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log")
        missing = tmp_path / "missing"
        with pytest.raises(RayClusterError, match=f"has no folder {missing}; --out must be on storage that all"):
            RayBackend(cluster.address, Needs(gpus=0), None, missing, tmp_path, tmp_path / "ray.log")
        with pytest.raises(RayClusterError, match=f"has no folder {missing}; put the notebook on storage that all"):
            RayBackend(cluster.address, Needs(gpus=0), None, None, missing, tmp_path / "ray.log")

    @pytest.mark.weekly
    def test_a_run_that_waits_for_room_can_be_stopped(self, cluster: RayRig, make_job: MakeJob, tmp_path: Path) -> None:
        with RayBackend(cluster.address, Needs(cpus=2, gpus=0), 2, tmp_path, tmp_path, tmp_path / "ray.log") as opened:
            for run in "ab":
                opened.submit(make_job(run, "import time\ntime.sleep(600)"))
            events: list[Event] = []
            while not events:
                events = opened.wait(1)
            for run in "ab":
                opened.cancel(run, StopLevel.NOW)
            while len(ends(events)) < 2:
                events += opened.wait(1)
        assert {outcome.status for _, outcome in ends(events)} == {Status.INTERRUPTED}

    def test_a_driver_that_dies_leaves_its_runs_to_the_next_sweep(
        self, cluster: RayRig, make_job: MakeJob, tmp_path: Path
    ) -> None:
        pid = tmp_path / "pid"
        with RayBackend(cluster.address, Needs(gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log") as opened:
            opened.submit(make_job("a", TELL_PID.format(str(pid), 600)))
            while not pid.exists() or not pid.read_text():
                opened.wait(0.1)
            opened.driver.kill()
            events: list[Event] = []
            while not ends(events):
                events += opened.wait(1)
            assert ends(events) == [("a", Outcome(Status.INTERRUPTED, "the Ray cluster was lost"))]
            with pytest.raises(RayLostError, match="the same command resumes"):
                opened.submit(make_job("b", "1"))
        wait_until_gone(int(pid.read_text()))

    @pytest.fixture
    def lossy_cluster(self) -> Iterator[RayRig]:
        made = RayRig([{"num_cpus": 1}, {"num_cpus": 2}])
        yield made
        made.close()

    @pytest.mark.weekly
    def test_runs_of_a_node_that_dies_are_done_elsewhere_and_end_once(
        self, lossy_cluster: RayRig, make_job: MakeJob, tmp_path: Path
    ) -> None:
        cell = (
            "import os, time\nopen(f'{os.getpid()}.began', 'w').close()\n"
            "while not os.path.exists('killed'):\n    time.sleep(0.05)"
        )
        jobs = [make_job(f"run {number}", cell) for number in range(9)]

        def kill_node_once() -> None:
            began = [int(path.stem) for path in tmp_path.glob("*.began")]
            if len(began) == 3 and not (tmp_path / "killed").exists():
                lossy_cluster.kill_node(0)
                deadline = time.monotonic() + 120
                while sum(map(is_alive, began)) > 1:  # the runs of that node are not to end well
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                (tmp_path / "killed").touch()

        with RayBackend(
            lossy_cluster.address, Needs(cpus=1, gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log"
        ) as opened:
            assert opened.capacity == 3
            events = execute(opened, jobs, kill_node_once)
        assert (tmp_path / "killed").exists()
        assert sorted(run for run, _ in ends(events)) == sorted(job.run for job in jobs)
        assert {outcome.status for _, outcome in ends(events)} == {Status.OK}
        began = [int(path.stem) for path in tmp_path.glob("*.began")]
        assert len(began) == 9 + 2
        for kernel in began:
            wait_until_gone(kernel)


def install_something(folder: Path) -> list[str]:
    """Cells that install a package, unless that would go into the environment of the tests."""
    wheel = write_wheel(folder, "newcomer")
    return [
        f"import sys\nassert sys.prefix != {sys.prefix!r}",
        f"!pip install --no-index {wheel}",
        "import newcomer\nassert newcomer.__file__.startswith(sys.prefix)\nprint(sys.prefix)",
    ]
