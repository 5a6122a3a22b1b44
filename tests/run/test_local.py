import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.backends import lateness, workers
from colab_starter.run.backends.gpus import GpuPlaces, GpuShare
from colab_starter.run.backends.local import backend as local
from colab_starter.run.backends.local.backend import LocalBackend
from colab_starter.run.job import CellStarted, Due, Ended, Event, Job, Limits, Started, WarmPlan
from colab_starter.run.kernels import pool
from colab_starter.run.kernels.stopped import StoppedProcesses
from colab_starter.run.kernels.system import list_processes
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel

pytestmark = pytest.mark.usefixtures("workers_ready")

NO_MODULES = WarmPlan()
NO_GPUS = GpuPlaces([], GpuShare())
SHOW_GPUS = "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['OMP_NUM_THREADS'])"
KILL_WORKER = "import os\nos.kill(os.getppid(), 9)"
KILL_SERVER = """\
import os, time
from pathlib import Path
os.kill(int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]), 9)
time.sleep(60)
"""
WAIT_FOR_GO = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.02)"
LOOP = "import time\nfor _ in range(600):\n    time.sleep(0.1)"

MakeJob = Callable[..., Job]
MakeBackend = Callable[..., LocalBackend]


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """A job that executes these cells."""

    def make(run: str, *cells: str, warm: WarmPlan | None = NO_MODULES) -> Job:
        path = tmp_path / f"{run}.ipynb"
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells]), path)
        return Job(run, 1, str(path), str(tmp_path / "runs" / run / "nb.ipynb"), {}, str(tmp_path), warm=warm)

    return make


@pytest.fixture
def make_backend(tmp_path: Path) -> Iterator[MakeBackend]:
    made: list[LocalBackend] = []

    def make(jobs: int = 2, places: GpuPlaces = NO_GPUS) -> LocalBackend:
        made.append(LocalBackend(jobs, places, {"OMP_NUM_THREADS": "3"}, tmp_path / "warm.log"))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """One for several tests, because its start takes a second."""
    with LocalBackend(3, NO_GPUS, {"OMP_NUM_THREADS": "3"}, tmp_path_factory.mktemp("log") / "warm.log") as backend:
        backend.prepare(NO_MODULES)
        yield backend


def collect(backend: LocalBackend, runs: int, seconds: float = 240) -> tuple[list[Event], dict[str, Outcome]]:
    """The events until so many runs have ended, and how they did."""
    events: list[Event] = []
    ends: dict[str, Outcome] = {}
    deadline = time.monotonic() + seconds
    while len(ends) < runs:
        assert time.monotonic() < deadline, events
        new = backend.wait(0.5)
        events += new
        ends |= {event.run: event.outcome for event in new if isinstance(event, Ended)}
    return events, ends


def wait_for_cell(backend: LocalBackend, run: str) -> None:
    deadline = time.monotonic() + 120
    while not any(isinstance(event, CellStarted) and event.run == run for event in backend.wait(0.5)):
        assert time.monotonic() < deadline


def wait_for_file(backend: LocalBackend, file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        backend.wait(0.1)
        assert time.monotonic() < deadline


def output_of(job: Job) -> str:
    cell = nbformat.read(job.output, as_version=4).cells[-1]
    return "".join(output.get("text", "") for output in cell.outputs)


def test_jobs_run_on_the_gpus_that_are_free_and_share_the_threads(make_job: MakeJob, make_backend: MakeBackend) -> None:
    backend = make_backend(8, GpuPlaces(["0", "1"], GpuShare()))
    assert backend.capacity == 2
    first, second, third = (make_job(run, SHOW_GPUS) for run in "abc")
    backend.submit(first)
    backend.submit(second)
    events, ends = collect(backend, 2)
    assert {event.run: event.place for event in events if isinstance(event, Started)} == {"a": "GPU 0", "b": "GPU 1"}
    assert [output_of(job) for job in (first, second)] == ["0 3\n", "1 3\n"]
    backend.submit(third)
    _, later = collect(backend, 1)
    assert output_of(third) == "0 3\n"
    assert {outcome.status for outcome in {**ends, **later}.values()} == {Status.OK}


def test_without_a_gpu_a_run_sees_none_warm_or_cold(make_job: MakeJob, backend: LocalBackend) -> None:
    jobs = [make_job("warm", SHOW_GPUS), make_job("cold", SHOW_GPUS, warm=None)]
    for job in jobs:
        backend.submit(job)
    collect(backend, 2)
    assert [output_of(job) for job in jobs] == [" 3\n", " 3\n"]


def test_the_death_of_a_worker_is_told_with_its_cause_and_others_go_on(
    make_job: MakeJob, backend: LocalBackend
) -> None:
    for job in (make_job("dies", KILL_WORKER), make_job("lives", "import time\ntime.sleep(1)")):
        backend.submit(job)
    _, ends = collect(backend, 2)
    assert ends["dies"] == Outcome(Status.KILLED, "the process that ran it was killed by SIGKILL")
    assert ends["lives"].status is Status.OK


def test_a_pruned_run_whose_worker_dies_is_pruned(make_job: MakeJob, backend: LocalBackend, tmp_path: Path) -> None:
    backend.submit(make_job("a", TELL_PIDS))
    wait_for_file(backend, tmp_path / "pids")
    worker = int((tmp_path / "pids").read_text().split()[0])
    os.kill(worker, signal.SIGKILL)
    backend.prune("a", "worse than most")
    _, ends = collect(backend, 1)
    assert ends["a"] == Outcome(Status.PRUNED, "worse than most")


def test_a_fork_server_that_died_is_started_again(make_job: MakeJob, make_backend: MakeBackend) -> None:
    backend = make_backend()
    backend.submit(make_job("dies", KILL_SERVER))
    _, ends = collect(backend, 1)
    assert ends["dies"].status is Status.KILLED
    assert "forked from died" in ends["dies"].cause
    backend.submit(make_job("lives", "1"))
    _, ends = collect(backend, 1)
    assert ends["lives"].status is Status.OK


def test_few_sets_of_modules_are_kept(
    make_job: MakeJob, make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_SERVERS", 1)
    backend = make_backend(1)
    for name in ("colorsys", "chunk_that_is_not_there", "colorsys"):
        backend.submit(make_job(name, "import sys\nprint('colorsys' in sys.modules)", warm=WarmPlan((name,))))
        _, ends = collect(backend, 1)
        assert ends[name].status is Status.OK
        assert len(backend.servers) == 1


@pytest.mark.parametrize("level", [StopLevel.AFTER_CELLS, StopLevel.NOW])
def test_a_job_can_be_stopped_after_its_cell_or_now(
    make_job: MakeJob, backend: LocalBackend, tmp_path: Path, level: StopLevel
) -> None:
    job = make_job("a", LOOP if level is StopLevel.NOW else WAIT_FOR_GO, "print('next')")
    backend.submit(job)
    wait_for_cell(backend, "a")
    backend.cancel("a", level)
    (tmp_path / "go").touch()
    backend.cancel("unknown", level)
    _, ends = collect(backend, 1)
    assert ends["a"].status is Status.INTERRUPTED
    assert output_of(job) == ""


def hang(job: Job, connection: "Connection[Any, Any]") -> None:
    """A worker that says when it will have ended, and does not."""
    connection.send(Started(job.run, pid=os.getpid()))
    connection.send(Due(job.run, 0.1, "the run took longer than its limit, 0.1 s"))
    time.sleep(600)


@pytest.mark.parametrize("server_hangs", [False, True])
def test_a_worker_that_hangs_is_killed_when_its_limit_has_long_passed(
    make_job: MakeJob, make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch, server_hangs: bool
) -> None:
    monkeypatch.setattr(local, "WORKER", "tests.run.test_local:hang")
    for name, seconds in (("LATE", 0.1), ("LOST", 0.5), ("GONE", 1.0)):
        monkeypatch.setattr(lateness, name, seconds)
    backend = make_backend()
    monkeypatch.setattr(StoppedProcesses, "let_go_on", lambda self, servers: [])
    backend.submit(make_job("a", "1"))
    deadline = time.monotonic() + 120
    while not (started := [event for event in backend.wait(0.5) if isinstance(event, Started)]):
        assert time.monotonic() < deadline
    pid = started[0].pid
    if server_hangs:
        os.kill(read_parent(pid), signal.SIGSTOP)
    _, ends = collect(backend, 1)
    cause = "the run took longer than its limit, 0.1 s; the process that ran it did not end it, and was killed"
    assert ends["a"] == Outcome(Status.TIMEOUT, cause)
    assert pid not in {process.pid for process in list_processes()}
    monkeypatch.undo()
    backend.submit(make_job("b", "1"))
    _, ends = collect(backend, 1)
    assert ends["b"].status is Status.OK


def read_parent(pid: int) -> int:
    (parent,) = [process.parent for process in list_processes() if process.pid == pid]
    return parent


TELL_PIDS = """\
import os, time
from pathlib import Path
Path("pids.new").write_text(f"{os.getppid()} {os.getpid()}")
os.rename("pids.new", "pids")
for _ in range(6000):
    time.sleep(0.1)"""


@pytest.mark.parametrize("victim", ["worker", "kernel"])
@pytest.mark.parametrize("limits", [Limits(run=3), Limits(cell=2)])
def test_a_limit_is_kept_also_where_the_worker_or_the_kernel_was_stopped(
    make_job: MakeJob,
    backend: LocalBackend,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    victim: str,
    limits: Limits,
) -> None:
    if victim == "worker":  # a stopped kernel is the worker's business, long before that
        monkeypatch.setattr(lateness, "LATE", 2.0)
    job = replace(make_job("a", TELL_PIDS, "print('later')"), limits=limits)
    backend.submit(job)
    deadline = time.monotonic() + 120
    while not (tmp_path / "pids").exists():
        backend.wait(0.1)
        assert time.monotonic() < deadline
    worker, kernel = map(int, (tmp_path / "pids").read_text().split())
    os.kill(worker if victim == "worker" else kernel, signal.SIGSTOP)
    _, ends = collect(backend, 1)
    assert ends["a"].status is Status.TIMEOUT
    assert ends["a"].cause.startswith(("the run took longer than its limit, 3 s", "cell In[1] took longer"))
    assert [cell.metadata.papermill.status for cell in nbformat.read(job.output, 4).cells] == ["failed", "pending"]
    assert kernel not in {process.pid for process in list_processes()}


PRINT_MUCH = f"""\
{TELL_PIDS.partition("for")[0]}
while not Path("stopped").exists():
    time.sleep(0.05)
for number in range(5000):
    print(number, flush=True)
Path("printed").touch()"""


@pytest.mark.parametrize("warm", [NO_MODULES, None])
def test_what_a_kernel_prints_while_its_worker_stands_still_is_kept(
    make_job: MakeJob, backend: LocalBackend, tmp_path: Path, warm: WarmPlan | None
) -> None:
    job = make_job("a", PRINT_MUCH, warm=warm)
    backend.submit(job)
    wait_for_file(backend, tmp_path / "pids")
    worker = int((tmp_path / "pids").read_text().split()[0])
    os.kill(worker, signal.SIGSTOP)
    (tmp_path / "stopped").touch()
    wait_for_file(backend, tmp_path / "printed")
    os.kill(worker, signal.SIGCONT)
    _, ends = collect(backend, 1)
    assert ends["a"].status is Status.OK
    assert output_of(job) == "".join(f"{number}\n" for number in range(5000))


def test_a_run_whose_worker_was_stopped_ends_at_once_where_that_is_asked_for(
    make_job: MakeJob, backend: LocalBackend, tmp_path: Path
) -> None:
    backend.submit(make_job("a", TELL_PIDS))
    deadline = time.monotonic() + 120
    while not (tmp_path / "pids").exists():
        backend.wait(0.1)
        assert time.monotonic() < deadline
    os.kill(int((tmp_path / "pids").read_text().split()[0]), signal.SIGSTOP)
    backend.cancel("a", StopLevel.NOW)
    _, ends = collect(backend, 1)
    assert ends["a"].status is Status.INTERRUPTED


def test_closing_ends_what_runs(make_job: MakeJob, make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = make_backend()
    backend.submit(make_job("a", f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))", LOOP))
    deadline = time.monotonic() + 120
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        backend.wait(0.1)
        assert time.monotonic() < deadline
    backend.close()
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()
    assert not (tmp_path / "runs/a/nb.ipynb").exists()
    backend.close()


def test_a_job_that_cannot_be_started_says_so(
    make_job: MakeJob, make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = make_backend()
    monkeypatch.setattr(workers, "ForkServer", refuse)
    backend.submit(replace(make_job("a", "1"), warm=WarmPlan(("json",))))
    _, ends = collect(backend, 1)
    assert ends["a"] == Outcome(Status.FAILED, "could not be started: [Errno 11] no more processes")


def refuse(*_: object) -> None:
    raise BlockingIOError(11, "no more processes")
