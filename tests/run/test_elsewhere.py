"""Runs whose kernels have another environment than colab-starter: warm all the same, or cold, which is said."""

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.backends.gpus import GpuPlaces, GpuShare
from colab_starter.run.backends.local.backend import LocalBackend
from colab_starter.run.backends.local.options import LocalOptions
from colab_starter.run.backends.options import BackendOptions
from colab_starter.run.backends.ray.options import RayOptions
from colab_starter.run.batch import Options, prepare_batch
from colab_starter.run.job import Job, KernelPython, Limits, Started, StartedCold, WarmPlan
from colab_starter.run.job_maker import plan_run
from colab_starter.run.kernels.forkserver import ForkServer, ServerState
from colab_starter.run.kernels.protocol import ENDED, GUARD
from colab_starter.run.kernels.system import list_descendants
from colab_starter.run.outcome import Status
from colab_starter.run.stopping import StopLevel
from tests.run.kernels.elsewhere import NAME, found_by_jupyter, make_environment, write_kernelspec
from tests.run.test_local import LOOP, TELL_PIDS, collect, output_of, wait_for_cell
from tests.support.marks import weekly
from tests.support.processes import is_alive, wait_until

pytestmark = pytest.mark.usefixtures("workers_ready")

SHOW = "print('forked' if b'kernels.server' in open('/proc/self/cmdline', 'rb').read() else 'started')"
MakeJob = Callable[..., Job]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelPython]:
    folder = tmp_path_factory.mktemp("elsewhere")
    kernel = make_environment(folder)
    with found_by_jupyter(folder):
        yield kernel


@pytest.fixture(scope="module")
def backend(kernel: KernelPython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    with open_backend(tmp_path_factory.mktemp("log")) as backend:
        backend.prepare(WarmPlan(kernel=kernel))
        yield backend


@pytest.fixture
def own_backend(tmp_path: Path) -> Iterator[LocalBackend]:
    """One whose processes may be killed."""
    with open_backend(tmp_path) as backend:
        yield backend


def open_backend(folder: Path) -> LocalBackend:
    places = GpuPlaces(["7"], GpuShare(1, 2))
    return LocalBackend(2, places, {"OMP_NUM_THREADS": "3"}, folder / "warm.log")


@pytest.fixture
def make_job(kernel: KernelPython, tmp_path: Path) -> MakeJob:
    """A job that executes these cells in a kernel forked elsewhere, or as ``warm`` says."""

    default = WarmPlan(kernel=kernel)

    def make(run: str, *cells: str, warm: WarmPlan | None = default, limit: float | None = None) -> Job:
        path = tmp_path / f"{run}.ipynb"
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells]), path)
        output = str(tmp_path / "runs" / run / "nb.ipynb")
        limits = Limits(run=limit)
        return Job(run, 1, str(path), output, {}, str(tmp_path), kernel=NAME, warm=warm, limits=limits)

    return make


def test_runs_are_forked_and_have_the_gpu_the_threads_and_the_folder_of_others(
    make_job: MakeJob, backend: LocalBackend, tmp_path: Path
) -> None:
    cell = f"{SHOW}\nimport os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['OMP_NUM_THREADS'], os.getcwd())"
    jobs = [make_job("warm", cell), make_job("cold", cell, warm=None)]
    for job in jobs:
        backend.submit(job)
    events, ends = collect(backend, 2)
    assert {end.status for end in ends.values()} == {Status.OK}
    assert [output_of(job) for job in jobs] == [f"{how}\n7 3 {tmp_path}\n" for how in ("forked", "started")]
    assert [event.place for event in events if isinstance(event, Started)] == ["GPU 7", "GPU 7"]
    assert all(end.peak_memory and end.peak_memory > 1_000_000 for end in ends.values())
    assert not any(isinstance(event, StartedCold) for event in events)


def test_a_module_that_gives_something_else_starts_the_run_again_on_a_cold_kernel(
    make_job: MakeJob, own_backend: LocalBackend, kernel: KernelPython
) -> None:
    job = make_job("refuses", "import sys; sys.path.insert(0, '/nowhere')", f"import wave\n{SHOW}")
    plan = WarmPlan(("wave",), kernel=kernel)
    own_backend.submit(make_job("refuses", *read_cells(job), warm=plan))
    events, ends = collect(own_backend, 1)
    assert ends["refuses"].status is Status.OK
    assert output_of(job) == "started\n"
    assert [event for event in events if isinstance(event, StartedCold)] == [
        StartedCold("refuses", "wave", "sys.path was changed")
    ]


def read_cells(job: Job) -> list[str]:
    return [cell.source for cell in nbformat.read(job.notebook, as_version=4).cells]


def test_a_limit_and_a_stop_end_a_run(make_job: MakeJob, backend: LocalBackend) -> None:
    backend.submit(make_job("late", LOOP, limit=1.5))
    _, ends = collect(backend, 1)
    assert ends["late"].status is Status.TIMEOUT
    assert "the run took longer than its limit, 1.5 s" in ends["late"].cause
    backend.submit(make_job("stopped", LOOP))
    wait_for_cell(backend, "stopped")
    backend.cancel("stopped", StopLevel.NOW)
    _, ends = collect(backend, 1)
    assert ends["stopped"].status is Status.INTERRUPTED


@pytest.mark.parametrize("victim", ["guard", "kernel"])
def test_a_limit_is_kept_also_where_the_guard_or_the_kernel_was_stopped(
    victim: str, make_job: MakeJob, backend: LocalBackend, tmp_path: Path
) -> None:
    backend.submit(make_job("stands", TELL_PIDS, limit=3))
    wait_until(lambda: backend.wait(0.1) is None or (tmp_path / "pids").exists())
    guard, kernel = map(int, (tmp_path / "pids").read_text().split())
    os.kill(guard if victim == "guard" else kernel, signal.SIGSTOP)
    _, ends = collect(backend, 1)
    assert (ends["stands"].status, is_alive(guard), is_alive(kernel)) == (Status.TIMEOUT, False, False)


def test_a_stop_ends_a_run_whose_modules_are_still_being_imported(
    make_job: MakeJob, own_backend: LocalBackend, kernel: KernelPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "slow.py").write_text("import time; time.sleep(600)")
    own_backend.submit(make_job("waits", "1", warm=WarmPlan(("slow",), kernel=kernel)))
    assert own_backend.wait(1) == []  # its time has not begun
    own_backend.cancel("waits", StopLevel.NOW)
    _, ends = collect(own_backend, 1)
    assert (ends["waits"].status, ends["waits"].cause) == (
        Status.INTERRUPTED,
        "stopped while the kernel was starting",
    )


@pytest.mark.parametrize("victim", [weekly("kernel"), "guard", "server", weekly("keeper")])
def test_a_death_ends_only_what_depends_on_it_and_the_next_run_is_forked_again(
    victim: str, make_job: MakeJob, own_backend: LocalBackend, tmp_path: Path
) -> None:
    own_backend.submit(make_job("dies", TELL_PIDS))
    wait_until(lambda: own_backend.wait(0.1) is None or (tmp_path / "pids").exists())
    guard, kernel = map(int, (tmp_path / "pids").read_text().split())
    (server,) = own_backend.kernel_servers
    serving = int(Path(f"/proc/{guard}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill({"kernel": kernel, "guard": guard, "server": serving, "keeper": server.pid}[victim], signal.SIGKILL)
    _, ends = collect(own_backend, 1)
    assert (ends["dies"].status, ends["dies"].cause) == (
        Status.KILLED,
        "the kernel was killed by SIGKILL in cell In[1]",
    )
    wait_until(lambda: not any(map(is_alive, (kernel, guard))))
    if victim in ("server", "keeper"):
        wait_until(lambda: server.poll() is ServerState.DEAD)
    again = make_job("again", SHOW)
    own_backend.submit(again)
    events, ends = collect(own_backend, 1)
    assert ends["again"].status is Status.OK
    assert output_of(again) == "forked\n"
    assert not any(isinstance(event, StartedCold) for event in events)


def test_closing_ends_what_runs(make_job: MakeJob, own_backend: LocalBackend) -> None:
    own_backend.submit(make_job("a", LOOP))
    wait_for_cell(own_backend, "a")
    servers = [*own_backend.servers, *own_backend.kernel_servers]
    everything = [pid for server in servers for pid in (server.pid, *list_descendants(server.pid))]
    own_backend.close()
    wait_until(lambda: not any(map(is_alive, everything)))


def test_a_server_that_has_ended_before_it_is_asked_for_a_kernel_is_told_like_one_that_ends_later(
    make_job: MakeJob, own_backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = ForkServer.fork

    def fork_workers(server: ForkServer, target: str, payload: object) -> object:
        if target == GUARD:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        return fork(server, target, payload)

    monkeypatch.setattr(ForkServer, "fork", fork_workers)
    job = make_job("cold", SHOW)
    own_backend.submit(job)
    events, ends = collect(own_backend, 1)
    assert (ends["cold"].status, output_of(job)) == (Status.OK, "started\n")
    (cold,) = [event for event in events if isinstance(event, StartedCold)]
    assert cold.why.startswith(ENDED)


def make_broken(how: str, folder: Path) -> KernelPython:
    """An environment in which no server can work; kernels can be started in those that end the server themselves."""
    if how == "there is no Python":
        return write_kernelspec(folder, folder / "bin" / "python3")
    kernel = make_environment(folder)
    (place,) = folder.glob("lib/*/site-packages")
    if how == "has no ipykernel":
        (place / "all.pth").unlink()
    else:
        (place / "sitecustomize.py").write_text("import os, sys\nif 'server' in str(sys.orig_argv): os._exit(3)")
    return kernel


@pytest.mark.parametrize(
    ("how", "said", "cause"),
    [
        ("there is no Python", "No such file or directory", "cannot be started"),
        ("has no ipykernel", "has ended: .* has no ipyk(ernel|…)", "No module named 'zmq'"),
        ("has a sitecustomize that ends it", "has ended", ""),
    ],
)
def test_what_cannot_be_forked_is_started_cold_and_that_is_said(
    how: str, said: str, cause: str, sweep_here: Run, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    make_broken(how, environment)
    notebook = v4.new_notebook(cells=[v4.new_code_cell(SHOW)])
    notebook.metadata.kernelspec = {"name": NAME, "display_name": NAME, "language": "python"}
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    with found_by_jupyter(environment):
        done = sweep_here("nb.ipynb")
    assert re.search(rf"imported again in each run: all \(.*{said}", done.stdout), done.stdout + done.stderr
    if cause:
        assert done.returncode == 1
        assert re.search(cause, done.stdout)
    else:
        assert done.returncode == 0
        assert read_executed(tmp_path).cells[-1].outputs[0].text == "started\n"


def read_executed(folder: Path) -> nbformat.NotebookNode:
    [file] = (folder / "runs/nb").glob("*/nb.ipynb")
    executed: nbformat.NotebookNode = nbformat.read(file, as_version=4)
    return executed


@pytest.mark.parametrize(("backend", "expected"), [(LocalOptions(), True), (RayOptions(), False)])
def test_only_on_this_machine_are_kernels_forked_elsewhere(
    backend: BackendOptions, expected: bool, kernel: KernelPython, tmp_path: Path
) -> None:
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1")]), tmp_path / "nb.ipynb")
    batch = prepare_batch(Options(tmp_path / "nb.ipynb", out=tmp_path / "runs", kernel=NAME, backend=backend))
    plan = plan_run(batch, batch.runs[0])
    assert (plan.kernel if plan else None) == (kernel if expected else None)


@pytest.mark.parametrize(("options", "how"), [((), "forked"), (("--cold",), "started")])
def test_the_command_forks_kernels_of_a_kernelspec_unless_they_are_to_be_cold(
    options: tuple[str, ...], how: str, kernel: KernelPython, sweep_here: Run, tmp_path: Path
) -> None:
    cells = [
        "import json\nfrom os import path\nfrom wave import open as missing",
        f"{SHOW}\nimport sys\nprint(sys.executable)",
    ]
    nbformat.write(v4.new_notebook(cells=list(map(v4.new_code_cell, cells))), tmp_path / "nb.ipynb")
    done = sweep_here("nb.ipynb", "--kernel", NAME, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "imported again" not in done.stdout
    assert read_executed(tmp_path).cells[-1].outputs[0].text == f"{how}\n{kernel.python}\n"
    assert sys.executable != kernel.python
    assert not (tmp_path / "runs/nb/warm.log").exists()
