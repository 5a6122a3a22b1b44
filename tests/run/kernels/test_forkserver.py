import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import Exited, ForkServer, ServerState
from colab_starter.run.kernels.heritage import get_heritage
from colab_starter.run.kernels.kernel import HasFileno
from colab_starter.run.kernels.system import list_descendants, list_processes
from tests.run.kernels.talks import PATIENCE, Talk, receive_all, talk_through
from tests.support.processes import wait_until
from tests.support.ready_servers import ReadyServers

HERE = "tests.run.kernels.test_forkserver"
Start = Callable[..., ForkServer]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start servers, whose modules may lie in the test's folder."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = []

    def start_server(*modules: str, keep_fds: tuple[int, ...] = (), **environment: str) -> ForkServer:
        server = ForkServer(WarmPlan((*environment.items(), *modules)), {}, tmp_path / "log", keep_fds)
        started.append(server)
        return server

    yield start_server
    for server in started:
        server.close()


@pytest.fixture
def server(ready_servers: ReadyServers, tmp_path: Path) -> Iterator[ForkServer]:
    """One that has nothing to import, and is ready at once."""
    server = ready_servers.start(WarmPlan(), {}, tmp_path / "log")
    yield wait_until_ready(server)
    server.close()


def wait_until_ready(server: ForkServer) -> ForkServer:
    deadline = time.monotonic() + PATIENCE
    while server.poll() is ServerState.STARTING:
        assert wait([server.fileno()], deadline - time.monotonic())
    assert server.poll() is ServerState.READY
    return server


def wait_until_gone(*pids: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while alive := [process for process in list_processes() if process.pid in pids and not process.is_zombie]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.01)


def hang_up(other: HasFileno) -> None:
    """Close our end of a socket, as the death of this process would."""
    with socket.socket(fileno=os.dup(other.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


def find_server(keeper: ForkServer) -> int:
    """The process that forks the workers."""
    (child,) = [process.pid for process in list_processes() if process.parent == keeper.pid]
    return child


def report(question: str, connection: "Connection[Any, Any]") -> None:
    """A target: what is true in a worker."""
    heritage = get_heritage()
    answers: Mapping[str, Callable[[], Any]] = {
        "session": lambda: os.getsid(0) == os.getpid(),
        "modules": lambda: sorted(__import__("sys").modules),
        "environment": lambda: dict(os.environ),
        "folder": lambda: (heritage.folder, os.listdir(heritage.folder)) if heritage else None,
        "descriptors": lambda: [os.readlink(f"/proc/self/fd/{n}") for n in range(3, 50) if is_open(n)],
        "sigint": lambda: signal.getsignal(signal.SIGINT) == signal.default_int_handler,
    }
    connection.send(answers[question]())


def is_open(descriptor: int) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


def raise_error(payload: str, connection: "Connection[Any, Any]") -> None:
    raise ValueError(payload)


def leave(payload: int, connection: "Connection[Any, Any]") -> None:
    raise SystemExit(payload)


def kill_itself(payload: int, connection: "Connection[Any, Any]") -> None:
    os.kill(os.getpid(), payload)


def measure(payload: bytes, connection: "Connection[Any, Any]") -> None:
    connection.send(len(payload))


def ask(server: ForkServer, question: str) -> Any:
    answer, end = receive_all(server.fork(f"{HERE}:report", question))
    assert end == Exited(0)
    return answer


def test_forks_are_accepted_while_the_server_still_imports(start: Start, tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
    )
    server = start("slow_module")
    connections = [server.fork(f"{HERE}:measure", b"x" * size) for size in (1, 1_000_000, 2)]
    assert server.poll() is ServerState.STARTING
    (tmp_path / "go").touch()
    answers = [receive_all(connection) for connection in connections]
    assert answers == [[1, Exited(0)], [1_000_000, Exited(0)], [2, Exited(0)]]
    assert server.poll() is ServerState.READY


def test_a_server_that_is_closed_while_it_imports_says_nothing(start: Start, tmp_path: Path) -> None:
    names = [f"small_{number}" for number in range(500)]
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "small_0.py").write_text(f"open({str(tmp_path / 'begun')!r}, 'w').close()")
    for _ in range(3):
        (tmp_path / "begun").unlink(missing_ok=True)
        server = start(*names)
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
        server.close()
    assert (tmp_path / "log").read_text() == ""


def test_a_worker_starts_with_a_clean_slate(start: Start) -> None:
    server = start("csv", MY_VARIABLE="of the plan")
    assert ask(server, "session") is True
    assert ask(server, "sigint") is True
    assert "csv" in ask(server, "modules")
    assert "MY_VARIABLE" not in ask(server, "environment")
    folder, content = ask(server, "folder")
    assert content == []
    server.close()
    assert not Path(folder).exists()


def test_a_worker_has_no_descriptors_but_its_channel_and_those_to_keep(start: Start, tmp_path: Path) -> None:
    kept = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    server = start(keep_fds=(kept,))
    other = server.fork(f"{HERE}:report", "session")
    links = ask(server, "descriptors")
    os.close(kept)
    assert [link.partition(":")[0] for link in links if link != str(tmp_path / "lock")] == ["socket"]
    assert str(tmp_path / "lock") in links
    cell = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[:-1]])"
    assert str(tmp_path / "lock") not in talk_through(server, Talk([cell], str(tmp_path))).text
    receive_all(other)


def test_the_end_of_a_worker_is_reported(server: ForkServer, tmp_path: Path) -> None:
    for target, payload, status in (("raise_error", "words", 1), ("leave", 3, 3), ("kill_itself", 11, -11)):
        assert receive_all(server.fork(f"{HERE}:{target}", payload)) == [Exited(status)]
    assert "ValueError: words" in (tmp_path / "log").read_text()


HARMFUL = {
    "starts_threads": (
        "import threading, time\nfor _ in 'ab': threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
        "started 2 threads",
    ),
    "crashes": ("import os; os.kill(os.getpid(), 11)", "ended the process while it was imported: SIGSEGV"),
    "leaves": ("import os; os._exit(3)", "ended the process while it was imported: exit code 3"),
    "fails": ("raise ValueError('no')", "ValueError while it was imported: no"),
    "lacks": ("import no_such_module", "there is no module no_such_module"),
    "exits": ("raise SystemExit('no')", "SystemExit while it was imported: no"),
}
"""Modules, and why they are left out."""


def test_modules_that_do_harm_are_left_out_and_the_others_are_warm(start: Start, tmp_path: Path) -> None:
    for name, (source, _) in {**HARMFUL, "first": ("", ""), "last": ("", "")}.items():
        (tmp_path / f"{name}.py").write_text(source)
    server = wait_until_ready(start("first", *HARMFUL, "last"))
    assert server.left_out == {name: reason for name, (_, reason) in HARMFUL.items()}
    assert {"first", "last", *HARMFUL} & set(ask(server, "modules")) == {"first", "last"}


def test_a_module_is_left_out_also_when_it_comes_in_by_another(start: Start, tmp_path: Path) -> None:
    (tmp_path / "harmful.py").write_text(
        "import threading, time; threading.Thread(target=time.sleep, args=[60], daemon=True).start()"
    )
    (tmp_path / "innocent.py").write_text("import harmful")
    server = wait_until_ready(start("innocent", "harmful", "not_installed"))
    assert server.left_out == {
        "innocent": "started 1 thread",
        "harmful": "started 1 thread",
        "not_installed": "there is no module not_installed",
    }


def test_a_server_that_fails_without_a_module_to_blame_ends(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from colab_starter.run.kernels import afterfork; afterfork.prepare = None"
    )
    server = start("json", "csv")
    wait_until(lambda: server.poll() is ServerState.DEAD)
    assert (tmp_path / "log").read_text().splitlines()[-1] == f"no process can be forked from {sys.executable}"


@pytest.mark.skipif(not os.path.exists("/dev/net/tun"), reason="needs a device to open")
def test_a_module_that_opens_a_gpu_is_left_out(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from colab_starter.run.kernels import imports; imports._GPU_DEVICES = ('/dev/net/tun',)"
    )
    (tmp_path / "harmful.py").write_text("file = open('/dev/net/tun')")
    assert wait_until_ready(start("harmful")).left_out == {"harmful": "opened the GPU"}


def test_what_an_import_sets_is_set_when_the_notebook_imports_it(start: Start, tmp_path: Path) -> None:
    (tmp_path / "setter.py").write_text("import os; os.environ['SET_BY_IMPORT'] = os.environ['OF_THE_PLAN']")
    server = start("setter", OF_THE_PLAN="1")
    cells = [
        "import os; os.environ['OF_THE_PLAN'] = '1'; print(os.environ.get('SET_BY_IMPORT'))",
        "import setter; print(os.environ['SET_BY_IMPORT'])",
    ]
    assert talk_through(server, Talk(cells, str(tmp_path))).text == "None\n1\n"


@pytest.mark.parametrize("victim", ["keeper", "server", "worker", "kernel", "coordinator"])
def test_whoever_is_killed_nothing_stays_behind(victim: str, server: ForkServer, tmp_path: Path) -> None:
    connection = server.fork("tests.run.kernels.talks:hold", Talk((), str(tmp_path)))
    assert connection.poll(PATIENCE)
    pids = connection.recv()
    worker, kernel, _ = pids
    victims = {"keeper": server.pid, "server": find_server(server), "worker": worker, "kernel": kernel}
    folder = ask(server, "folder")[0]
    if victim == "coordinator":
        hang_up(server)
        connection.close()
    else:
        os.kill(victims[victim], signal.SIGKILL)
    wait_until_gone(*pids, *((server.pid, victims["server"]) if victim not in ("worker", "kernel") else ()))
    if victim == "worker":
        assert receive_all(connection) == [Exited(-9)]
        assert os.listdir(folder) == []
    else:
        server.close()
        assert not Path(folder).exists()
    connection.close()


def test_closing_ends_workers_that_would_stay(server: ForkServer, tmp_path: Path) -> None:
    connection = server.fork("time:sleep_for_ever", None)
    server.fork("tests.run.kernels.talks:hold", Talk((), str(tmp_path))).close()
    everything = [server.pid, *list_descendants(server.pid)]
    server.close()
    wait_until_gone(*everything)
    connection.close()
    assert server.poll() is ServerState.DEAD


@pytest.mark.parametrize("gone", ["closed", "dead"])
@pytest.mark.parametrize("victim", ["keeper", "server", "worker", "kernel"])
def test_what_was_stopped_ends_with_the_coordinator(victim: str, gone: str, server: ForkServer, tmp_path: Path) -> None:
    connection = server.fork("tests.run.kernels.talks:hold", Talk((), str(tmp_path)))
    assert connection.poll(PATIENCE)
    worker, kernel, daemon = connection.recv()
    victims = {"keeper": server.pid, "server": find_server(server), "worker": worker, "kernel": kernel}
    folder = ask(server, "folder")[0]
    os.kill(victims[victim], signal.SIGSTOP)
    connection.close()
    if gone == "closed":
        server.close()
    else:
        hang_up(server)
    wait_until_gone(worker, kernel, daemon, victims["server"], server.pid)
    server.close()
    assert not Path(folder).exists()


def test_a_dead_server_is_noticed_and_refuses(server: ForkServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    assert wait([server.fileno()], PATIENCE)
    assert server.poll() is ServerState.DEAD
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        server.fork(f"{HERE}:report", "session")
