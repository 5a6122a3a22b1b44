"""A real S3 endpoint on loopback, and a proxy in front of it that fails in the ways of networks and servers."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import unquote

BUCKET = "sweeps"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",  # boto's own: ours are to be seen
}

Endpoint = tuple[str, int]
Fault = Callable[["Handler"], None]
"""Answers a request instead of the endpoint, or does something before."""
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass
class Rule:
    """What happens to the next requests that match."""

    method: str
    part: str
    """Of the path."""
    fault: Fault
    times: int


@dataclass
class FaultyEndpoint:
    """Passes on what comes, but for the rules."""

    address: str
    requests: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    def fail(self, method: str, part: str, fault: Fault, times: int = 1) -> None:
        self.rules.append(Rule(method, part, fault, times))

    def find(self, method: str, path: str) -> Fault | None:
        path = unquote(path)
        self.requests.append(f"{method} {path}")
        for rule in self.rules:
            if rule.times and rule.method == method and rule.part in path:
                rule.times -= 1
                return rule.fault
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rig: FaultyEndpoint
    behind: Endpoint

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(*self.behind, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_any(self) -> None:
        fault = self.rig.find(self.command, self.path)
        if fault:
            fault(self)
        else:
            self.pass_on()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        pass


def answer_500(handler: Handler) -> None:
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    handler.send_response(500)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def cut(handler: Handler) -> None:
    """Break the connection when half of what is uploaded has come."""
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0) // 2)
    handler.close_connection = True


def lose_answer(handler: Handler) -> None:
    """Do what was asked for, and break the connection instead of saying so."""
    wfile, handler.wfile = handler.wfile, BytesIO()
    handler.pass_on()
    handler.wfile = wfile
    handler.close_connection = True


def be_slow(handler: Handler) -> None:
    time.sleep(0.3)
    handler.pass_on()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@contextmanager
def serve(behind: Endpoint) -> Iterator[FaultyEndpoint]:
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    rig = FaultyEndpoint(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("BoundHandler", (Handler,), {"rig": rig, "behind": behind})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield rig
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def connect(endpoint: Endpoint) -> dict[str, str]:
    """For boto3."""
    return {
        "endpoint_url": f"http://{endpoint[0]}:{endpoint[1]}",
        "aws_access_key_id": SETTINGS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": SETTINGS["AWS_SECRET_ACCESS_KEY"],
        "region_name": SETTINGS["AWS_DEFAULT_REGION"],
    }
