"""The trials that papermill was put to (lettered a to j), each done with ``colab-starter run``.

What papermill 2.7.0 does is said in each docstring. ``KILLS=200 pytest -k kill_9 tests/run/test_trials.py``
kills the coordinator 200 times instead of a few; ``STARTS=50`` and ``-k at_once`` start 50 pairs of coordinators,
``STOPS=20`` and ``-k sigstop`` stop each process 20 times.
"""

import contextlib
import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.kernels.system import list_processes
from tests.support.marks import weekly
from tests.support.processes import COMMAND, processes_with, wait_until

GROWING = [
    "data = '0123456789' * 100_000",
    "for _ in range(10):\n    print(data)",
    "import time\nfor _ in range(5):\n    print(data)\n    time.sleep(0.02)",
    "print('end')",
]
"""Cells that print 15 MB within a second."""

KILLS = int(os.environ.get("KILLS", "4"))
STARTS = int(os.environ.get("STARTS", "2"))
STOPS = int(os.environ.get("STOPS", "1"))

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of code cells; ``parameters`` is the source of the cell with that tag."""

    def write(*cells: str, parameters: str | None = "n = 1", kernel: str = "python3") -> Path:
        made = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
        if parameters is not None:
            made.cells.insert(0, v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        made.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
        path = tmp_path / "trial.ipynb"
        nbformat.write(made, path)
        return path

    return write


def ends(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    return [line for line in lines if line["record"] == "end"]


def executed(out: Path) -> dict[str, Any]:
    """The only executed notebook of a sweep, valid as nbformat sees it."""
    [path] = out.glob("*/trial.ipynb")
    nbformat.validate(nbformat.read(path, as_version=4))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def cell_statuses(found: dict[str, Any]) -> list[str]:
    return [
        cell["metadata"]["papermill"]["status"]
        for cell in found["cells"]
        if "injected-parameters" not in cell["metadata"].get("tags", [])
    ]


def test_trial_a_an_unknown_parameter_is_an_error_before_anything_starts(
    notebook: Callable[..., Path], run_here: Run, tmp_path: Path
) -> None:
    """papermill warns, and ends with 0."""
    result = run_here(notebook("print(n)", parameters="epochs = 1"), "-p", "epoch=3")
    assert result.returncode == 2
    assert "epochs" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("value", ["hello", "2.5"])
def test_trial_b_a_value_of_the_wrong_type_is_an_error(
    notebook: Callable[..., Path], run_here: Run, value: str
) -> None:
    """papermill checks no type: 2.5 for an integer passes without a word."""
    result = run_here(notebook("print(n)", parameters="n: int = 1"), "-p", f"n={value}")
    assert result.returncode == 2
    assert value in result.stderr
    assert "int" in result.stderr


def test_trial_c_without_a_parameters_cell_nothing_runs_with_the_wrong_value(
    notebook: Callable[..., Path], run_here: Run
) -> None:
    """papermill injects at the top, the cell overwrites the value, and the run passes."""
    result = run_here(notebook("n = 1", "print(n)", parameters=None), "-p", "n=7")
    assert result.returncode == 2
    assert "parameters" in result.stderr


def test_trial_c2_a_value_computed_from_a_parameter_does_not_go_stale(
    notebook: Callable[..., Path], run_here: Run
) -> None:
    """papermill prints ``5 10``: m still comes from the default of n."""
    result = run_here(notebook("print(n, m)", parameters="n = 1\nm = n * 10"), "-p", "n=5")
    assert result.returncode == 2
    assert "m" in result.stderr


def test_trial_d_a_kernel_that_dies_is_reported_with_its_cause(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill says no cause, and calls the dead cell and those that never ran completed."""
    result = sweep_here(notebook("print('before')", "import os\nos._exit(9)", "print('never')"))
    assert result.returncode == 1
    [end] = ends(tmp_path / "runs/trial")
    assert end["status"] == "killed"
    assert "exit code 9" in end["cause"]
    found = executed(tmp_path / "runs/trial")
    assert cell_statuses(found) == ["completed", "completed", "failed", "pending"]
    assert found["cells"][1]["outputs"][0]["text"] in ("before\n", ["before\n"])


DEATHS = {
    "exit": ("os._exit(9)", "exit code 9"),
    "segfault": ("ctypes.string_at(0)", "SIGSEGV"),
    "kill": ("os.kill(os.getpid(), 9)", "SIGKILL"),
    "abort": ("os.abort()", "SIGABRT"),
}


@pytest.mark.slow
def test_trial_d_twenty_deaths_are_told_apart_and_the_rest_of_the_sweep_goes_on(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    branches = "\n".join(f"if how == {how!r}:\n    {code}" for how, (code, _) in DEATHS.items())
    path = notebook(f"import ctypes, os\n{branches}", "print('alive')", parameters="how = 'none'\nseed = 0")
    result = sweep_here(path, "-p", f"how=none,{','.join(DEATHS)}", "-p", "seed=range(5)", "-j", "4")
    assert result.returncode == 1
    found = {(end["run"].split("-")[0]): (end["status"], end["cause"]) for end in ends(tmp_path / "runs/trial")}
    assert len(found) == 25
    for run_id, (status, cause) in found.items():
        how = run_id.partition("how=")[2].partition(",")[0]
        assert status == ("ok" if how == "none" else "killed")
        assert how == "none" or DEATHS[how][1] in cause


IMPATIENT = """
from colab_starter.run.kernels import stopped
stopped.PATIENCE, stopped.INTERVAL = 2.0, 0.2
from colab_starter.__main__ import main
main()
"""
"""The command, which continues what was stopped sooner than in ten seconds."""


def start_sweep(
    path: Path, *arguments: str, stderr: int = subprocess.DEVNULL, program: Sequence[str] = (COMMAND,)
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*program, "run", str(path), *arguments],
        cwd=path.parent,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


MIXED = [
    "import subprocess, time\nchild = subprocess.Popen(['sleep', '300'])",
    "for _ in range(50 if n % 10 == 3 else 1):\n    print('0123456789' * 100_000)",
    "for _ in range(5):\n    print(n)\n    time.sleep(0.02)",
]
"""Cells that print 1 MB, every tenth run 50 MB, and leave a process behind."""


def read_new_notebooks(out: Path, known: dict[str, int]) -> dict[str, int]:
    """Read what was not read before; returns when each executed notebook was written."""
    found = {}
    for file in out.glob("*/*.ipynb"):
        found[str(file)] = file.stat().st_mtime_ns
        if known.get(str(file)) != found[str(file)]:
            json.loads(file.read_text())
    return {file: written for file, written in found.items() if not file.endswith(".partial.ipynb")}


def wait_for_another_notebook(coordinator: subprocess.Popen[bytes], out: Path, known: dict[str, int]) -> None:
    """Wait until the sweep has finished one run more, or all of them."""
    wait_until(lambda: coordinator.poll() is not None or len(list(out.glob("*/trial.ipynb"))) > len(known))


@pytest.mark.slow
def test_trial_e_kill_9_of_the_coordinator_loses_nothing_and_leaves_no_process(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """papermill leaves 3 of 40 files empty, 5 of 24 unreadable, and what the notebook started lives on."""
    cookie = f"trial-e-{os.getpid()}"
    monkeypatch.setenv("TRIAL_COOKIE", cookie)
    sweep = (notebook(*MIXED), "-p", f"n=range({2 * KILLS})", "-j", "2")
    out, chance = tmp_path / "runs/trial", random.Random(3)
    finished: dict[str, int] = {}
    for kill in range(KILLS):
        coordinator = start_sweep(*sweep)
        if kill % 2:
            wait_for_another_notebook(coordinator, out, finished)
        time.sleep(chance.uniform(0, 2))
        coordinator.kill()
        coordinator.wait()
        wait_until(lambda: not processes_with(cookie))
        now = read_new_notebooks(out, finished)
        assert finished.items() <= now.items(), "a finished run was lost, or done again"
        finished = now
    assert finished
    assert sweep_here(*sweep).returncode == 0
    results = ends(out)
    assert len(results) == len({end["run"] for end in results}) == 2 * KILLS
    assert finished.items() <= read_new_notebooks(out, finished).items()


@pytest.mark.slow
def test_trial_e_of_two_coordinators_that_start_at_once_one_does_each_run_once(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """papermill lets both write."""
    cookie = f"starts-{os.getpid()}"
    monkeypatch.setenv("TRIAL_COOKIE", cookie)
    path, chance = notebook("print(n)", "import time\ntime.sleep(0.1)"), random.Random(5)
    for number in range(STARTS):
        sweep = (path, "-p", "n=1,2", "--out", f"out-{number}")
        first = start_sweep(*sweep, stderr=subprocess.PIPE)
        time.sleep(chance.choice((0, 0, chance.uniform(0, 2))))
        second = start_sweep(*sweep, stderr=subprocess.PIPE)
        for coordinator in (first, second):
            _, said = coordinator.communicate(timeout=120)
            assert coordinator.returncode == 0 or b"is being worked on by process" in said, said
        assert 0 in (first.returncode, second.returncode)
        assert sweep_here(*sweep).returncode == 0
        results = ends(tmp_path / f"out-{number}")
        assert [end["status"] for end in results] == ["ok", "ok"]
        assert len({end["run"] for end in results}) == 2
    wait_until(lambda: not processes_with(cookie))


def wait_for_processes(coordinator: int) -> dict[str, int]:
    """Those of a sweep that look after one of its runs, and its kernel, once they are all there."""
    deadline = time.monotonic() + 60
    while True:
        processes, found = list(list_processes()), {"coordinator": coordinator}
        parent: int | None = coordinator
        for name in ("keeper", "fork server", "worker", "kernel"):
            children = [one.pid for one in processes if one.parent == parent]
            parent = found[name] = children[0] if children else -1
        if -1 not in found.values():
            return found
        assert time.monotonic() < deadline
        time.sleep(0.01)


VICTIMS = ["worker", "keeper", "fork server", "kernel", "coordinator"]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [weekly(name) if name in ("worker", "keeper") else name for name in VICTIMS])
def test_trial_e_sigstop_of_any_process_neither_ends_nor_blocks_a_sweep(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """papermill waits for ever. Every second time, the coordinator is killed meanwhile, and the sweep begun again."""
    cookie = f"stops-{os.getpid()}"
    monkeypatch.setenv("TRIAL_COOKIE", cookie)
    path, chance = notebook(*MIXED), random.Random(7)
    for number in range(STOPS):
        out = tmp_path / f"out-{number}"
        sweep = (path, "-p", "n=4,5,6,7", "-j", "2", "--out", out.name)
        coordinator = start_sweep(*sweep, program=(sys.executable, "-c", IMPATIENT))
        found = wait_for_processes(coordinator.pid)
        time.sleep(chance.uniform(0, 0.5))
        with contextlib.suppress(ProcessLookupError):  # a run may have ended meanwhile
            os.kill(found[victim], signal.SIGSTOP)
        if (number + VICTIMS.index(victim)) % 2:
            time.sleep(chance.uniform(0, 1))
            finished = read_new_notebooks(out, {})
            coordinator.kill()
            coordinator.wait()
            assert sweep_here(*sweep).returncode == 0
            assert finished.items() <= read_new_notebooks(out, finished).items()
        else:
            if victim == "coordinator":
                time.sleep(1)
                coordinator.send_signal(signal.SIGCONT)
            assert coordinator.wait(timeout=120) == 0
        results = ends(out)
        assert [end["status"] for end in results] == ["ok"] * 4
        assert len({end["run"] for end in results}) == 4
        wait_until(lambda: not processes_with(cookie))


def test_trial_e_what_a_notebook_leaves_running_ends_with_its_run_and_does_not_hold_it_up(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """papermill lets it live on."""
    cookie = f"left-{os.getpid()}"
    monkeypatch.setenv("TRIAL_COOKIE", cookie)
    result = sweep_here(
        notebook("import subprocess\nchildren = [subprocess.Popen(['sleep', '300']) for _ in range(2)]")
    )
    assert result.returncode == 0
    assert not processes_with(cookie)
    assert ends(tmp_path / "runs/trial")[0]["seconds"] < 14  # so long ipykernel itself waits for what it has terminated


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), weekly(signal.SIGHUP, 129), (signal.SIGTERM, 143)],
    ids=["Ctrl-C", "SIGHUP", "SIGTERM"],
)
def test_trial_e_a_stopped_sweep_says_the_truth_and_goes_on_later(
    notebook: Callable[..., Path],
    sweep_here: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    status: int,
) -> None:
    """papermill prints 30 lines at Ctrl-C, and calls the cell that never ran completed."""
    flag = tmp_path / "started"
    begin = f"import os, pathlib, time\npathlib.Path({str(flag)!r}).touch()"
    wait = "time.sleep(float(os.environ.get('WAIT', 0)))"
    path = notebook("print(1)", begin, *[wait] * 100, "print('after')")
    monkeypatch.setenv("WAIT", "0.5")
    sweep = start_sweep(path)
    wait_until(flag.exists)
    monkeypatch.delenv("WAIT")
    sweep.send_signal(number)
    assert sweep.wait(timeout=240) == status
    out = tmp_path / "runs/trial"
    assert [end["status"] for end in ends(out)] == ["interrupted"]
    assert cell_statuses(executed(out))[-1] == "pending"
    assert sweep_here(path).returncode == 0
    assert [end["status"] for end in ends(out)] == ["interrupted", "ok"]


IN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes stdin the terminal of the session that the process leads, as a terminal window does."""


def test_trial_e_a_terminal_that_is_closed_lets_the_cell_end_and_nothing_crashes(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill is killed, its kernel lives on."""
    flag = tmp_path / "started"
    path = notebook(f"import pathlib, time\npathlib.Path({str(flag)!r}).touch()\ntime.sleep(2)\nprint('ended')", "1")
    window, terminal = pty.openpty()
    command = [sys.executable, "-c", IN_TERMINAL, COMMAND, "run", str(path)]
    sweep = subprocess.Popen(
        command, cwd=tmp_path, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    wait_until(flag.exists)
    os.close(window)
    assert sweep.wait(timeout=60) == 129
    [end] = ends(tmp_path / "runs/trial")
    assert (end["status"], end["cause"]) == ("interrupted", "stopped before cell In[3]")
    assert "ended\n" in executed(tmp_path / "runs/trial")["cells"][1]["outputs"][0]["text"]
    assert sweep_here(path).returncode == 0


@pytest.mark.parametrize("options", [weekly(["-q"]), weekly(["--json"]), []])
def test_trial_e_a_sweep_whose_output_nobody_reads_ends_after_its_cells(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, options: list[str]
) -> None:
    """As ``| head -1`` does it; with ``--quiet`` nothing is written, and nothing ends."""
    path = notebook("import time\ntime.sleep(0.5)", "1")
    sweep = subprocess.Popen(
        [COMMAND, "run", str(path), "-p", "n=1,2,3", "-j", "1", *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert sweep.stdout
    assert sweep.stderr
    sweep.stdout.close()
    with sweep.stderr as stderr:
        said = stderr.read()
    assert sweep.wait(timeout=60) == (0 if "-q" in options else 141)
    assert b"Traceback" not in said
    assert sweep_here(path, "-p", "n=1,2,3").returncode == 0
    assert sorted(end["run"] for end in ends(tmp_path / "runs/trial") if end["status"] == "ok") == sorted(
        {end["run"] for end in ends(tmp_path / "runs/trial")}
    )


def test_trial_f_a_missing_output_folder_is_made(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill ends in a traceback."""
    assert sweep_here(notebook("print(n)"), "--out", "deep/down").returncode == 0
    assert len(ends(tmp_path / "deep/down")) == 1


def test_trial_f_an_output_folder_that_is_a_file_is_one_clear_line(
    notebook: Callable[..., Path], run_here: Run, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("mine")
    result = run_here(notebook("print(n)"), "--out", "taken")
    assert result.returncode in (1, 2)
    assert len(result.stderr.splitlines()) == 1
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a disk of 2 MB can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_trial_f_a_full_disk_is_told_and_earlier_results_stay(
    notebook: Callable[..., Path], sweep_here: Run, small_disk: Path
) -> None:
    """papermill leaves truncated JSON; the results that had been saved are gone too."""
    path = notebook("print('x' * size)", parameters="size = 10")
    assert sweep_here(path, "--out", small_disk, "-p", "size=10,20").returncode == 0
    before = {file: file.read_bytes() for file in small_disk.glob("*/trial.ipynb")}
    result = sweep_here(path, "--out", small_disk, "-p", "size=10,3_000_000,30", "-j", "1")
    assert result.returncode == 1
    assert "No space left" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    assert {file: file.read_bytes() for file in before} == before
    for file in small_disk.glob("*/*.ipynb"):
        json.loads(file.read_text())


@pytest.mark.slow
def test_trial_g_two_sweeps_cannot_share_an_output_and_readers_never_see_half_a_file(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill lets both write; a reader met invalid JSON in 289 of 2076 reads."""
    path = notebook(*GROWING, "import os\nwhile not os.path.exists('refused'): time.sleep(0.05)")
    sweep = start_sweep(path, "-p", "n=1,2")
    out = tmp_path / "runs/trial"
    wait_until((out / "ledger.jsonl").exists)
    second = sweep_here(path, "-p", "n=1,2")
    assert second.returncode in (1, 2)
    assert str(sweep.pid) in second.stderr
    (tmp_path / "refused").touch()
    reads = 0
    while sweep.poll() is None:
        for file in out.glob("*/*.ipynb"):
            try:
                text = file.read_text()
            except FileNotFoundError:  # a partial notebook goes when the final one comes
                continue
            json.loads(text)
            reads += 1
    assert sweep.returncode == 0
    assert reads


def test_trial_g2_a_bad_kernel_does_not_replace_a_good_result(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill replaces the good notebook by an empty one whose cells all say completed."""
    path = notebook("print(n)")
    assert sweep_here(path).returncode == 0
    [good] = (tmp_path / "runs/trial").glob("*/trial.ipynb")
    before = good.read_bytes()
    result = sweep_here(path, "--kernel", "nonsense")
    assert result.returncode in (1, 2)
    assert "python3" in result.stderr
    assert good.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("updates", [3_000, weekly(30_000)])
def test_trial_h_large_and_many_outputs_come_through_whole(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, updates: int
) -> None:
    """papermill takes 74 s for 50 MB and 100 cells, and keeps 30 000 progress updates as 30 000 outputs."""
    path = notebook(
        "print('0123456789' * 5_000_000)",
        "for number in range(20_000):\n    print(number, 'x' * 1000)",
        f"import sys\nfor number in range({updates}):\n    print(f'\\r{{number}}', end='', flush=True)",
        *[f"x = {number}" for number in range(100)],
    )
    result = sweep_here(path)
    assert result.returncode == 0, result.stderr
    large, many, progress, *_ = executed(tmp_path / "runs/trial")["cells"][1:]
    assert len("".join(large["outputs"][0]["text"])) == 50_000_001
    lines = "".join(many["outputs"][0]["text"]).splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(20_000))
    assert len(progress["outputs"]) == 1
    assert "".join(progress["outputs"][0]["text"]).endswith(str(updates - 1))


LOOPS = {
    "sleeps": "time.sleep(3000)",
    "spins": "while True:\n        pass",
    "ignores": "signal.signal(2, signal.SIG_IGN)\n    signal.signal(15, signal.SIG_IGN)\n    time.sleep(3000)",
}


@pytest.mark.slow
def test_trial_i_an_endless_cell_ends_at_its_limit_and_is_called_a_timeout(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill calls the cell that timed out, and those that never ran, completed."""
    branches = "\n".join(f"if how == {how!r}:\n    {code}" for how, code in LOOPS.items())
    path = notebook(f"import signal, time\n{branches}", "print('never')", parameters="how = 'sleeps'")
    result = sweep_here(path, "-p", f"how={','.join(LOOPS)}", "--cell-timeout", "2", "-j", "3")
    assert result.returncode == 1
    out = tmp_path / "runs/trial"
    assert [end["status"] for end in ends(out)] == ["timeout"] * 3
    for file in out.glob("*/trial.ipynb"):
        assert cell_statuses(json.loads(file.read_text())) == ["completed", "failed", "pending"]


BROKEN = {
    "no JSON": "hello",
    "empty": "",
    "truncated": '{"cells": [',
    "another object": '{"a": 1}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_trial_j_a_file_that_is_no_notebook_is_one_clear_line(run_here: Run, tmp_path: Path, content: str) -> None:
    """papermill prints tracebacks of 40 lines."""
    (tmp_path / "broken.ipynb").write_text(content)
    result = run_here("broken.ipynb")
    assert result.returncode in (1, 2)
    assert len(result.stderr.splitlines()) == 1
    assert "broken.ipynb" in result.stderr


def test_trial_j_a_missing_file_is_one_clear_line(run_here: Run) -> None:
    result = run_here("nowhere.ipynb")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "nowhere.ipynb" in result.stderr


def test_trial_j_a_notebook_of_format_3_without_a_kernelspec_runs(sweep_here: Run, tmp_path: Path) -> None:
    """papermill: no kernel name found in notebook."""
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell(input="print(6 * 7)")])]
    )
    (tmp_path / "trial.ipynb").write_text(json.dumps(old))
    result = sweep_here("trial.ipynb")
    assert result.returncode == 0, result.stderr
    assert executed(tmp_path / "runs/trial")["cells"][0]["outputs"][0]["text"] in ("42\n", ["42\n"])


def test_trial_j_a_kernel_that_is_not_installed_is_told_with_those_that_are(
    notebook: Callable[..., Path], run_here: Run, tmp_path: Path
) -> None:
    """papermill names none, and writes a notebook whose cells say completed."""
    result = run_here(notebook("print(n)", kernel="nonsense"))
    assert result.returncode in (1, 2)
    assert "nonsense" in result.stderr
    assert "python3" in result.stderr
    assert not (tmp_path / "runs").exists()


ENDINGS = {
    "input": ("input('who? ')", "failed", ["completed", "failed", "pending"]),
    "exit": ("import sys\nsys.exit(0)", "ok", ["completed", "completed", "pending"]),
    "exit 1": ("import sys\nsys.exit(1)", "failed", ["completed", "failed", "pending"]),
    "error": ("1 / 0", "failed", ["completed", "failed", "pending"]),
}


@pytest.mark.parametrize(("code", "status", "cells"), ENDINGS.values(), ids=ENDINGS.keys())
def test_trial_j_input_exit_and_errors_end_a_run_truthfully(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path, code: str, status: str, cells: list[str]
) -> None:
    result = sweep_here(notebook(code, "print('after')"))
    assert result.returncode == (0 if status == "ok" else 1)
    out = tmp_path / "runs/trial"
    assert [end["status"] for end in ends(out)] == [status]
    assert cell_statuses(executed(out)) == cells


def test_trial_k_a_secret_is_masked_wherever_it_would_be_written(
    notebook: Callable[..., Path], sweep_here: Run, tmp_path: Path
) -> None:
    """papermill stores a password parameter in plain text in two places, three if it is printed."""
    secret = "hunter2-and-more"
    path = notebook("print('the password is', password)", "1 / 0 if password else 0", parameters="password = ''")
    result = sweep_here(path, "-p", f"password={secret}", DB_PASSWORD=secret)
    assert result.returncode == 1
    assert secret not in result.stdout + result.stderr
    files = [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    assert len(files) > 3
    assert not [file for file in files if secret in str(file) or secret.encode() in file.read_bytes()]
