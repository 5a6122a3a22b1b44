"""How cells are executed, and how that ends: with real kernels."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import v4

from colab_starter.run.job import CellStarted, Event, Limits, MetricRecorded, Stop, WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.outcome import Status
from colab_starter.run.stopping import StopLevel
from tests.run.jobs import Executed, Jobs, cell
from tests.support.marks import weekly
from tests.support.ready_servers import ReadyServers


@pytest.fixture(scope="module")
def server(ready_servers: ReadyServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ready_servers.start(WarmPlan(), {}, tmp_path_factory.mktemp("server") / "log")
    yield server
    server.close()


@pytest.fixture
def jobs(server: ForkServer, tmp_path: Path) -> Jobs:
    return Jobs(server, tmp_path)


def test_cells_are_executed_in_their_order_and_say_so(jobs: Jobs) -> None:
    ran = jobs.execute("x = 1", v4.new_markdown_cell("text"), "print(x)", "", "x + 1")
    assert ran.outcome.status == Status.OK
    assert ran.outcome.cause == ""
    assert ran.outcome.cell is None
    assert ran.statuses == ["completed"] * 5
    assert ran.text(3) == "1\n"
    assert ran.outputs(5)[0]["data"] == {"text/plain": ["2"]}
    assert [found.get("execution_count") for found in ran.notebook["cells"]] == [1, None, 2, None, 3]


def test_an_error_ends_the_run_and_later_cells_stay_pending(jobs: Jobs) -> None:
    ran = jobs.execute("x = 1", v4.new_markdown_cell("text"), "x\nraise ValueError('bad\\nlong story')", "never")
    assert ran.outcome.status == Status.FAILED
    assert ran.outcome.cause == "ValueError: bad (cell In[2], line 2)"
    assert ran.outcome.cell == 3
    assert ran.statuses == ["completed", "completed", "failed", "pending"]
    assert ran.outputs(3)[0]["ename"] == "ValueError"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("1 +", "SyntaxError: invalid syntax (cell In[1], line 1)"),
        ("def f():\n    return {}['a']\n\nf()", "KeyError: 'a' (cell In[1], line 2)"),
        ("assert False", "AssertionError (cell In[1], line 1)"),
        ("import sys\nsys.exit(3)", "SystemExit: 3 (cell In[1])"),
        (
            "input('name?')",
            "input() was called, but there is no one to answer; make it a parameter (cell In[1], line 1)",
        ),
        ("raise ValueError('x' * 500)", f"ValueError: {'x' * 166}… (cell In[1], line 1)"),
        ("raise ValueError('\\x1b[31mred\\x1b[0m')", "ValueError: red (cell In[1], line 1)"),
    ],
)
def test_the_cause_is_one_line(jobs: Jobs, code: str, cause: str) -> None:
    ran = jobs.execute(code)
    assert (ran.outcome.status, ran.outcome.cause) == (Status.FAILED, cause)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import sys\nsys.exit(0)", "ended early by sys.exit() in cell In[1]"),
        ("import sys\nsys.exit()", "ended early by sys.exit() in cell In[1]"),
        ("exit()", "ended early by exit() in cell In[1]"),
    ],
)
def test_a_notebook_may_end_early(jobs: Jobs, code: str, cause: str) -> None:
    ran = jobs.execute(code, "never")
    assert (ran.outcome.status, ran.outcome.cause) == (Status.OK, cause)
    assert ran.statuses == ["completed", "pending"]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("os._exit(9)", "the kernel ended with exit code 9 in cell In[2]"),
        ("import ctypes; ctypes.string_at(0)", "the kernel was killed by SIGSEGV in cell In[2]"),
        ("os.kill(os.getpid(), 9)", "the kernel was killed by SIGKILL in cell In[2]"),
        (
            "os.write(2, b'double free\\n'); time.sleep(0.2); os.abort()",
            "the kernel was killed by SIGABRT in cell In[2]: double free",
        ),
    ],
)
def test_a_kernel_that_dies_is_told_with_its_cause(jobs: Jobs, code: str, cause: str) -> None:
    # What a kernel has not sent when it dies is lost with it; sending is its own thread's work.
    ran = jobs.execute("import os, time", f"print('last words', flush=True); time.sleep(0.2); {code}", "never")
    assert (ran.outcome.status, ran.outcome.cause) == (Status.KILLED, cause)
    assert ran.outcome.cell == 2
    assert ran.outcome.peak_memory
    assert ran.statuses == ["completed", "failed", "pending"]
    assert ran.text(2).startswith("last words\n")


OWN_STREAM = "import sys\nclass Stream:\n    def write(self, text): pass\nsys.stdout = Stream()"
RAISING_STREAM = f"{OWN_STREAM}\nStream.flush = lambda self: 1 / 0"
NO_STREAM = "'NoneType' object has no attribute '(write|flush)'"
LOST_STREAMS = {
    "stdout is None": (
        ["import sys\nsys.stdout = None", "1 + 1"],
        NO_STREAM,
    ),
    "stderr is None": (
        ["import sys\nsys.stderr = None", "1 + 1"],
        NO_STREAM,
    ),
    "an object": (["import sys\nsys.stdout = object()"], "'object' object has no attribute 'flush'"),
    "no flush": ([OWN_STREAM], "'Stream' object has no attribute 'flush'"),
    "a flush that raises": ([RAISING_STREAM], "ZeroDivisionError: division by zero"),
    "a closed file": (["import os, sys\nsys.stdout = open(os.devnull, 'w')\nsys.stdout.close()"], "closed file"),
    "deleted": (["import sys\ndel sys.stdout"], "module 'sys' has no attribute 'stdout'"),
}
"""Cells after which the kernel itself fails where it flushes its streams, and why."""


ALIKE = ("no flush", "a flush that raises", "a closed file")
"""In a cold kernel, these show no more than ``an object`` does."""


@pytest.mark.parametrize(
    ("what", "warm"),
    [
        *((what, True) for what in LOST_STREAMS),
        *(weekly(what, False) if what in ALIKE else (what, False) for what in LOST_STREAMS),
    ],
)
def test_a_cell_at_which_the_kernel_itself_fails_has_failed(jobs: Jobs, what: str, warm: bool) -> None:
    cells, cause = LOST_STREAMS[what]
    ran = jobs.execute(*cells, "print('never')", warm=warm)
    assert ran.outcome.status == Status.FAILED
    assert re.search(rf"{cause}.* \(cell In\[{len(cells)}\]", ran.outcome.cause)
    assert ran.statuses == ["completed"] * (len(cells) - 1) + ["failed", "pending"]


GOOD_STREAMS = [
    "os.close(1)",
    "os.close(2)",
    "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
    "sys.stdout = io.StringIO()",
]


@pytest.mark.parametrize("warm", [True, False])
def test_a_notebook_may_do_with_its_streams_what_the_kernel_can_bear(jobs: Jobs, warm: bool) -> None:
    ran = jobs.execute(*(f"import io, os, sys\n{code}" for code in GOOD_STREAMS), "print('nowhere')\n1 + 1", warm=warm)
    assert (ran.outcome.status, ran.outcome.cause) == (Status.OK, "")
    assert [output["data"]["text/plain"] for output in ran.outputs(5)] == [["2"]]


def test_a_cell_over_its_limit_is_interrupted(jobs: Jobs) -> None:
    ran = jobs.execute("import time", "print('here', flush=True)\ntime.sleep(600)", "never", limits=Limits(cell=2))
    assert ran.outcome.status == Status.TIMEOUT
    assert ran.outcome.cause == "cell In[2] took longer than its limit, 2 s"
    assert ran.statuses == ["completed", "failed", "pending"]
    assert ran.text(2) == "here\n"
    assert ran.outputs(2)[-1]["ename"] == "KeyboardInterrupt"


STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('here', flush=True)
while True: time.sleep(0.01)
"""


def test_a_cell_that_ignores_the_interrupt_is_killed(jobs: Jobs) -> None:
    ran = jobs.execute(STUBBORN, limits=Limits(cell=2))
    assert ran.outcome.status == Status.TIMEOUT
    assert ran.statuses == ["failed"]
    assert ran.text() == "here\n"


def test_the_limit_of_the_run_counts_all_cells(jobs: Jobs) -> None:
    ran = jobs.execute("import time", *["time.sleep(0.3)"] * 10, limits=Limits(cell=60, run=1.5))
    assert ran.outcome.status == Status.TIMEOUT
    assert ran.outcome.cause.startswith("the run took longer than its limit, 1.5 s")
    assert ran.statuses[-1] == "pending"


class StopAt:
    """Sends a stop when a cell starts."""

    def __init__(self, number: int, level: StopLevel) -> None:
        self.number, self.level = number, level

    def __call__(self, event: Event) -> Stop | None:
        return Stop(self.level) if isinstance(event, CellStarted) and event.number == self.number else None


def test_a_stop_lets_the_cell_end(jobs: Jobs) -> None:
    slow = "import os, time\nwhile not os.path.exists('stopped'): time.sleep(0.02)\nprint('done')"
    ran = jobs.execute("1", slow, "never", react=StopAt(2, StopLevel.AFTER_CELLS), answered=jobs.folder / "stopped")
    assert (ran.outcome.status, ran.outcome.cause) == (Status.INTERRUPTED, "stopped before cell In[3]")
    assert ran.statuses == ["completed", "completed", "pending"]
    assert ran.text(2) == "done\n"


def test_a_stop_now_ends_it_at_once(jobs: Jobs) -> None:
    ran = jobs.execute("1", "import time; time.sleep(600)", "never", react=StopAt(2, StopLevel.NOW))
    assert (ran.outcome.status, ran.outcome.cause) == (Status.INTERRUPTED, "stopped in cell In[2]")
    assert ran.statuses == ["completed", "failed", "pending"]


PRUNED = "pruned at step 3: accuracy 0.5 is below the median 0.8 of 5 trials"
RECORD = """\
from IPython.display import display
print('epoch 3', flush=True)
display({"application/scrapbook.scrap.json+json": {"name": "accuracy", "data": 0.5, "encoder": "json"}}, raw=True)
"""


def prune(event: Event) -> Stop | None:
    """What a search does when it hears of a metric."""
    return Stop.prune(PRUNED) if isinstance(event, MetricRecorded) else None


SPIN = "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"
"""Busy in C for many minutes: Python's handlers of signals are not called."""
IGNORE = "import time\nwhile True:\n    try:\n        time.sleep(600)\n    except BaseException:\n        pass"


@pytest.mark.parametrize("code", [SPIN, IGNORE], ids=["busy in C", "catches every interrupt"])
def test_a_pruned_run_ends_at_once_and_its_notebook_shows_why(jobs: Jobs, code: str) -> None:
    ran = jobs.execute("import time", f"{RECORD}{code}", "never", react=prune)
    assert (ran.outcome.status, ran.outcome.cause, ran.outcome.cell) == (Status.PRUNED, PRUNED, 2)
    assert ran.outcome.metrics == {"accuracy": 0.5}
    assert ran.outcome.peak_memory
    assert ran.statuses == ["completed", "completed", "pending"]
    assert [output["output_type"] for output in ran.outputs(2)] == ["stream", "display_data", "display_data"]
    assert ran.text(2) == "epoch 3\n"
    assert ran.outputs(2)[-1]["data"] == {"text/plain": [f"colab-starter ended this run here: {PRUNED}"]}
    metadata = ran.notebook["metadata"]
    assert metadata["papermill"]["exception"] is None
    assert (metadata["colab_starter"]["status"], metadata["colab_starter"]["cause"]) == ("pruned", PRUNED)


def test_cells_with_tags_are_treated_as_they_say(jobs: Jobs) -> None:
    ran = jobs.execute(cell("1 / 0", "raises-exception"), cell("1 / 0", "skip-execution"), "print('on')")
    assert ran.outcome.status == Status.OK
    assert ran.statuses == ["completed", "pending", "completed"]
    assert ran.outputs(1)[0]["ename"] == "ZeroDivisionError"


@pytest.mark.parametrize("metadata", [{"allow_errors": True}, {"execution": {"allow_errors": True}}])
def test_a_notebook_may_allow_errors(jobs: Jobs, metadata: dict[str, object]) -> None:
    jobs.metadata = metadata
    assert jobs.execute("1 / 0", "2").statuses == ["completed", "completed"]


def test_metrics_are_told_while_it_runs_and_at_the_end(jobs: Jobs) -> None:
    record = """
from IPython.display import display
def glue(name, value):
    scrap = {'name': name, 'data': value, 'encoder': 'json', 'version': 1}
    display({'application/scrapbook.scrap.json+json': scrap}, raw=True)
glue('loss', 0.5)
glue('sizes', [1, 2])
import time
time.sleep(0.3)
"""
    ran = jobs.execute(record, "glue('loss', 0.25)")
    assert ran.outcome.metrics == {"loss": 0.25, "sizes": [1, 2]}
    assert MetricRecorded("run", "loss", 0.5) in ran.events
    assert ran.notebook["metadata"]["colab_starter"]["metrics"] == ran.outcome.metrics


SHOWN = {
    "clear_output": (
        "from IPython.display import clear_output\nprint('old')\nclear_output(wait=True)\nprint('new')",
        [{"output_type": "stream", "name": "stdout", "text": ["new\n"]}],
    ),
    "both streams": (
        "import sys\nfor i in range(3):\n    print(i, flush=True)\n    print(-i, file=sys.stderr, flush=True)",
        [
            {"output_type": "stream", "name": "stdout", "text": ["0\n", "1\n", "2\n"]},
            {"output_type": "stream", "name": "stderr", "text": ["0\n", "-1\n", "-2\n"]},
        ],
    ),
    "bash": ("%%bash\necho hello", [{"output_type": "stream", "name": "stdout", "text": ["hello\n"]}]),
    "await": (
        "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')",
        [{"output_type": "stream", "name": "stdout", "text": ["awaited\n"]}],
    ),
    "text between pictures": (
        "from IPython.display import HTML\nprint(1)\ndisplay(HTML('<b>'))\nprint(2)",
        [
            {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
            {"output_type": "display_data", "metadata": {}, "data": None},
            {"output_type": "stream", "name": "stdout", "text": ["2\n"]},
        ],
    ),
}


@pytest.mark.parametrize(("code", "outputs"), SHOWN.values(), ids=list(SHOWN))
def test_what_a_cell_shows(jobs: Jobs, code: str, outputs: list[dict[str, object]]) -> None:
    found = jobs.execute(code).outputs()
    assert [{**output, "data": None} if "data" in output else output for output in found] == outputs


def test_a_display_can_be_updated_from_a_later_cell(jobs: Jobs) -> None:
    ran = jobs.execute("handle = display('old', display_id=True)", "handle.update('new')")
    assert ran.outputs(1)[0]["data"]["text/plain"] == ["'new'"]
    assert ran.outputs(2) == []


def test_what_a_task_prints_goes_to_the_cell_that_started_it(jobs: Jobs) -> None:
    function = "import asyncio\nasync def f():\n    await asyncio.sleep(0.3)\n    print('late')\n"
    ran = jobs.execute(f"{function}task = asyncio.create_task(f())", "await asyncio.sleep(0.6)\nprint('mine')")
    assert (ran.text(1), ran.text(2)) == ("late\n", "mine\n")


def test_an_output_widget_holds_what_is_printed_in_it(jobs: Jobs) -> None:
    pytest.importorskip("ipywidgets")
    ran = jobs.execute(
        "import ipywidgets\nout = ipywidgets.Output()\nwith out: print('inside')\nprint('outside')\nout", "1"
    )
    assert ran.text(1) == "outside\n"
    [state] = ran.notebook["metadata"]["widgets"].values()
    kept = [widget["state"].get("outputs") for widget in state["state"].values() if widget["state"].get("outputs")]
    assert kept == [[{"output_type": "stream", "name": "stdout", "text": "inside\n"}]]


def test_a_later_cell_sees_all_that_an_output_widget_holds(jobs: Jobs) -> None:
    pytest.importorskip("ipywidgets")
    fill = "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    for i in range(100): print(i, flush=True)"
    ran = jobs.execute(fill, "[shown] = out.outputs\nprint(shown['text'].split() == list(map(str, range(100))))")
    assert ran.text(2) == "True\n"


def test_a_progress_bar_of_widgets_is_kept(jobs: Jobs) -> None:
    pytest.importorskip("ipywidgets")
    ran = jobs.execute("from tqdm.notebook import tqdm\nfor i in tqdm(range(3)): pass")
    assert ran.outcome.status == Status.OK
    assert any("application/vnd.jupyter.widget-view+json" in output["data"] for output in ran.outputs())


def test_a_progress_bar_of_text_is_one_line(jobs: Jobs) -> None:
    ran = jobs.execute("for i in range(1000):\n    print(f'\\r{i} of 999', end='', flush=True)")
    assert ran.outputs() == [{"output_type": "stream", "name": "stdout", "text": ["999 of 999"]}]


@pytest.mark.slow
def test_a_figure_is_shown(jobs: Jobs) -> None:
    pytest.importorskip("matplotlib")
    ran = jobs.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert "image/png" in ran.outputs()[-1]["data"]


@pytest.mark.slow
def test_50_megabytes_are_kept_and_do_not_slow_the_cells_after_them(jobs: Jobs) -> None:
    ran = jobs.execute("print('x' * 50_000_000)", *["1"] * 100)
    assert len(ran.text()) == 50_000_001
    assert ran.statuses == ["completed"] * 101
    times = [found["metadata"]["papermill"]["duration"] for found in ran.notebook["cells"][1:]]
    assert sum(times) < 10  # papermill: 74 s


@pytest.mark.slow
def test_300_cells_take_little_time_and_few_events(jobs: Jobs) -> None:
    ran = jobs.execute(*["1"] * 300)
    assert ran.outcome.status == Status.OK
    assert ran.outcome.seconds < 15  # papermill: 22 s
    assert len(ran.events) <= 10 * ran.outcome.seconds + 5


def test_the_order_of_events_is_fixed(jobs: Jobs) -> None:
    ran: Executed = jobs.execute("1", "2")
    kinds = [type(event).__name__ for event in ran.events]
    assert kinds[0] == "Started"
    assert kinds[-1] == "Ended"
    assert set(kinds[1:-1]) == {"CellStarted"}
