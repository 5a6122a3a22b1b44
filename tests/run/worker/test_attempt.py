"""A job from its folder to its executed notebook: with real workers, and what is left of them."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import pytest
from nbformat import v4

from colab_starter.run.job import CellStarted, Ended, Event, Limits, Started, Stop, WarmPlan
from colab_starter.run.kernels.forkserver import Exited, ForkServer
from colab_starter.run.outcome import Status
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker.attempt import execute_job
from colab_starter.run.worker.cell_errors import End
from colab_starter.run.worker.executor import Executor
from tests.run.jobs import Jobs, cell, receive
from tests.support.marks import weekly
from tests.support.processes import is_alive, wait_until
from tests.support.ready_servers import ReadyServers


@pytest.fixture(scope="module")
def server(ready_servers: ReadyServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ready_servers.start(WarmPlan(), {}, tmp_path_factory.mktemp("server") / "log")
    yield server
    server.close()


@pytest.fixture
def jobs(server: ForkServer, tmp_path: Path) -> Jobs:
    return Jobs(server, tmp_path)


def test_the_executed_notebook_says_all_about_its_run(jobs: Jobs) -> None:
    ran = jobs.execute(cell("n = 1", "parameters"), "print(n)", parameters={"n": 5, "x": (1, float("inf"))})
    metadata = ran.notebook["metadata"]
    assert metadata["colab_starter"] == {
        "run": "run",
        "attempt": 1,
        "status": "ok",
        "cause": "",
        "cell": None,
        "seconds": ran.outcome.seconds,
        "metrics": {},
        "peak_memory": ran.outcome.peak_memory,
        "host": os.uname().nodename,
        "source": "trial.ipynb",
    }
    papermill = metadata["papermill"]
    assert papermill["parameters"]["n"] == 5
    assert papermill["exception"] is None
    assert papermill["environment_variables"] == {}
    assert papermill["output_path"] == str(ran.folder / "trial.ipynb")
    assert 0 < papermill["duration"] < 60
    assert papermill["start_time"] < papermill["end_time"]
    assert metadata["language_info"]["name"] == "python"


def test_parameters_stand_after_the_cell_that_declares_them(jobs: Jobs) -> None:
    ran = jobs.execute("a = 1", cell("n = 1", "parameters"), "print(n, a)", parameters={"n": 5})
    injected = ran.notebook["cells"][2]
    assert injected["source"] == ["# Parameters\n", "n = 5\n"]
    assert injected["metadata"]["tags"] == ["injected-parameters"]
    assert ran.text(4) == "5 1\n"


def test_a_cell_has_the_number_that_jupyter_shows_in_messages_progress_and_the_notebook(jobs: Jobs) -> None:
    ran = jobs.execute(cell("n = 1", "parameters"), " ", "1 / n", "never", parameters={"n": 0})
    assert ran.outcome.cell == 3  # in the notebook as it was written
    assert ran.outcome.cause == "ZeroDivisionError: division by zero (cell In[3], line 1)"
    assert ran.notebook["cells"][3]["execution_count"] == 3
    started = [event for event in ran.events if isinstance(event, CellStarted)]
    assert {event.total for event in started} == {4}
    assert started[-1].number <= 3


def test_the_folder_holds_the_notebook_and_nothing_else(jobs: Jobs) -> None:
    folder = jobs.folder / "run"
    folder.mkdir()
    (folder / ".trial.ipynb.k1ll3d").write_text("half")
    (folder / "trial.partial.ipynb").write_text("{}")
    assert jobs.execute("1").files == {"trial.ipynb"}


def test_what_the_kernel_itself_writes_is_in_its_log(jobs: Jobs) -> None:
    ran = jobs.execute("import os\nos.write(1, b'from below\\n');")
    assert ran.files == {"trial.ipynb", "kernel.log"}
    assert "from below" in (ran.folder / "kernel.log").read_text()


WAIT_FOR_SAVE = """
import shutil, time
from pathlib import Path
saved = Path('run/trial.partial.ipynb')
for _ in range(3000):
    time.sleep(0.02)
    if saved.exists() and '"completed"' in saved.read_text(): break
shutil.copy(saved, 'seen.ipynb')
"""


def test_the_partial_notebook_tells_how_far_it_is(jobs: Jobs) -> None:
    assert jobs.execute("1", WAIT_FOR_SAVE, "1").outcome.status == Status.OK
    seen = json.loads((jobs.folder / "seen.ipynb").read_text())
    assert [found["metadata"]["papermill"]["status"] for found in seen["cells"]] == ["completed", "running", "pending"]
    assert seen["metadata"]["colab_starter"]["status"] == "running"


def test_secrets_are_nowhere(jobs: Jobs) -> None:
    code = """
import os
print(os.environ['MY_TOKEN'], flush=True)
os.write(1, os.environ['DSN'].encode() + b'\\n')
display({'application/scrapbook.scrap.json+json':
         {'name': 'key', 'data': os.environ['MY_TOKEN'], 'encoder': 'json', 'version': 1}}, raw=True)
raise ValueError(os.environ['MY_TOKEN'])
"""
    ran = jobs.execute(
        cell("key = ''", "parameters"),
        code,
        parameters={"key": "hunter2"},
        environment={"MY_TOKEN": "hunter2", "DSN": "postgres://me"},
        secrets=("DSN",),
    )
    assert ran.outcome.cause.startswith("ValueError: *** (")
    assert ran.outcome.metrics == {"key": "***"}
    assert "hunter2" not in repr(ran.events)
    assert (ran.folder / "kernel.log").read_text().strip().endswith("***")
    for path in ran.folder.iterdir():
        assert b"hunter2" not in path.read_bytes()
        assert b"postgres" not in path.read_bytes()


def test_what_the_notebook_started_ends_with_it(jobs: Jobs) -> None:
    code = "import subprocess\nprocess = subprocess.Popen(['sleep', '300'], start_new_session=True)\nprint(process.pid)"
    ran = jobs.execute(code)
    assert not is_alive(int(ran.text()))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "trial.ipynb is empty"),
        ("{", "trial.ipynb is not valid JSON"),
        ('{"a": 1}', "trial.ipynb is not a notebook of a known version"),
        ('{"nbformat": 4, "cells": [7], "metadata": {}}', "trial.ipynb is not a notebook that can be run"),
    ],
)
def test_a_broken_notebook_is_told_in_one_line(jobs: Jobs, text: str, cause: str) -> None:
    path = jobs.folder / "trial.ipynb"
    path.write_text(text)
    ran = jobs.follow(jobs.make(path))
    assert ran.outcome.status == Status.FAILED
    assert cause in ran.outcome.cause
    assert "\n" not in ran.outcome.cause


def test_a_notebook_of_format_3_is_executed(jobs: Jobs) -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "language": "python", "metadata": {}, "input": "print(1)", "outputs": []}
                ],
                "metadata": {},
            }
        ],
    }
    path = jobs.folder / "trial.ipynb"
    path.write_text(json.dumps(old))
    ran = jobs.follow(jobs.make(path, warm=WarmPlan()))
    assert ran.text() == "1\n"


def test_a_missing_notebook_is_told_in_one_line(jobs: Jobs) -> None:
    ran = jobs.follow(jobs.make(jobs.folder / "none.ipynb"))
    assert ran.outcome.cause == f"{jobs.folder}/none.ipynb: No such file or directory"


def test_a_kernel_that_is_not_installed_is_told_with_those_that_are(jobs: Jobs) -> None:
    ran = jobs.execute("1", kernel="nonsense")
    assert ran.outcome.status == Status.FAILED
    assert "nonsense" in ran.outcome.cause
    assert "python3" in ran.outcome.cause


def test_a_value_without_a_form_in_the_language_is_told(jobs: Jobs) -> None:
    jobs.metadata = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    ran = jobs.execute(cell("n <- 1", "parameters"), parameters={"n": (1, 2)})
    assert ran.outcome.status == Status.FAILED
    assert ran.outcome.cause.startswith("n = ")


def test_a_folder_that_cannot_be_made_is_told(jobs: Jobs) -> None:
    (jobs.folder / "run").write_text("a file")
    job = jobs.make(jobs.write("1"))
    connection = jobs.server.fork("colab_starter.run.worker.attempt:run_job", job)
    with connection:
        assert isinstance(receive(connection), Started)
        ended = receive(connection)
    assert ended.outcome.status == Status.FAILED
    assert str(jobs.folder / "run") in ended.outcome.cause


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "run"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_told_and_earlier_results_are_intact(jobs: Jobs, small_disk: Path) -> None:
    (small_disk / "trial.ipynb").write_text("earlier")
    job = jobs.make(jobs.write("import time\nprint('x' * 3_000_000)\ntime.sleep(1.2)"), warm=WarmPlan())
    ran = jobs.follow(job)
    assert ran.outcome.status == Status.FAILED
    assert "trial.ipynb could not be written (No space left on device)" in ran.outcome.cause
    assert (small_disk / "trial.ipynb").read_text() == "earlier"
    assert ran.files == {"trial.ipynb"}


def test_when_the_coordinator_goes_everything_goes_and_no_notebook_is_left(jobs: Jobs) -> None:
    code = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    job = jobs.make(jobs.write(code), warm=WarmPlan())
    connection = jobs.server.fork("colab_starter.run.worker.attempt:run_job", job)
    pid_file = jobs.folder / "pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    pid = int(pid_file.read_text())
    connection.close()
    wait_until(lambda: not is_alive(pid))
    assert not (jobs.folder / "run" / "trial.ipynb").exists()


def test_a_worker_that_is_killed_leaves_no_kernel(jobs: Jobs) -> None:
    code = "import os, time\nopen('pid', 'w').write(f'{os.getpid()} {os.getppid()}')\ntime.sleep(600)"
    job = jobs.make(jobs.write(code), warm=WarmPlan())
    connection = jobs.server.fork("colab_starter.run.worker.attempt:run_job", job)
    pid_file = jobs.folder / "pid"
    wait_until(lambda: pid_file.exists() and " " in pid_file.read_text())
    kernel, worker = map(int, pid_file.read_text().split())
    os.kill(worker, signal.SIGKILL)
    with connection:
        while not isinstance(event := receive(connection), Exited):
            pass
    assert event.status == -signal.SIGKILL
    wait_until(lambda: not is_alive(kernel))


def test_a_stop_before_the_kernel_is_there_ends_the_run(jobs: Jobs) -> None:
    def react(event: Event) -> Stop | None:
        return Stop(StopLevel.NOW) if isinstance(event, Started) else None

    ran = jobs.execute("1", react=react)
    assert ran.outcome.status == Status.INTERRUPTED
    assert set(ran.statuses) <= {"pending", "failed"}


def test_a_run_may_be_pruned_before_its_kernel_is_there(jobs: Jobs) -> None:
    """As when it is started again, with a cold kernel, after it has told its first metrics."""
    ran = jobs.execute("1", react=lambda event: Stop.prune("too bad") if isinstance(event, Started) else None)
    assert (ran.outcome.status, ran.outcome.cause) == (Status.PRUNED, "too bad")
    assert ran.notebook["metadata"]["colab_starter"]["status"] == "pruned"
    assert ran.notebook["metadata"]["papermill"]["exception"] is None


LEFT_RUNNING = {
    "a thread": ("threading.Thread(target=wait, name='monitor').start()", "thread monitor"),
    "a thread without a name": ("threading.Thread(target=wait).start()", "thread wait"),
    "a pool": ("p = futures.ThreadPoolExecutor(1, 'pool')\np.submit(wait)", "thread pool_0"),
    "a process": ("multiprocessing.get_context('fork').Process(target=wait, name='child').start()", "process child"),
    "several": (
        "for i in range(5): threading.Thread(target=wait, name=f't{i}').start()",
        "thread t0, thread t1, thread t2 and 2 more",
    ),
}
"""What cells may leave running, and what is said of it."""


@pytest.mark.parametrize(
    ("what", "warm"),
    [
        *((what, True) for what in LEFT_RUNNING),
        *((what, False) for what in ("a thread", "a process")),
        *(weekly(what, False) for what in ("a thread without a name", "a pool", "several")),
    ],
)
def test_what_a_notebook_leaves_running_is_ended_and_told(jobs: Jobs, what: str, warm: bool) -> None:
    code, left = LEFT_RUNNING[what]
    start = "import atexit, multiprocessing, threading, time\nfrom concurrent import futures\n"
    wait = "def wait():\n    while True: time.sleep(0.1)\n"
    kept = "atexit.register(lambda: open('atexit', 'w').write('kept'))\nfile = open('file', 'w')\nfile.write('kept')\n"
    ran = jobs.execute(f"{start}{wait}{kept}{code}", warm=warm)
    assert ran.outcome.status is Status.OK
    assert ran.outcome.cause == f"ended what the notebook had left running: {left}"
    assert ran.notebook["metadata"]["colab_starter"]["cause"] == ran.outcome.cause
    assert {(jobs.folder / name).read_text() for name in ("atexit", "file")} == {"kept"}


WORKING = """\
import subprocess, sys, threading, time
from pathlib import Path
CODE = "import time\\nend = time.monotonic() + 2.5\\nwhile time.monotonic() < end: sum(range(99_999)); time.sleep(0.02)"
def work():
    exec(CODE)
    Path("of the thread").touch()
def wait_for_work():
    subprocess.run([sys.executable, "-c", CODE])
    Path("of its process").touch()
threading.Thread(target=work).start()
threading.Thread(target=wait_for_work).start()"""


@pytest.mark.parametrize("warm", [True, False])
def test_threads_that_work_are_waited_for(jobs: Jobs, warm: bool) -> None:
    ran = jobs.execute(WORKING, warm=warm)
    assert (ran.outcome.status, ran.outcome.cause) == (Status.OK, "")
    assert {path.name for path in jobs.folder.glob("of *")} == {"of the thread", "of its process"}


@pytest.mark.slow
def test_a_kernel_that_does_not_end_is_killed_and_that_is_told(jobs: Jobs) -> None:
    ran = jobs.execute("import atexit, time\natexit.register(time.sleep, 600)\nexit()")
    assert ran.outcome.status is Status.OK
    assert ran.outcome.cause == "ended early by exit() in cell In[1]; the kernel was killed: it did not end in 10 s"


def test_a_job_can_be_executed_in_the_process_itself(tmp_path: Path) -> None:
    """That is how a backend on another machine does it."""
    made = v4.new_notebook(cells=[v4.new_code_cell("print(1)")])
    path = tmp_path / "trial.ipynb"
    path.write_text(v4.writes(made))
    ours, theirs = Pipe()
    with ours, theirs:
        jobs = Jobs(None, tmp_path)  # type: ignore[arg-type]
        outcome = execute_job(replace(jobs.make(path), attempt=2), theirs)
        assert outcome.status == Status.OK
        assert isinstance(ours.recv(), Started)
    written = json.loads((tmp_path / "run" / "trial.ipynb").read_text())
    assert written["metadata"]["colab_starter"]["attempt"] == 2


def test_a_fault_of_our_own_leaves_what_was_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(executor: Executor, wait: object, index: int) -> End | None:
        raise ArithmeticError("ours")

    monkeypatch.setattr(Executor, "_judge", fail)
    path = tmp_path / "trial.ipynb"
    path.write_text(v4.writes(v4.new_notebook(cells=[v4.new_code_cell("print(1)"), v4.new_code_cell("never")])))
    ours, theirs = Pipe()
    with ours, theirs:
        outcome = execute_job(Jobs(None, tmp_path).make(path), theirs)  # type: ignore[arg-type]
    assert (outcome.status, outcome.cause) == (Status.FAILED, "ArithmeticError: ours")
    written = json.loads((tmp_path / "run" / "trial.ipynb").read_text())
    assert written["cells"][0]["outputs"][0]["text"] == ["1\n"]
    assert [cell["metadata"]["papermill"]["status"] for cell in written["cells"]] == ["failed", "pending"]
    assert "Traceback" in capfd.readouterr().err


def test_the_limit_of_a_run_counts_while_its_kernel_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tmp_path / "kernels" / "silent"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["sleep", "600"], "display_name": "silent", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    ours, theirs = Pipe()
    with ours, theirs:
        jobs = Jobs(None, tmp_path)  # type: ignore[arg-type]
        outcome = execute_job(jobs.make(jobs.write("1"), kernel="silent", limits=Limits(run=1)), theirs)
    assert (outcome.status, outcome.cell) == (Status.TIMEOUT, None)
    assert outcome.cause == "the run took longer than its limit, 1 s, while the kernel was starting"
    written = json.loads((tmp_path / "run" / "trial.ipynb").read_text())
    assert written["cells"][0]["metadata"]["papermill"]["status"] == "pending"


def test_the_end_is_the_last_word(jobs: Jobs) -> None:
    events = jobs.execute("1").events
    assert isinstance(events[0], Started)
    assert [event for event in events if isinstance(event, Ended)] == events[-1:]
