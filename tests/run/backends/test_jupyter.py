"""The backend ``jupyter`` on the command line: what is refused before a run starts, several servers, lost servers."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from colab_starter.errors import ServersLostError, WrongOptionError
from colab_starter.run.backends.jupyter.access import TokenAccess, read_servers
from colab_starter.run.backends.jupyter.backend import JupyterBackend
from colab_starter.run.backends.jupyter.hosts import ServerHost
from colab_starter.run.backends.names import own_name
from colab_starter.run.job import CellStarted, Ended, Event, Job, Started
from colab_starter.run.kernels import jupyter_server
from colab_starter.run.kernels.jupyter_server import JupyterServer
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from tests.run.backends.contract import COMMAND, PATIENCE
from tests.run.backends.jupyter_rig import JupyterRig, find_port
from tests.run.conftest import Run

Check = Callable[..., None]

WAIT = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


def write_notebook(folder: Path, *cells: str) -> None:
    declared = v4.new_code_cell("n = 1\noutput_dir = '.'", metadata={"tags": ["parameters"]})
    code = [v4.new_code_cell(cell) for cell in cells]
    nbformat.write(v4.new_notebook(cells=[declared, *code]), folder / "nb.ipynb")


def run(folder: Path, *arguments: str, token: str = "") -> "subprocess.CompletedProcess[str]":
    command = [COMMAND, "run", "nb.ipynb", "--out", "out", "--backend", "jupyter", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "JUPYTER_TOKEN"}
    if token:
        environment["JUPYTER_TOKEN"] = token
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, env=environment)


def make_job(folder: Path, run: str, *cells: str) -> Job:
    folder = folder / run
    folder.mkdir()
    write_notebook(folder, *cells)
    return Job(run, 1, str(folder / "nb.ipynb"), str(folder / "out/nb.ipynb"), {}, str(folder))


def collect(backend: JupyterBackend, *jobs: Job) -> list[Event]:
    """All events until the jobs have ended."""
    deadline = time.monotonic() + PATIENCE
    events: list[Event] = []
    while {job.run for job in jobs} - {event.run for event in events if isinstance(event, Ended)}:
        assert time.monotonic() < deadline, events
        events += backend.wait(0.1)
    return events


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterRig]:
    with JupyterRig(tmp_path_factory.mktemp("server"), options={"ServerApp.base_url": "/base/"}) as made:
        yield made


class TestAddresses:
    @pytest.mark.parametrize(
        ("typed", "url"),
        [
            ("http://host:8888", "http://host:8888"),
            ("https://hub.example/user/ada/", "https://hub.example/user/ada"),
            ("http://host:8888/base/lab?reset", "http://host:8888/base"),
            (" http://[::1]:8888/tree ", "http://[::1]:8888"),
        ],
    )
    def test_an_address_may_be_that_of_a_page(self, typed: str, url: str) -> None:
        assert [access.url for access in read_servers([typed], None)] == [url]

    @pytest.mark.parametrize(
        "typed", ["host:8888", "ftp://host", "http://", "http://host:port", "", "http://host:99999"]
    )
    def test_what_is_no_address_is_refused(self, typed: str) -> None:
        with pytest.raises(WrongOptionError, match="is not an address such as http://host:8888/base"):
            read_servers([typed], None)

    @pytest.mark.parametrize(
        "typed",
        [
            "http://host:8888/?token=hunter2",
            "http://me:hunter2@host/",
            "http://hunter2@host",
            "http://h:x/?token=hunter2",
        ],
    )
    def test_a_token_in_an_address_is_refused_and_not_repeated(self, typed: str) -> None:
        with pytest.raises(WrongOptionError, match=r"put it into the variable JUPYTER_TOKEN") as caught:
            read_servers([typed], None)
        assert "hunter2" not in str(caught.value)

    def test_without_an_address_one_line_says_how_to_give_it(self) -> None:
        with pytest.raises(WrongOptionError, match="--server http://host:8888"):
            read_servers([], None)

    def test_the_token_comes_from_the_environment_or_from_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTER_TOKEN", "of-the-environment")
        (tmp_path / "token").write_text("of-the-file\n")
        (first,) = read_servers(["http://host"], None)
        (second,) = read_servers(["http://host", "http://host/"], tmp_path / "token")
        assert (first.token, second.token) == ("of-the-environment", "of-the-file")
        assert "of-the" not in repr([first, second])

    @pytest.mark.parametrize("content", ["", "two words", "{'token': 1}", "schlüssel", "a\x00b", None])
    def test_a_file_without_a_token_is_refused(self, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / "token").write_text(content)
        with pytest.raises(WrongOptionError, match=r"^--token-file \S+ "):
            read_servers(["http://host"], tmp_path / "token")


@pytest.mark.slow
class TestRefusals:
    """One line each, before anything is written."""

    @pytest.fixture
    def check(self, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch) -> Check:
        write_notebook(tmp_path, "n")
        monkeypatch.delenv("JUPYTER_TOKEN", raising=False)

        def check_is_refused(arguments: Sequence[str], said: str, **token: str) -> None:
            result = run_here("nb.ipynb", "--out", "out", "--backend", "jupyter", *arguments, **token)
            assert (result.returncode, result.stdout) == (2, "")
            assert result.stderr.count("\n") == 1
            assert said in result.stderr
            assert not list((tmp_path / "out").glob("*/nb.ipynb"))

        return check_is_refused

    def test_no_token(self, server: JupyterRig, check: Check) -> None:
        check(["--server", server.url], "it wants a token (a password will not do)")

    def test_a_wrong_token(self, server: JupyterRig, check: Check) -> None:
        check(["--server", server.url], "it does not take the token", JUPYTER_TOKEN="wrong-token")

    def test_a_wrong_base_url(self, server: JupyterRig, check: Check) -> None:
        url = server.url.removesuffix("/base")
        check(["--server", url], "there is no Jupyter server at this address", JUPYTER_TOKEN=server.token)

    def test_a_port_where_nothing_listens(self, check: Check) -> None:
        check(["--server", f"http://127.0.0.1:{find_port()}"], "cannot be reached (Connection refused)")

    def test_a_host_that_does_not_exist(self, check: Check) -> None:
        check(["--server", "http://no-such-host.invalid:8888"], "cannot be reached")

    def test_https_where_there_is_none(self, server: JupyterRig, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jupyter_server, "ANSWER_TIMEOUT", 1.0)
        url = server.url.replace("http:", "https:")
        check(["--server", url], "no answer in 1 s; is it running, and is it https?", JUPYTER_TOKEN=server.token)

    def test_a_kernelspec_that_the_server_does_not_have(self, server: JupyterRig, check: Check) -> None:
        arguments = ["--server", server.url, "--kernel", "odd"]
        check(arguments, "has no kernel 'odd'; give one of its own with --kernel: ", JUPYTER_TOKEN=server.token)


@pytest.mark.slow
def test_a_certificate_of_ones_own_is_taken_when_its_authority_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_here: Run
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("NOT tested with TLS: that needs the program openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        str(key),
    ]
    subprocess.run([*make, "-out", str(certificate), *subject], check=True, capture_output=True)
    options = {"ServerApp.certfile": str(certificate), "ServerApp.keyfile": str(key)}
    write_notebook(tmp_path, "print(n)")
    with JupyterRig(tmp_path / "server", options=options) as server:
        arguments = ["nb.ipynb", "--out", "out", "--backend", "jupyter", "--server", server.url]
        refused = run_here(*arguments, JUPYTER_TOKEN=server.token)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        taken = run(tmp_path, "--server", server.url, token=server.token)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "no TLS connection (self" in refused.stderr
    assert "REQUESTS_CA_BUNDLE" in refused.stderr
    assert (taken.returncode, taken.stderr) == (0, "")


@pytest.mark.slow
def test_the_token_is_written_nowhere(server: JupyterRig, tmp_path: Path) -> None:
    show = f"print({server.token!r})\nopen('/proc/self/cmdline').read()"
    write_notebook(tmp_path, show, f"raise ValueError({server.token!r})")
    (tmp_path / "token").write_text(server.token)
    result = run(tmp_path, "--server", server.url, "--token-file", "token", "--json")
    assert result.returncode == 1
    assert server.token not in result.stdout + result.stderr
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) > 3
    # The sweep's own copy of the notebook is as the notebook is.
    assert [path.name for path in files if server.token in path.read_text() and "source" not in path.name] == []
    assert server.token not in server.log()


@pytest.mark.slow
def test_runs_are_spread_over_the_servers(server: JupyterRig, tmp_path: Path) -> None:
    with JupyterRig(tmp_path / "other") as other:
        hosts = [ServerHost(TokenAccess(one.url, one.token)) for one in (server, other)]
        jobs = [make_job(tmp_path, f"run-{n}", "1") for n in range(4)]
        with JupyterBackend(hosts, 4, tmp_path / "warm.log") as backend:
            assert backend.capacity == 4
            for job in jobs:
                backend.submit(job)
            events = collect(backend, *jobs)
    places = [event.place for event in events if isinstance(event, Started)]
    assert sorted(places) == sorted([server.url, other.url] * 2)
    assert {event.outcome.status for event in events if isinstance(event, Ended)} == {Status.OK}


@pytest.mark.slow
def test_a_server_that_goes_ends_its_run_and_the_others_go_on(server: JupyterRig, tmp_path: Path) -> None:
    """Without any other, the sweep ends, and can go on later."""
    with JupyterRig(tmp_path / "other") as other:
        hosts = [ServerHost(TokenAccess(one.url, one.token)) for one in (other, server)]
        lost, later = make_job(tmp_path, "lost", WAIT), make_job(tmp_path, "later", "1")
        lone_host, lone = ServerHost(TokenAccess(other.url, other.token)), make_job(tmp_path, "lone", WAIT)
        with (
            JupyterBackend(hosts, None, tmp_path / "warm.log", reconnect_timeout=1) as backend,
            JupyterBackend([lone_host], None, tmp_path / "lone.log", reconnect_timeout=1) as without_others,
        ):
            backend.submit(lost)
            without_others.submit(lone)
            wait_for_cell(backend, "lost", 2)
            wait_for_cell(without_others, "lone", 2)
            other.kill()
            (end,) = [event for event in collect(backend, lost) if isinstance(event, Ended)]
            assert end.outcome.status is Status.KILLED
            assert end.outcome.cause.startswith(f"the connection to {other.url} was lost in cell In[2]: ")
            assert backend.capacity == 1
            backend.submit(later)
            (end,) = [event for event in collect(backend, later) if isinstance(event, Ended)]
            assert end.outcome.status is Status.OK
            collect(without_others, lone)
            assert without_others.capacity == 0
            with pytest.raises(ServersLostError, match="later, the same command resumes"):
                without_others.wait(0)


@pytest.mark.slow
def test_runs_that_wait_for_their_machine_are_ended_at_once(tmp_path: Path) -> None:
    is_back = threading.Event()
    host = ServerHost(TokenAccess("http://127.0.0.1:1", "token"))
    host.is_lost, host.can_return = True, True
    host.bring_back = is_back.wait  # type: ignore[method-assign,assignment]
    with JupyterBackend([host], 2, tmp_path / "warm.log") as backend:
        for run in ("pruned", "stopped"):
            backend.submit(Job(run, 1, "in.ipynb", f"{run}/nb.ipynb", {}, "/"))
        backend.prune("pruned", "worse than most")
        backend.cancel("stopped", StopLevel.NOW)
        backend.prune("stopped", "worse than most")
        assert backend.wait(0) == [
            Ended("pruned", Outcome(Status.PRUNED, "worse than most")),
            Ended("stopped", Outcome(Status.INTERRUPTED, "stopped before the first cell")),
        ]
        is_back.set()


def wait_for_cell(backend: JupyterBackend, run: str, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(isinstance(event, CellStarted) and event.number == number for event in backend.wait(0.1)):
        assert time.monotonic() < deadline, run


@pytest.mark.slow
def test_metrics_and_outputs_come_while_the_run_goes_on(server: JupyterRig, tmp_path: Path) -> None:
    """Live metrics, and outputs that later cells update; the partial notebook is in the contract."""
    scrap = "application/scrapbook.scrap.json+json"
    show = f"""\
from IPython.display import display, update_display
display({{"{scrap}": {{"name": "loss", "data": 1, "encoder": "json"}}}}, raw=True)
_ = display("before", display_id="shown")"""
    go = tmp_path / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)"
    job = make_job(tmp_path, "run", show, wait, "update_display('after', display_id='shown')")
    with JupyterBackend([ServerHost(TokenAccess(server.url, server.token))], None, tmp_path / "warm.log") as backend:
        backend.submit(job)
        deadline = time.monotonic() + PATIENCE
        events: list[Event] = []
        while "loss" not in [getattr(event, "name", "") for event in events]:
            assert time.monotonic() < deadline, events
            events += backend.wait(0.1)
        go.touch()
        collect(backend, job)
    outputs = nbformat.read(job.output, as_version=4).cells[1].outputs
    assert [output.data.get("text/plain") for output in outputs] == [None, "'after'"]


@pytest.mark.slow
def test_an_error_fails_a_run_also_where_the_server_drops_what_tells_of_it(tmp_path: Path) -> None:
    options = {"ZMQChannelsWebsocketConnection.iopub_msg_rate_limit": 10}
    flood = "for i in range(150): display(i)"
    jobs = [
        make_job(tmp_path, "hidden", f"{flood}\nget_ipython().run_cell('1 / 0')", "later = 1"),
        make_job(tmp_path, "plain", f"{flood}\n1 / 0"),
        make_job(tmp_path, "well", flood),
    ]
    with JupyterRig(tmp_path / "server", options=options) as limited:
        host = ServerHost(TokenAccess(limited.url, limited.token))
        with JupyterBackend([host], 3, tmp_path / "warm.log") as backend:
            for job in jobs:
                backend.submit(job)
            events = collect(backend, *jobs)
    outcomes = {event.run: event.outcome for event in events if isinstance(event, Ended)}
    assert {run: outcome.status for run, outcome in outcomes.items()} == {
        "hidden": Status.FAILED,
        "plain": Status.FAILED,
        "well": Status.OK,
    }
    assert outcomes["hidden"].cause == "ZeroDivisionError: division by zero (cell In[2], line 2)"
    assert "rate exceeded" in Path(jobs[2].output).read_text()


@pytest.mark.slow
def test_kernels_that_a_killed_sweep_has_left_are_ended_by_the_next(server: JupyterRig, tmp_path: Path) -> None:
    """Its workers end them within 5 seconds; here they are gone, too."""
    left = own_name(1).replace(f"-{os.getpid()}-", "-999999999-")
    reached = JupyterServer(TokenAccess(server.url, server.token))
    reached.start(left, "left", None)
    reached.start("of-somebody-else", "other", None)
    write_notebook(tmp_path, "n")
    result = run(tmp_path, "--server", server.url, token=server.token)
    assert (result.returncode, result.stderr) == (0, "")
    sessions = reached.list_sessions()
    assert set(sessions) == {"of-somebody-else"}
    reached.end(sessions["of-somebody-else"])


def test_what_a_notebook_installs_into_the_server_s_environment_is_told(tmp_path: Path, run_here: Run) -> None:
    write_notebook(tmp_path, "!pip install absent")
    result = run_here("nb.ipynb", "--backend", "jupyter", "--server", "http://host:8888", "--dry-run")
    assert (result.returncode, result.stderr) == (0, "")
    into = "into the environment of kernel python3, whose Python is not known here"
    assert f"cell 2 installs packages: {into}\n" in result.stdout
