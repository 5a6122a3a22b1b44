"""The guard of Google's command. Here a stand-in is guarded, which writes its file as slowly as can be."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colab_starter.run.backends.colab import guard
from tests.run.backends.contract import wait_until_gone

WRITE_SLOWLY = """\
import os, sys, time
open(sys.argv[2], "w").write(str(os.getpid()))
while True:
    with open(sys.argv[1], "w") as file:
        time.sleep(0.05)
        file.write('{"mine": {}}')
    time.sleep(0.005)
"""


class Guarded:
    """The guard of a program, and the program's file."""

    def __init__(self, folder: Path, program: str, parent: int | None = None) -> None:
        self.file = folder / "sessions.json"
        self.told = folder / "pid"
        command = [sys.executable, "-c", program, str(self.file), str(self.told)]
        guarding = [sys.executable, "-I", "-S", guard.__file__, str(parent or os.getpid()), str(self.file)]
        self.process = subprocess.Popen([*guarding, *command], start_new_session=True)

    def wait_for_program(self) -> int:
        deadline = time.monotonic() + 60
        while not (self.file.exists() and self.told.exists() and self.told.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return int(self.told.read_text())


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.029, 0.047])
def test_the_command_is_ended_when_its_file_is_whole(tmp_path: Path, delay: float) -> None:
    guarded = Guarded(tmp_path, WRITE_SLOWLY)
    program = guarded.wait_for_program()
    time.sleep(delay)
    guarded.process.terminate()
    assert guarded.process.wait(60) == -signal.SIGKILL
    wait_until_gone(program)
    assert json.loads(guarded.file.read_text()) == {"mine": {}}


def test_a_command_whose_file_never_gets_whole_is_ended_nevertheless(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, WRITE_SLOWLY.replace("time.sleep(0.05)", "time.sleep(600)"))
    program = guarded.wait_for_program()
    guarded.process.terminate()
    guarded.process.wait(60)
    wait_until_gone(program)


@pytest.mark.parametrize("code", [0, 3])
def test_the_guard_ends_with_the_exit_code_of_the_command(tmp_path: Path, code: int) -> None:
    assert Guarded(tmp_path, f"raise SystemExit({code})").process.wait(60) == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_guard_ends_by_the_signal_that_killed_the_command(tmp_path: Path, number: int) -> None:
    assert Guarded(tmp_path, f"import os; os.kill(os.getpid(), {int(number)})").process.wait(60) == -number


def test_an_interrupt_is_for_the_command(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n" + WRITE_SLOWLY)
    guarded.wait_for_program()
    os.killpg(guarded.process.pid, signal.SIGINT)
    assert guarded.process.wait(60) == -signal.SIGINT


def test_without_its_parent_the_command_ends(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, WRITE_SLOWLY, parent=999_999_999)
    assert guarded.process.wait(60) == -signal.SIGKILL
