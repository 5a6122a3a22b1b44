import errno
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colab_starter.errors import SweepBusyError, SweepLostError
from colab_starter.run import leftovers
from colab_starter.run.ledger.lock import FILE_NAME, SweepLock
from colab_starter.run.leftovers import find_holders
from tests.support.processes import is_alive

COORDINATOR = """
import subprocess, sys
from pathlib import Path
from colab_starter.run.ledger.lock import SweepLock
lock = SweepLock(Path(sys.argv[1]))
worker = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=lock.descriptors, stdout=subprocess.DEVNULL)
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_only_its_owner_reads_it_and_it_is_not_followed_where_it_is_a_link(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch(0o644)
    SweepLock(tmp_path).close()
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / "victim").write_text("kept")
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / FILE_NAME).symlink_to("victim")
    with pytest.raises(OSError, match=r"\.lock is a link, which is not followed; remove it"):
        SweepLock(tmp_path)
    assert (tmp_path / "victim").read_text() == "kept"


def start_coordinator(folder: Path, worker_lives: float) -> tuple["subprocess.Popen[str]", int]:
    command = [sys.executable, "-c", COORDINATOR, str(folder), str(worker_lives)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=60)


def test_a_second_coordinator_is_told_who_is_first(tmp_path: Path) -> None:
    with SweepLock(tmp_path), pytest.raises(SweepBusyError, match=rf"by process {os.getpid()} on .*another --out"):
        SweepLock(tmp_path)
    SweepLock(tmp_path).close()


def test_the_workers_of_a_killed_coordinator_are_waited_for(tmp_path: Path) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=0.7)
    end(coordinator)
    with SweepLock(tmp_path):
        assert not is_alive(worker)


def test_workers_that_do_not_end_are_killed_with_all_that_they_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=600)
    end(coordinator)
    SweepLock(tmp_path, wait=0.2).close()
    assert not is_alive(worker)
    assert f"killing a process that an earlier run left in {tmp_path}" in capsys.readouterr().err


def test_workers_that_were_stopped_go_on_and_are_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=0.1)
    os.kill(worker, signal.SIGSTOP)
    end(coordinator)
    SweepLock(tmp_path, wait=20).close()
    assert not is_alive(worker)
    assert capsys.readouterr().err == ""


def test_workers_hold_the_folder_without_its_lock_file_too_until_they_are_killed(tmp_path: Path) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=600)
    end(coordinator)
    (tmp_path / ".lock").unlink()
    SweepLock(tmp_path, wait=0.2).close()
    assert not is_alive(worker)


def test_only_who_inherited_the_lock_from_the_dead_coordinator_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=600)
    with (tmp_path / ".lock").open() as opened:
        reader = subprocess.Popen(["sleep", "600"], pass_fds=[opened.fileno()])
        assert set(find_holders([opened.fileno()], str(coordinator.pid))) == {coordinator.pid, worker}
        assert find_holders([opened.fileno()], str(reader.pid)) == []
        end(coordinator)
        assert find_holders([opened.fileno()], str(reader.pid)) == [worker]
    SweepLock(tmp_path, wait=0.1).close()
    assert reader.poll() is None
    reader.kill()
    reader.wait()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what an earlier run left ten times a second, and give up as soon."""
    monkeypatch.setattr(leftovers, "_LOOK", 0.1)
    monkeypatch.setattr(leftovers, "_FORCE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_workers_that_cannot_be_ended_are_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "find_holders", lambda descriptors, dead: [])
    coordinator, worker = start_coordinator(tmp_path, worker_lives=600)
    end(coordinator)
    with pytest.raises(SweepBusyError, match=r"an earlier run are still working in .*fuser"):
        SweepLock(tmp_path, wait=0.1)
    os.kill(worker, signal.SIGKILL)
    SweepLock(tmp_path, wait=5).close()


@pytest.mark.usefixtures("impatient")
def test_a_number_that_another_process_has_now_is_no_holder(tmp_path: Path) -> None:
    coordinator, worker = start_coordinator(tmp_path, worker_lives=600)
    signed = (tmp_path / ".lock").read_text()
    (tmp_path / ".lock").write_text(signed.replace(str(coordinator.pid), str(os.getpid())))
    with pytest.raises(SweepBusyError, match="an earlier run"):
        SweepLock(tmp_path, wait=0.1)
    assert is_alive(worker)
    end(coordinator)
    os.kill(worker, signal.SIGKILL)


def test_while_the_folder_is_locked_a_lock_file_that_was_removed_lets_nobody_in(tmp_path: Path) -> None:
    with SweepLock(tmp_path) as lock:
        (tmp_path / ".lock").unlink()
        lock.check()
        with pytest.raises(SweepBusyError, match=rf"by process {os.getpid()} on"):
            SweepLock(tmp_path)
        (tmp_path / ".lock").write_text("mine")
        lock.check()
        with pytest.raises(SweepBusyError, match=rf"by process {os.getpid()} on"):
            SweepLock(tmp_path)
    SweepLock(tmp_path).close()


def test_who_comes_before_the_file_is_back_waits_until_it_says_who_holds_the_folder(tmp_path: Path) -> None:
    with SweepLock(tmp_path) as lock, ThreadPoolExecutor(1) as thread:
        (tmp_path / ".lock").unlink()
        second = thread.submit(SweepLock, tmp_path)
        while not (tmp_path / ".lock").exists():
            time.sleep(0.01)
        lock.check()
        with pytest.raises(SweepBusyError, match=rf"by process {os.getpid()} on"):
            second.result(timeout=60)


def test_where_folders_cannot_be_locked_a_lock_file_that_was_removed_ends_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_file = fcntl.flock

    def refuse_folders(descriptor: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")  # as NFS does
        lock_file(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", refuse_folders)
    with SweepLock(tmp_path) as lock:
        lock.check()
        with pytest.raises(SweepBusyError):
            SweepLock(tmp_path)
        (tmp_path / ".lock").unlink()
        with pytest.raises(SweepLostError, match=r"\.lock was removed or replaced .*the same command again"):
            lock.check()


def test_a_folder_that_was_renamed_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with SweepLock(tmp_path / "runs") as lock:
        (tmp_path / "runs").rename(tmp_path / "kept")
        kept = re.escape(str(tmp_path / "kept"))
        for _ in range(2):
            with pytest.raises(SweepLostError, match=rf"runs was renamed .*; rename {kept} back, .* --out {kept}: "):
                lock.check()
            (tmp_path / "runs").mkdir(exist_ok=True)


def test_a_folder_that_was_removed_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with SweepLock(tmp_path / "runs") as lock:
        shutil.rmtree(tmp_path / "runs")
        with pytest.raises(SweepLostError, match=r"runs was removed .*; the same command starts a new one"):
            lock.check()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("content", ["", "[]", "null", '"pid": []', '"pid": 1e400', "[" * 100_000, "\0\0"])
def test_a_damaged_lock_file_names_no_holder_but_the_lock_is_held(tmp_path: Path, content: str) -> None:
    here = json.dumps(socket.gethostname())
    with SweepLock(tmp_path):
        (tmp_path / ".lock").write_text(f'{{"host": {here}, {content}}}' if "pid" in content else content)
        with pytest.raises(SweepBusyError, match="an earlier run"):
            SweepLock(tmp_path, wait=0.1)
    SweepLock(tmp_path).close()
