"""The ledger, and the series, in a store."""

import math
import time
from pathlib import Path

import pytest

from colab_starter.errors import LedgerWriteError
from colab_starter.run.job import Point, PointsRecorded
from colab_starter.run.ledger.ledger import Ledger, read_runs
from colab_starter.run.ledger.series import FILE_NAME as SERIES
from colab_starter.run.ledger.series import SeriesFile, describe_points, read_series
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.storage import journal as journals
from colab_starter.run.storage import objects as objects_module
from colab_starter.run.storage.journal import SERIES_FOLDER, ObjectJournal, read_lines
from colab_starter.run.storage.lease import Lease
from colab_starter.run.storage.objects import Objects
from tests.run.storage.rig import BUCKET, Endpoint, FaultyEndpoint, answer_500

OK = Outcome(Status.OK, seconds=1)


def make_journal(objects: Objects, lease: Lease) -> ObjectJournal:
    journal = ObjectJournal(objects, lease)
    journal.read()
    return journal


def test_records_come_back_in_order_whether_folded_or_not(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(journals, "FOLD", 5)
    expected = [b"%d" % number for number in range(25)]
    for is_killed, part in ((True, expected[:12]), (False, expected[12:13]), (False, expected[13:])):
        lease = Lease(objects)
        journal = make_journal(objects, lease)
        for line in part:
            journal.append(line)
            assert line == read_lines(objects)[-1]
        if not is_killed:
            journal.close()
        lease.release()
    assert read_lines(objects) == expected
    assert objects.read("ledger.jsonl") == b"".join(line + b"\n" for line in expected)
    assert len(objects.list("ledger")) == 5  # of the first holder, what was folded and two records
    assert list(objects.list(".lock")) == [".lock/00000003.json"]


def test_a_record_that_is_folded_and_single_counts_once(memory: Objects, lease: Lease) -> None:
    journal = make_journal(memory, lease)
    for line in (b"1", b"2", b"3"):
        journal.append(line)
    memory.write("ledger/00000001.jsonl", b"1\n2\n")  # and killed before the single ones were removed
    assert read_lines(memory) == [b"1", b"2", b"3"]


def test_a_ledger_that_was_copied_from_a_disk_is_gone_on_with(memory: Objects, lease: Lease) -> None:
    memory.write("ledger.jsonl", b"1\n2\n")
    assert read_lines(memory) == [b"1", b"2"]
    journal = make_journal(memory, lease)
    journal.append(b"3")
    assert read_lines(memory) == [b"1", b"2", b"3"]


def test_a_ledger_in_a_store_is_one_on_the_disk_when_it_is_copied(
    memory: Objects, lease: Lease, tmp_path: Path
) -> None:
    ledger = Ledger(ObjectJournal(memory, lease), Mask())
    ledger.write_sweep("nb.ipynb", "source", 1)
    ledger.write_start("a", 1, {"n": 1}, "source", "a/nb.ipynb")
    record = ledger.write_end("a", OK)
    ledger.close()
    memory.get({"ledger.jsonl": tmp_path / "ledger.jsonl"})
    assert read_runs(tmp_path) == {"a": record}
    assert Ledger(ObjectJournal(memory), Mask()).runs == {"a": record}


def test_a_ledger_that_cannot_be_written_says_so(s3: FaultyEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Objects(f"s3://{BUCKET}/lr")
    lease = Lease(objects)
    journal = make_journal(objects, lease)
    journal.append(b"1")
    monkeypatch.setattr(objects_module, "PATIENCE", 0.1)
    s3.fail("PUT", "lr/ledger", answer_500, times=100)
    with pytest.raises(LedgerWriteError, match=r"lr/ledger cannot be written \(.*Server Error.*the same command"):
        journal.append(b"2")
    s3.rules.clear()
    lease.release()
    assert read_lines(objects) == [b"1"]


def test_a_thousand_records_are_read_quickly(
    s3: FaultyEndpoint, moto: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many of them are single as there can be."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{moto[0]}:{moto[1]}")
    (tmp_path / "record").write_bytes(b"x" * 300)
    numbers = range(1001 - journals.FOLD, 1001)
    objects = Objects(f"s3://{BUCKET}/lr")
    objects.write("ledger/00000001.jsonl", (b"x" * 300 + b"\n") * (1000 - journals.FOLD))
    objects.put({f"ledger/00000001/{number:08}.json": tmp_path / "record" for number in numbers})
    start = time.process_time()
    assert len(read_lines(objects)) == 1000
    assert time.process_time() - start < 5


def make_series(objects: Objects, lease: Lease) -> SeriesFile:
    return SeriesFile(ObjectJournal(objects, lease, SERIES_FOLDER, SERIES), interval=math.inf)


def test_the_series_of_a_run_are_one_object_at_its_end_and_a_file_when_the_sweep_ends(objects: Objects) -> None:
    for attempt, is_killed in ((1, True), (2, False)):
        lease = Lease(objects)
        file = make_series(objects, lease)
        for step in range(5):
            for run in ("a", "b"):
                file.add(PointsRecorded(run, (Point("loss", step, attempt),), anew=step == 0), attempt)
                file.write_if_due()
        file.settle("a")
        own = f"metrics/{lease.number:08}"
        assert list(objects.list(own)) == [f"{own}/00000001.json"]
        expected = {"a": {"loss": [(step, attempt) for step in range(5)]}}
        assert read_series(file.read()) == expected
        if not is_killed:
            file.settle("b")
            file.close()
        lease.release()
    expected["b"] = expected["a"]
    assert read_series(objects.read("metrics.jsonl").splitlines()) == expected
    reader = SeriesFile(ObjectJournal(objects, None, SERIES_FOLDER, SERIES))
    assert read_series(reader.read()) == expected
    assert list(objects.list("metrics")) == ["metrics/00000001/00000001.json", "metrics/00000002.jsonl"]


def test_series_that_were_copied_from_a_disk_are_gone_on_with(memory: Objects, lease: Lease) -> None:
    memory.write("metrics.jsonl", describe_points("a", 1, [Point("loss", 1, 0.5)]) + b"\n")
    file = make_series(memory, lease)
    file.add(PointsRecorded("b", (Point("loss", 1, 0.5),), anew=True), 1)
    file.settle("b")
    assert list(read_series(file.read())) == ["a", "b"]
