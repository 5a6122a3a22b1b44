"""What editors, synchronisation tools and people do to a sweep's folder while the sweep is at work."""

import csv
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from colab_starter.run.ledger.ledger import read_runs
from tests.run.conftest import Run
from tests.run.finished import write_source
from tests.support.marks import weekly
from tests.support.processes import COMMAND, wait_until

SWEEP = ("nb.ipynb", "-p", "n=1,2,3,4", "-j", "2", "--out", "out")
GATED = """\
import os, time
with open("executed.txt", "a") as file:
    file.write(f"{n}\\n")
while n > 2 and not os.path.exists("gate"):
    time.sleep(0.02)
"""
"""Runs 1 and 2 end at once; the others note that they have begun, and wait."""

Touch = Callable[[Path], object]
GoOn = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A sweep of four runs, two of which have ended and two are being executed."""
    write_source(tmp_path, GATED)
    with subprocess.Popen(
        [COMMAND, "run", *SWEEP], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: count_executed(tmp_path).keys() == {"1", "2", "3", "4"})
            wait_until(lambda: list_ok(tmp_path / "out") == ["1", "2"])
            yield process
        finally:
            process.kill()


def count_executed(folder: Path) -> Counter[str]:
    """How often each run was begun."""
    with suppress(FileNotFoundError):
        return Counter((folder / "executed.txt").read_text().split())
    return Counter()


def list_ok(out: Path) -> list[str]:
    return sorted(str(run.parameters["n"]) for run in read_runs(out).values() if run.status == "ok")


@pytest.fixture
def go_on(tmp_path: Path, run_here: Run) -> GoOn:
    """Give the same command again; now no run waits."""

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "gate").touch()
        return run_here(*SWEEP, *arguments)

    return call


def save_again(path: Path) -> None:
    """As editors and synchronisation tools save: under another name first."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    os.replace(copy, path)


TOUCHES: dict[str, Touch] = {
    "replaced": lambda out: save_again(out / "ledger.jsonl"),
    "moved": lambda out: (out / "ledger.jsonl").rename(out / "old.jsonl"),
    "cut": lambda out: os.truncate(out / "ledger.jsonl", 500),
    "emptied": lambda out: (out / "ledger.jsonl").write_text(""),
    "restored from a time before": lambda out: (out / "ledger.jsonl").write_text(
        "".join((out / "ledger.jsonl").read_text().splitlines(True)[:2])
    ),
}


# Each day one after which the ledger has all its lines, and one after which it lacks some, as with the others.
DAILY = ("replaced", "cut")


@pytest.mark.parametrize(
    "touch", [touch if name in DAILY else weekly(touch) for name, touch in TOUCHES.items()], ids=TOUCHES.keys()
)
def test_a_touched_ledger_ends_the_sweep_with_one_line_and_nothing_that_ended_is_done_again(
    sweep: "subprocess.Popen[str]", go_on: GoOn, tmp_path: Path, touch: Touch
) -> None:
    touch(tmp_path / "out")
    _, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    assert len(said.splitlines()) == 1
    assert "ledger.jsonl was replaced, moved or changed" in said
    assert go_on().returncode == 0
    assert count_executed(tmp_path) == {"1": 1, "2": 1, "3": 2, "4": 2}
    assert list_ok(tmp_path / "out") == ["1", "2", "3", "4"]
    with (tmp_path / "out/results.csv").open(newline="") as file:
        assert [(row["n"], row["status"]) for row in csv.DictReader(file)] == [(n, "ok") for n in "1234"]


def test_a_removed_lock_file_lets_no_second_sweep_in_and_the_first_goes_on(
    sweep: "subprocess.Popen[str]", run_here: Run, tmp_path: Path
) -> None:
    (tmp_path / "out/.lock").unlink()
    second = run_here(*SWEEP)
    assert second.returncode == 1
    assert f"is being worked on by process {sweep.pid} on" in second.stderr
    (tmp_path / "gate").touch()
    _, said = sweep.communicate(timeout=120)
    assert (sweep.returncode, said) == (0, "")
    assert count_executed(tmp_path) == dict.fromkeys("1234", 1)


def test_a_renamed_folder_is_named_in_one_line_and_not_made_again(
    sweep: "subprocess.Popen[str]", go_on: GoOn, tmp_path: Path
) -> None:
    """What was told is right: it can be gone on with there, or renamed back."""
    (tmp_path / "out").rename(tmp_path / "kept")
    _, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    assert len(said.splitlines()) == 1
    assert f"rename {tmp_path / 'kept'} back, or go on with --out {tmp_path / 'kept'}" in said
    assert not (tmp_path / "out").exists()
    shutil.copytree(tmp_path / "kept", tmp_path / "copy")
    assert go_on("--out", "kept").returncode == 0
    assert count_executed(tmp_path) == {"1": 1, "2": 1, "3": 2, "4": 2}
    (tmp_path / "copy").rename(tmp_path / "out")
    assert go_on().returncode == 0
    assert count_executed(tmp_path) == {"1": 1, "2": 1, "3": 3, "4": 3}


def test_a_removed_folder_is_told_in_one_line_and_the_same_command_begins_anew(
    sweep: "subprocess.Popen[str]", go_on: GoOn, tmp_path: Path
) -> None:
    (tmp_path / "out").rename(tmp_path / "rubbish")
    shutil.rmtree(tmp_path / "rubbish")
    _, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    assert len(said.splitlines()) == 1
    assert f"{tmp_path / 'out'} was re" in said  # removed, or already noticed when it was renamed
    assert go_on().returncode == 0
    assert count_executed(tmp_path) == dict.fromkeys("1234", 2)


def test_an_ok_run_whose_folder_is_gone_is_done_again_and_that_is_said(go_on: GoOn, tmp_path: Path) -> None:
    write_source(tmp_path, GATED)
    assert go_on().returncode == 0
    shutil.rmtree(next((tmp_path / "out").glob("n=1-*")))
    next((tmp_path / "out").glob("n=2-*/nb.ipynb")).unlink()
    result = go_on()
    assert result.returncode == 0
    assert "2 runs had been done, but the executed notebook is gone: done again" in result.stdout.splitlines()
    assert count_executed(tmp_path) == {"1": 2, "2": 2, "3": 1, "4": 1}
