"""A kernel on a real Jupyter server, and what becomes of it when the network, the server or others interfere."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from colab_starter.errors import JupyterServerError, NoSuchKernelError, OutputError, StartStoppedError
from colab_starter.run.backends.jupyter.access import TokenAccess
from colab_starter.run.kernels import remote, remote_connection, websocket
from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.jupyter_server import JupyterServer, RemoteSession
from colab_starter.run.kernels.remote import RemoteKernel, RemoteOutput, make_folder_name
from tests.run.backends.contract import wait_until_gone
from tests.run.backends.jupyter_rig import JupyterRig, Proxy

PATIENCE = 60.0
COUNT = "import time\nfor i in range(20): print(i, flush=True); time.sleep(0.1)"
TELL_PID = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)"
FOLDER = "get_ipython().colab_starter.folder"
WRITE = f"folder = {FOLDER} + '/output'\nimport os\n"
COUNTED = [str(i) for i in range(20)]

pytestmark = pytest.mark.slow


@dataclass
class Place:
    """A server, and what leads to it."""

    server: JupyterRig
    proxy: Proxy
    folder: Path
    name: str = "session"

    def start(self, **options: Any) -> RemoteKernel:
        """A kernel that is reached through the proxy."""
        access = TokenAccess(f"http://127.0.0.1:{self.proxy.port}", self.server.token)
        output = RemoteOutput(make_folder_name(), self.folder / "output")
        (self.folder / "output").mkdir(exist_ok=True)
        options = {"environment": {"GIVEN": "value"}, "output": output, **options}
        return RemoteKernel.start(JupyterServer(access), self.name, "label", "python3", **options)

    @property
    def session(self) -> RemoteSession:
        return self.reach().list_sessions()[self.name]

    def reach(self) -> JupyterServer:
        """The server, without the proxy."""
        return JupyterServer(TokenAccess(self.server.url, self.server.token))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterRig]:
    with JupyterRig(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture
def place(server: JupyterRig, tmp_path: Path) -> Iterator[Place]:
    with Proxy(server.port) as proxy:
        yield Place(server, proxy, tmp_path)


@pytest.fixture
def kernel(place: Place) -> Iterator[RemoteKernel]:
    made = place.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def shared_place(server: JupyterRig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Proxy(server.port) as proxy:
        yield Place(server, proxy, tmp_path_factory.mktemp("shared"), "shared")


@pytest.fixture(scope="module")
def shared_kernel(shared_place: Place) -> Iterator[RemoteKernel]:
    """One for all tests after which it is as before."""
    made = shared_place.start()
    yield made
    made.kill()


class Talk:
    """One cell, and what came of it."""

    def __init__(self, kernel: RemoteKernel, code: str) -> None:
        self.messages: list[Message] = []
        self._kernel = kernel
        self._request = kernel.execute(code)

    def wait(self, until: Callable[[], bool] = lambda: False) -> "Talk":
        """Until the cell is over, or it is enough."""
        deadline = time.monotonic() + PATIENCE
        while not (until() or self._is_over()):
            assert time.monotonic() < deadline, self.messages
            self.messages += self._kernel.receive(0.1).messages
        return self

    def wait_for_more(self) -> None:
        """Until it has printed something."""
        before = self.text()
        self.wait(until=lambda: self.text() != before)

    def wait_for_line(self) -> "Talk":
        """Until it has printed its first line."""
        return self.wait(until=lambda: self.text().endswith("\n"))

    def _is_over(self) -> bool:
        own = [message for message in self.messages if message.parent == self._request]
        is_idle = any(message.content.get("execution_state") == "idle" for message in own)
        return is_idle and any(message.kind == "execute_reply" for message in own)

    def text(self, name: str = "stdout") -> str:
        streams = [message.content for message in self.messages if message.kind == "stream"]
        return "".join(stream["text"] for stream in streams if stream["name"] == name)

    def reply(self) -> dict[str, Any]:
        return next(message.content for message in self.messages if message.kind == "execute_reply")


def test_a_cell_is_executed_with_the_environment_that_was_given(shared_kernel: RemoteKernel) -> None:
    check_execution(shared_kernel)


def check_execution(kernel: RemoteKernel) -> None:
    talk = Talk(kernel, "import os, sys\nprint(os.environ['GIVEN'])\nprint('wrong', file=sys.stderr)").wait()
    assert (talk.text(), talk.text("stderr"), talk.reply()["status"]) == ("value\n", "wrong\n", "ok")
    assert kernel.info["implementation"] == "ipython"
    assert kernel.host == os.uname().nodename


def test_buffers_of_messages_arrive_whole(shared_kernel: RemoteKernel) -> None:
    check_buffers(shared_kernel)


def check_buffers(kernel: RemoteKernel) -> None:
    send = "kernel.session.send(kernel.iopub_socket, 'odd', {'n': 1}, buffers=[b'a\\0', b''])"
    talk = Talk(kernel, f"kernel = get_ipython().kernel\n{send}").wait()
    (message,) = [message for message in talk.messages if message.kind == "odd"]
    assert [bytes(buffer) for buffer in message.data["buffers"]] == [b"a\0", b""]


def test_a_server_that_speaks_the_older_format_is_no_different(tmp_path: Path) -> None:
    older = {"ZMQChannelsWebsocketConnection.kernel_ws_protocol": ""}
    with JupyterRig(tmp_path / "server", options=older) as server, Proxy(server.port) as proxy:
        place = Place(server, proxy, tmp_path)
        kernel = place.start()
        check_execution(kernel)
        check_buffers(kernel)
        check_cut(place, kernel)
        check_files(place, kernel)
        kernel.kill()


def test_a_cell_can_be_interrupted(shared_kernel: RemoteKernel) -> None:
    talk = Talk(shared_kernel, "import time\nprint('begun', flush=True)\ntime.sleep(600)")
    talk.wait(until=lambda: "begun" in talk.text())
    shared_kernel.interrupt()
    assert talk.wait().reply()["ename"] == "KeyboardInterrupt"


def test_nothing_is_left_on_the_server_after_a_shutdown(place: Place) -> None:
    kernel = place.start()
    folder = Path(Talk(kernel, f"print({FOLDER})").wait().text().strip())
    assert folder.is_dir()
    (pid,) = place.server.list_children()[-1:]
    kernel.shutdown()
    wait_until_gone(pid)
    assert not folder.exists()
    assert (kernel.peak_memory or 0) > 10_000_000
    assert "session" not in place.reach().list_sessions()


@pytest.mark.parametrize(
    "busy",
    [
        "time.sleep(600)",
        "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",  # in C, where no interrupt is noticed
        "while True:\n    try: time.sleep(600)\n    except BaseException: pass",
    ],
)
def test_a_busy_kernel_is_killed_with_its_folder_and_what_it_started(place: Place, busy: str) -> None:
    kernel = place.start()
    tell = f"child = subprocess.Popen(['sleep', '600'])\nprint({FOLDER}, os.getpid(), child.pid, flush=True)"
    talk = Talk(kernel, f"import hashlib, os, subprocess, time\n{tell}\n{busy}")
    talk.wait(until=lambda: talk.text().endswith("\n"))
    kernel.kill()
    kernel.kill()
    assert kernel.farewell == ""
    assert "session" not in place.reach().list_sessions()
    folder, *pids = talk.text().split()
    assert not Path(folder).exists()
    for pid in pids:
        wait_until_gone(int(pid))


def test_messages_that_code_in_the_kernel_makes_up_end_nothing(kernel: RemoteKernel) -> None:
    forge = """\
kernel = get_ipython().kernel
from jupyter_client.session import Session
for session in (kernel.session, Session()):
    session.send(kernel.iopub_socket, "status", {"execution_state": "dead"}, kernel.get_parent())
    session.send(kernel.iopub_socket, "shutdown_reply", {"restart": True}, kernel.get_parent())
    session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "odd "}, kernel.get_parent())"""
    talk = Talk(kernel, forge).wait()
    assert talk.text() == "odd odd "
    assert Talk(kernel, "print('next')").wait().text() == "next\n"


def check_cut(place: Place, kernel: RemoteKernel) -> None:
    talk = Talk(kernel, COUNT)
    talk.wait(until=lambda: "3\n" in talk.text())
    place.proxy.is_open = False
    place.proxy.cut()
    threading.Timer(0.8, setattr, (place.proxy, "is_open", True)).start()
    assert talk.wait().text().split() == COUNTED
    assert talk.text("stderr") == ""
    assert Talk(kernel, "print('next')").wait().text() == "next\n"


class TestLostConnections:
    def test_a_connection_that_is_cut_in_a_cell_is_made_again_and_nothing_is_missed(
        self, shared_place: Place, shared_kernel: RemoteKernel
    ) -> None:
        check_cut(shared_place, shared_kernel)

    def test_a_cell_that_ends_while_there_is_no_connection_has_all_its_output(
        self, shared_place: Place, shared_kernel: RemoteKernel
    ) -> None:
        talk = Talk(shared_kernel, COUNT)
        talk.wait(until=lambda: "3\n" in talk.text())
        shared_place.proxy.is_open = False
        shared_place.proxy.cut()
        deadline = time.monotonic() + PATIENCE
        while shared_place.reach().read_state(shared_place.session.kernel_id) != "idle":
            assert time.monotonic() < deadline
            assert shared_kernel.receive(0.1).messages == []
        shared_place.proxy.is_open = True
        assert talk.wait().text().split() == COUNTED
        assert talk.text("stderr") == ""
        assert talk.reply()["status"] == "ok"

    def test_a_request_that_is_made_without_a_connection_is_sent_later(
        self, shared_place: Place, shared_kernel: RemoteKernel
    ) -> None:
        shared_place.proxy.is_open = False
        shared_place.proxy.cut()
        deadline = time.monotonic() + PATIENCE
        while shared_kernel.is_connected:
            assert time.monotonic() < deadline
            shared_kernel.receive(0.05)
        talk = Talk(shared_kernel, "print('late')")
        threading.Timer(0.5, setattr, (shared_place.proxy, "is_open", True)).start()
        assert talk.wait().text() == "late\n"

    @pytest.mark.parametrize("breaks", [1, 2])
    def test_what_a_dead_line_has_swallowed_is_told_in_the_output(
        self, place: Place, kernel: RemoteKernel, monkeypatch: pytest.MonkeyPatch, breaks: int
    ) -> None:
        notice_silence_soon(monkeypatch)
        go = place.folder / "go"
        count = f"i = 0\nwhile not os.path.exists({str(go)!r}): print(i, flush=True); i += 1; time.sleep(0.1)"
        talk = Talk(kernel, f"import os, time\n{count}\nprint('end')")
        talk.wait(until=lambda: "3\n" in talk.text())
        place.proxy.swallows = True
        wait_for_loss(talk, kernel)
        place.proxy.swallows = False
        talk.wait_for_more()
        after_first = len(talk.text().split())
        if breaks == 2:  # in the second, nothing is lost
            place.proxy.is_open = False
            place.proxy.cut()
            wait_for_loss(talk, kernel)
            place.proxy.is_open = True
            talk.wait_for_more()
        go.touch()
        talk.wait()
        *counted, end = talk.text().split()
        assert end == "end"
        assert len(counted) < int(counted[-1]) + 1
        assert talk.text("stderr").startswith("colab-starter: the connection was lost for ")
        assert talk.text("stderr").count("the connection was lost") == 1
        assert all(int(after) == int(before) + 1 for before, after in pairwise(counted[after_first:]))

    def test_a_reply_that_a_dead_line_has_swallowed_ends_the_wait(
        self, place: Place, kernel: RemoteKernel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notice_silence_soon(monkeypatch)
        talk = Talk(kernel, "import time\nprint('begun', flush=True)\ntime.sleep(0.3)")
        talk.wait(until=lambda: "begun" in talk.text())
        place.proxy.swallows = True
        wait_for_loss(talk, kernel)
        place.proxy.swallows = False
        with pytest.raises(KernelDiedError, match="the kernel's reply was lost with the connection"):
            talk.wait()

    def test_a_server_that_is_not_reached_any_more_is_given_up_in_time(self, place: Place) -> None:
        kernel = place.start(reconnect_timeout=1)
        talk = Talk(kernel, "import time\ntime.sleep(600)")
        place.proxy.is_open = False
        place.proxy.cut()
        with pytest.raises(KernelDiedError, match=r"the connection to http://127.0.0.1:\d+ was lost"):
            talk.wait()
        place.proxy.is_open = True
        kernel.kill()
        assert "session" not in place.reach().list_sessions()


def wait_for_loss(talk: Talk, kernel: RemoteKernel) -> None:
    talk.wait(until=lambda: not kernel.is_connected)


def notice_silence_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_connection, "STATE_INTERVAL", 0.2)
    monkeypatch.setattr(remote_connection, "PING_INTERVAL", 0.2)
    monkeypatch.setattr(remote_connection, "SILENCE_TIMEOUT", 1.0)
    monkeypatch.setattr(websocket, "CONNECT_TIMEOUT", 1.0)


class TestInterference:
    """What somebody else does to a kernel that executes a cell."""

    @pytest.fixture
    def talk(self, kernel: RemoteKernel) -> Talk:
        return Talk(kernel, TELL_PID).wait_for_line()

    def test_an_end_on_the_server_is_told(self, place: Place, kernel: RemoteKernel, talk: Talk) -> None:
        end = threading.Thread(target=place.reach().end, args=(place.session,))
        end.start()
        with pytest.raises(KernelDiedError, match=r"the kernel was (shut down by someone else|deleted)"):
            talk.wait()
        end.join()

    def test_a_restart_is_told_and_what_takes_its_place_is_ended_too(self, place: Place) -> None:
        before = set(place.server.list_children())
        kernel = place.start()
        talk = Talk(kernel, TELL_PID).wait_for_line()
        restart = threading.Thread(target=restart_kernel, args=(place,))
        restart.start()
        with pytest.raises(KernelDiedError, match="the kernel was restarted by someone else"):
            talk.wait()
        kernel.shutdown()
        restart.join()
        wait_for_no_more_children(place, before)

    def test_a_death_is_told_and_leaves_no_output_and_what_takes_its_place_is_ended_too(self, place: Place) -> None:
        before = set(place.server.list_children())
        kernel = place.start()
        Talk(kernel, f"{WRITE}open(folder + '/file', 'w').write('x')").wait()
        talk = Talk(kernel, TELL_PID).wait_for_line()
        os.kill(int(talk.text()), signal.SIGKILL)
        with pytest.raises(KernelDiedError, match="the kernel died") as caught:
            talk.wait()
        assert caught.value.hint == "the server does not say why"
        kernel.fetch_output(lambda: False)
        assert list((place.folder / "output").iterdir()) == []
        kernel.shutdown()
        wait_for_no_more_children(place, before)

    def test_a_kernel_that_is_gone_when_the_connection_is_back_is_told(
        self, place: Place, kernel: RemoteKernel, talk: Talk
    ) -> None:
        place.proxy.is_open = False
        place.proxy.cut()
        place.reach().end(place.session)
        place.proxy.is_open = True
        with pytest.raises(KernelDiedError, match="the kernel was deleted") as caught:
            talk.wait()
        assert caught.value.hint == "someone shut it down, or the server was restarted"


def wait_for_no_more_children(place: Place, before: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while set(place.server.list_children()) - before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "session" not in place.reach().list_sessions()


def restart_kernel(place: Place) -> None:
    url = f"{place.server.url}/api/kernels/{place.session.kernel_id}/restart"
    requests.post(url, headers={"Authorization": f"token {place.server.token}"}, timeout=PATIENCE).raise_for_status()


class TestStart:
    def test_a_kernelspec_that_the_server_does_not_have_is_told_with_those_it_has(self, place: Place) -> None:
        with pytest.raises(NoSuchKernelError, match=r"has no kernel 'odd'; there are .*python3"):
            RemoteKernel.start(place.reach(), "session", "label", "odd", environment={})

    def test_a_stop_ends_the_start_and_the_kernel(self, place: Place) -> None:
        reader, writer = os.pipe()
        os.write(writer, b"x")
        with os.fdopen(reader) as stop, pytest.raises(StartStoppedError):
            place.start(also=[stop])
        os.close(writer)
        assert "session" not in place.reach().list_sessions()

    def test_a_wrong_token_is_told(self, place: Place) -> None:
        with pytest.raises(JupyterServerError, match="does not take the token"):
            RemoteKernel.start(
                JupyterServer(TokenAccess(place.server.url, "wrong")), "session", "label", None, environment={}
            )


def check_files(place: Place, kernel: RemoteKernel) -> None:
    write = "os.makedirs(folder + '/a/b')\nopen(folder + '/a/b/c', 'wb').write(os.urandom(1_000_000))\n"
    tell = "import hashlib\nprint(hashlib.md5(open(folder + '/a/b/c', 'rb').read()).hexdigest())"
    digest = Talk(kernel, WRITE + write + tell).wait().text().strip()
    kernel.fetch_output(lambda: False)
    assert hashlib.md5((place.folder / "output/a/b/c").read_bytes()).hexdigest() == digest


class TestOutput:
    def test_files_come_back_whole(self, place: Place, kernel: RemoteKernel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote, "CHUNK_SIZE", 100_000)
        check_files(place, kernel)

    def test_an_empty_folder_is_no_error(self, place: Place, kernel: RemoteKernel) -> None:
        kernel.fetch_output(lambda: False)
        assert list((place.folder / "output").iterdir()) == []

    @pytest.mark.parametrize("link", ["/etc/passwd", "../../../../etc/passwd"])
    def test_a_link_that_leads_outside_is_refused(self, place: Place, kernel: RemoteKernel, link: str) -> None:
        Talk(kernel, f"{WRITE}os.symlink({link!r}, folder + '/link')").wait()
        with pytest.raises(OutputError, match="link"):
            kernel.fetch_output(lambda: False)
        assert not (place.folder / "output/link").exists()

    def test_a_stop_ends_it(self, kernel: RemoteKernel) -> None:
        Talk(kernel, f"{WRITE}open(folder + '/file', 'w').write('x')").wait()
        with pytest.raises(OutputError, match="stopped"):
            kernel.fetch_output(lambda: True)
