"""What every backend has to do, as one suite: subclass ``BackendContract``, and give it a rig.

All jobs that can share a sweep are executed in one, for some backends take seconds for each. What a backend
cannot do stands in its rig's ``cannot``, with the reason, and the tests of it are skipped with that reason.
"""

import ast
import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Self

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.backends import Backend
from colab_starter.run.job import (
    CellStarted,
    Ended,
    Event,
    Job,
    Limits,
    MetricRecorded,
    Point,
    PointsRecorded,
    Started,
    WarmPlan,
)
from colab_starter.run.outcome import Outcome, SeriesSummary, Status
from colab_starter.run.stopping import StopLevel
from tests.run.backends.listeners import Surroundings, look_around
from tests.support.processes import read_until

COMMAND = str(Path(sys.executable).with_name("colab-starter"))
MARK = "COLAB_STARTER_CONTRACT"
"""An environment variable by which the processes of a rig are known."""
SECRET = "hunter2-hunter2"
SCRAP = "application/scrapbook.scrap.json+json"
PARAMETERS: dict[str, Any] = {
    "number": -7,
    "large": 10**20,
    "real": 1e-3,
    "endless": float("-inf"),
    "yes": True,
    "nothing": None,
    "text": 'it\'s "ü" 漢\n\\n {x} %s',
    "raw": b"\x00'",
    "several": [1, [2.5, "x"], []],
    "pair": (1, ("a",)),
    "named": {"a": {"b": None}, 1: False},
    "some": {1, 2},
}
PATIENCE = 300.0

TAGGED = f"{'; '.join(f'{name} = 0' for name in PARAMETERS)}\noutput_dir = '.'"
SHOW = f"print(ascii([{', '.join(PARAMETERS)}]))"
USE = f"""\
import os
from IPython.display import display
print(os.environ["GIVEN"], {SECRET!r})
open(f"{{output_dir}}/file", "w").write("content")
display({{"{SCRAP}": {{"name": "double", "data": number * 2, "encoder": "json"}}}}, raw=True)"""
RECORD_SERIES = f"""\
import time
from IPython.display import display
for step in range(1, 201):
    display({{"{SCRAP}": {{"name": "accuracy", "data": step / 256, "step": step, "encoder": "json"}}}}, raw=True)
    if step % 20 == 0:
        print(f"\\repoch {{step // 20}}: loss {{1 / step}}", flush=True)
        time.sleep(0.05)"""
TELL_PID = """\
import os, time
from pathlib import Path
Path("{run}.new").write_text(str(os.getpid()))
os.rename("{run}.new", "{run}.pid")"""
SLEEP = "time.sleep(600)"
MEET = """\
deadline = time.monotonic() + 250
while not Path("{folder}/{other}.pid").exists():
    assert time.monotonic() < deadline
    time.sleep(0.05)"""


WAIT_BUT_FIRST = """\
import os, time
deadline = time.monotonic() + 250
open("{folder}/begun-" + f"{rate}-{seed}", "a").write("x")
while (rate, seed) != (0.1, 0) and not os.path.exists("{folder}/go"):
    assert time.monotonic() < deadline
    time.sleep(0.05)"""
"""All runs but the first wait until there is a file."""

START_CHILD = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])"
TELL_PIDS = TELL_PID.replace("os.getpid()", "f'{os.getpid()} {child.pid}'")
PRUNED = "pruned at step 3: accuracy 0.5 is below the median 0.8 of 5 trials"
RECORD_AND_SPIN = f"""\
import hashlib
from IPython.display import display
print("epoch 3", flush=True)
display({{"{SCRAP}": {{"name": "accuracy", "data": 0.5, "encoder": "json"}}}}, raw=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)"""
"""Ends busy in C, for many minutes, where no interrupt is noticed."""
SHORT_CELL = "time.sleep(0.5)\nprint('ended')"
SHORT_CELLS = 150
"""A run has so many of them where it is to be stopped after a cell: the stop arrives in one of them."""


WHERE_AND_WHEN = {"seconds", "peak_memory_mb", "host", "started", "ended"}
DECLARE = 'rate = 0.1\nseed = 0\nname = "sgd"\noutput_dir = "."'
TRAIN = f"""\
from pathlib import Path
from IPython.display import display
loss = 1 / (seed - 1) + rate
Path(output_dir, "model.txt").write_text(f"{{name}} {{loss}}")
display({{"{SCRAP}": {{"name": "loss", "data": loss, "encoder": "json"}}}}, raw=True)"""
SWEEP = ["-p", "rate=0.1,1e-3", "-p", "seed=range(2)", "-p", "name=it's 漢"]
LOSSES = {
    "name=it-s-,rate=0.1,seed=0": "-0.9",
    "name=it-s-,rate=0.1,seed=1": "",
    "name=it-s-,rate=0.001,seed=0": "-0.999",
    "name=it-s-,rate=0.001,seed=1": "",
}
"""By run; those without one divide by zero."""
TABLE = [
    {
        "run": run,
        "status": "ok" if loss else "failed",
        "rate": rate,
        "seed": seed,
        "name": "it's 漢",
        "loss": loss,
        "cause": "" if loss else "ZeroDivisionError: division by zero (cell In[4], line 3)",
        "notebook": "",
    }
    for (run, loss), (rate, seed) in zip(LOSSES.items(), product(("0.1", "0.001"), "01"), strict=True)
]


class KilledSweep(NamedTuple):
    """A sweep whose coordinator was killed when its first run had ended, and another did the rest."""

    folder: Path
    said: list[str]
    """By the first coordinator."""
    ended: list[str]
    """The runs that it has noted as ended."""
    before: set[int]
    """The processes before it."""

    @property
    def out(self) -> Path:
        return self.folder / "out"


def run_killed_sweep(folder: Path, arguments: Sequence[str]) -> KilledSweep:
    """Two of the four runs fail, those that divide by zero."""
    before = set(list_processes())
    declare = v4.new_code_cell(DECLARE, metadata={"tags": ["parameters"]})
    cells = [declare, *(v4.new_code_cell(cell.replace("{folder}", str(folder))) for cell in (WAIT_BUT_FIRST, TRAIN))]
    nbformat.write(v4.new_notebook(cells=cells), folder / "nb.ipynb")
    command = [COMMAND, "run", "nb.ipynb", *SWEEP, "--out", "out", *arguments]
    sweep = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert sweep.stdout
    said = read_until(sweep.stdout, lambda line: "ok " in line)
    sweep.kill()
    sweep.communicate(timeout=PATIENCE)
    (folder / "go").touch()
    ended = list_ends(folder / "out")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, result.stderr) == (1, ""), result.stdout + result.stderr
    return KilledSweep(folder, said, ended, before)


def list_ends(out: Path) -> list[str]:
    return [record["run"] for record in read_ledger(out) if record["record"] == "end"]


SCORE = """\
for step in range(4):
    print(f"step {step}: score {-(rate - 0.3) ** 2 - 0.1 * seed - 0.1 * (4 - step)}", flush=True)
    time.sleep(0.3)"""
SEARCH = ["-p", "rate=0..1", "-p", "seed=range(3)", "-p", "name=a,b", "--maximize", "score", "--trials", "12"]


def run_search(folder: Path, arguments: Sequence[str]) -> Path:
    """Its folder; twelve trials, one at a time, of which some are pruned."""
    folder.mkdir()
    declare = v4.new_code_cell(f"import time\n{DECLARE}", metadata={"tags": ["parameters"]})
    nbformat.write(v4.new_notebook(cells=[declare, v4.new_code_cell(SCORE)]), folder / "nb.ipynb")
    command = [COMMAND, "run", "nb.ipynb", *SEARCH, "--seed", "1", "--prune", "--out", "out", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    return folder / "out"


def read_trials(out: Path) -> list[dict[str, Any]]:
    """What the ledger holds of a search, but for where and when, and how far a pruned run had gone on."""
    elsewhere = {"time", "host", "pid", "seconds", "peak_memory", "cell", "metrics", "series", "space"}
    records = [record for record in read_ledger(out) if record["record"] != "sweep"]
    return [{name: fact for name, fact in record.items() if name not in elsewhere} for record in records]


def read_table(out: Path) -> list[dict[str, str]]:
    """Without the columns that say where and when a run was executed, and without what tells notebooks apart."""
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert row["notebook"] == f"{row['run']}/nb.ipynb"
        row["run"], row["notebook"] = _cut_hash(row["run"]), ""
    assert all(row.pop(name) for row in rows for name in WHERE_AND_WHEN)
    return rows


def read_outputs(out: Path) -> dict[str, str]:
    """By run, the content of the only file in its ``output_dir``."""
    return {_cut_hash(path.parts[-3]): path.read_text() for path in out.glob("*/output/*")}


def _cut_hash(run: str) -> str:
    name, _, digest = run.rpartition("-")
    assert re.fullmatch("[0-9a-f]{12}", digest)
    return name


@dataclass
class Rig(ABC):
    """Where a backend is tried out."""

    folder: Path
    arguments: Sequence[str]
    """Of ``colab-starter run``, to choose the backend."""
    one_at_a_time: Sequence[str] = ("-j", "1")
    """Further ones, for one run after the other."""
    of_reference: Sequence[str] = ()
    """Further ones of the search on this machine with which the backend's is compared."""
    worker_ends: Collection[Status] = (Status.KILLED,)
    """How a run may end whose worker is killed; with OK among them it is done again."""
    has_server: bool = False
    """Whether something listens on this machine, if only for itself."""
    kernel: str | None = None
    """The kernelspec of the jobs, and ``warm`` what is preloaded for it."""
    warm: WarmPlan = WarmPlan()  # noqa: RUF009
    cannot: Mapping[str, str] = field(default_factory=dict)
    """Names of abilities that the backend lacks, and why: see ``needs``."""

    @abstractmethod
    def open(self) -> Backend:
        """With room for two runs at least."""

    @abstractmethod
    def kill_worker(self, kernel: int, worker: int) -> None:
        """Kill the process that looks after the run with this kernel; ``worker`` is its pid, as the backend told."""


def needs(ability: str) -> Callable[[Any], Any]:
    """The test is skipped for backends that cannot do this."""
    return pytest.mark.needs_ability(ability)


class Trial:
    """The jobs of a backend's only long sweep, and what became of them."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self._rig = rig
        self.folder = folder
        self.jobs: dict[str, Job] = {}
        self.events: list[Event] = []
        self.most_at_once = 0
        self.capacity = 0
        self._actions: dict[str, Callable[[Backend, int], None]] = {}
        self._prunings: dict[str, str] = {}
        self.pruned_at: dict[str, float] = {}
        """When each run was pruned, and ``ended_at`` when its end was told, by ``time.monotonic``."""
        self.ended_at: dict[str, float] = {}
        self.before = set(list_processes())
        self.seen: Surroundings
        """What was found around the backend while runs went on."""
        self.last: Trial
        """Of one job, which was going on when the backend was closed."""

    def add(self, run: str, *cells: str, limits: Limits | None = None, **parameters: Any) -> None:
        tagged = v4.new_code_cell(TAGGED, metadata={"tags": ["parameters"]})
        made = [
            v4.new_code_cell(cell.replace("{run}", str(self.folder / run)).replace("{folder}", str(self.folder)))
            for cell in cells
        ]
        source = self.folder / f"{run}.ipynb"
        nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# Text"), tagged, *made]), source)
        output = self.folder / "runs" / run
        self.jobs[run] = Job(
            run=run,
            attempt=1,
            notebook=str(source),
            output=str(output / "nb.ipynb"),
            parameters={**parameters, "output_dir": str(output / "output")},
            cwd=str(self.folder),
            kernel=self._rig.kernel,
            warm=self._rig.warm,
            environment={"GIVEN": "for the run", "GIVEN_TOKEN": SECRET},
            limits=limits or Limits(),
        )

    def when_begun(self, run: str, action: Callable[[Backend, int], None]) -> None:
        """Do it when a cell of the run has told its kernel's pid, which the action is given."""
        self._actions[run] = action

    def prune_when_it_records(self, run: str, cause: str) -> None:
        """Prune it as soon as it has told a metric."""
        self._prunings[run] = cause

    def execute(self, backend: Backend) -> None:
        """Submit all jobs as there is room, until each has ended."""
        self.capacity = backend.capacity
        waiting, running = list(self.jobs.values()), set[str]()
        deadline = time.monotonic() + PATIENCE
        while waiting or running:
            assert time.monotonic() < deadline, (running, self.events)
            while waiting and len(running) < self.capacity:
                running.add(waiting[0].run)
                backend.submit(waiting.pop(0))
            self.most_at_once = max(self.most_at_once, len(running))
            news = backend.wait(0.05)
            self.events += news
            running -= {event.run for event in news if isinstance(event, Ended)}
            self._prune(backend, news)
            self._act(backend)

    def begin(self, backend: Backend, run: str) -> None:
        """Submit one job, and wait only until a cell of it has told its kernel's pid."""
        backend.submit(self.jobs[run])
        deadline = time.monotonic() + PATIENCE
        while not (self.folder / f"{run}.pid").exists():
            assert time.monotonic() < deadline
            backend.wait(0.1)

    def _prune(self, backend: Backend, news: Sequence[Event]) -> None:
        for event in news:
            if isinstance(event, MetricRecorded) and event.run in self._prunings:
                self.pruned_at[event.run] = time.monotonic()
                for _ in range(2):  # a second time changes nothing
                    backend.prune(event.run, self._prunings[event.run])
                del self._prunings[event.run]
            if isinstance(event, Ended):
                self.ended_at[event.run] = time.monotonic()
                backend.prune(event.run, "it has ended")  # and this changes nothing, either

    def _act(self, backend: Backend) -> None:
        for run in list(self._actions):
            if (self.folder / f"{run}.pid").exists():
                self._actions.pop(run)(backend, self.pid(run))

    def pid(self, run: str) -> int:
        return self.pids(run)[0]

    def pids(self, run: str) -> list[int]:
        """Of its kernel, and of what it started."""
        return [int(pid) for pid in (self.folder / f"{run}.pid").read_text().split()]

    def worker(self, run: str) -> int:
        """The pid of its worker; 0 where the backend does not tell."""
        return next(event.pid for event in self.events if isinstance(event, Started) and event.run == run)

    def outcome(self, run: str) -> Outcome:
        """Fails unless the run has ended exactly once."""
        (found,) = [event.outcome for event in self.events if isinstance(event, Ended) and event.run == run]
        return found

    def notebook(self, run: str) -> Any:
        return nbformat.read(self.jobs[run].output, as_version=4)

    def statuses(self, run: str) -> list[str]:
        return [cell.metadata.papermill.status for cell in self.notebook(run).cells]

    def text(self, run: str) -> str:
        outputs = [output for cell in self.notebook(run).cells for output in cell.get("outputs", ())]
        return "".join(output.text for output in outputs if output.output_type == "stream")


class BackendContract:
    """Subclass it beside a fixture ``rig`` of the module, and mark the subclass slow."""

    @pytest.fixture(autouse=True)
    def _skip_what_it_cannot(self, request: pytest.FixtureRequest, rig: Rig) -> None:
        mark = request.node.get_closest_marker("needs_ability")
        if mark and mark.args[0] in rig.cannot:
            pytest.skip(f"{mark.args[0]}: {rig.cannot[mark.args[0]]}")

    @pytest.fixture(scope="class")
    @classmethod
    def trial(cls, rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Trial:
        """All jobs have ended, but for a last one: it was going on when the backend was closed."""
        made = Trial(rig, tmp_path_factory.mktemp("trial"))
        made.add("ok", SHOW, USE, f"{TELL_PID}\n{MEET}".replace("{other}", "series"), **PARAMETERS)
        made.add("series", RECORD_SERIES, f"{TELL_PID}\n{MEET}".replace("{other}", "ok"), **PARAMETERS)
        made.add("pruned", f"{START_CHILD}\n{TELL_PIDS}", RECORD_AND_SPIN, "print('later')")
        made.add("run limit", "import time\nwhile True:\n    time.sleep(0.1)", limits=Limits(run=5))
        made.add(
            "worker dies",
            f"from pathlib import Path\nif not Path('{{run}}.pid').exists():\n{_indent(TELL_PID)}\n    {SLEEP}",
        )
        made.add("fails", "def bad():\n    raise ValueError('bad')\nbad()", "print('later')")
        made.add(
            "cell limit", f"import time\nprint('begun', flush=True)\n{SLEEP}", "print('later')", limits=Limits(cell=2)
        )
        made.add("exits", "print('before')", "import os\nos._exit(3)", "print('later')")
        made.add("crashes", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
        made.add("after cell", TELL_PID, *[SHORT_CELL] * SHORT_CELLS)
        made.add("now", f"{TELL_PID}\n{SLEEP}", "print('later')")

        def stop_now(backend: Backend, kernel: int) -> None:
            if "keeping to this machine" not in rig.cannot:
                made.seen = look_around(os.environ[MARK])
            backend.cancel("now", StopLevel.NOW)

        made.when_begun("worker dies", lambda backend, kernel: rig.kill_worker(kernel, made.worker("worker dies")))
        made.when_begun("after cell", lambda backend, kernel: backend.cancel("after cell", StopLevel.AFTER_CELLS))
        made.prune_when_it_records("pruned", PRUNED)
        made.when_begun("now", stop_now)
        made.last = Trial(rig, tmp_path_factory.mktemp("last"))
        made.last.add("run", f"{START_CHILD}\n{TELL_PIDS}\n{SLEEP}")
        with rig.open() as backend:
            made.execute(backend)
            assert backend.wait(0.2) == []
            made.last.begin(backend, "run")
        backend.close()
        return made

    def test_each_run_starts_first_and_ends_last_once(self, trial: Trial) -> None:
        for run in trial.jobs:
            events = [event for event in trial.events if event.run == run]
            kinds = [type(event) for event in events]
            assert (kinds[0], kinds[-1]) == (Started, Ended)
            assert (kinds.count(Started), kinds.count(Ended)) == (1, 1)

    def test_a_run_that_is_well_tells_its_cells_and_metrics(self, trial: Trial) -> None:
        outcome = trial.outcome("ok")
        assert (outcome.status, outcome.cause, outcome.cell, outcome.metrics) == (Status.OK, "", None, {"double": -14})
        assert outcome.host
        assert outcome.seconds > 0
        assert (outcome.peak_memory or 0) > 10_000_000
        events = [event for event in trial.events if event.run == "ok"]
        cells = [event.number for event in events if isinstance(event, CellStarted)]
        assert cells == sorted(set(cells))
        assert cells
        assert MetricRecorded("ok", "double", -14) in events

    def test_all_values_with_steps_arrive_in_order_before_the_end(self, trial: Trial) -> None:
        events = [event for event in trial.events if event.run == "series" and isinstance(event, PointsRecorded)]
        points = [point for event in events for point in event.points]
        accuracies = [Point("accuracy", step, step / 256) for step in range(1, 201)]
        losses = [Point("loss", epoch, 1 / (20 * epoch)) for epoch in range(1, 11)]
        assert [point for point in points if point.name == "accuracy"] == accuracies
        assert [point for point in points if point.name == "loss"] == losses
        assert len(points) == 210
        assert 1 < len(events) < 100  # while it runs, but not each on its own
        assert [(event.anew, event.dropped) for event in events] == [(number == 0, ()) for number in range(len(events))]
        outcome = trial.outcome("series")
        assert outcome.series["accuracy"] == SeriesSummary(200, 1 / 256, 1, 200 / 256, 200)
        assert (outcome.series["loss"].lowest_step, outcome.metrics["loss"]) == (10, 1 / 200)

    def test_the_executed_notebook_is_whole_and_says_how_it_went(self, trial: Trial) -> None:
        for run in trial.jobs:
            if trial.outcome(run).cause and not Path(trial.jobs[run].output).exists():
                assert run == "worker dies"
                continue
            made = trial.notebook(run)
            nbformat.validate(made)
            told = made.metadata.colab_starter
            assert (told.run, told.attempt, told.status) == (run, 1, trial.outcome(run).status)
            assert told.cause == trial.outcome(run).cause
        assert trial.statuses("ok") == ["completed"] * 6
        assert trial.notebook("ok").cells[2].metadata.tags == ["injected-parameters"]
        # A worker that is killed leaves what it has saved until then, if its run has taken long enough.
        killed = {run for run in ("worker dies",) if trial.outcome(run).status is Status.KILLED}
        assert {path.parent.name for path in trial.folder.glob("runs/*/*.partial.ipynb")} <= killed

    def test_parameters_arrive_with_their_types(self, trial: Trial) -> None:
        text = trial.text("ok").splitlines()[0].replace("-inf", "-1e999")
        assert ast.literal_eval(text) == list(PARAMETERS.values())
        assert [type(value) for value in ast.literal_eval(text)] == [type(value) for value in PARAMETERS.values()]

    def test_files_of_a_run_come_into_its_folder(self, trial: Trial) -> None:
        assert (trial.folder / "runs/ok/output/file").read_text() == "content"

    def test_a_run_has_the_environment_that_it_was_given_and_secrets_are_masked(self, trial: Trial) -> None:
        assert trial.text("ok").splitlines()[1] == "for the run ***"
        for path in trial.folder.glob("runs/*/*"):
            assert path.is_dir() or SECRET.encode() not in path.read_bytes()

    def test_the_first_error_ends_a_run_with_its_cell_and_line(self, trial: Trial) -> None:
        outcome = trial.outcome("fails")
        assert (outcome.status, outcome.cell) == (Status.FAILED, 3)
        assert outcome.cause == "ValueError: bad (cell In[3], line 2)"
        assert trial.statuses("fails")[-2:] == ["failed", "pending"]
        assert "later" not in trial.text("fails")

    def test_limits_of_a_cell_and_of_a_run_are_kept(self, trial: Trial) -> None:
        outcome = trial.outcome("cell limit")
        assert (outcome.status, outcome.cell) == (Status.TIMEOUT, 3)
        assert outcome.cause == "cell In[3] took longer than its limit, 2 s"
        assert trial.statuses("cell limit")[-2:] == ["failed", "pending"]
        assert trial.text("cell limit") == "begun\n"
        outcome = trial.outcome("run limit")
        assert (outcome.status, outcome.cell) == (Status.TIMEOUT, 3)
        assert outcome.cause == "the run took longer than its limit, 5 s, in cell In[3]"

    def test_the_death_of_a_kernel_ends_its_run_as_killed(self, trial: Trial) -> None:
        outcome = trial.outcome("exits")
        assert (outcome.status, outcome.cell) == (Status.KILLED, 4)
        assert trial.statuses("exits")[-3:] == ["completed", "failed", "pending"]
        assert trial.text("exits") == "before\n"
        outcome = trial.outcome("crashes")
        assert (outcome.status, outcome.cell) == (Status.KILLED, 3)
        assert "kernel" in outcome.cause

    @needs("cause of death")
    def test_the_cause_of_a_kernels_death_is_told(self, trial: Trial) -> None:
        assert "exit code 3" in trial.outcome("exits").cause
        assert "SIGSEGV" in trial.outcome("crashes").cause

    def test_the_death_of_a_worker_is_none_of_the_kernel(self, trial: Trial, rig: Rig) -> None:
        outcome = trial.outcome("worker dies")
        assert outcome.status in rig.worker_ends
        if outcome.status is Status.KILLED:
            assert "SIGKILL" in outcome.cause
            assert "the kernel" not in outcome.cause
        wait_until_gone(trial.pid("worker dies"))

    def test_a_run_can_be_stopped_after_its_cell(self, trial: Trial) -> None:
        outcome = trial.outcome("after cell")
        assert outcome.status is Status.INTERRUPTED
        stopped = re.fullmatch(r"stopped before cell In\[(\d+)\]", outcome.cause)
        assert stopped
        done = int(stopped[1]) - len(["text", "parameters", "pid"]) - 1
        statuses = trial.statuses("after cell")[-SHORT_CELLS:]
        assert statuses == ["completed"] * done + ["pending"] * (SHORT_CELLS - done)
        assert trial.text("after cell") == "ended\n" * done

    def test_a_run_can_be_stopped_now_with_its_kernel(self, trial: Trial) -> None:
        outcome = trial.outcome("now")
        assert (outcome.status, outcome.cause, outcome.cell) == (Status.INTERRUPTED, "stopped in cell In[3]", 3)
        assert trial.statuses("now")[-2:] == ["failed", "pending"]
        wait_until_gone(trial.pid("now"))

    def test_a_pruned_run_ends_with_its_kernel_shows_why_and_makes_room(self, trial: Trial) -> None:
        outcome = trial.outcome("pruned")
        assert (outcome.status, outcome.cause, outcome.cell) == (Status.PRUNED, PRUNED, 4)
        assert outcome.metrics == {"accuracy": 0.5}
        assert trial.statuses("pruned")[-3:] == ["completed", "completed", "pending"]
        assert trial.text("pruned") == "epoch 3\n"
        made = trial.notebook("pruned")
        assert made.cells[-2].outputs[-1].data == {"text/plain": f"colab-starter ended this run here: {PRUNED}"}
        assert made.metadata.papermill.exception is None
        for pid in trial.pids("pruned"):
            wait_until_gone(pid)
        assert trial.ended_at["pruned"] - trial.pruned_at["pruned"] < 60
        end = trial.events.index(Ended("pruned", outcome))
        assert any(isinstance(event, Started) for event in trial.events[end:])

    def test_as_many_runs_as_there_is_room_for_go_on_at_once(self, trial: Trial) -> None:
        assert {trial.outcome(run).status for run in ("ok", "series")} == {Status.OK}
        assert trial.capacity == trial.most_at_once >= 2

    @pytest.fixture(scope="class")
    @classmethod
    def killed(cls, rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> KilledSweep:
        return run_killed_sweep(tmp_path_factory.mktemp("killed"), rig.arguments)

    def test_the_table_of_a_sweep_is_the_same_with_every_backend(self, killed: KilledSweep) -> None:
        rows = read_table(killed.out)
        assert {row.pop("attempts") for row in rows} <= {"1", "2"}
        assert rows == TABLE

    def test_the_files_of_the_runs_are_the_same_with_every_backend(self, killed: KilledSweep) -> None:
        assert read_outputs(killed.out) == {run: f"it's 漢 {loss}" for run, loss in LOSSES.items() if loss}

    def test_closing_ends_what_runs_and_every_process(self, trial: Trial) -> None:
        kernel, child = trial.last.pids("run")
        wait_until_gone(kernel)
        wait_until_gone(child)
        for pid in set(list_processes()) - trial.before:
            wait_until_gone(pid)

    @needs("keeping to this machine")
    def test_while_runs_go_on_nothing_is_reached_from_another_address(self, trial: Trial, rig: Rig) -> None:
        trial.seen.check_is_private(has_listeners=rig.has_server)

    def test_ctrl_c_twice_ends_the_sweep_at_once_and_leaves_nothing_running(self, rig: Rig, tmp_path: Path) -> None:
        before = set(list_processes())
        wait = v4.new_code_cell(f"{TELL_PID.replace('{run}', str(tmp_path / 'run'))}\n{SLEEP}")
        nbformat.write(v4.new_notebook(cells=[wait, v4.new_code_cell("print('later')")]), tmp_path / "nb.ipynb")
        command = [COMMAND, "run", "nb.ipynb", "--out", "out", *rig.arguments]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as sweep:
            deadline = time.monotonic() + PATIENCE
            while not (tmp_path / "run.pid").exists():
                assert time.monotonic() < deadline
                assert sweep.poll() is None, sweep.communicate()
                time.sleep(0.05)
            sweep.send_signal(signal.SIGINT)
            assert sweep.stdout
            read_until(sweep.stdout, lambda line: "Ctrl-C again ends them now" in line)
            sweep.send_signal(signal.SIGINT)
            sweep.communicate(timeout=PATIENCE)
        assert sweep.returncode == 130
        (end,) = [record for record in read_ledger(tmp_path / "out") if record["record"] == "end"]
        assert (end["status"], end["cause"]) == ("interrupted", "stopped in cell In[1]")
        wait_until_gone(int((tmp_path / "run.pid").read_text()))
        for pid in set(list_processes()) - before:
            wait_until_gone(pid)

    @pytest.mark.weekly
    def test_a_search_of_one_run_at_a_time_is_the_same_as_on_this_machine(self, rig: Rig, tmp_path: Path) -> None:
        here = read_trials(run_search(tmp_path / "here", ["-j", "1", *rig.of_reference]))
        there = read_trials(run_search(tmp_path / "there", [*rig.arguments, *rig.one_at_a_time]))
        assert there == here
        assert {record["status"] for record in here if record["record"] == "end"} == {"ok", "pruned"}

    def test_a_killed_coordinator_is_followed_by_one_that_does_the_rest(self, killed: KilledSweep) -> None:
        assert len(killed.ended) == 1, killed.said
        ends = list_ends(killed.out)
        assert len(ends) == len(set(ends)) == 4
        begun = {path.name: path.read_text() for path in killed.folder.glob("begun-*")}
        assert begun.pop("begun-0.1-0") == "x"
        assert len(begun) == 3
        assert set(begun.values()) <= {"x", "xx"}
        assert {path.name for path in killed.out.iterdir() if path.suffix == ".log"} == set()
        for pid in set(list_processes()) - killed.before:
            wait_until_gone(pid)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def read_ledger(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def list_processes() -> list[int]:
    """Those of the package that have MARK in their environment: fork servers, workers, kernels, drivers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = b"colab_starter." in (path / "cmdline").read_bytes()
            if ours and f"{MARK}={os.environ[MARK]}".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def wait_until_gone(pid: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        assert time.monotonic() < deadline, Path(f"/proc/{pid}/cmdline").read_text()
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class MarkedEnvironment:
    """While the block lasts, processes that are started are known by MARK."""

    def __init__(self, **variables: str) -> None:
        self._variables = {MARK: f"{os.getpid()}-{time.monotonic_ns()}", **variables}
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        for name, value in self._variables.items():
            self._patch.setenv(name, value)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
