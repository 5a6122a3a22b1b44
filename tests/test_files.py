import os
from pathlib import Path

import pytest

from colab_starter.files import open_itself, write_whole


def test_a_new_file_holds_the_content_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_new_file_can_be_read_by_whom_new_files_can_be_read_by(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").touch()
    write_whole(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


def test_a_file_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "a.txt").write_bytes(b"old")
    (tmp_path / "link.txt").symlink_to("a.txt")
    write_whole(tmp_path / "link.txt", b"new")
    assert not (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "link.txt").read_bytes() == b"new"
    assert (tmp_path / "a.txt").exists() == there
    assert not there or (tmp_path / "a.txt").read_bytes() == b"old"


def test_a_file_that_is_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    (tmp_path / "link.txt").symlink_to("a.txt")
    with pytest.raises(OSError, match=r"link\.txt is a link, which is not followed; remove it"):
        open_itself(tmp_path / "link.txt", os.O_WRONLY)
    os.close(open_itself(tmp_path / "a.txt", os.O_WRONLY))


def test_a_link_goes_on_pointing_to_the_file_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    (tmp_path / "link.txt").symlink_to("a.txt")
    write_whole(tmp_path / "link.txt", b"new", through_links=True)
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_whole(tmp_path / "a.txt", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.txt", b"old")]
