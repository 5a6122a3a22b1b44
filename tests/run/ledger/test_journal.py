"""The file of a ledger, and what happens to it while it is written."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab_starter.errors import LedgerWriteError, SweepLostError
from colab_starter.run.ledger.journal import Copy, JournalFile

Harm = Callable[[Path], object]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalFile]:
    journal = JournalFile(tmp_path / "ledger.jsonl")
    journal.append(b"first")
    yield journal
    journal.close()


def replace_by_a_copy(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


def replace_by_another(path: Path) -> None:
    path.unlink()
    path.write_text("other\n")


HARMS: dict[str, Harm] = {
    "replaced by a copy": replace_by_a_copy,
    "replaced by another": replace_by_another,
    "moved": lambda path: path.rename(path.with_name("moved")),
    "removed": Path.unlink,
    "cut": lambda path: os.truncate(path, 3),
    "emptied": lambda path: path.write_bytes(b""),
    "edited": lambda path: path.write_bytes(path.read_bytes().replace(b"first", b"changed")),
    "appended to": lambda path: path.write_bytes(path.read_bytes() + b"more\n"),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
def test_nothing_is_added_to_a_file_that_something_else_touched(
    journal: JournalFile, tmp_path: Path, harm: Harm
) -> None:
    harm(tmp_path / "ledger.jsonl")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        SweepLostError, match=r"ledger\.jsonl was replaced, moved or changed .*; the same command resumes"
    ):
        journal.check()
    with pytest.raises(SweepLostError):
        journal.append(b"second")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
def test_what_is_touched_between_reading_and_the_first_line_is_noticed_where_the_lines_are_others(
    tmp_path: Path, harm: Harm
) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("first\n")
    journal = JournalFile(path)
    assert journal.read() == [b"first"]
    harm(path)
    if path.exists() and path.read_text() == "first\n":
        journal.append(b"second")
        assert path.read_text() == "first\nsecond\n"
    else:
        with pytest.raises(SweepLostError):
            journal.append(b"second")
    journal.close()


def test_a_line_whose_file_was_replaced_while_it_was_written_is_not_taken_for_safe(
    journal: JournalFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def replace_and_sync(handle: int) -> None:
        replace_by_a_copy(tmp_path / "ledger.jsonl")
        sync(handle)

    monkeypatch.setattr(os, "fsync", replace_and_sync)
    with pytest.raises(SweepLostError):
        journal.append(b"second")


def test_who_has_lost_the_lock_adds_nothing(tmp_path: Path) -> None:
    def refuse() -> None:
        raise LedgerWriteError("not ours")

    journal = JournalFile(tmp_path / "ledger.jsonl", refuse)
    with pytest.raises(LedgerWriteError, match="not ours"):
        journal.append(b"first")
    assert list(tmp_path.iterdir()) == []


def test_several_lines_are_added_at_once(journal: JournalFile, tmp_path: Path) -> None:
    journal.append(b"second", b"third")
    assert journal.read() == [b"first", b"second", b"third"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_a_file_that_an_editor_saved_in_another_encoding_is_read_and_gone_on_with_in_utf_8(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "ledger.jsonl"
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    content = f'{mark}{{"é": 1}}\n{{"b": 2}}\n'.encode(encoding)
    path.write_bytes(content)
    journal = JournalFile(path)
    assert journal.read() == ['{"é": 1}'.encode(), b'{"b": 2}']
    journal.append(b"third")
    journal.close()
    assert path.read_text("utf-8") == '{"é": 1}\n{"b": 2}\nthird\n'
    assert (tmp_path / "ledger.jsonl.damaged").read_bytes() == content


def test_what_is_no_file_is_an_error_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ledger.jsonl")
    with pytest.raises(OSError, match="it is not a file"):
        JournalFile(tmp_path / "ledger.jsonl").read()


def test_a_copy_takes_lines_and_leaves_the_journal_as_it_is(journal: JournalFile, tmp_path: Path) -> None:
    copy = Copy(journal)
    copy.append(b"second")
    assert (copy.read(), journal.read()) == ([b"first", b"second"], [b"first"])
