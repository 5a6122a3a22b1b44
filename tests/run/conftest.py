"""What holds for every test here: no process stays behind, and kernels behave as they do outside of pytest."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.backends import workers
from colab_starter.run.kernels.system import Process, list_processes
from tests.support.commands import call_command
from tests.support.ready_servers import ReadyServers

_COOKIE = f"COLAB_STARTER_TEST_SESSION={uuid.uuid4()}"
"""Every process that the tests start inherits it, whatever becomes of its parents."""
_PATIENCE = 60.0
"""Seconds that processes have to end after a test."""

os.environ[_COOKIE.partition("=")[0]] = _COOKIE.partition("=")[2]


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def ready_servers() -> Iterator[ReadyServers]:
    servers = ReadyServers()
    yield servers
    servers.close()


@pytest.fixture(scope="module")
def workers_ready(ready_servers: ReadyServers) -> Iterator[None]:
    """The runs of this machine's backends are forked from servers that have done their imports already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "ForkServer", ready_servers.start)
        yield


@pytest.fixture
def sweep_here(run_here: Run, ready_servers: ReadyServers, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run_here`` for what executes runs: their fork server has done its imports already."""
    monkeypatch.setattr(workers, "ForkServer", ready_servers.start)
    return run_here


@pytest.fixture
def run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``colab-starter run`` in an empty folder, in this very process: quicker, for what starts no kernel."""

    def call(*arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        monkeypatch.chdir(tmp_path)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        ended = call_command(monkeypatch, capsys, "run", *arguments)
        assert isinstance(ended.status, int)
        return subprocess.CompletedProcess(sys.argv, ended.status, ended.out, ended.err)

    return call


def list_own_processes(before: Collection[int]) -> list[Process]:
    """The living processes, without those ``before``, that this session of pytest started, directly or not."""
    own = {pid for pid in list_pids() if pid not in before and _has_cookie(pid)}  # few, of which more is read
    return [process for process in list_processes() if process.pid in own and not process.is_zombie] if own else []


def list_pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def _has_cookie(pid: int) -> bool:
    try:
        return _COOKIE.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Fail where a test leaves a process behind. Fork servers that several tests share may stay, their forks not."""
    before = list_pids()
    yield
    deadline = time.monotonic() + _PATIENCE
    while left := [process for process in list_own_processes(before) if not _may_stay(process, before)]:
        if time.monotonic() > deadline:
            pytest.fail(f"processes are left: {[_describe(process) for process in left]}")
        time.sleep(0.02)


def _may_stay(process: Process, before: Collection[int]) -> bool:
    """A shared server forks its workers from it, or a Ray cluster keeps it for later tasks."""
    if _read_command(process) == "ray::IDLE":
        return True
    return process.parent in before and _read_parent(process.parent) == os.getpid()


def _read_parent(pid: int) -> int | None:
    return next((process.parent for process in list_processes() if process.pid == pid), None)


def _describe(process: Process) -> str:
    return f"{process.pid} (child of {process.parent}): {_read_command(process)}"


def _read_command(process: Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return "?"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, Any, Any]:
    with _hidden_pytest():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, Any, Any]:
    with _hidden_pytest():
        return (yield)


@contextmanager
def _hidden_pytest() -> Iterator[None]:
    """A kernel that knows of pytest by this variable does not capture what is written to its descriptors."""
    name = "PYTEST_CURRENT_TEST"
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[name] = value
