"""Many notebooks: in order, by several processes, whatever happens to these."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from colab_starter.check import checker as checker_module
from colab_starter.check import workers
from colab_starter.check.checker import Checked, Settings
from colab_starter.check.findings import Verdict, check_content
from colab_starter.check.workers import check_all
from tests.check.conftest import LATEST, USUAL_RULES, Write
from tests.conftest import REPOSITORY

SETTINGS = Settings(tuple(rule.code for rule in USUAL_RULES), LATEST)


@pytest.fixture
def notebooks(write: Write) -> list[Path]:
    """Every third is faulty."""
    return [write(["print 1" if number % 3 else "x = 1"], f"{number:03}.ipynb") for number in range(60)]


def check(notebooks: list[Path], settings: Settings = SETTINGS, jobs: int | None = 1) -> list[Checked]:
    return list(check_all(settings, [(path, True) for path in notebooks], jobs))


def is_alive(process: int) -> bool:
    """Whether there is such a process; one that has ended and is not waited for counts as gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], deadline: float = 60) -> None:
    end = time.monotonic() + deadline
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_several_processes_say_the_same_in_the_same_order(
    method: str, notebooks: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = check(notebooks)
    assert [checked.path for checked in alone] == notebooks
    monkeypatch.setattr(workers, "_choose_method", lambda: method)
    assert check(notebooks, jobs=3) == alone


def test_by_default_others_help_after_a_while(notebooks: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ALONE_FOR", 0)
    monkeypatch.setattr(workers, "_count_cores", lambda: 2)
    assert check(notebooks, jobs=None) == check(notebooks)


def test_what_is_cached_needs_no_process(notebooks: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS._replace(cache=cache / "check")
    first = check(notebooks, settings, jobs=2)
    monkeypatch.setattr(workers, "_Worker", None)
    assert check(notebooks, settings, jobs=2) == first


def break_at(name: str, monkeypatch: pytest.MonkeyPatch, fault: Callable[[], object]) -> None:
    """Let the check of one notebook, and of all with its name in theirs, end in a fault."""
    real = check_content

    def check_or_break(path: Path, *others: object) -> Verdict:
        if path.name == name:
            fault()
        return real(path, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(checker_module, "check_content", check_or_break)


def test_a_process_that_dies_is_told_with_the_notebook_and_costs_no_other(
    notebooks: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_choose_method", lambda: "fork")
    expected = check(notebooks)
    break_at("010.ipynb", monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
    found = check(notebooks, jobs=2)
    assert found[10] == Checked(notebooks[10], failure="its process was ended by SIGKILL")
    assert found[:10] + found[11:] == expected[:10] + expected[11:]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_rule_that_fails_is_told_with_the_notebook_and_costs_no_other(
    jobs: int, notebooks: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_choose_method", lambda: "fork")
    expected = check(notebooks)
    break_at("010.ipynb", monkeypatch, lambda: 1 / 0)
    found = check(notebooks, jobs=jobs)
    assert found[10].failure == "ZeroDivisionError: division by zero"
    assert found[:10] + found[11:] == expected[:10] + expected[11:]


def test_closing_early_ends_the_processes(notebooks: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_choose_method", lambda: "fork")
    started: list[workers._Worker] = []

    class Noted(workers._Worker):
        def __init__(self, settings: Settings) -> None:
            super().__init__(settings)
            started.append(self)

    monkeypatch.setattr(workers, "_Worker", Noted)
    with closing(check_all(SETTINGS, [(path, True) for path in notebooks], 2)) as verdicts:
        next(verdicts)
        processes = [worker._process.pid for worker in started]
    assert processes
    assert not any(is_alive(process) for process in processes if process)


@pytest.fixture
def running(notebooks: list[Path], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command whose processes wait at a notebook that is a pipe into which nobody writes."""
    os.mkfifo(tmp_path / "999.ipynb")
    command = [sys.executable, "-m", "colab_starter", "check", "--no-cache", "-j", "2", *map(str, notebooks)]
    process = subprocess.Popen(
        [*command, str(tmp_path / "999.ipynb")],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate(timeout=60)


def children_of(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_ends_all_processes_without_a_word(running: subprocess.Popen[str]) -> None:
    assert running.stdout
    assert "CS107" in running.stdout.readline()  # as soon as it is known, not when all is done
    children = children_of(running.pid)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    assert not any(map(is_alive, children))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_processes_end_when_the_command_is_killed(notebooks: list[Path]) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.check.test_workers import SETTINGS, check_all\n"
        "for _ in check_all(SETTINGS, [(Path(path), True) for path in sys.argv[1:]], 2):\n"
        "    children = Path(f'/proc/self/task/{os.getpid()}/children').read_text()\n"
        "    print(children, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, *map(str, notebooks)]
    killed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    children = [int(one) for one in killed.stdout.split()]
    assert children
    wait_until(lambda: not any(map(is_alive, children)))
