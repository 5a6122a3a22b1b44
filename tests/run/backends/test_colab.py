"""The backend ``colab``: Google's real command, a real Jupyter server, real kernels. See ``colab_rig``."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from colab_starter.errors import ColabSessionError, ColabToolMissingError, WrongOptionError
from colab_starter.run.backends.colab import ColabBackend, execution, sessions
from colab_starter.run.backends.colab.server import KernelProcess, KernelState, SessionServer
from colab_starter.run.job import CellStarted, Ended, Event, Job, Limits, MetricRecorded, Started
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from tests.run.backends.colab_rig import ColabRig, install_colab

SECRET = "hunter2-hunter2"
SCRAP = "application/scrapbook.scrap.json+json"
RECORD_METRIC = f"""\
from IPython.display import display
display({{"{SCRAP}": {{"name": "double", "data": n * 2, "encoder": "json"}}}}, raw=True)"""


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ColabRig]:
    with use_rig(tmp_path_factory.mktemp("colab")) as rig:
        yield rig


class use_rig:  # noqa: N801
    """While the block lasts, ``colab`` is the real command with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self._rig = ColabRig(folder / "rig", install_colab())
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> ColabRig:
        self._patch.setenv("HOME", str(self._rig.home))
        self._patch.setenv("PATH", f"{self._rig.bin}{os.pathsep}{os.environ['PATH']}")
        self._patch.setenv("REQUEST_TIMEOUT", "5")  # the command's: it also waits so long before it saves
        self._patch.setenv("TEST_SECRET", SECRET)
        return self._rig

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        self._rig.close()


def make_job(folder: Path, run: str, *cells: str, limits: Limits | None = None, tags: str = "") -> Job:
    """The notebook: a text, the parameters ``n`` and ``output_dir``, and the cells; ``n`` becomes 5."""
    declared = nbformat.v4.new_code_cell("n = 1\noutput_dir = '.'", metadata={"tags": ["parameters"]})
    code = [nbformat.v4.new_code_cell(cell, metadata={"tags": tags.split()}) for cell in cells]
    path = folder / f"{run}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Text"), declared, *code]), path)
    output = folder / "runs" / run
    parameters = {"n": 5, "output_dir": str(output / "output")}
    return Job(run, 1, str(path), str(output / "nb.ipynb"), parameters, str(folder), limits=limits or Limits())


def wait_for(backend: ColabBackend, *jobs: Job, seconds: float = 300) -> list[Event]:
    """All events until the jobs have ended."""
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    open_runs = {job.run for job in jobs}
    while open_runs:
        assert time.monotonic() < deadline, events
        news = backend.wait(0.5)
        open_runs -= {event.run for event in news if isinstance(event, Ended)}
        events += news
    return events


def wait_for_cell(backend: ColabBackend, number: int, *jobs: Job) -> None:
    """Until each of the jobs executes that cell."""
    deadline = time.monotonic() + 240
    waiting = {job.run for job in jobs}
    while waiting:
        assert time.monotonic() < deadline
        events = [event for event in backend.wait(0.5) if isinstance(event, CellStarted)]
        waiting -= {event.run for event in events if event.number == number}


def wait_for_texts(backend: ColabBackend, text: bytes, count: int) -> None:
    """Until the text has come from so many sessions."""
    deadline = time.monotonic() + 240
    while sum(text in path.read_bytes() for path in backend._folder.glob("*/out")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Ends:
    """What became of jobs."""

    def __init__(self, jobs: list[Job], events: list[Event]) -> None:
        self.jobs = {job.run: job for job in jobs}
        self.events = events

    def outcome(self, run: str) -> Outcome:
        (found,) = [event.outcome for event in self.events if isinstance(event, Ended) and event.run == run]
        return found

    def notebook(self, run: str) -> Any:
        return nbformat.read(self.jobs[run].output, as_version=4)

    def statuses(self, run: str) -> list[str]:
        return [cell.metadata.papermill.status for cell in self.notebook(run).cells]

    def text(self, run: str) -> str:
        outputs = [output for cell in self.notebook(run).cells for output in cell.get("outputs", ())]
        return "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.fixture(scope="module")
def ends(colab: ColabRig, tmp_path_factory: pytest.TempPathFactory) -> Ends:
    """A sweep of all kinds of notebooks, on two sessions."""
    folder = tmp_path_factory.mktemp("sweep")
    endless = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.1)"
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n        pass"
    jobs = [
        make_job(folder, "dies", "print(1)", "import os, time\nprint(2, flush=True)\ntime.sleep(1)\nos._exit(3)", "3"),
        make_job(folder, "stubborn", stubborn, "3", limits=Limits(cell=1)),
        make_job(folder, "ok", "print(n)", RECORD_METRIC, "# @title Files\nopen(f'{output_dir}/a', 'w').write('b')"),
        make_job(folder, "fails", "leaked = 1", "def bad():\n    raise ValueError('bad')\nbad()", "print('later')"),
        make_job(folder, "clean", "'leaked' in globals()"),
        make_job(folder, "allowed", "1/0", "!echo from the shell", tags="raises-exception"),
        make_job(folder, "cell limit", endless, "print('later')", limits=Limits(cell=1)),
        make_job(folder, "run limit", "print(1)", endless, limits=Limits(run=2)),
        make_job(folder, "exits", "import sys\nsys.exit(0)", "print('later')"),
        make_job(folder, "exit(3)", "exit(3)", "print('later')"),
        make_job(folder, "exit()", "exit()", "print('later')"),
        make_job(folder, "captured", "%%capture\n\n1 / 0", "print('later')"),
        make_job(folder, "unencodable", "print('a\\ud800b')", "raise ValueError('\\ud800')"),
        make_job(folder, "50 KB", "print('x' * 50_000)", "", "print('y')"),
        make_job(folder, "5 MB", "for i in range(50): print('x' * 100_000)", "print('y')"),
        make_job(folder, "secret", f"print('{SECRET}')", f"raise ValueError('{SECRET}')"),
    ]
    with ColabBackend(sessions=2) as backend:
        assert backend.capacity == 2
        for job in jobs:
            backend.submit(job)
        return Ends(jobs, wait_for(backend, *jobs))


@pytest.mark.slow
class TestSweep:
    def test_a_run_that_is_well_ends_ok_with_its_metrics_and_files(self, ends: Ends) -> None:
        outcome = ends.outcome("ok")
        assert (outcome.status, outcome.cause, outcome.cell) == (Status.OK, "", None)
        assert outcome.metrics == {"double": 10}
        assert outcome.host
        assert (outcome.peak_memory or 0) > 10_000_000
        assert Path(str(ends.jobs["ok"].parameters["output_dir"]), "a").read_text() == "b"

    def test_events_come_in_their_order(self, ends: Ends) -> None:
        events = [event for event in ends.events if event.run == "ok"]
        assert isinstance(events[0], Started)
        assert events[0].place.startswith("Colab colab-starter-")
        cells = [event for event in events if isinstance(event, CellStarted)]
        assert {event.total for event in cells} == {4}
        assert [event.number for event in cells] == sorted(event.number for event in cells)
        assert MetricRecorded("ok", "double", 10) in events
        assert isinstance(events[-1], Ended)

    def test_the_executed_notebook_is_as_papermill_writes_it(self, ends: Ends) -> None:
        notebook = ends.notebook("ok")
        nbformat.validate(notebook)
        assert ends.statuses("ok") == ["completed"] * 6
        assert notebook.metadata.papermill.exception is None
        assert notebook.metadata.colab_starter.status == "ok"
        injected = notebook.cells[2]
        assert injected.metadata.tags == ["injected-parameters"]
        assert "n = 5" in injected.source
        assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
        assert notebook.cells[4].outputs[0].data == {SCRAP: {"name": "double", "data": 10, "encoder": "json"}}
        assert "colab-starter-" not in "".join(map(str, (cell.get("outputs") for cell in notebook.cells)))

    def test_the_first_error_ends_the_run(self, ends: Ends) -> None:
        outcome = ends.outcome("fails")
        assert (outcome.status, outcome.cell) == (Status.FAILED, 4)
        assert outcome.cause == "ValueError: bad (cell 4, line 2)"
        assert "later" not in ends.text("fails")
        assert ends.statuses("fails")[-2:] == ["failed", "pending"]

    def test_no_variable_is_left_for_the_next_run(self, ends: Ends) -> None:
        assert ends.notebook("clean").cells[-1].outputs[0].data["text/plain"] == "False"

    def test_an_error_that_a_cell_may_raise_ends_nothing(self, ends: Ends) -> None:
        assert ends.outcome("allowed").status is Status.OK
        assert ends.text("allowed").splitlines() == ["from the shell"]

    def test_a_cell_that_takes_too_long_is_interrupted(self, ends: Ends) -> None:
        outcome = ends.outcome("cell limit")
        assert (outcome.status, outcome.cell) == (Status.TIMEOUT, 3)
        assert outcome.cause == "cell 3 took longer than its limit, 1 s"
        assert ends.text("cell limit") == "begun\n"
        assert ends.statuses("cell limit")[-2:] == ["failed", "pending"]

    def test_a_cell_that_ignores_the_interrupt_ends_with_its_kernel(self, ends: Ends) -> None:
        outcome = ends.outcome("stubborn")
        assert outcome.status is Status.TIMEOUT
        assert outcome.cause == "cell 3 took longer than its limit, 1 s"
        assert ends.statuses("stubborn")[-3:] == ["completed", "failed", "pending"]

    def test_a_run_that_takes_too_long_is_interrupted(self, ends: Ends) -> None:
        outcome = ends.outcome("run limit")
        assert (outcome.status, outcome.cell) == (Status.TIMEOUT, 4)
        assert outcome.cause == "the run took longer than its limit, 2 s, in cell 4"

    def test_a_kernel_that_dies_ends_the_run_as_killed(self, ends: Ends) -> None:
        outcome = ends.outcome("dies")
        assert (outcome.status, outcome.cell) == (Status.KILLED, 4)
        assert outcome.cause == "the kernel died in cell 4; Colab does not tell of what"
        assert ends.text("dies") == "1\n2\n"
        assert ends.statuses("dies")[-3:] == ["completed", "failed", "pending"]

    def test_sys_exit_ends_a_run_well(self, ends: Ends) -> None:
        outcome = ends.outcome("exits")
        assert (outcome.status, outcome.cause) == (Status.OK, "ended early by sys.exit() in cell 3")
        assert ends.statuses("exits")[-2:] == ["completed", "pending"]

    @pytest.mark.parametrize(
        ("run", "status", "cause"),
        [
            ("exit(3)", Status.FAILED, "SystemExit: 3 (cell 3)"),
            ("exit()", Status.OK, "ended early by exit() in cell 3"),
            ("captured", Status.FAILED, "ZeroDivisionError: division by zero (cell 3, line 3)"),
        ],
    )
    def test_a_run_ends_where_the_reply_of_a_cell_hides_its_error(
        self, ends: Ends, run: str, status: Status, cause: str
    ) -> None:
        assert (ends.outcome(run).status, ends.outcome(run).cause) == (status, cause)
        assert ends.statuses(run)[-2:] == ["failed" if status is Status.FAILED else "completed", "pending"]
        assert "later" not in ends.text(run)

    def test_what_cannot_be_encoded_does_not_lose_the_rest(self, ends: Ends) -> None:
        assert ends.text("unencodable") == "a\\ud800b\n"
        assert ends.outcome("unencodable").cause == "ValueError: \\ud800 (cell 4, line 1)"

    @pytest.mark.parametrize(("run", "size"), [("50 KB", 50_003), ("5 MB", 5_000_052)])
    def test_large_outputs_come_back_whole(self, ends: Ends, run: str, size: int) -> None:
        assert ends.outcome(run).status is Status.OK
        assert len(ends.text(run)) == size
        assert max(len(cell.get("outputs", ())) for cell in ends.notebook(run).cells) == 1

    def test_secrets_are_masked(self, ends: Ends) -> None:
        assert ends.outcome("secret").cause == "ValueError: *** (cell 4, line 1)"
        assert ends.text("secret") == "***\n"
        assert SECRET not in Path(ends.jobs["secret"].output).read_text()

    def test_sessions_are_opened_once_and_released(self, ends: Ends, colab: ColabRig) -> None:
        opened = colab.calls("new")[:2]
        assert sorted(colab.calls("stop")[:2]) == sorted(opened)
        assert len({call for call in opened if call.startswith("-s colab-starter-")}) == 2


@pytest.mark.slow
def test_a_run_can_be_stopped_after_its_cell_and_at_once(colab: ColabRig, tmp_path: Path) -> None:
    wait = "import time\nprint('begun', flush=True)\ntime.sleep({})\nprint('ended')"
    until = """\
import pathlib, time
print("begun", flush=True)
while not list(pathlib.Path(output_dir).parent.glob("*.stop")):
    time.sleep(0.1)
print("ended")"""
    after = make_job(tmp_path, "after", until, "print('later')")
    now = make_job(tmp_path, "now", wait.format(600), "print('later')")
    waiting = make_job(tmp_path, "waiting", "print(1)")
    with ColabBackend(sessions=2) as backend:
        for job in (after, now, waiting):
            backend.submit(job)
        wait_for_cell(backend, 2, after, now)
        wait_for_texts(backend, b"begun\n", 2)
        backend.cancel("waiting", StopLevel.AFTER_CELLS)
        backend.cancel("after", StopLevel.AFTER_CELLS)
        backend.cancel("now", StopLevel.NOW)
        ends = Ends([after, now], wait_for(backend, after, now, waiting))
    assert {ends.outcome(run).status for run in ("after", "now", "waiting")} == {Status.INTERRUPTED}
    assert ends.outcome("after").cause == "stopped before cell 4"
    assert ends.text("after") == "begun\nended\n"
    assert ends.statuses("after")[-2:] == ["completed", "pending"]
    assert ends.outcome("now").cause == "stopped in cell 3"
    assert ends.text("now") == "begun\n"
    assert colab.sessions() == "{}"


@pytest.mark.slow
def test_a_machine_that_goes_ends_the_run_as_killed_and_another_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "LOST_AFTER", 2.0)
    with use_rig(tmp_path) as colab:
        job = make_job(tmp_path, "lost", "import time\nprint('begun', flush=True)\ntime.sleep(600)")
        with ColabBackend() as backend:
            backend.submit(job)
            wait_for_cell(backend, 2, job)
            colab.kill_server()
            ends = Ends([job], wait_for(backend, job))
            colab.fail("new", "[colab] Allocation refused")
            again = make_job(tmp_path, "again", "print(1)")
            backend.submit(again)
            ends.events += wait_for(backend, again)
        assert len(colab.calls("stop")) == 1
    assert ends.outcome("lost").status is Status.KILLED
    assert ends.outcome("lost").cause.endswith("was lost in cell 3")
    assert ends.outcome("again").cause == "`colab new` failed: Allocation refused"


@pytest.mark.slow
def test_a_kernel_that_dies_is_noticed_though_the_server_calls_it_busy(
    colab: ColabRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SessionServer, "kernel_state", lambda self: KernelState.BUSY)
    job = make_job(tmp_path, "dies", "import os\nos.kill(os.getpid(), 11)")
    with ColabBackend() as backend:
        backend.submit(job)
        ends = Ends([job], wait_for(backend, job))
    assert ends.outcome("dies").status is Status.KILLED
    assert ends.outcome("dies").cause == "the kernel died in cell 3; Colab does not tell of what"


@pytest.mark.slow
def test_a_process_is_gone_only_where_its_parent_can_be_seen(colab: ColabRig, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    subprocess.run(["colab", "new", "-s", "mine"], check=True, capture_output=True)
    with subprocess.Popen(["sleep", "600"]) as child:
        seen, unseen = (KernelProcess(SessionServer("mine"), str(records).lstrip("/")) for _ in range(2))
        assert not seen.is_gone()
        records.write_text(f'{{"pid": {child.pid}, "parent": {os.getpid()}}}\n')
        assert not seen.is_gone()
        child.kill()
    assert seen.is_gone()
    records.write_text(f'{{"pid": {child.pid}, "parent": 999999999}}\n')
    assert not unseen.is_gone()
    subprocess.run(["colab", "stop", "-s", "mine"], check=True, capture_output=True)


@pytest.mark.slow
def test_a_sessions_command_that_is_killed_ends_the_run_as_killed(colab: ColabRig, tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "import time\ntime.sleep(600)")
    with ColabBackend() as backend:
        backend.submit(job)
        wait_for_cell(backend, 2, job)
        (found,) = find_commands(str(backend._folder))
        os.kill(found, signal.SIGKILL)
        ends = Ends([job], wait_for(backend, job))
    assert ends.outcome("run").status is Status.KILLED
    assert ends.outcome("run").cause == "the colab command was killed by SIGKILL (in cell 3)"
    assert ends.statuses("run")[-2:] == ["completed", "failed"]


@pytest.mark.slow
def test_what_a_killed_sweep_left_is_ended_and_released_by_the_next(colab: ColabRig, tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "import time\ntime.sleep(600)")
    script = f"""\
        import time
        from colab_starter.run.backends.colab import ColabBackend
        from colab_starter.run.job import *
        backend = ColabBackend()
        backend.submit({job!r})
        while True:
            for event in backend.wait(1):
                print(event, backend._folder, flush=True)
        """
    sweep = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert sweep.stdout
    folder = next(line for line in sweep.stdout if "number=2" in line).split()[-1]
    sweep.kill()
    sweep.wait()
    sweep.stdout.close()
    wait_until_gone(folder)
    assert "colab-starter-" in colab.sessions()
    with ColabBackend():
        left = [call for call in colab.calls("stop") if f"-{sweep.pid}-" in call]
        assert len(left) == 1
        assert not Path(folder).exists()
    assert colab.sessions() == "{}"


def find_processes(*parts: str) -> list[int]:
    """Those in whose command line all the parts are."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if all(part in words for part in parts):
            found.append(int(path.parent.name))
    return found


def find_commands(part: str) -> list[int]:
    """The processes of Google's command, without those that guard them, that execute something with this name."""
    return sorted(set(find_processes("exec", part)) - set(find_processes("guard.py")))


def wait_until_gone(*parts: str) -> None:
    deadline = time.monotonic() + 60
    while find_processes(*parts):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
class TestSessions:
    def test_a_session_of_the_users_stays_open(self, colab: ColabRig, tmp_path: Path) -> None:
        subprocess.run(["colab", "new", "-s", "mine"], check=True, capture_output=True)
        stops = len(colab.calls("stop"))
        jobs = [make_job(tmp_path, "one", "leaked = 1"), make_job(tmp_path, "two", "'leaked' in globals()")]
        with ColabBackend(session="mine") as backend:
            assert backend.capacity == 1
            for job in jobs:
                backend.submit(job)
            ends = Ends(jobs, wait_for(backend, *jobs))
        assert ends.notebook("two").cells[-1].outputs[0].data["text/plain"] == "False"
        assert len(colab.calls("stop")) == stops
        assert "mine" in colab.sessions()
        subprocess.run(["colab", "stop", "-s", "mine"], check=True, capture_output=True)

    def test_closing_ends_what_runs_and_releases_its_session(self, colab: ColabRig, tmp_path: Path) -> None:
        job = make_job(tmp_path, "run", "import time\ntime.sleep(600)")
        backend = ColabBackend()
        backend.submit(job)
        wait_for_cell(backend, 2, job)
        backend.close()
        backend.close()
        assert colab.sessions() == "{}"
        assert not find_processes(str(backend._folder))
        (outcome,) = [event.outcome for event in backend.wait(0) if isinstance(event, Ended)]
        assert outcome.status is Status.INTERRUPTED


class TestErrors:
    @pytest.fixture
    def colab(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A command that prints what ``says`` holds, and fails."""
        program = tmp_path / "colab"
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/says >&2\nexit 1\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("HOME", str(tmp_path))
        return tmp_path / "says"

    def test_without_the_command_one_line_says_how_to_install_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(ColabToolMissingError, match="uv tool install google-colab-cli") as caught:
            ColabBackend()
        assert "\n" not in str(caught.value)

    def test_an_unknown_accelerator_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(WrongOptionError, match="'T5'; there are T4, L4, G4, A100, H100, v5e1, v6e1"):
            ColabBackend(gpu="T5")

    @pytest.mark.parametrize(
        ("name", "options"),
        [(None, []), ("t4", ["--gpu", "T4"]), ("A100", ["--gpu", "A100"]), ("V5E1", ["--tpu", "v5e1"])],
    )
    def test_accelerators_become_options(self, name: str | None, options: list[str]) -> None:
        assert sessions.accelerator_options(name) == options

    def test_who_is_not_signed_in_is_told_so(self, colab: Path) -> None:
        colab.write_text(
            "To authorize colab-cli, visit this URL in any browser:\n\nEOFError: EOF when reading a line\n"
        )
        with pytest.raises(ColabSessionError, match="not signed in to Google; run `colab sessions` once"):
            ColabBackend(sessions=2)

    def test_what_colab_says_of_a_refusal_is_told(self, colab: Path) -> None:
        colab.write_text("[colab] Backend rejected accelerator 'A100'.\n")
        with pytest.raises(ColabSessionError, match="`colab new` failed: Backend rejected accelerator 'A100'"):
            ColabBackend(gpu="A100")

    def test_a_session_that_is_not_there_is_an_error(self, colab: Path) -> None:
        with pytest.raises(ColabSessionError, match="there is no Colab session 'mine'"):
            ColabBackend(session="mine")

    def test_only_sessions_of_dead_processes_are_left_over(self) -> None:
        own = sessions.own_name(1)
        pid, start = own.split("-")[3:5]
        assert not sessions.is_left_over(own)
        assert not sessions.is_left_over("mine")
        assert sessions.is_left_over(own.replace(f"-{pid}-", "-999999999-"))
        assert sessions.is_left_over(own.replace(f"-{start}-", "-1-"))
