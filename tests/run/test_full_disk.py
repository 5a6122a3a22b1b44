"""Sweeps on a disk that fills up: of bytes, and of inodes."""

import csv
import errno
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from colab_starter.errors import LedgerWriteError
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import Ledger, open_ledger, read_runs
from colab_starter.run.ledger.resume import is_to_do
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask
from tests.run.finished import write_source
from tests.support.marks import weekly

FULL = "No space left on device"
WRITE = """\
if size:
    open(output_dir + "/data", "wb").write(b"x" * size)
for number in range(files):
    open(f"{output_dir}/{number}", "w").close()
"""
DIE = """\
import os
disk = os.statvfs(output_dir)
room = disk.f_bavail * disk.f_frsize
if room < 3_000_000:
    open(output_dir + "/data", "wb").write(b"x" * (room - 120_000))
os._exit(3)
"""
"""Leaves a small disk nearly full, and dies without a word about that."""

Mount = Callable[[str], Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a small disk; a second call changes its size."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mount_disk(options: str) -> Path:
        remount = "remount," * os.path.ismount(folder)
        command = ["mount", "-t", "tmpfs", "-o", f"{remount}{options}", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a small disk can only be mounted by root, so no disk was filled")
        return folder

    yield mount_disk
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def run(sweep_here: Run) -> Run:
    """Execute the runs of ``nb.ipynb`` one by one, into the small disk."""
    return partial(sweep_here, "nb.ipynb", "--out", "small", "-j", "1")


def read_table(out: Path) -> list[tuple[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        return [(row["status"], row["attempts"]) for row in csv.DictReader(file)]


def check_it_stopped(result: "subprocess.CompletedProcess[str]") -> None:
    """It says in one line of its own what to do, and that there is no table if there is none."""
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert FULL in last
    assert "free some space, then give the same command again: what has ended is kept" in last
    assert "Traceback" not in result.stderr
    assert "has the details" not in result.stdout


@pytest.mark.parametrize(
    ("little", "much", "parameter"),
    [("size=2m", "size=20m", "size=10,3_000_000,20"), weekly("size=20m,nr_inodes=60", "nr_inodes=600", "files=1,80,2")],
    ids=["bytes", "inodes"],
)
def test_the_same_command_does_again_what_failed_because_the_disk_was_full(
    mount: Mount, run: Run, tmp_path: Path, little: str, much: str, parameter: str
) -> None:
    write_source(tmp_path, WRITE, "size = 0\nfiles = 0\noutput_dir = 'x'")
    out = mount(little)
    check_it_stopped(run("-p", parameter))
    assert sorted(str(record.status) for record in read_runs(out).values()) == ["failed", "ok"]
    check_it_stopped(run("-p", parameter))
    mount(much)
    result = run("-p", parameter)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == "1 of 3 runs already done"
    assert read_table(out) == [("ok", "1"), ("ok", "2"), ("ok", "1")]
    for path in out.glob("*/*.ipynb"):
        json.loads(path.read_text())


def test_a_run_that_died_on_a_full_disk_without_saying_so_is_done_again(mount: Mount, run: Run, tmp_path: Path) -> None:
    write_source(tmp_path, DIE)
    out = mount("size=2m")
    assert run().returncode == 1
    [record] = read_runs(out).values()
    assert (record.status, record.lacked_space, FULL in record.outcome.cause) == (Status.KILLED, True, False)
    mount("size=20m")
    assert "(attempt 2)" in run().stdout
    [record] = read_runs(out).values()
    assert (record.status, record.attempt, record.lacked_space) == (Status.KILLED, 2, False)
    assert "started" not in run().stdout


@pytest.mark.parametrize("inodes", range(1, 16))
def test_with_hardly_any_inode_nothing_starts_and_one_line_says_why(
    mount: Mount, run: Run, tmp_path: Path, inodes: int
) -> None:
    write_source(tmp_path)
    mount(f"size=20m,nr_inodes={inodes}")
    result = run()
    assert result.returncode in (1, 2)
    assert FULL in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert "--debug" not in result.stderr
    assert "started" not in result.stdout


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path, Mask())
    ledger.write_start("a", 1, {}, "source", "a/nb.ipynb")
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (Outcome(Status.FAILED, "OSError: [Errno 28] No space left on device (cell 2, line 1)"), True),
        (Outcome(Status.FAILED, "could not be started: [Errno 122] Disk quota exceeded: '/runs/warm.log'"), True),
        (Outcome(Status.KILLED, "the kernel was killed by SIGBUS", no_space=True), True),
        (Outcome(Status.FAILED, "ValueError: bad (cell 2, line 1)"), False),
        (Outcome(Status.OK, no_space=True), False),
    ],
)
def test_what_failed_for_want_of_space_is_remembered_as_such(
    ledger: Ledger, tmp_path: Path, outcome: Outcome, again: bool
) -> None:
    ledger.write_end("a", outcome)
    assert is_to_do(ledger.runs["a"], retry_failed=False) is again
    assert is_to_do(read_runs(tmp_path)["a"], retry_failed=False) is again


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EDQUOT, "free some space"), (errno.EIO, "fix that")],
)
def test_the_advice_fits_the_reason_why_a_ledger_cannot_be_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def refuse(journal: JournalFile, *lines: bytes) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(JournalFile, "append", refuse)
    with pytest.raises(LedgerWriteError, match=rf"\({os.strerror(number)}\); {remedy}, then"):
        ledger.write_end("a", Outcome(Status.OK))
