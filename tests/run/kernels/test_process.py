import os
import signal
import sys
import time
from pathlib import Path

import pytest

from colab_starter.run.kernels.death import Death
from colab_starter.run.kernels.process import KernelProcess, spawn_kernel
from tests.support.processes import is_alive


def spawn(code: str, folder: Path) -> KernelProcess:
    return spawn_kernel([sys.executable, "-c", code], str(folder), os.environ, folder / "log")


def wait_for(text: str, file: Path) -> str:
    deadline = time.monotonic() + 60
    while text not in (content := file.read_text()):
        assert time.monotonic() < deadline, content
        time.sleep(0.01)
    return content


@pytest.mark.parametrize(
    ("code", "exit_code", "number"),
    [
        ("import os; os._exit(9)", 9, None),
        ("import os; os.kill(os.getpid(), 9)", None, signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", None, signal.SIGSEGV),
        ("pass", 0, None),
    ],
)
def test_the_end_of_a_process_is_noticed_with_its_cause(
    code: str, exit_code: int | None, number: int | None, tmp_path: Path
) -> None:
    process = spawn(code, tmp_path)
    death = process.wait(60)
    assert death
    assert (death.exit_code, death.signal, death.out_of_memory) == (exit_code, number, False)
    assert death.peak_memory > 1_000_000
    assert process.poll() == process.kill() == death


def test_killing_takes_along_what_was_started(tmp_path: Path) -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, '!', flush=True); time.sleep(600)"
    process = spawn(code, tmp_path)
    child = int(wait_for("!", tmp_path / "log").split()[0])
    assert process.kill() == Death(None, signal.SIGKILL, False, process.kill().peak_memory)
    assert not is_alive(child)


def test_what_a_process_left_when_it_ended_is_killed_too(tmp_path: Path) -> None:
    process = spawn("import subprocess; print(subprocess.Popen(['sleep', '600']).pid, '!', flush=True)", tmp_path)
    assert process.wait(60)
    child = int((tmp_path / "log").read_text().split()[0])
    assert process.kill().exit_code == 0
    assert not is_alive(child)


def test_grace_lets_a_process_end_by_itself(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); print('!', flush=True); time.sleep(600)"
    )
    process = spawn(code, tmp_path)
    wait_for("!", tmp_path / "log")
    assert process.kill(grace=60).exit_code == 3


def test_an_interrupt_reaches_the_process(tmp_path: Path) -> None:
    process = spawn(
        "import time; print('!', flush=True)\ntry: time.sleep(600)\nexcept KeyboardInterrupt: exit(4)", tmp_path
    )
    wait_for("!", tmp_path / "log")
    process.interrupt()
    death = process.wait(60)
    assert death
    assert death.exit_code == 4
    process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_kernel_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = """
import os, sys
from pathlib import Path
from colab_starter.run.kernels.process import spawn_kernel
process = spawn_kernel([sys.executable, "-c", "import time; time.sleep(600)"], ".", os.environ, Path("log2"))
print(process.pid, "!", flush=True)
os._exit(0)
"""
    folder = str(Path(__file__).parents[3])
    started = spawn_kernel(
        [sys.executable, "-c", starter], str(tmp_path), {**os.environ, "PYTHONPATH": folder}, tmp_path / "log"
    )
    kernel = int(wait_for("!", tmp_path / "log").split()[0])
    assert started.wait(60)
    deadline = time.monotonic() + 60
    while is_alive(kernel):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started.kill()
