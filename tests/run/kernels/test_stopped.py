"""Processes that were stopped: of a real fork server, a worker and a kernel of it."""

import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.stopped import PATIENCE, StoppedProcesses
from colab_starter.run.kernels.system import list_processes
from tests.run.kernels.talks import PATIENCE as PATIENCE_OF_TESTS
from tests.run.kernels.talks import Talk
from tests.support.ready_servers import ReadyServers

Clock = list[float]
"""Its only item is the time."""


@pytest.fixture
def server(ready_servers: ReadyServers, tmp_path: Path) -> Iterator[ForkServer]:
    server = ready_servers.start(WarmPlan(), {}, tmp_path / "log")
    yield server
    server.close()


@pytest.fixture
def pids(server: ForkServer, tmp_path: Path) -> Iterator[dict[str, int]]:
    """The processes of a run that goes on, and one that its notebook has started."""
    connection: Connection[Any, Any] = server.fork("tests.run.kernels.talks:hold", Talk((), str(tmp_path)))
    assert connection.poll(PATIENCE_OF_TESTS)
    worker, kernel, child = connection.recv()
    (serving,) = [process.pid for process in list_processes() if process.parent == server.pid]
    yield {"keeper": server.pid, "serving": serving, "worker": worker, "kernel": kernel, "child": child}
    connection.close()


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_for_state(pid, stopped=True)


def wait_for_state(pid: int, *, stopped: bool) -> None:
    deadline = time.monotonic() + 120
    while [process.is_stopped for process in list_processes() if process.pid == pid] != [stopped]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def make(clock: Clock) -> StoppedProcesses:
    return StoppedProcesses(lambda: clock[0])


def test_what_a_run_depends_on_goes_on_after_a_while_and_what_its_notebook_has_stopped_does_not(
    server: ForkServer, pids: dict[str, int]
) -> None:
    clock = [0.0]
    stopped = make(clock)
    for pid in pids.values():
        stop(pid)
    for clock[0] in (1.0, PATIENCE / 2, PATIENCE):
        assert stopped.look([server.pid]) == []
    clock[0] = PATIENCE + 5
    assert set(stopped.look([server.pid])) == set(pids.values()) - {pids["child"]}
    wait_for_state(pids["child"], stopped=True)
    for name in ("keeper", "serving", "worker", "kernel"):
        wait_for_state(pids[name], stopped=False)
    os.kill(pids["child"], signal.SIGCONT)


def test_a_process_that_went_on_meanwhile_has_all_the_time_again(server: ForkServer, pids: dict[str, int]) -> None:
    clock = [0.0]
    stopped = make(clock)
    stop(pids["worker"])
    assert stopped.look([server.pid]) == []
    os.kill(pids["worker"], signal.SIGCONT)
    wait_for_state(pids["worker"], stopped=False)
    clock[0] = 6.0
    assert stopped.look([server.pid]) == []
    stop(pids["worker"])
    for clock[0] in (9.0, PATIENCE + 5):
        assert stopped.look([server.pid]) == []
    clock[0] = 9 + PATIENCE
    assert stopped.look([server.pid]) == [pids["worker"]]


def test_time_in_which_nobody_looked_does_not_count(server: ForkServer, pids: dict[str, int]) -> None:
    clock = [0.0]
    stopped = make(clock)
    stop(pids["kernel"])
    assert stopped.look([server.pid]) == []
    clock[0] = 3600.0  # the coordinator was stopped too
    assert stopped.look([server.pid]) == []
    clock[0] = 3605.0
    assert stopped.look([server.pid]) == []
    clock[0] = 3600 + PATIENCE
    assert stopped.look([server.pid]) == [pids["kernel"]]


def test_in_a_hurry_they_go_on_at_once(server: ForkServer, pids: dict[str, int]) -> None:
    stop(pids["worker"])
    assert make([0.0]).let_go_on([server.pid]) == [pids["worker"]]
    assert make([0.0]).let_go_on([server.pid]) == []
