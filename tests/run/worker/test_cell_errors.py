"""When a cell has failed: by every error that it shows, whatever its reply says. With real kernels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.outcome import Status
from colab_starter.run.worker.cell_errors import NO_REPLY, CellFacts, End, judge_cell
from tests.run.jobs import Executed, Jobs, cell
from tests.support.marks import weekly
from tests.support.ready_servers import ReadyServers


@pytest.fixture(scope="module")
def server(ready_servers: ReadyServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ready_servers.start(WarmPlan(), {}, tmp_path_factory.mktemp("server") / "log")
    yield server
    server.close()


FILES = {
    "raises.py": "raise KeyError('x')\n",
    "exits3.py": "import sys\nsys.exit(3)\n",
    "exits0.py": "import sys\nsys.exit(0)\n",
    "broken.py": "1 +\n",
}


@pytest.fixture
def jobs(server: ForkServer, tmp_path: Path) -> Jobs:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    nested = {"cell_type": "code", "source": "raise KeyError('nb')", "metadata": {}, "outputs": []}
    (tmp_path / "raises.ipynb").write_text(json.dumps({"cells": [nested], "metadata": {}, "nbformat": 4}))
    return Jobs(server, tmp_path)


CLASS = "class Odd(Exception):\n    def {}(self): {}\n"

FAIL = {
    # code: the cause without the cell
    "%%capture\nraise ValueError('inside')": "ValueError: inside",
    "%%capture --no-stderr out\n\n\nx = 1\nraise ValueError('inside')": "ValueError: inside",
    "%%capture\n1 +": "SyntaxError: invalid syntax",
    "%%capture\nimport sys\nsys.exit(3)": "SystemExit: 3",
    "%%capture\n%no_such_magic": "UsageError: Line magic function `%no_such_magic` not found.",
    "%%capture\nraise ExceptionGroup('several', [ValueError(1)])": "ExceptionGroup: several (1 sub-exception)",
    "%%capture\nexit(3)": "SystemExit: 3",
    f"%%capture\n{CLASS.format('_render_traceback_', '1 / 0')}raise Odd('text')": "Odd: text",
    "print(1)\n%run raises.py": "KeyError: 'x'",
    "print(1)\n%run -i raises.py": "KeyError: 'x'",
    "%run exits3.py": "SystemExit: 3",
    "%run broken.py": "SyntaxError: invalid syntax (broken.py, line 1)",
    "%run raises.ipynb": "KeyError: 'nb'",
    "%run no_such_file.py": "Exception: File `'no_such_file.py'` not found.",
    "x = 1\nget_ipython().run_cell('1 / 0');": "ZeroDivisionError: division by zero",
    "get_ipython().run_cell('1 / 0', silent=True);": "ZeroDivisionError: division by zero",
    "get_ipython().run_cell('import sys; sys.exit(3)');": "SystemExit: 3",
    "get_ipython().run_cell('raise ExceptionGroup(\"g\", [ValueError(1)])');": "ExceptionGroup: g (1 sub-exception)",
    "def f():\n    get_ipython().run_line_magic('run', 'raises.py')\n\nf()": "KeyError: 'x'",
    "get_ipython().safe_execfile('raises.py', {})": "KeyError: 'x'",
    "try:\n    1 / 0\nexcept Exception:\n    get_ipython().showtraceback()": "ZeroDivisionError: division by zero",
    "import sys\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    sys.excepthook(*sys.exc_info())": (
        "ZeroDivisionError: division by zero"
    ),
    "get_ipython()._showtraceback(ValueError, ValueError('by hand'), [])": "ValueError: by hand",
    "%%time\n1 / 0": "ZeroDivisionError: division by zero",
    "%timeit 1 / 0": "ZeroDivisionError: division by zero",
    "%prun 1 / 0": "ZeroDivisionError: division by zero",
    "%%bash\nexit 3": "CalledProcessError: Command 'b'exit 3\\n'' returned non-zero exit status 3.",
    "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    1 / 0": "ZeroDivisionError: division by zero",
    "get_ipython().events.register('post_run_cell', lambda _: 1 / 0)": "ZeroDivisionError: division by zero",
    "exit(3)": "SystemExit: 3",
    "exit('bad')": "SystemExit: bad",
    "def f():\n    quit(2)\n\nf()\nprint('goes on')": "SystemExit: 2",
    "exit(True)": "SystemExit: True",
    "exit('')": "SystemExit",
    "exit(object)": "SystemExit: <class 'object'>",
    "exit('\\ud800')": "SystemExit: \\ud800",
    "import sys\nsys.exit(True)": "SystemExit: True",
    "import sys\nsys.exit('0')": "SystemExit: 0",
    "import sys\nsys.exit('')": "SystemExit",
    "import sys\nsys.exit(0.0)": "SystemExit: 0.0",
    "exit()\n1 / 0": "ZeroDivisionError: division by zero",
    f"{CLASS.format('_render_traceback_', 'pass')}raise Odd": "Odd",
    f"{CLASS.format('_render_traceback_', '1 / 0')}raise Odd": "Odd",
    f"{CLASS.format('_render_traceback_', 'return 5')}raise Odd": "Odd",
    f"{CLASS.format('_render_traceback_', 'return [5, None, object()]')}raise Odd": "Odd",
    f"{CLASS.format('__str__', 'raise ValueError(1)')}raise Odd": "Odd: its __str__ raised ValueError: 1",
    f"{CLASS.format('__str__', 'return 5')}raise Odd": (
        "Odd: its __str__ raised TypeError: __str__ returned non-string (type int)"
    ),
    "raise ValueError('half a pair: \\ud800')": "ValueError: half a pair: \\ud800",
    "class Odd:\n    def __repr__(self): raise ValueError('repr')\nOdd()": "ValueError: repr",
    "class Odd:\n    def __repr__(self): return None\nOdd()": "TypeError: __repr__ returned non-string (type NoneType)",
    "class Odd:\n    def _repr_html_(self): raise ValueError('html')\ndisplay(Odd())": "ValueError: html",
    "class Odd:\n    def _ipython_display_(self): raise ValueError('display')\nOdd()": "ValueError: display",
    "class Odd:\n    def _repr_mimebundle_(self, **_): raise ValueError('bundle')\nOdd()": "ValueError: bundle",
    "from IPython.core.error import UsageError\nraise UsageError('bad')": "UsageError: bad",
    "import bdb\nraise bdb.BdbQuit": "BdbQuit",
}
LINES = {
    "%%capture --no-stderr out\n\n\nx = 1\nraise ValueError('inside')": 5,
    "%%capture\n1 +": 2,
    "%%capture\n%no_such_magic": 2,
    "print(1)\n%run raises.py": 2,
    "x = 1\nget_ipython().run_cell('1 / 0');": 2,
    "def f():\n    get_ipython().run_line_magic('run', 'raises.py')\n\nf()": 2,
    "%%time\n1 / 0": 2,
    "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    1 / 0": 4,
    "class Odd:\n    def _repr_html_(self): raise ValueError('html')\ndisplay(Odd())": 2,
    f"{CLASS.format('__str__', 'raise ValueError(1)')}raise Odd": 3,
}


def check_failure(ran: Executed, cause: str, line: int | None = None) -> None:
    assert ran.outcome.status == Status.FAILED
    told, _, place = ran.outcome.cause.rpartition(" (cell In[1]")
    assert told == cause
    assert place == (f", line {line})" if line else place)
    assert ran.outcome.cell == 1
    assert ran.statuses == ["failed", "pending"]
    assert "error" in [output["output_type"] for output in ran.outputs()]


@pytest.mark.parametrize("code", FAIL)
def test_a_cell_that_shows_an_error_has_failed(jobs: Jobs, code: str) -> None:
    check_failure(jobs.execute(code, "never"), FAIL[code], LINES.get(code))


@pytest.mark.parametrize("code", [weekly(code) if number % 3 else code for number, code in enumerate([*FAIL][::9])])
def test_a_cold_kernel_is_judged_in_the_same_way(jobs: Jobs, code: str) -> None:
    check_failure(jobs.execute(code, "never", warm=False), FAIL[code], LINES.get(code))


def test_a_cell_that_may_fail_ends_nothing(jobs: Jobs) -> None:
    calm = "get_ipython().events.callbacks['post_run_cell'].clear()"
    ends_kernel = ("exit('')", "exit()\n1 / 0")  # IPython takes these codes for the wish to end it
    codes = [code for code in FAIL if code not in ends_kernel]
    ran = jobs.execute(*[part for code in codes for part in (cell(code, "raises-exception"), calm)])
    assert (ran.outcome.status, ran.outcome.cause) == (Status.OK, "")
    assert ran.statuses == ["completed"] * 2 * len(codes)


GO_ON = {
    "caught": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    print('caught')",
    "printed": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()",
    "captured": "%%capture\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    pass",
    "script that exits well": "%run exits0.py",
    "script whose exit is ignored": "%run -e exits3.py",
    "shell": "!false",
    "shell script": "%%script --no-raise-error bash\nexit 3",
    "thread": "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
    "task": "import asyncio\nasync def f(): 1 / 0\ntask = asyncio.ensure_future(f())\nawait asyncio.sleep(0.05)",
    "evaluated": "get_ipython().user_expressions({'x': '1 / 0'});",
}


@pytest.mark.parametrize("code", GO_ON.values(), ids=list(GO_ON))
def test_what_the_code_deals_with_itself_is_no_failure(jobs: Jobs, code: str) -> None:
    ran = jobs.execute(code, "1")
    assert (ran.outcome.status, ran.outcome.cause) == (Status.OK, "")
    assert ran.statuses == ["completed", "completed"]


def test_an_error_that_was_allowed_may_be_shown_again(jobs: Jobs) -> None:
    ran = jobs.execute(cell("1 / 0", "raises-exception"), "%tb", "1")
    assert ran.outcome.status == Status.OK
    assert [output["ename"] for output in ran.outputs(2)] == ["ZeroDivisionError"]


EXIT = {
    "exit()": "exit()",
    "exit": "exit()",
    "quit(0)": "exit()",
    "exit(False)": "exit()",
    "exit(None)": "exit()",
    "exit(keep_kernel=True)": "exit()",
    "%%capture\nexit()": "exit()",
    "get_ipython().ask_exit()": "exit()",
    "raise SystemExit": "sys.exit()",
    "import sys\nsys.exit(False)": "sys.exit()",
    "import sys\nsys.exit(None)": "sys.exit()",
    "%%capture\nimport sys\nsys.exit(0)": "sys.exit()",
    "class Done(SystemExit): pass\nraise Done": "sys.exit()",
}


@pytest.mark.parametrize("code", EXIT)
def test_an_exit_that_python_takes_for_success_ends_the_run_well(jobs: Jobs, code: str) -> None:
    ran = jobs.execute(code, "never")
    assert (ran.outcome.status, ran.outcome.cause) == (Status.OK, f"ended early by {EXIT[code]} in cell In[1]")
    assert ran.statuses == ["completed", "pending"]


LATE = """
import asyncio
async def fail_later():
    await asyncio.sleep(0.2)
    try:
        1 / 0
    except ZeroDivisionError:
        get_ipython().showtraceback()
task = asyncio.create_task(fail_later())
"""


def test_an_error_of_what_an_earlier_cell_started_is_that_cells(jobs: Jobs) -> None:
    ran = jobs.execute(LATE, "await asyncio.sleep(0.5)\nprint('mine')", "never")
    assert ran.outcome.status == Status.FAILED
    assert ran.outcome.cause.startswith("ZeroDivisionError: division by zero (cell In[1]")
    assert ran.outcome.cell == 1
    assert ran.statuses == ["failed", "completed", "pending"]
    assert ran.text(2) == "mine\n"


LOSE_REPLY = """
from functools import partial
session = get_ipython().kernel.session
send = session.send
def lose(stream, message, *args, **options):
    if message == "execute_reply":
        raise ValueError("lost")
    return send(stream, message, *args, **options)
session.send = lose
"""


def test_a_reply_that_never_comes_is_not_waited_for(jobs: Jobs) -> None:
    ran = jobs.execute(LOSE_REPLY, "never")
    assert (ran.outcome.status, ran.outcome.cause) == (Status.FAILED, f"{NO_REPLY} (cell In[1])")
    assert ran.statuses == ["failed", "pending"]


HIDE = "import types\nshell = get_ipython()\nshell.showtraceback = lambda *args, **options: None\n"


def test_a_notebook_may_hide_its_tracebacks(jobs: Jobs) -> None:
    check_failure(jobs.execute(f"{HIDE}1 / 0", "never"), "ZeroDivisionError: division by zero")


def test_the_hook_leaves_no_trace_in_a_notebook(jobs: Jobs) -> None:
    ran = jobs.execute("print(sorted(name for name in globals() if not name.startswith('_')))\n_i, len(In)")
    assert ran.text() == "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit']\n"
    assert ran.outputs()[-1]["data"]["text/plain"] == ["('', 2)"]
    assert ran.notebook["cells"][0]["execution_count"] == 1


def judge(
    source: str = "1", reply: Any = None, shown: Any = (), reports: Any = (), may_fail: bool = False
) -> End | None:
    return judge_cell(CellFacts(source, reply, shown, reports), 0, "cell 1", may_fail=may_fail)


ERROR = {"ename": "ValueError", "evalue": "bad", "traceback": ["Cell In[3], line 7"]}


def test_without_the_hook_the_messages_and_the_reply_are_enough() -> None:
    """Kernels of other languages have none."""
    reply = {"status": "ok", "execution_count": 3}
    end = judge(reply=reply, shown=[ERROR])
    assert end
    assert (end.status, end.cause) == (Status.FAILED, "ValueError: bad (cell 1, line 7)")
    assert judge(reply=reply, shown=[ERROR], may_fail=True) is None
    assert judge(reply=reply) is None


@pytest.mark.parametrize("code", [3, "bad", 0.0, True, [0]])
def test_without_the_hook_the_reply_tells_the_code_of_an_exit(code: object) -> None:
    reply = {"status": "ok", "payload": [{"source": "ask_exit", "keepkernel": code}, "odd", {"source": "page"}]}
    end = judge(reply=reply)
    assert end
    assert (end.status, end.cause) == (Status.FAILED, f"SystemExit: {code} (cell 1)")


@pytest.mark.parametrize("code", [0, None, False])
def test_without_the_hook_a_good_exit_is_known_too(code: object) -> None:
    end = judge(reply={"status": "ok", "payload": [{"source": "ask_exit", "keepkernel": code}]})
    assert end
    assert (end.status, end.cause) == (Status.OK, "ended early by exit() in cell 1")


@pytest.mark.parametrize("payload", [None, 5, {}, [None], [{}]])
def test_an_odd_payload_is_none(payload: object) -> None:
    assert judge(reply={"status": "ok", "payload": payload}) is None


def test_a_reply_that_names_no_error_takes_the_one_that_was_shown() -> None:
    """ipykernel 7 says NoneType of an object whose repr raises."""
    end = judge(reply={"status": "error", "ename": "NoneType", "evalue": "None", "execution_count": 3}, shown=[ERROR])
    assert end
    assert end.cause == "ValueError: bad (cell 1, line 7)"


def report(text: str, **facts: object) -> dict[str, object]:
    return {"ename": "ValueError", "evalue": text, "line": 3, "inner": None, "call": "", "success": False, **facts}


def test_a_long_error_is_the_same_as_in_its_report_which_is_cut() -> None:
    shown = {**ERROR, "evalue": "x" * 5000}
    assert judge(reply={"status": "ok"}, shown=[shown], reports=[report("x" * 2000, again=True)]) is None
    end = judge(reply={"status": "ok"}, shown=[shown], reports=[report("x" * 2000)])
    assert end
    assert end.cause.endswith("… (cell 1, line 3)")
    assert end.error
    assert end.error.traceback == ("Cell In[3], line 7",)


def test_the_error_of_an_output_widget_is_in_the_cell_with_its_traceback(jobs: Jobs) -> None:
    ran = jobs.execute("import ipywidgets\nwith ipywidgets.Output():\n    1 / 0", "never")
    [error] = [output for output in ran.outputs() if output["output_type"] == "error"]
    assert len(error["traceback"]) > 1
