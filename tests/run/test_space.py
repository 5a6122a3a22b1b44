"""What counts as a full disk, and what tells of one."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from colab_starter.run import space

ROOMY = {"f_bavail": 10**6, "f_frsize": 4096, "f_files": 10**6, "f_favail": 10**5}


@pytest.mark.parametrize(
    ("disk", "lack"),
    [
        ({}, ""),
        ({"f_bavail": 10}, "No space left on device"),
        ({"f_favail": 3}, "out of inodes"),
        ({"f_files": 0, "f_favail": 0}, ""),
    ],
)
def test_a_disk_is_full_without_bytes_or_inodes(
    disk: dict[str, int], lack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(**{**ROOMY, **disk}))
    assert space.is_full(tmp_path) is bool(lack)
    if lack:
        with pytest.raises(OSError, match=lack) as caught:
            space.check_room(tmp_path)
        assert caught.value.errno == errno.ENOSPC
    else:
        space.check_room(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "OSError: [Errno 28] No space left on device: 'x' (cell 2, line 1)",
        "OSError: [Errno 122] Disk quota exceeded",
        "Unable to synchronously write (file write failed: errno = 28, error message = '...')",
        "/runs/nb.ipynb could not be written (No space left on device); fix that and run it again",
    ],
)
def test_messages_of_a_full_disk_are_known(text: str) -> None:
    assert space.tells_of_no_space(text)


@pytest.mark.parametrize("text", ["", "errno 281", "[Errno 2] No such file", "line 28", "there is space left"])
def test_others_are_not(text: str) -> None:
    assert not space.tells_of_no_space(text)
