"""What is known of a sweep whose ledger is not whole: nothing that lies there is lost."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.batch import Options
from colab_starter.run.coordinator import run_batch
from colab_starter.run.ledger.finished import find_finished
from colab_starter.run.ledger.journal import Copy
from colab_starter.run.ledger.ledger import GONE, Ledger, RunRecord, open_ledger, read_runs
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.recovery import adopt_finished, note_gone, settle
from colab_starter.run.secrets import Mask
from colab_starter.run.storage.store import LocalStore
from tests.run.finished import make_outcome, read_lines, write_finished, write_notebook, write_source


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of a sweep of three finished runs."""
    write_finished(write_source(tmp_path), "n=1,2,3", out=tmp_path / "out")
    return tmp_path / "out"


def reopen(out: Path) -> Ledger:
    """The ledger, with what the executed notebooks tell."""
    ledger = open_ledger(out, Mask())
    adopt_finished(ledger, LocalStore(out))
    ledger.close()
    return ledger


def describe(record: RunRecord) -> dict[str, Any]:
    """All facts that do not come from the clock, and of the source what tells its version."""
    facts = {key: value for key, value in asdict(record).items() if key not in {"started", "ended"}}
    return {**facts, "source": record.source[:8]}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "without its first lines": lambda path: path.write_text("".join(path.read_text().splitlines(True)[2:])),
    "without starts": lambda path: path.write_text(
        "".join(line for line in path.read_text().splitlines(True) if '"start"' not in line)
    ),
    "cut": lambda path: os.truncate(path, 700),
    "in UTF-16": lambda path: path.write_bytes(path.read_text().encode("utf-16")),
    "in UTF-16 without a mark": lambda path: path.write_bytes(path.read_text().encode("utf-16-le")),
    "something else": lambda path: path.write_bytes(bytes(range(256)) * 20),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_finished_runs_that_a_damaged_ledger_does_not_know_are_found_as_they_were(
    out: Path, damage: Callable[[Path], object]
) -> None:
    before = {run: describe(record) for run, record in read_runs(out).items()}
    assert len(before) == 3
    damage(out / "ledger.jsonl")
    assert {run: describe(record) for run, record in reopen(out).runs.items()} == before
    assert {run: describe(record) for run, record in read_runs(out).items()} == before


def test_what_was_found_is_written_with_its_own_times_and_as_found(out: Path) -> None:
    (out / "ledger.jsonl").unlink()
    reopen(out)
    lines = read_lines(out)
    assert [line["record"] for line in lines] == ["start", "end"] * 3
    assert {line["time"] for line in lines} == {
        "2026-11-23T14:02:09.500000+00:00",
        "2026-11-23T14:02:11.000000+00:00",
    }
    assert all(line["found"] for line in lines)


def test_a_later_attempt_than_the_ledger_knows_is_found(tmp_path: Path) -> None:
    batch = write_finished(write_source(tmp_path), "n=1", out=tmp_path / "out", status=Status.FAILED)
    [run] = batch.runs
    path = tmp_path / "out" / run.id / "nb.ipynb"
    write_notebook(path, make_outcome(0, Status.OK), run.id, run.parameters, "source-12345678.ipynb", attempt=2)
    os.utime(path, (2e9, 2e9))
    [found] = reopen(tmp_path / "out").runs.values()
    assert (found.status, found.attempt, found.source) == (Status.OK, 2, batch.source)


def test_notebooks_of_runs_whose_end_is_known_are_not_read_again(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: LocalStore, name: str) -> bytes:
        raise AssertionError(name)

    monkeypatch.setattr(LocalStore, "read", refuse)
    assert len(reopen(out).runs) == 3


TOLD = {"run": "a", "attempt": 1, "status": "ok", "metrics": {}, "source": "source-1f0c9a55.ipynb"}


@pytest.mark.parametrize(
    "change",
    [
        {"run": "b"},
        {"run": ["a"]},
        {"attempt": 0},
        {"attempt": "1"},
        {"attempt": 1e400},
        {"status": "running"},
        {"status": "splendid"},
        {"status": None},
        {"metrics": []},
        {"seconds": "long"},
        {"seconds": -1},
        {"cell": "2"},
        {"cause": 5},
        {"peak_memory": 10**400},
        {"host": {}},
        {"source": 7},
    ],
    ids=str,
)
def test_metadata_that_cannot_be_meant_tell_of_no_run(change: dict[str, Any]) -> None:
    def read(told: object) -> RunRecord | None:
        return find_finished(json.dumps({"metadata": {"colab_starter": told}}).encode(), "a", "nb.ipynb")

    assert read(TOLD)
    assert read({**TOLD, **change}) is None
    assert read([TOLD]) is None


def test_facts_that_an_older_notebook_lacks_are_empty() -> None:
    told = {"run": "a", "attempt": 3, "status": "failed"}
    found = find_finished(json.dumps({"metadata": {"colab_starter": told}}).encode(), "a", "nb.ipynb")
    assert found
    assert (found.attempt, found.outcome) == (3, Outcome(Status.FAILED))
    assert (found.notebook, found.started, found.ended, found.source) == ("a/nb.ipynb", "", "", "")


def test_folders_without_a_finished_notebook_of_theirs_are_nothing_to_find(out: Path) -> None:
    good = next(out.glob("n=1*/nb.ipynb"))
    folders = [out / f"n={number}-0123456789a{number}" for number in range(4)]
    for folder in [*folders, out / "mine"]:
        folder.mkdir()
    (folders[1] / "nb.ipynb").write_text("[" * 100_000)
    shutil.copy(good, folders[2] / "nb.partial.ipynb")
    shutil.copy(good, folders[3] / "nb.ipynb")
    shutil.copy(good, out / "mine/nb.ipynb")
    (out / "n=1-0123456789ab").symlink_to(good.parent)
    assert len(reopen(out).runs) == 3


def test_reading_alone_writes_nothing(out: Path) -> None:
    (out / "ledger.jsonl").write_text("")
    store = LocalStore(out)
    ledger = Ledger(Copy(store.open_journal()), Mask())
    adopt_finished(ledger, store)
    note_gone(ledger, store, list(ledger.runs))
    assert len(ledger.runs) == 3
    assert (out / "ledger.jsonl").read_text() == ""


@pytest.mark.parametrize("remove", [lambda run: shutil.rmtree(run), lambda run: (run / "nb.ipynb").unlink()])
def test_an_ok_run_whose_notebook_is_gone_is_no_longer_ok(out: Path, remove: Callable[[Path], object]) -> None:
    ledger, store = open_ledger(out, Mask()), LocalStore(out)
    first, second, _ = ledger.runs
    remove(out / first)
    assert note_gone(ledger, store, [second]) == 0
    assert note_gone(ledger, store, [first, second]) == 1
    ledger.close()
    found = read_runs(out)
    assert (found[first].status, found[first].outcome.cause) == (Status.INTERRUPTED, GONE)
    assert found[second].status is Status.OK


def test_a_pruned_run_stays_pruned_without_its_notebook_and_is_never_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_finished(write_source(tmp_path), "n=1,2", out=out, status=Status.PRUNED)
    ledger, store = open_ledger(out, Mask()), LocalStore(out)
    first, second = ledger.runs
    shutil.rmtree(out / first)
    os.utime(out / second / "nb.ipynb", (2**31, 2**31))
    monkeypatch.setattr(store, "read", None)
    assert settle(ledger, store) == []
    assert note_gone(ledger, store, [first, second]) == 0
    ledger.close()
    assert {record.status for record in read_runs(out).values()} == {Status.PRUNED}


def test_a_sweep_of_which_all_is_ok_or_pruned_is_done_and_has_not_failed(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = open_ledger(out, Mask())
    run = list(ledger.runs)[1]
    ledger.write_start(run, 2, {"n": 2}, ledger.runs[run].source, f"{run}/nb.ipynb")
    ledger.write_end(run, Outcome(Status.PRUNED, "pruned at step 3", 2))
    ledger.close()
    for retry_failed in (False, True):
        options = Options(tmp_path / "nb.ipynb", ["n=1,2,3"], out=out, retry_failed=retry_failed)
        assert run_batch(options) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0] == "3 of 3 runs already done"
        assert said[-1].startswith("2 ok, 1 pruned; ")
    assert read_runs(out)[run].status is Status.PRUNED


def test_a_settled_ledger_is_settled(out: Path) -> None:
    ledger = open_ledger(out, Mask())
    before = (out / "ledger.jsonl").read_bytes()
    assert settle(ledger, LocalStore(out)) == []
    ledger.close()
    assert (out / "ledger.jsonl").read_bytes() == before


def test_the_command_takes_what_it_finds_says_so_and_starts_nothing(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "ledger.jsonl").unlink()
    assert run_batch(Options(tmp_path / "nb.ipynb", ["n=1,2,3"], out=out)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the ledger did not record how 3 runs ended: taken from the executed notebooks"
    assert said[1] == "3 of 3 runs already done"
