"""The page of a sweep that runs: a server on this machine that nothing but the user's browser can ask.

It listens on 127.0.0.1, and answers only those who know the token in its address. A page from elsewhere knows no token,
and cannot read an answer; one whose name leads to 127.0.0.1 (DNS rebinding) is told by the name that it asks for. The
server writes nothing, and needs no lock: the ledger only ever grows.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import stat
from os.path import isfile
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from colab_starter.report.build import Sweep, describe_sweep, read_folder
from colab_starter.report.notebooks import name_page, render_notebook
from colab_starter.report.page import Links, Report, page_data, render_fragments, render_page
from colab_starter.report.pictures import read_pictures
from colab_starter.run.ledger.ledger import FILE_NAME as LEDGER
from colab_starter.run.ledger.ledger import LedgerContent
from colab_starter.run.ledger.series import FILE_NAME as SERIES

HOST = "127.0.0.1"
PAGE = "report.html"
CALM = 4
"""A sweep that took a second to read is read again after so many seconds at the earliest."""
RENDERED = 16
"""How many pages of notebooks are kept."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

HTML, JSON, NOTEBOOK = "text/html; charset=utf-8", "application/json", "application/x-ipynb+json"


@dataclass(frozen=True)
class Answer:
    """What the server tells."""

    content: bytes
    kind: str
    """The media type."""
    tag: str = ""
    """Identifies the content; empty if nobody will ask for it again."""


class LiveSweep:
    """The page and the data of a sweep's folder, which need not exist yet.

    It is read again when its files have changed.
    """

    def __init__(self, folder: Path, *, with_notebooks: bool = True, repeats: Collection[str] = ()) -> None:
        """``with_notebooks`` says whether the executed notebooks have pages; ``repeats`` is as in ``build_report``."""
        self._folder = folder
        self._with_notebooks = with_notebooks
        self._repeats = repeats
        self._lock = Lock()
        self._state: object = None
        self._read_after = 0.0
        self._sweep = Sweep(LedgerContent(), (), {})
        self._data: tuple[Sweep, Answer] | None = None

    def answer(self, path: str) -> Answer | None:
        """The answer to a request for a path, without the token; None if there is no such thing.

        Raises LedgerVersionError, and NoSweepError if what is there cannot be read.
        """
        if path in ("", PAGE):
            page = render_page(self._describe(self._refresh()))
            return Answer(page.encode("utf-8", errors="backslashreplace"), HTML)
        if path == "data":
            return self._tell_data()
        if path.startswith("pictures/"):
            return self._tell_pictures(path.removeprefix("pictures/"))
        return self._show_notebook(path)

    def _refresh(self) -> Sweep:
        """The sweep as it is now, or as it was a moment ago, if reading it takes long."""
        with self._lock:
            began = time.monotonic()
            state = [_tell_state(self._folder / name) for name in (LEDGER, SERIES)]
            if state != self._state and began >= self._read_after:
                if any(state):
                    self._sweep = read_folder(self._folder, is_begun=False)
                self._state = state
                self._rest(began)
            return self._sweep

    def _rest(self, began: float) -> None:
        now = time.monotonic()
        self._read_after = max(self._read_after, now) + CALM * (now - began)

    def _describe(self, sweep: Sweep) -> Report:
        report = describe_sweep(sweep, self._folder, str(self._folder.resolve()), self._repeats)
        return replace(report, links=[self._link(run.notebook) for run in sweep.content.runs.values()], live=True)

    def _link(self, notebook: str) -> Links:
        if not isfile(f"{self._folder}/{notebook}"):
            return Links(None, None)
        address = quote(notebook)
        return Links(address, name_page(address) if self._with_notebooks else None)

    def _tell_data(self) -> Answer:
        sweep = self._refresh()
        known = self._data
        if known and known[0] is sweep:
            return known[1]
        began = time.monotonic()
        report = self._describe(sweep)
        text = json.dumps({**page_data(report), "fragments": render_fragments(report)}, allow_nan=False)
        content = text.encode("utf-8", errors="backslashreplace")
        answer = Answer(content, JSON, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        self._data = sweep, answer
        with self._lock:
            self._rest(began)
        return answer

    def _find_notebook(self, name: str) -> Path | None:
        """A run's executed notebook by its name in the folder; None if there is none, or it leads elsewhere."""
        if not any(run.notebook == name for run in self._sweep.content.runs.values()):
            return None
        path = self._folder / name
        is_inside = path.resolve().is_relative_to(self._folder.resolve())
        return path if is_inside and path.is_file() else None

    def _tell_pictures(self, run: str) -> Answer | None:
        record = self._sweep.content.runs.get(run)
        notebook = record and self._find_notebook(record.notebook)
        return Answer(json.dumps(read_pictures(notebook)).encode(), JSON) if notebook else None

    def _show_notebook(self, path: str) -> Answer | None:
        if path.endswith(".ipynb"):
            notebook = self._find_notebook(path)
            return Answer(notebook.read_bytes(), NOTEBOOK) if notebook else None
        if not (self._with_notebooks and path.endswith(".html")):
            return None
        notebook = self._find_notebook(f"{path.removesuffix('.html')}.ipynb")
        if not notebook:
            return None
        return Answer(_render_notebook(notebook, self._folder / PAGE, notebook.stat().st_mtime_ns), HTML)


@lru_cache(maxsize=RENDERED)
def _render_notebook(notebook: Path, report: Path, _changed: int) -> bytes:
    return render_notebook(notebook, report).encode("utf-8", errors="backslashreplace")


def _tell_state(path: Path) -> object:
    """What differs when a file has changed; None if it is missing."""
    try:
        about = stat(path)
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


class LiveServer(ThreadingHTTPServer):
    """Serves a sweep on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, sweep: LiveSweep) -> None:
        """Listens from now on; ``serve_forever`` answers. Raises OSError."""
        super().__init__((HOST, 0), _Handler)
        self.sweep = sweep
        self.token = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """The page's address, with the token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/{PAGE}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the browser has gone, as it does when a page is closed."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET for those who know the token."""

    server: LiveServer
    server_version = "colab-starter"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if not self._is_for_us() or not self._knows_token():
            self._refuse(HTTPStatus.FORBIDDEN, "The address lacks its token: copy all of it from the terminal.")
            return
        path = unquote(urlsplit(self.path).path.split("/", 2)[2])
        try:
            answer = self.server.sweep.answer(path)
        except Exception as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, " ".join(f"{type(error).__name__}: {error}".split()))
            return
        if answer is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")
        elif answer.tag and self.headers.get("If-None-Match") == answer.tag:
            self._send(HTTPStatus.NOT_MODIFIED, answer)
        else:
            self._send(HTTPStatus.OK, answer)

    def _is_for_us(self) -> bool:
        """Whether the request is for this server by its own name: not for a stranger's that leads to 127.0.0.1."""
        names = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        return self.headers.get_all("Host", []) in [[name] for name in names]

    def _knows_token(self) -> bool:
        _, _, rest = self.path.partition("/")
        given, slash, _ = rest.partition("/")
        return bool(slash) and hmac.compare_digest(given.encode(), self.server.token.encode())

    def _send(self, status: HTTPStatus, answer: Answer) -> None:
        content = b"" if status is HTTPStatus.NOT_MODIFIED else answer.content
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if answer.tag:
            self.send_header("ETag", answer.tag)
        if answer.kind == NOTEBOOK:
            self.send_header("Content-Disposition", "attachment")
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True
        self._send(status, Answer(f"{why}\n".encode("utf-8", "backslashreplace"), "text/plain; charset=utf-8"))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse other methods, and requests that are none, without HTML."""
        self._refuse(HTTPStatus(code), message or "")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a line a second would hide what matters."""


def serve_live(sweep: LiveSweep, show: Callable[[str], None]) -> None:
    """Serve the sweep until Ctrl-C; ``show`` is told the address. At once raises what ``LiveSweep.answer`` raises."""
    sweep.answer("data")
    with LiveServer(sweep) as server:
        show(server.address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
