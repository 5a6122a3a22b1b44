"""The backend ``ray`` beyond the contract: clusters of its own, brokers, and what keeps a sweep from starting."""

import asyncio
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import nbformat
import pytest
from nbformat import v4
from packaging.version import Version

from colab_starter.errors import RayClusterError, RayMissingError, WrongOptionError
from colab_starter.run import shims
from colab_starter.run.backends.ray.backend import RayBackend, _add_secrets, check_ray, read_needs
from colab_starter.run.backends.ray.messages import Needs
from colab_starter.run.backends.ray.node import Node, clean_environment, find_broker_folder
from colab_starter.run.backends.ray.options import RayOptions
from colab_starter.run.job import Ended, Stop, WarmPlan
from colab_starter.run.kernels.system import list_processes as list_all_processes
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from tests.run.backends.contract import (
    COMMAND,
    MARK,
    SECRET,
    MarkedEnvironment,
    is_alive,
    list_processes,
    read_ledger,
    wait_until_gone,
)
from tests.run.backends.listeners import look_around
from tests.run.backends.ray_jobs import (
    TELL_PID,
    MakeJob,
    ends,
    execute,
    in_overlay,
    make_job_in,
    wait_until_removed,
)
from tests.run.backends.ray_rig import RayRig, find_ray_process
from tests.run.conftest import Run
from tests.run.jobs import receive
from tests.run.leaky import ENVIRONMENT, count_masks, find_leaks, options, read_all, write_notebook
from tests.support.marks import weekly
from tests.support.processes import wait_until

pytestmark = pytest.mark.xdist_group("ray")  # Ray finds all clusters of this machine


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    return partial(make_job_in, tmp_path)


WAITS_AT_FIRST = """\
import os, pathlib, time
began = pathlib.Path(f"{0}.{{os.getpid()}}.began")
began.touch()
while len(list(pathlib.Path().glob("{0}.*.began"))) == 1 and not pathlib.Path("{0}.go").exists():
    time.sleep(0.1)
"""


@pytest.mark.weekly
def test_a_run_of_a_node_that_falls_silent_is_done_elsewhere(make_job: MakeJob, tmp_path: Path) -> None:
    """As when its power fails or its network breaks: no connection is closed, and Ray would wait for minutes."""
    jobs = [make_job(run, WAITS_AT_FIRST.format(run)) for run in "ab"]
    quick = {"RAY_health_check_period_ms": "1000", "RAY_health_check_timeout_ms": "2000"}
    with MarkedEnvironment():
        rig = RayRig([{"num_cpus": 1}, {"num_cpus": 1}], quick)
        silent: list[int] = []

        def silence_node_once() -> None:
            if not silent and len(list(tmp_path.glob("*.began"))) == 2:
                silent.extend(rig.silence_node(0))
                for run in "ab":
                    if find_ray_process(run) not in silent:
                        (tmp_path / f"{run}.go").touch()

        with RayBackend(rig.address, Needs(gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log") as opened:
            events = execute(opened, jobs, silence_node_once)
            assert opened.capacity == 1
        rig.close()
        for process in silent:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        assert sorted((run, outcome.status) for run, outcome in ends(events)) == [("a", Status.OK), ("b", Status.OK)]
        began = [int(path.suffixes[-2][1:]) for path in tmp_path.glob("*.began")]
        assert len(began) == 3
        for kernel in began:
            wait_until_gone(kernel)


ENDS = """\
import os, time
open("begun", "w").close()
while not os.path.exists("go"):
    time.sleep(0.05)
if n == 1:
    raise ValueError("bad")
if n == 2:
    os._exit(3)
print(n, text)"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["", weekly("disabled")], ids=["with a token", "without one"])
def test_a_cluster_that_is_started_for_the_sweep_is_private_ends_with_it_and_gives_what_this_machine_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """It is quiet, too: with -q, nothing is said."""
    tagged = v4.new_code_cell("n = 1\ntext = ''", metadata={"tags": ["parameters"]})
    nbformat.write(v4.new_notebook(cells=[tagged, v4.new_code_cell(ENDS)]), tmp_path / "nb.ipynb")
    monkeypatch.setenv("SOME_TOKEN", SECRET)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    command = [COMMAND, "run", "nb.ipynb", "-p", "n=range(4)", "-p", f"text={SECRET}", *([] if mode else ["-q"])]
    (tmp_path / "go").touch()
    with MarkedEnvironment(**({"RAY_AUTH_MODE": mode} if mode else {})):
        subprocess.run([*command, "--out", "here", "--gpus", "none"], cwd=tmp_path, capture_output=True, timeout=300)
        for name in ("begun", "go"):
            (tmp_path / name).unlink()
        there = [*command, "--out", "there", "--backend", "ray", "--address", "local"]
        with (tmp_path / "said").open("wb") as said:
            sweep = subprocess.Popen(there, cwd=tmp_path, stdout=said, stderr=said)
        wait_until(lambda: (tmp_path / "begun").exists() or sweep.poll() is not None)
        seen = look_around(os.environ[MARK])
        (tmp_path / "go").touch()
        assert sweep.wait(300) == 1
        for pid in list_processes():
            wait_until_gone(pid)
    told = (tmp_path / "said").read_text()
    assert ("other users of this machine can run code as you" in told) == bool(mode)
    assert mode or not told
    check_is_same(tmp_path / "there", tmp_path / "here")
    for path in tmp_path.glob("there/**/*.*"):
        assert SECRET.encode() not in path.read_bytes()
    assert not (tmp_path / "home/.ray").exists()
    assert {"gcs_server", "raylet"} <= {listener.program for listener in seen.listeners}
    seen.check_is_private(has_listeners=True)


def check_is_same(there: Path, here: Path) -> None:
    assert read_table(there) == read_table(here)
    assert [row["status"] for row in read_table(there)] == ["ok", "failed", "killed", "ok"]
    assert len(read_ends(there)) == 4


@pytest.mark.weekly
@pytest.mark.slow
def test_no_file_of_a_sweep_on_ray_and_no_log_of_ray_holds_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"), prepend=os.pathsep)
    write_notebook(tmp_path)
    with MarkedEnvironment(), tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as logs:
        monkeypatch.setenv("RAY_TMPDIR", logs)
        ray = ["--backend", "ray", "--address", "local", "--gpus", "none"]
        command = [COMMAND, "run", "leaky.ipynb", *options(), "--out", "out", *ray]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=240)
        assert result.returncode == 1, result.stderr
        for pid in list_processes():
            wait_until_gone(pid)
        rays = read_all(Path(logs))
    files = read_all(tmp_path / "out")
    assert len(rays) > 10
    assert find_leaks({**files, **rays, "said": result.stdout + result.stderr}) == []
    (log,) = (content for name, content in files.items() if Path(name).name.startswith("warm-"))
    assert count_masks([log]) > 2  # what was imported before says it in the notebooks


class TestSeveralMachines:
    """Two addresses of this one stand for two machines."""

    NODES: ClassVar = [{"num_cpus": 1, "node_ip_address": f"127.0.0.{number}"} for number in (2, 3)]
    TOKEN: ClassVar = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "b" * 64}

    @pytest.mark.weekly
    @pytest.mark.slow
    def test_without_a_token_they_are_refused_unless_that_is_wanted(
        self, make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where this process has a token: the cluster does not ask for it."""
        with MarkedEnvironment():
            rig = RayRig(self.NODES, {"RAY_AUTH_MODE": "disabled"})
            for settings in ({"RAY_AUTH_MODE": "disabled"}, self.TOKEN):
                for name, value in settings.items():
                    monkeypatch.setenv(name, value)
                with pytest.raises(RayClusterError, match=r"has 2 machines and no token: .* or add --insecure-cluster"):
                    RayBackend(rig.address, Needs(gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log")
            monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
            with RayBackend(
                rig.address,
                Needs(gpus=0),
                None,
                tmp_path,
                tmp_path,
                tmp_path / "ray.log",
                is_insecure_allowed=True,
            ) as opened:
                assert {outcome.status for _, outcome in ends(execute(opened, [make_job("a", "1")]))} == {Status.OK}
            rig.close()

    @pytest.mark.weekly
    @pytest.mark.slow
    def test_with_a_token_they_execute_runs(
        self, make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if Version(version("ray")) < Version("2.52"):
            pytest.skip("tokens came with Ray 2.52")
        for name, value in self.TOKEN.items():
            monkeypatch.setenv(name, value)
        with MarkedEnvironment():
            rig = RayRig(self.NODES)
            with RayBackend(rig.address, Needs(gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log") as opened:
                events = execute(opened, [make_job("a", "1"), make_job("b", "1")])
            rig.close()
        assert {outcome.status for _, outcome in ends(events)} == {Status.OK}


def read_table(out: Path) -> list[dict[str, str]]:
    """What depends neither on the time nor on the place."""
    varying = {"seconds", "peak_memory_mb", "host", "started", "ended"}
    with (out / "results.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in varying} for row in csv.DictReader(file)]


def test_only_secrets_that_a_parameter_holds_travel_to_a_node(make_job: MakeJob) -> None:
    secrets = {"A_TOKEN": SECRET, "B_TOKEN": "another secret", "PLAIN": "in parameters"}
    job = replace(make_job("a"), parameters={"text": ["in parameters", {"x": f"<{SECRET}>"}]})
    assert _add_secrets(job, secrets).environment == {"A_TOKEN": SECRET}


def test_a_run_that_is_told_to_end_is_not_done_again_where_its_node_is_lost(make_job: MakeJob) -> None:
    from colab_starter.run.backends.ray.driver import settle_lost  # imports Ray

    job, pruned = make_job("a"), Outcome(Status.PRUNED, "worse than most")
    assert settle_lost(job, None, Stop()) is None
    assert settle_lost(job, None, Stop.prune(pruned.cause)) == pruned
    stopped = settle_lost(job, None, Stop(StopLevel.AFTER_CELLS).then(Stop.prune(pruned.cause)))
    assert stopped
    assert stopped.status is Status.INTERRUPTED
    notebook = ExecutedNotebook(v4.new_notebook(metadata={"papermill": {"parameters": {}}}))
    notebook.describe_attempt(job, replace(pruned, metrics={"loss": 2}))
    Path(job.output).parent.mkdir(parents=True)
    nbformat.write(notebook.node, job.output)
    assert settle_lost(job, None, Stop(StopLevel.NOW)) == replace(pruned, metrics={"loss": 2})


def test_a_node_hears_once_what_a_run_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from colab_starter.run.backends.ray import task  # imports Ray

    monkeypatch.setattr(task, "STOP_WAIT", 0.05)
    prune = Stop.prune("worse than most")

    async def tell() -> list[Stop]:
        stops = task.Stops()
        waiting = asyncio.create_task(stops.wait("a 1", Stop()))
        await asyncio.sleep(0)
        for stop in (prune, Stop.prune("again"), Stop(StopLevel.AFTER_CELLS)):
            await stops.set("a 1", stop)
        heard = [await waiting, await stops.wait("a 1", prune), await stops.wait("a 2", Stop())]
        await stops.set("a 1", Stop(StopLevel.LEAVE))
        return [*heard, await stops.wait("a 1", prune)]

    assert asyncio.run(tell()) == [prune, prune, Stop(), Stop(StopLevel.LEAVE)]


class TestOptions:
    @pytest.mark.parametrize(
        ("gpus", "share", "needs"),
        [
            ("auto", "1", Needs(2, None)),
            ("auto", "2", Needs(2, 2)),
            ("auto", "0.5", Needs(2, 0.5)),
            ("auto", "0.33", Needs(2, 0.3333)),
            ("none", "1", Needs(2, 0)),
        ],
    )
    def test_what_a_run_needs_is_read_from_the_options(self, gpus: str, share: str, needs: Needs) -> None:
        assert read_needs(2, gpus, share) == needs

    def test_gpus_cannot_be_named(self) -> None:
        with pytest.raises(WrongOptionError, match="write auto or none"):
            read_needs(1, "0,1", "1")

    def test_ray_clients_addresses_are_refused_with_the_remedy(self) -> None:
        with pytest.raises(WrongOptionError, match="ray job submit"):
            check_ray("ray://head:10001")

    def test_without_ray_one_line_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(
            RayMissingError, match=r'^--backend ray needs Ray; run: pip install "colab-starter\[ray\]"$'
        ):
            check_ray(None)

    def test_options_of_another_backend_are_refused(self, tmp_path: Path, run_here: Run) -> None:
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1")]), tmp_path / "nb.ipynb")
        for arguments, said in (
            (["--address", "x:1"], "--address is for --backend ray only"),
            (["--insecure-cluster"], "--insecure-cluster is for --backend ray only"),
            (["--backend", "ray", "--gpu", "T4"], "--gpu is for --backend colab only"),
            (["--backend", "dask"], "--backend 'dask' is not a backend; choose one of local, ray, jupyter, colab"),
        ):
            result = run_here("nb.ipynb", *arguments)
            assert (result.returncode, result.stderr) == (2, f"colab-starter: {said}\n")
            assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("mode", "is_told"), [("token", False), ("disabled", True), ("", True)])
def test_a_cluster_without_a_token_is_told(monkeypatch: pytest.MonkeyPatch, mode: str, is_told: bool) -> None:
    from colab_starter.run.backends.ray.safety import describe_lack_of_token  # imports Ray

    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    has_none = Version(version("ray")) < Version("2.52")
    assert ("other users of this machine can run code as you" in describe_lack_of_token()) == (is_told or has_none)


def test_what_there_is_to_tell_of_a_cluster_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = SimpleNamespace(notice="Ray runs without a token")
    monkeypatch.setattr("colab_starter.run.backends.ray.backend.RayBackend", lambda *_, **__: opened)
    said: list[str] = []
    store = SimpleNamespace(is_of_this_process=False, is_remote=False)
    sweep: Any = SimpleNamespace(store=store, folder=tmp_path, cwd=tmp_path, jobs=None, secrets=(), mask=None)
    sweep.say = said.append
    lock: Any = SimpleNamespace(descriptors=())
    assert RayOptions().check()(sweep, 1, lock) is cast(Any, opened)
    assert said == ["Ray runs without a token"]


def test_an_address_where_nothing_listens_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RayClusterError, match=r"^no Ray cluster at 127.0.0.1:1: .*refused$"):
        RayBackend("127.0.0.1:1", Needs(), None, tmp_path, tmp_path, tmp_path / "ray.log")


@pytest.mark.weekly
def test_a_cluster_that_wants_a_token_is_named_with_the_remedy(tmp_path: Path) -> None:
    if Version(version("ray")) < Version("2.52"):
        pytest.skip("tokens came with Ray 2.52")
    with MarkedEnvironment():
        rig = RayRig([{"num_cpus": 1}], {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64})
        with pytest.raises(RayClusterError, match=r"it refuses this machine; set RAY_AUTH_MODE and the token"):
            RayBackend(rig.address, Needs(gpus=0), None, tmp_path, tmp_path, tmp_path / "ray.log")
        rig.close()


def test_kernels_get_the_environment_that_they_would_have_without_ray() -> None:
    rays = {
        "CUDA_VISIBLE_DEVICES": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONBREAKPOINT": "ray.util.rpdb.set_trace",
        "PYTHONPATH": f"{shims.FOLDER}:/mine",
        "RAY_JOB_ID": "01000000",
    }
    assert clean_environment({**rays, "HOME": "/root"}) == {"HOME": "/root", "PYTHONPATH": "/mine"}
    assert clean_environment({"PYTHONPATH": shims.FOLDER, "PYTHONBREAKPOINT": "mine"}) == {"PYTHONBREAKPOINT": "mine"}


class TestBroker:
    """The process that has a node's fork servers, without Ray."""

    @pytest.fixture
    def folder(self) -> Path:
        return find_broker_folder("test", f"{os.getpid()}-{time.monotonic_ns()}"[-12:])

    def test_two_processes_share_it_and_it_ends_with_the_last(
        self, folder: Path, make_job: MakeJob, tmp_path: Path
    ) -> None:
        nodes = [Node(folder, tmp_path / "log") for _ in range(2)]
        jobs = [make_job(run, "import os\nprint(os.getpid())") for run in "ab"]
        channels = [node.fork(job) for node, job in zip(nodes, jobs, strict=True)]
        for channel in channels:
            while not isinstance(event := receive(channel), Ended):
                pass
            assert event.outcome.status is Status.OK
            channel.close()
        nodes[0].finish()
        assert len(find_brokers(folder)) == 1
        (broker,) = find_brokers(folder)
        for node in nodes:
            assert node.broker
            node.broker.close()
        wait_until_gone(broker)
        assert not folder.exists()
        assert not (tmp_path / "log").exists()

    def test_a_broker_that_was_killed_is_started_anew(self, folder: Path, make_job: MakeJob, tmp_path: Path) -> None:
        node = Node(folder, tmp_path / "log")
        node.warm(WarmPlan())
        (broker,) = find_brokers(folder)
        os.kill(broker, signal.SIGKILL)
        wait_until_gone(broker)
        with node.fork(make_job("a", "1")) as channel:
            while not isinstance(event := receive(channel), Ended):
                pass
        assert event.outcome.status is Status.OK
        (broker,) = find_brokers(folder)
        assert node.broker
        node.broker.close()
        wait_until_gone(broker)

    def test_a_broker_that_was_killed_leaves_no_overlay(self, folder: Path, make_job: MakeJob, tmp_path: Path) -> None:
        prefix = tmp_path / "prefix"
        cells = f"import sys, time\nopen({str(prefix)!r}, 'w').write(sys.prefix + '\\n')", "time.sleep(600)"
        node = Node(folder, tmp_path / "log")
        channel = node.fork(in_overlay(make_job("a", *cells)))
        deadline = time.monotonic() + 60
        while not prefix.exists() or not prefix.read_text().endswith("\n"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        overlay = Path(prefix.read_text().strip())
        assert overlay.exists()
        (broker,) = find_brokers(folder)
        os.kill(broker, signal.SIGKILL)
        wait_until_gone(broker)
        wait_until_removed(overlay)
        channel.close()
        shutil.rmtree(folder)

    def test_a_run_ends_with_the_process_that_asked_for_it(
        self, folder: Path, make_job: MakeJob, tmp_path: Path
    ) -> None:
        pid = tmp_path / "pid"
        job = make_job("a", TELL_PID.format(str(pid), 600))
        script = f"""\
            import time
            from pathlib import Path, PosixPath
            from colab_starter.run.backends.ray.node import Node
            from colab_starter.run.job import *
            node = Node(Path({str(folder)!r}), Path({str(tmp_path / "log")!r}))
            channel = node.fork({job!r})
            time.sleep(600)
            """
        asking = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
        deadline = time.monotonic() + 120
        while not pid.exists() or not pid.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (broker,) = find_brokers(folder)
        asking.kill()
        asking.wait()
        wait_until_gone(int(pid.read_text()))
        wait_until_gone(broker)
        assert not Path(job.output).exists()


def read_ends(out: Path) -> list[str]:
    return [record["run"] for record in read_ledger(out) if record["record"] == "end"]


def find_brokers(folder: Path) -> list[int]:
    """What a broker starts has the broker's command line until it executes its own, and is not counted."""
    found = list_processes_of_brokers(folder)
    parents = {process.pid: process.parent for process in list_all_processes()}
    return [pid for pid in found if parents.get(pid) not in found]


def list_processes_of_brokers(folder: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if (
            "colab_starter.run.backends.ray.broker" in words
            and str(folder) in words
            and is_alive(int(path.parent.name))
        ):
            found.append(int(path.parent.name))
    return found
