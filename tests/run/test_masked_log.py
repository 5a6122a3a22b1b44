"""Logs of other processes: whole, in order, and without secrets whatever happens to whom."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.secrets import Mask

SECRET = "hunter2-hunter2"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[MaskedLog]:
    made = MaskedLog(tmp_path / "log", Mask([SECRET]))
    yield made
    made.close()


def wait_for(path: Path, content: bytes) -> None:
    deadline = time.monotonic() + 30
    while not path.exists() or path.read_bytes() != content:
        assert time.monotonic() < deadline, path.read_bytes()
        time.sleep(0.01)


def test_what_is_written_is_there_at_once_and_without_secrets(log: MaskedLog) -> None:
    log.follow()
    os.write(log.descriptor, f"my {SECRET} ".encode())
    wait_for(log.path, b"my *** ")
    os.write(log.descriptor, SECRET[:7].encode())
    os.write(log.descriptor, f"{SECRET[7:]}, and more\n".encode())
    wait_for(log.path, b"my *** ***, and more\n")


def test_after_draining_all_that_was_written_is_in_the_file(log: MaskedLog) -> None:
    os.write(log.descriptor, b"last words\n")
    log.drain()
    assert log.path.read_bytes() == b"last words\n"


@pytest.mark.parametrize("text", [b"", b" \n\n"])
def test_of_nothing_no_file_is_left(log: MaskedLog, text: bytes) -> None:
    log.follow()
    os.write(log.descriptor, text)
    log.close()
    assert not log.path.exists()


def test_the_beginning_of_a_secret_at_the_end_is_masked(log: MaskedLog) -> None:
    os.write(log.descriptor, f"it is {SECRET[:-1]}".encode())
    log.close()
    assert log.path.read_bytes() == b"it is ***"


def test_a_link_in_the_place_of_the_file_is_not_followed(log: MaskedLog, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept")
    log.path.symlink_to(tmp_path / "other")
    os.write(log.descriptor, b"text")
    log.close()
    assert (tmp_path / "other").read_text() == "kept"


def test_a_file_that_cannot_be_written_does_not_hold_up_the_writers(tmp_path: Path) -> None:
    log = MaskedLog(tmp_path / "no/such/folder", Mask())
    log.follow()
    for _ in range(100):
        os.write(log.descriptor, b"x" * 10_000)
    log.close()


def test_a_writer_that_has_got_away_is_not_waited_for_for_ever(log: MaskedLog) -> None:
    writer = subprocess.Popen(["sleep", "600"], stdout=log.descriptor)
    os.write(log.descriptor, b"text")
    log.follow()
    log.close()
    assert log.path.read_bytes() == b"text"
    writer.kill()
    writer.wait()


def test_when_the_reader_is_killed_the_file_has_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "log"
    script = f"""\
        import os, time
        from pathlib import Path
        from colab_starter.run.masked_log import MaskedLog
        from colab_starter.run.secrets import Mask
        log = MaskedLog(Path({str(path)!r}), Mask([{SECRET!r}]))
        log.follow()
        for text in ("begun {SECRET} ", {SECRET[:9]!r}):
            os.write(log.descriptor, text.encode())
        time.sleep(600)
        """
    reader = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    wait_for(path, b"begun *** ")
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    assert path.read_bytes() == b"begun *** "
