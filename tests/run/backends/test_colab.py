"""The backend ``colab``: Google's real command, a real Jupyter server, real kernels. See ``colab_rig``."""

import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from colab_starter.errors import ColabSessionError, ColabToolMissingError, WrongOptionError
from colab_starter.run.backends.colab import backend as colab_backend
from colab_starter.run.backends.colab import sessions
from colab_starter.run.backends.colab.backend import ColabBackend
from colab_starter.run.job import CellStarted, Ended, Event, Job, Limits, MetricRecorded, Started
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from tests.run.backends.colab_rig import ColabRig, install_colab
from tests.run.backends.contract import wait_until_gone
from tests.support.processes import read_until

SECRET = "hunter2-hunter2"
SCRAP = "application/scrapbook.scrap.json+json"
RECORD_METRIC = f"""\
from IPython.display import display
display({{"{SCRAP}": {{"name": "double", "data": n * 2, "encoder": "json"}}}}, raw=True)"""


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ColabRig]:
    with (
        ColabRig(tmp_path_factory.mktemp("colab") / "rig", install_colab()) as rig,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TEST_SECRET", SECRET)
        yield rig


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


def execute(backend: ColabBackend, jobs: Sequence[Job]) -> list[Event]:
    """Submit the jobs as there is room, and wait until all have ended."""
    events, waiting, running = list[Event](), list(jobs), 0
    deadline = time.monotonic() + 300
    while waiting or running:
        assert time.monotonic() < deadline, events
        while waiting and running < backend.capacity:
            backend.submit(waiting.pop(0))
            running += 1
        news = backend.wait(0.5)
        running -= sum(isinstance(event, Ended) for event in news)
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
    """A sweep of the kinds of notebooks that the contract has not, on two sessions."""
    folder = tmp_path_factory.mktemp("sweep")
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n        pass"
    jobs = [
        make_job(folder, "dies", "print(1)", "import os, time\nprint(2, flush=True)\ntime.sleep(1)\nos._exit(3)", "3"),
        make_job(folder, "stubborn", stubborn, "3", limits=Limits(cell=1)),
        make_job(folder, "ok", "print(n)", RECORD_METRIC, "# @title Last\nn + 1"),
        make_job(folder, "allowed", "1/0", "!echo from the shell", tags="raises-exception"),
        make_job(folder, "exits", "import sys\nsys.exit(0)", "print('later')"),
        make_job(folder, "exit(3)", "exit(3)", "print('later')"),
        make_job(folder, "exit()", "exit()", "print('later')"),
        make_job(folder, "captured", "%%capture\n\n1 / 0", "print('later')"),
        make_job(folder, "unencodable", "print('a\\ud800b')", "raise ValueError('\\ud800')"),
        make_job(folder, "large", "print('x' * 50_000)", "", "for i in range(50): print('x' * 100_000)", "print('y')"),
        make_job(folder, "secret", f"print('{SECRET}')", f"raise ValueError('{SECRET}')"),
    ]
    with ColabBackend(folder / "warm.log", sessions=2) as backend:
        assert backend.capacity == 2
        events = execute(backend, jobs)
        stopped = make_job(folder, "stopped", "print(1)")
        backend.submit(stopped)
        backend.cancel("stopped", StopLevel.NOW)
        return Ends([*jobs, stopped], events + wait_for(backend, stopped))


@pytest.mark.slow
class TestSweep:
    def test_events_come_in_their_order(self, ends: Ends) -> None:
        events = [event for event in ends.events if event.run == "ok"]
        assert isinstance(events[0], Started)
        assert events[0].place.startswith("Colab colab-starter-")
        cells = [event for event in events if isinstance(event, CellStarted)]
        assert {event.total for event in cells} == {5}
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

    def test_an_error_that_a_cell_may_raise_ends_nothing(self, ends: Ends) -> None:
        assert ends.outcome("allowed").status is Status.OK
        assert ends.text("allowed").splitlines() == ["from the shell"]

    def test_a_cell_that_ignores_the_interrupt_ends_with_its_kernel(self, ends: Ends) -> None:
        outcome = ends.outcome("stubborn")
        assert outcome.status is Status.TIMEOUT
        assert outcome.cause == "cell In[3] took longer than its limit, 1 s"
        assert ends.statuses("stubborn")[-3:] == ["completed", "failed", "pending"]

    def test_a_kernel_that_dies_ends_the_run_as_killed(self, ends: Ends) -> None:
        outcome = ends.outcome("dies")
        assert (outcome.status, outcome.cell) == (Status.KILLED, 4)
        assert outcome.cause == "the kernel died in cell In[4]: the server does not say why"
        assert ends.text("dies") == "1\n2\n"
        assert ends.statuses("dies")[-3:] == ["completed", "failed", "pending"]

    def test_sys_exit_ends_a_run_well(self, ends: Ends) -> None:
        outcome = ends.outcome("exits")
        assert (outcome.status, outcome.cause) == (Status.OK, "ended early by sys.exit() in cell In[3]")
        assert ends.statuses("exits")[-2:] == ["completed", "pending"]

    @pytest.mark.parametrize(
        ("run", "status", "cause"),
        [
            ("exit(3)", Status.FAILED, "SystemExit: 3 (cell In[3])"),
            ("exit()", Status.OK, "ended early by exit() in cell In[3]"),
            ("captured", Status.FAILED, "ZeroDivisionError: division by zero (cell In[3], line 3)"),
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
        assert ends.outcome("unencodable").cause == "ValueError: \\ud800 (cell In[4], line 1)"

    def test_large_outputs_come_back_whole(self, ends: Ends) -> None:
        assert ends.outcome("large").status is Status.OK
        assert len(ends.text("large")) == 50_001 + 5_000_050 + 2
        assert max(len(cell.get("outputs", ())) for cell in ends.notebook("large").cells) == 1

    def test_a_run_can_be_stopped_before_it_has_begun(self, ends: Ends) -> None:
        assert ends.outcome("stopped").status is Status.INTERRUPTED

    def test_secrets_are_masked(self, ends: Ends) -> None:
        assert ends.outcome("secret").cause == "ValueError: *** (cell In[4], line 1)"
        assert ends.text("secret") == "***\n"
        assert SECRET not in Path(ends.jobs["secret"].output).read_text()

    def test_sessions_are_opened_once_and_released(self, ends: Ends, colab: ColabRig) -> None:
        opened = colab.calls("new")[:2]
        assert sorted(colab.calls("stop")[:2]) == sorted(opened)
        assert len({call for call in opened if call.startswith("-s colab-starter-")}) == 2


@pytest.mark.slow
def test_a_machine_that_goes_ends_the_run_as_killed_and_another_is_opened(tmp_path: Path) -> None:
    with ColabRig(tmp_path / "rig", install_colab()) as colab:
        job = make_job(tmp_path, "lost", "import time\nprint('begun', flush=True)\ntime.sleep(600)")
        with ColabBackend(tmp_path / "warm.log", reconnect_timeout=2) as backend:
            backend.submit(job)
            wait_for_cell(backend, 3, job)
            colab.server.kill()
            ends = Ends([job], wait_for(backend, job))
            colab.fail("new", "[colab] Allocation refused")
            again = make_job(tmp_path, "again", "print(1)")
            backend.submit(again)
            ends.events += wait_for(backend, again)
        assert len(colab.calls("stop")) == 1
    assert ends.outcome("lost").status is Status.KILLED
    assert re.match(r"the connection to Colab session \S+ was lost in cell In\[3\]: ", ends.outcome("lost").cause)
    assert ends.outcome("again").cause == "`colab new` failed: Allocation refused"


@pytest.mark.slow
def test_a_token_that_runs_out_is_renewed_and_the_run_goes_on(
    colab: ColabRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colab_backend, "RENEW_INTERVAL", 0.1)
    wait = f"""\
import pathlib, time
print("begun", flush=True)
while not pathlib.Path({str(tmp_path / "go")!r}).exists():
    time.sleep(0.1)"""
    job = make_job(tmp_path, "long", wait, "print('later')")
    with ColabBackend(tmp_path / "warm.log") as backend:
        backend.submit(job)
        wait_for_cell(backend, 3, job)
        before = len(colab.calls("sessions"))
        colab.spoil_tokens()
        deadline = time.monotonic() + 60
        while len(colab.calls("sessions")) == before:
            assert time.monotonic() < deadline
            backend.wait(0.1)
        (tmp_path / "go").touch()
        ends = Ends([job], wait_for(backend, job))
    assert ends.outcome("long").status is Status.OK
    assert ends.text("long") == "begun\nlater\n"


@pytest.mark.slow
def test_what_a_killed_sweep_left_is_ended_and_released_by_the_next(colab: ColabRig, tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "import time\ntime.sleep(120)")
    script = f"""\
        import time
        from pathlib import Path, PosixPath
        from colab_starter.run.backends.colab.backend import ColabBackend
        from colab_starter.run.job import *
        backend = ColabBackend(Path({str(tmp_path / "log")!r}))
        backend.submit({job!r})
        while True:
            for event in backend.wait(1):
                print(event, flush=True)
        """
    sweep = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert sweep.stdout
    # Earlier cells may be too quick to be reported.
    said = read_until(sweep.stdout, lambda line: "number=3" in line or line.startswith("Ended"))
    assert "number=3" in said[-1], said
    kernels = colab.server.list_children()
    sweep.kill()
    sweep.wait()
    sweep.stdout.close()
    for pid in kernels:
        wait_until_gone(pid)
    assert "colab-starter-" in colab.sessions()
    with ColabBackend(tmp_path / "warm.log"):
        left = [call for call in colab.calls("stop") if f"-{sweep.pid}-" in call]
        assert len(left) == 1
    assert colab.sessions() == "{}"


@pytest.mark.slow
class TestSessions:
    def test_a_session_of_the_users_stays_open_and_no_variable_is_left_for_the_next_run(
        self, colab: ColabRig, tmp_path: Path
    ) -> None:
        subprocess.run(["colab", "new", "-s", "mine"], check=True, capture_output=True)
        stops = len(colab.calls("stop"))
        jobs = [make_job(tmp_path, "one", "leaked = 1"), make_job(tmp_path, "two", "'leaked' in globals()")]
        with ColabBackend(tmp_path / "warm.log", session="mine") as backend:
            assert backend.capacity == 1
            ends = Ends(jobs, execute(backend, jobs))
        assert ends.notebook("two").cells[-1].outputs[0].data["text/plain"] == "False"
        assert len(colab.calls("stop")) == stops
        assert "mine" in colab.sessions()
        subprocess.run(["colab", "stop", "-s", "mine"], check=True, capture_output=True)


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

    def test_without_the_command_one_line_says_how_to_install_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(ColabToolMissingError, match="uv tool install google-colab-cli") as caught:
            ColabBackend(tmp_path / "warm.log")
        assert "\n" not in str(caught.value)

    def test_an_unknown_accelerator_is_refused_with_the_known_ones(self, tmp_path: Path) -> None:
        with pytest.raises(WrongOptionError, match="'T5'; there are T4, L4, G4, A100, H100, v5e1, v6e1"):
            ColabBackend(tmp_path / "warm.log", gpu="T5")

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
            ColabBackend(colab.parent / "warm.log", sessions=2)

    def test_what_colab_says_of_a_refusal_is_told(self, colab: Path) -> None:
        colab.write_text("[colab] Backend rejected accelerator 'A100'.\n")
        with pytest.raises(ColabSessionError, match="`colab new` failed: Backend rejected accelerator 'A100'"):
            ColabBackend(colab.parent / "warm.log", gpu="A100")

    def test_a_session_that_is_not_there_is_an_error(self, colab: Path) -> None:
        with pytest.raises(ColabSessionError, match="there is no Colab session 'mine'"):
            ColabBackend(colab.parent / "warm.log", session="mine")
