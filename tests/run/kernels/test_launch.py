"""A fork server that is started before anybody knows what it will have to import."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colab_starter.run.backends.cpus import THREAD_VARIABLES, share_threads
from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels import launch
from colab_starter.run.kernels.forkserver import ForkServer, ServerState
from colab_starter.run.kernels.launch import launch_early, take_early
from tests.run.kernels.talks import Talk, talk_through

CELL = "import os, early; print(os.getcwd(), os.environ['GIVEN'], early.GIVEN, early.FOLDER)"


@pytest.mark.parametrize("is_early", [True, False])
def test_a_server_that_was_started_beforehand_is_as_one_that_is_started_for_its_plan(
    is_early: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "work").mkdir()
    source = "import os\nGIVEN, FOLDER = os.environ['GIVEN'], os.getcwd()\nprint('imported')\nos.write(2, b'by C')\n"
    imports = tmp_path / "imports"
    (tmp_path / "early.py").write_text(f"{source}with open({str(imports)!r}, 'a') as file: file.write('1')")
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2 if is_early else 1)
    launch_early(["run", "nb.ipynb"])
    with open(os.devnull) as kept:
        plan = WarmPlan(("early",), str(tmp_path / "work"))
        server = ForkServer(plan, {"GIVEN": "value", **share_threads(2, 2)}, tmp_path / "log", [kept.fileno()])
        answer = talk_through(server, Talk([CELL], str(tmp_path / "work"), warm=True))
        server.close()
    assert take_early() is None
    assert imports.read_text() == "1"
    assert answer.stdout.splitlines()[0] == "imported"
    assert answer.stdout.splitlines()[-1].split() == [str(tmp_path / "work"), "value", "value", str(tmp_path / "work")]


def test_one_that_has_died_before_it_was_needed_is_a_dead_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    launch_early(["run", "nb.ipynb"])
    launch._early[0].process.kill()
    launch._early[0].process.wait()
    server = ForkServer(WarmPlan(), {}, tmp_path / "log")
    assert server.poll() is ServerState.DEAD
    server.close()


@pytest.mark.parametrize(
    "arguments", [["report", "runs"], ["run", "--help"], ["run", "nb.ipynb", "--dry-run"], ["run", "--backend=ray"], []]
)
def test_none_is_started_for_a_command_that_forks_no_runs(arguments: list[str]) -> None:
    launch_early(arguments)
    assert take_early() is None


def test_one_that_nobody_wants_ends_with_the_command(tmp_path: Path) -> None:
    marked = {**os.environ, "MARK": str(tmp_path)}
    command = [sys.executable, "-m", "colab_starter", "run", str(tmp_path / "missing.ipynb")]
    done = subprocess.run(command, env=marked, capture_output=True, text=True)
    assert done.returncode == 2
    deadline = time.monotonic() + 30
    while any(f"MARK={tmp_path}" in read_environment(pid) for pid in filter(str.isdigit, os.listdir("/proc"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_environment(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
