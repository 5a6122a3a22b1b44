from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from tests.run.kernels.talks import Answer, Talk, talk_through

COUNT = 40
COUNT_FLUSHES = """
import sys
asked = []
thread = sys.stdout.pub_thread
schedule = thread.schedule
def count_and_schedule(what):
    asked.append(what)
    schedule(what)
thread.schedule = count_and_schedule
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ForkServer(WarmPlan(), {}, tmp_path_factory.mktemp("server") / "log", ())
    yield server
    server.close()


def read_cells(answer: Answer) -> list[str]:
    """What each cell printed."""
    printed = {message.parent: "" for message in answer.messages}
    for message in answer.messages:
        if message.kind == "stream":
            printed[message.parent] += message.content["text"]
    return list(printed.values())


@pytest.mark.parametrize(
    "cell",
    [
        "import subprocess; subprocess.run(['echo', '{}'], check=True)",
        "import os; os.system('echo {} >&2')",
        "import os; os.write(1, b'{}\\n')",
        "import ctypes; libc = ctypes.CDLL(None); libc.puts(b'{}'); libc.fflush(None)",
        "import os; pid = os.fork() or (print({}, flush=True), os._exit(0)); os.waitpid(pid, 0)",
        "import threading; one = threading.Thread(target=print, args=[{}]); one.start(); one.join()",
    ],
    ids=["subprocess", "shell", "descriptor", "C", "fork", "thread"],
)
def test_what_anything_started_by_a_cell_has_written_belongs_to_that_cell(
    cell: str, server: ForkServer, tmp_path: Path
) -> None:
    cells = [cell.format(number) for number in range(COUNT)]
    answer = talk_through(server, Talk(cells, str(tmp_path)))
    assert read_cells(answer) == [f"{number}\n" for number in range(COUNT)]


def test_a_character_that_arrives_in_two_pieces_is_whole(server: ForkServer, tmp_path: Path) -> None:
    cell = "import os, sys; os.write(1, b'gr\\xc3'); sys.stdout.flush(); os.write(1, b'\\xbcn')"
    assert talk_through(server, Talk([cell], str(tmp_path))).stdout == "grün"


def test_nothing_waits_for_the_io_thread_if_there_is_nothing_to_send(server: ForkServer, tmp_path: Path) -> None:
    cells = [COUNT_FLUSHES, "asked.clear()", "sys.stdout.flush(); sys.stderr.flush()", "count = len(asked)"]
    cells += ["asked.clear(); print(count); sys.stdout.flush(); count = len(asked)", "print(count)"]
    few, enough = talk_through(server, Talk(cells, str(tmp_path))).stdout.split()
    assert int(few) <= 6, "the messages of two cells only"
    assert int(enough) >= 3, "to send it, and to wait until it has been sent"


def test_a_cell_may_send_its_descriptor_elsewhere_and_restore_it(server: ForkServer, tmp_path: Path) -> None:
    cells = ["import os; saved = os.dup(1); os.dup2(os.open(os.devnull, os.O_WRONLY), 1)"]
    cells += ["os.write(1, b'lost'); print('still')", "os.dup2(saved, 1); os.write(1, b'back')"]
    assert read_cells(talk_through(server, Talk(cells, str(tmp_path)))) == ["", "still\n", "back"]
