"""The file of the values with steps."""

import json
import math
import os
from pathlib import Path

import pytest

from colab_starter.errors import LedgerWriteError
from colab_starter.run.job import Point, PointsRecorded
from colab_starter.run.ledger import series
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import Ledger, open_ledger, read_ledger
from colab_starter.run.ledger.series import FILE_NAME, SeriesFile, describe_points, read_series
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask

ONE, TWO, THREE = (Point("loss", step, 1 / step) for step in (1, 2, 3))


def record(*points: Point, run: str = "a", anew: bool = False, dropped: tuple[str, ...] = ()) -> PointsRecorded:
    return PointsRecorded(run, points, anew, dropped)


def read(folder: Path) -> dict[str, series.RunSeries]:
    return read_series(JournalFile(folder / FILE_NAME).read())


@pytest.fixture
def file(tmp_path: Path) -> SeriesFile:
    return SeriesFile(JournalFile(tmp_path / FILE_NAME))


def test_all_values_come_back_in_order_those_too_that_are_no_numbers(file: SeriesFile, tmp_path: Path) -> None:
    values = [1, 0.1, math.inf, -math.inf, -0.0, 10**20, 5e-324]
    for step, value in enumerate(values):
        file.add(record(Point("loss", step, value), Point("acc", step / 2, math.nan), anew=step == 0), 1)
        file.write_if_due()
    file.add(record(Point("漢 'x'", -1, 2), run="b", anew=True), 3)
    file.close()
    found = read(tmp_path)
    assert found["a"]["loss"] == [(step, value) for step, value in enumerate(values)]
    assert [step for step, value in found["a"]["acc"] if math.isnan(value)] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert found["b"] == {"漢 'x'": [(-1, 2)]}


def test_points_are_written_in_batches_and_are_on_the_disk_before_the_end(
    file: SeriesFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, synced = [100.0], list[int]()
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fsync", synced.append)
    for run in ("a", "b"):
        file.add(record(ONE, run=run, anew=True), 1)
        file.write_if_due()
    assert read(tmp_path) == {"a": {"loss": [(1, 1.0)]}}
    now[0] += series.INTERVAL
    file.write_if_due()
    assert list(read(tmp_path)) == ["a", "b"]
    assert synced == []
    file.settle("a")
    file.settle("b")  # safe with the other one
    file.settle("c")
    assert len(synced) == 1
    file.add(record(TWO), 1)
    file.settle("a")
    file.settle("a")
    assert len(synced) == 2
    assert read(tmp_path)["a"]["loss"] == [(1, 1.0), (2, 0.5)]


def test_a_sweep_without_series_makes_no_file(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Mask())
    ledger.write_start("a", 1, {}, "source", "a/nb.ipynb")
    ledger.check()
    ledger.write_end("a", Outcome(Status.OK))
    ledger.close()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.jsonl"]


def test_a_later_attempt_and_an_attempt_that_was_started_over_replace_what_was_before(
    file: SeriesFile, tmp_path: Path
) -> None:
    file.add(record(ONE, TWO, anew=True), 1)
    file.settle("a")
    file.add(record(THREE), 1)
    file.add(record(TWO, anew=True), 1)  # a cold kernel
    file.settle("a")
    assert read(tmp_path) == {"a": {"loss": [(2, 0.5)]}}
    file.add(record(ONE, anew=True), 2)
    file.close()
    assert read(tmp_path) == {"a": {"loss": [(1, 1.0)]}}
    earlier = describe_points("a", 1, [THREE])
    assert read_series([*JournalFile(tmp_path / FILE_NAME).read(), earlier]) == {"a": {"loss": [(1, 1.0)]}}


@pytest.mark.parametrize("is_written", [True, False])
def test_points_that_were_taken_back_do_not_count(file: SeriesFile, tmp_path: Path, is_written: bool) -> None:
    file.add(record(ONE, Point("acc", 1, 0.5), anew=True), 1)
    if is_written:
        file.settle("a")
    file.add(record(TWO, dropped=("loss",)), 1)
    file.close()
    assert read(tmp_path) == {"a": {"acc": [(1, 0.5)], "loss": [(2, 0.5)]}}


def test_a_torn_last_line_is_skipped_and_cut_off_by_the_next_sweep(tmp_path: Path) -> None:
    whole = describe_points("a", 1, [ONE]) + b"\n"
    for length in range(1, len(whole)):
        (tmp_path / FILE_NAME).write_bytes(whole + whole.replace(b'"a"', b'"b"')[:length])
        assert read(tmp_path) == {"a": {"loss": [(1, 1.0)]}} or length == len(whole)
    file = SeriesFile(JournalFile(tmp_path / FILE_NAME))
    file.add(record(TWO, anew=True), 2)
    file.close()
    assert read(tmp_path) == {"a": {"loss": [(2, 0.5)]}}
    assert (tmp_path / FILE_NAME).read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"7",
        b"[]",
        b"{}",
        b'{"run": "../x", "attempt": 1, "points": []}',
        b'{"run": "a", "attempt": 0, "points": []}',
        b'{"run": "a", "attempt": 1, "points": [["loss", 1]]}',
        b'{"run": "a", "attempt": 1, "points": [["loss", 1, "x"]]}',
        b'{"run": "a", "attempt": 1, "points": [["loss", 1, 1' + b"0" * 400 + b"]]}",
        b'{"run": "a", "attempt": 1, "points": [], "dropped": 7}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_line_is_skipped(line: bytes) -> None:
    assert read_series([line, describe_points("b", 1, [ONE])]) == {"b": {"loss": [(1, 1.0)]}}


def test_a_ledger_keeps_the_points_before_the_end_of_their_run_with_masked_names(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Mask(["hunter22"]))
    ledger.write_start("a", 2, {}, "source", "a/nb.ipynb")
    ledger.write_points(record(ONE, Point("of hunter22", 1, 5), anew=True, dropped=("hunter22",)))
    ledger.write_end("a", Outcome(Status.OK))
    line = json.loads((tmp_path / FILE_NAME).read_bytes())
    assert (line["attempt"], line["points"]) == (2, [["loss", 1, 1.0], ["of ***", 1, 5]])
    ledger.close()


def test_the_series_of_a_renamed_run_are_found_by_its_new_name(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Mask())
    ledger.write_start("old", 1, {}, "source", "old/nb.ipynb")
    ledger.write_points(record(ONE, run="old", anew=True))
    ledger.write_end("old", Outcome(Status.OK))
    ledger.write_renames({"old": "new"})
    ledger.close()
    aliases = read_ledger(tmp_path).aliases
    found = read_series(JournalFile(tmp_path / FILE_NAME).read(), {"old": "new"} | aliases)
    assert found == {"new": {"loss": [(1, 1.0)]}}


def test_a_file_that_cannot_be_written_ends_the_sweep_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    ledger = open_ledger(tmp_path, Mask())
    ledger.write_start("a", 1, {}, "source", "a/nb.ipynb")
    ledger.write_points(record(ONE, anew=True))
    with pytest.raises(LedgerWriteError, match=r"metrics.jsonl cannot be written \(.*\); fix that, then give the same"):
        ledger.check()
    with pytest.raises(LedgerWriteError, match=r"metrics.jsonl"):
        ledger.write_end("a", Outcome(Status.OK))
    ledger.close()
    assert read_ledger(tmp_path).runs["a"].status is Status.RUNNING


def test_a_ledger_without_a_file_for_them_takes_points_all_the_same(tmp_path: Path) -> None:
    ledger = Ledger(JournalFile(tmp_path / "ledger.jsonl"), Mask())
    ledger.write_points(record(ONE))
    ledger.close()
    assert list(tmp_path.iterdir()) == []
