import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import TextIO, cast

import pytest

from colab_starter.run.standard_streams import LastingStream, lasting_output


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed_terminal() -> int:
    terminal, end = pty.openpty()
    os.close(terminal)
    return end


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize(("make_end", "told"), [(closed_pipe, 1), (closed_terminal, 0), (full_disk, 0)])
def test_what_cannot_be_written_is_dropped_and_a_closed_pipe_is_told(make_end: Callable[[], int], told: int) -> None:
    calls: list[str] = []
    with open(make_end(), "w", encoding="utf-8") as stream:  # its end fails where something is left to be written
        lasting = LastingStream(cast(TextIO, stream), lambda: calls.append("closed"))
        for _ in range(3):
            print("x" * 100_000, file=cast(TextIO, lasting), flush=True)
    assert calls == ["closed"] * told


def test_a_lasting_stream_is_like_the_one_behind_it_otherwise() -> None:
    written = io.BytesIO()
    behind = io.TextIOWrapper(written, encoding="latin-1")
    lasting = LastingStream(behind)
    print("é", file=cast(TextIO, lasting), flush=True)
    assert written.getvalue() == b"\xe9\n"
    assert (lasting.encoding, lasting.isatty()) == ("latin-1", False)


def test_stdout_and_stderr_are_as_before_afterwards() -> None:
    before = (sys.stdout, sys.stderr)
    with lasting_output(lambda: None):
        assert isinstance(sys.stdout, LastingStream)
        assert isinstance(sys.stderr, LastingStream)
    assert (sys.stdout, sys.stderr) == before


SHOW = """
import os, sys
from colab_starter.run.standard_streams import open_standard_streams
open_standard_streams()
print("nowhere"), print("nowhere", file=sys.stderr)
opened = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(opened, str(opened).encode())
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_process_without_standard_streams_gets_some_that_lead_nowhere(
    closed: str, tmp_path: os.PathLike[str]
) -> None:
    file = os.path.join(tmp_path, "file")
    subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-c", SHOW, file], check=True)
    with open(file) as content:
        assert int(content.read()) > 2
