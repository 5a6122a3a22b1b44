import os
import subprocess
import sys
from pathlib import Path

import pytest

from colab_starter.errors import SweepBusyError
from colab_starter.run.lock import SweepLock

COORDINATOR = """
import subprocess, sys
from pathlib import Path
from colab_starter.run.lock import SweepLock
lock = SweepLock(Path(sys.argv[1]))
worker = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=lock.descriptors, stdout=subprocess.DEVNULL)
print(worker.pid, flush=True)
sys.stdin.read()
"""


def start_coordinator(folder: Path, worker_lives: float) -> tuple["subprocess.Popen[str]", int]:
    command = [sys.executable, "-c", COORDINATOR, str(folder), str(worker_lives)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_second_coordinator_is_told_who_is_first(tmp_path: Path) -> None:
    with SweepLock(tmp_path), pytest.raises(SweepBusyError, match=rf"by process {os.getpid()} on .*another --out"):
        SweepLock(tmp_path)
    SweepLock(tmp_path).close()


def test_the_workers_of_a_killed_coordinator_are_waited_for(tmp_path: Path) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=0.7)
    end(coordinator)
    with SweepLock(tmp_path):
        assert not Path(f"/proc/{worker}").exists() or is_zombie(worker)


def test_workers_that_do_not_end_are_an_error_with_the_remedy(tmp_path: Path) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=20)
    end(coordinator)
    with pytest.raises(SweepBusyError, match=r"an earlier run still work in .*fuser"):
        SweepLock(tmp_path, wait=0.2)
    os.kill(worker, 9)
    SweepLock(tmp_path, wait=5).close()


def test_a_number_that_another_process_has_now_is_no_holder(tmp_path: Path) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=20)
    signed = (tmp_path / ".lock").read_text()
    (tmp_path / ".lock").write_text(signed.replace(str(coordinator.pid), str(os.getpid())))
    with pytest.raises(SweepBusyError, match="an earlier run"):
        SweepLock(tmp_path, wait=0.1)
    end(coordinator)
    os.kill(worker, 9)


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
