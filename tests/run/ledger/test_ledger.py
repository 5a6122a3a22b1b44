import errno
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.errors import LedgerVersionError, LedgerWriteError
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import FILE_NAME, Ledger, read_ledger, read_runs
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask

STORED = Path(__file__).parent / "assets/ledger-1.jsonl"
OK = Outcome(Status.OK, seconds=1.5, metrics={"accuracy": 0.5}, peak_memory=1000, host="far")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(JournalFile(tmp_path / FILE_NAME), Mask())
    yield ledger
    ledger.close()


def start(ledger: Ledger, run: str = "a", attempt: int = 1) -> None:
    ledger.write_start(run, attempt, {"n": 1}, "source", f"{run}/nb.ipynb")


def test_no_ledger_has_no_runs(tmp_path: Path) -> None:
    assert read_runs(tmp_path) == {}


def test_a_run_is_running_until_its_end_is_written(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write_sweep("nb.ipynb", "source", 1)
    ledger.write_start("a", 1, {"n": (1, 2), "x": 0.5}, "source", "a/nb.ipynb")
    assert read_runs(tmp_path) == ledger.runs
    assert ledger.runs["a"].status is Status.RUNNING
    record = ledger.write_end("a", OK)
    assert read_runs(tmp_path) == ledger.runs == {"a": record}
    assert (record.status, record.outcome.seconds, record.outcome.metrics, record.outcome.host) == (
        Status.OK,
        1.5,
        {"accuracy": 0.5},
        "far",
    )
    assert record.parameters == {"n": (1, 2), "x": 0.5}


def test_the_last_attempt_counts(ledger: Ledger, tmp_path: Path) -> None:
    start(ledger)
    ledger.write_end("a", Outcome(Status.FAILED, "ValueError: bad (cell 2, line 1)", cell=2))
    start(ledger, attempt=2)
    assert read_runs(tmp_path)["a"].status is Status.RUNNING
    assert read_runs(tmp_path)["a"].outcome.cause == ""
    ledger.write_end("a", OK)
    assert (read_runs(tmp_path)["a"].status, read_runs(tmp_path)["a"].attempt) == (Status.OK, 2)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_last_line_is_no_line_and_is_cut_off_before_the_next(ledger: Ledger, tmp_path: Path, cut: int) -> None:
    start(ledger, "a")
    start(ledger, "b")
    ledger.close()
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_runs(tmp_path)) == ["a"]
    start(ledger, "c")
    content = read_ledger(tmp_path)
    assert list(content.runs) == ["a", "c"]
    assert content.damaged == []


@pytest.mark.parametrize("line", [b"\0" * 50, b'{"record": "start", "run"', b"[]", b'{"record": "end"}', b"\xff\xfe"])
def test_a_damaged_line_in_the_middle_is_passed_over_and_named(ledger: Ledger, tmp_path: Path, line: bytes) -> None:
    start(ledger, "a")
    ledger.close()
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(line + b"\n")
    start(ledger, "b")
    content = read_ledger(tmp_path)
    assert list(content.runs) == ["a", "b"]
    assert content.damaged == [2]


def test_kinds_of_records_that_come_later_are_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    start(ledger, "a")
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"record": "pause"}\n')
    content = read_ledger(tmp_path)
    assert (list(content.runs), content.damaged) == (["a"], [])


def test_a_newer_version_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    record = json.loads(STORED.read_text().splitlines()[0])
    (tmp_path / FILE_NAME).write_text(json.dumps({**record, "version": 2}) + "\n")
    with pytest.raises(LedgerVersionError, match=r"of version 2, .* knows 1 at most; upgrade it"):
        read_runs(tmp_path)


def test_a_stored_ledger_of_version_1_is_understood(tmp_path: Path) -> None:
    shutil.copy(STORED, tmp_path / FILE_NAME)
    content = read_ledger(tmp_path)
    first, second, third = content.runs.values()
    assert content.damaged == []
    assert (first.status, first.outcome.metrics["accuracy"]) == (Status.OK, 0.91)
    assert math.isnan(first.outcome.metrics["loss"])
    assert (second.status, second.attempt, second.outcome.cell) == (Status.FAILED, 2, 5)
    assert (third.status, third.parameters) == (Status.RUNNING, {"layers": (1, 2)})


def test_facts_that_an_older_ledger_lacks_are_empty(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in STORED.read_text().splitlines()[:4]]
    for name in ("cause", "cell", "seconds", "metrics", "peak_memory", "host", "time", "source"):
        for line in lines[1:]:
            line.pop(name, None)
    (tmp_path / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = read_ledger(tmp_path)
    assert content.damaged == []
    first, second = content.runs.values()
    assert (first.outcome, first.started, first.ended, first.source) == (Outcome(Status.OK), "", "", "")
    assert second.status is Status.RUNNING


@pytest.mark.parametrize(
    ("run", "notebook"),
    [
        ("..", "../nb.ipynb"),
        ("a/b", "a/b/nb.ipynb"),
        ("/etc", "/etc/passwd"),
        ("", "/nb.ipynb"),
        ("a", "b/nb.ipynb"),
        ("a", "a/.."),
        ("a", "nb.ipynb"),
        ("a\0", "a\0/nb.ipynb"),
    ],
)
def test_a_run_that_would_lie_elsewhere_is_none(tmp_path: Path, run: str, notebook: str) -> None:
    record = json.loads(STORED.read_text().splitlines()[1])
    (tmp_path / FILE_NAME).write_text(json.dumps({**record, "run": run, "notebook": notebook}) + "\n")
    assert (read_ledger(tmp_path).runs, read_ledger(tmp_path).damaged) == ({}, [1])


def test_secrets_and_odd_metrics_do_not_reach_the_file(tmp_path: Path) -> None:
    ledger = Ledger(JournalFile(tmp_path / FILE_NAME), Mask(["hunter22", "record", "failed"]))
    ledger.write_start("a", 1, {"password": "hunter22"}, "source", "a/nb.ipynb")
    metrics = {"hunter22": "is hunter22", "nan": math.nan, "torn": "\udc80", "none": None}
    record = ledger.write_end("a", Outcome(Status.FAILED, "ValueError: hunter22", metrics=metrics))
    ledger.close()
    text = (tmp_path / FILE_NAME).read_text()
    assert "hunter22" not in text
    assert "NaN" not in text
    assert read_runs(tmp_path)["a"].outcome.cause == record.outcome.cause == "ValueError: ***"
    assert read_runs(tmp_path)["a"].parameters == {"password": "***"}


def test_a_full_disk_is_one_clear_line_and_what_was_written_stays(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(ledger, "a")
    before = (tmp_path / FILE_NAME).read_bytes()
    write = os.write

    def write_some(handle: int, content: bytes) -> int:
        if len(content) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, content[:-50])

    monkeypatch.setattr(os, "write", write_some)
    with pytest.raises(LedgerWriteError, match=r"No space left on device\); free some space"):
        start(ledger, "b")
    monkeypatch.undo()
    assert (tmp_path / FILE_NAME).read_bytes() == before
    start(ledger, "c")
    assert list(read_runs(tmp_path)) == ["a", "c"]


def test_no_attempt_starts_on_a_disk_that_is_nearly_full_but_ends_are_written(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(ledger, "a")
    monkeypatch.setattr("colab_starter.run.space.ROOM", 2**62)
    with pytest.raises(LedgerWriteError, match="No space left on device"):
        start(ledger, "b")
    ledger.write_end("a", OK)
    assert {run: str(record.status) for run, record in read_runs(tmp_path).items()} == {"a": "ok"}


def test_ten_thousand_runs_are_read_in_well_under_two_seconds(tmp_path: Path) -> None:
    lines = STORED.read_text().splitlines()
    head, begin, end = lines[0], lines[1], lines[3]
    pairs = [line.replace("000000000001", f"{number:012}") for number in range(10_000) for line in (begin, end)]
    (tmp_path / FILE_NAME).write_text("\n".join([head, *pairs, ""]))
    began = time.process_time()
    runs = read_runs(tmp_path)
    assert len(runs) == 10_000
    assert time.process_time() - began < 2
