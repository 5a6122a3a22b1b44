"""A Jupyter server's REST interface: starting, interrupting and ending kernels, and querying their state."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import requests

from colab_starter.errors import JupyterServerError, NoSuchKernelError
from colab_starter.run.kernels.websocket import find_authorities

ANSWER_TIMEOUT = 10.0
"""Seconds to wait for an answer that takes the server no work."""
START_TIMEOUT = 60.0
"""Seconds to wait for starting or ending a kernel."""

_GONE = (404, 410)


class Address(NamedTuple):
    """The address of a server, and the credentials for it."""

    url: str
    """With the base URL, without a trailing slash or a token."""
    headers: Mapping[str, str]


class Access(Protocol):
    """How to reach one server. It can be pickled; ``find`` is called again for each connection."""

    @property
    def name(self) -> str:
        """The name for display."""

    def find(self) -> Address:
        """The current address. Raises JupyterServerError."""

    def list_secrets(self) -> list[str]:
        """The secrets to mask: the token."""

    def explain(self, code: int) -> str:
        """What to do about a server that denies access: the HTTP status is 401, 403 or a redirect."""


class RemoteSession(NamedTuple):
    """A kernel that we have started."""

    kernel_id: str
    session_id: str
    """Empty if the server does not support sessions."""


class JupyterServer:
    """One server. All its methods raise JupyterServerError, whose ``code`` is the HTTP status, or None."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._http = requests.Session()
        self._http.verify = find_authorities()

    def list_kernelspecs(self) -> list[str] | None:
        """The names of the kernels that it can start; None if it does not say."""
        try:
            found = self._ask("GET", "kernelspecs")
        except JupyterServerError as error:
            if error.code in _GONE:
                return None
            raise
        specs = found.get("kernelspecs") if isinstance(found, dict) else None
        return sorted(specs) if isinstance(specs, dict) else None

    def check(self) -> None:
        """Check that it is a Jupyter server and grants access."""
        try:
            found = self._ask("GET", "kernels")
        except JupyterServerError as error:
            if error.code in _GONE:
                raise self._fail(_describe_wrong_place(), error.code) from None
            raise
        if not isinstance(found, list):
            raise self._fail(_describe_wrong_place())

    def start(self, name: str, label: str, kernelspec: str | None) -> RemoteSession:
        """Start a kernel. ``name`` identifies it in ``list_sessions``; ``label`` is for display.

        Raises NoSuchKernelError.
        """
        kernel = {"name": kernelspec} if kernelspec else {}
        try:
            model = {"path": name, "name": label, "type": "console", "kernel": kernel}
            made = self._ask("POST", "sessions", model, START_TIMEOUT)
            return RemoteSession(str(made["kernel"]["id"]), str(made["id"]))
        except JupyterServerError as error:
            if error.code == 501:
                raise NoSuchKernelError(self._describe_no_kernel(kernelspec)) from None
            if error.code not in (404, 405):
                raise
        made = self._ask("POST", "kernels", kernel, START_TIMEOUT)  # a kernel gateway may not support sessions
        return RemoteSession(str(made["id"]), "")

    def _describe_no_kernel(self, kernelspec: str | None) -> str:
        return f"{self.access.name} has no kernel {kernelspec!r}; there are {', '.join(self.list_kernelspecs() or ())}"

    def list_sessions(self) -> dict[str, RemoteSession]:
        """The sessions by the ``name`` with which they were started; empty if the server does not support sessions."""
        try:
            found = self._ask("GET", "sessions")
        except JupyterServerError as error:
            if error.code in _GONE:
                return {}
            raise
        return {
            str(one["path"]): RemoteSession(str(one["kernel"]["id"]), str(one["id"]))
            for one in found
            if isinstance(one, dict) and isinstance(one.get("kernel"), dict) and "path" in one
        }

    def read_state(self, kernel_id: str) -> str | None:
        """The state of a kernel, such as ``busy``, ``idle``, ``dead``; None if there is no such kernel."""
        try:
            return str(self._ask("GET", f"kernels/{kernel_id}", timeout=ANSWER_TIMEOUT / 2).get("execution_state"))
        except JupyterServerError as error:
            if error.code in _GONE:
                return None
            raise

    def interrupt(self, kernel_id: str) -> None:
        self._ask("POST", f"kernels/{kernel_id}/interrupt")

    def end(self, session: RemoteSession, timeout: float = START_TIMEOUT) -> None:
        """End a kernel, even one that is already gone. After a timeout, the server still continues to end it."""
        place = f"sessions/{session.session_id}" if session.session_id else f"kernels/{session.kernel_id}"
        try:
            self._ask("DELETE", place, timeout=timeout)
        except JupyterServerError as error:
            if error.code not in _GONE:
                raise

    def channels_url(self, kernel_id: str, client_session: str) -> Address:
        """The address of the kernel's websocket; a client that reconnects with the same session gets what it missed."""
        address = self.access.find()
        url = f"ws{address.url.removeprefix('http')}/api/kernels/{kernel_id}/channels?session_id={client_session}"
        return Address(url, address.headers)

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, content: Any = None, timeout: float | None = None) -> Any:
        timeout = ANSWER_TIMEOUT if timeout is None else timeout
        address = self.access.find()

        def add_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers.update(address.headers)  # like ``auth``, so that no .netrc replaces them
            return request

        try:
            answer = self._http.request(
                method,
                f"{address.url}/api/{path}",
                json=content,
                auth=add_headers,
                timeout=timeout,
                allow_redirects=False,
            )
            self._check(answer)
            return answer.json() if answer.content else None
        except requests.exceptions.SSLError as error:
            remedy = "is it https? For a certificate of your own, name its authority's file in REQUESTS_CA_BUNDLE"
            raise self._fail(f"no TLS connection ({_find_reason(error)}); {remedy}") from None
        except requests.exceptions.Timeout:
            raise self._fail(
                f"no answer in {timeout:.0f} s; is it running, and is it {address.url.partition(':')[0]}?"
            ) from None
        except requests.exceptions.JSONDecodeError:
            raise self._fail(_describe_wrong_place()) from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise self._fail(
                f"cannot be reached ({_find_reason(error)}); is it running, and the address right?"
            ) from None

    def _check(self, answer: requests.Response) -> None:
        code = answer.status_code
        if code in (401, 403) or 300 <= code < 400:
            raise self._fail(self.access.explain(code), code)
        if code >= 400:
            raise self._fail(f"it answered with status {code}{_find_message(answer)}", code)

    def _fail(self, what: str, code: int | None = None) -> JupyterServerError:
        return JupyterServerError(f"{self.access.name}: {what}", code)


def _describe_wrong_place() -> str:
    return "there is no Jupyter server at this address; `jupyter server list` prints it, with its base URL"


def _find_message(answer: requests.Response) -> str:
    try:
        found = answer.json()
        message = found.get("message") or found.get("reason")
    except (ValueError, AttributeError):
        message = None
    return f": {' '.join(str(message).split())[:200]}" if message else ""


def _find_reason(error: BaseException) -> str:
    """The system's own error, which libraries wrap several times."""
    inner = error
    while True:
        reason = getattr(inner, "reason", None) or next((one for one in inner.args if isinstance(one, Exception)), None)
        if not isinstance(reason, BaseException):
            break
        inner = reason
    text = getattr(inner, "verify_message", "") or getattr(inner, "strerror", "") or str(inner)
    line = " ".join(str(text).split()).rpartition(": ")[2]
    return re.sub(r"^\[Errno -?\d+\] ", "", line)[:120] or type(inner).__name__
