"""What a Jupyter server, or what is taken for one, may answer: one line each. A scripted server answers here."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from colab_starter.errors import JupyterServerError
from colab_starter.run.backends.jupyter.access import TokenAccess
from colab_starter.run.kernels.jupyter_server import JupyterServer

ELSEWHERE = "http://127.0.0.1:9/elsewhere"


class Scripted(HTTPServer):
    """Answers every request with ``status`` and ``body``, and keeps the requests."""

    status = 200
    body = b"[]"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        self.send_header("Location", ELSEWHERE)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def server(scripted: Scripted) -> Iterator[JupyterServer]:
    made = JupyterServer(TokenAccess(f"http://127.0.0.1:{scripted.server_port}", "the-token"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (302, b"", "it redirects to another page, usually a login"),
        (401, b"", "it does not take the token"),
        (403, b"<html>", "it does not take the token"),
        (404, b"<html>", "there is no Jupyter server at this address"),
        (200, b"<html>Welcome</html>", "there is no Jupyter server at this address"),
        (200, b'{"hello": "world"}', "there is no Jupyter server at this address"),
        (200, b"", "there is no Jupyter server at this address"),
        (500, json.dumps({"message": "out of\nmemory"}).encode(), "it answered with status 500: out of memory"),
        (503, b"[1]", "it answered with status 503"),
    ],
)
def test_each_wrong_answer_is_one_line(
    scripted: Scripted, server: JupyterServer, status: int, body: bytes, said: str
) -> None:
    scripted.status, scripted.body = status, body
    with pytest.raises(JupyterServerError) as caught:
        server.check()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "the-token" not in str(caught.value)


def test_the_token_is_in_a_header_and_no_netrc_takes_its_place(
    scripted: Scripted, server: JupyterServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.check()
    ((path, headers),) = scripted.requests
    assert headers["Authorization"] == "token the-token"
    assert "the-token" not in path


def test_a_redirection_is_not_followed(scripted: Scripted, server: JupyterServer) -> None:
    scripted.status = 307
    with pytest.raises(JupyterServerError):
        server.check()
    assert len(scripted.requests) == 1


def test_a_server_that_tells_of_no_kernelspecs_or_sessions_is_no_error(
    scripted: Scripted, server: JupyterServer
) -> None:
    scripted.status = 404
    assert server.list_kernelspecs() is None
    assert server.list_sessions() == {}
    assert server.read_state("some-id") is None
