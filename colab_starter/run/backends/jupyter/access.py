"""The Jupyter servers that the user names, and the token for them."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from colab_starter.errors import WrongOptionError
from colab_starter.run.kernels.jupyter_server import Address

TOKEN_VARIABLE = "JUPYTER_TOKEN"
_REMEDY = f"put it into the variable {TOKEN_VARIABLE}, or into a file for --token-file"


@dataclass(frozen=True)
class TokenAccess:
    """A server with a fixed address and token."""

    url: str
    token: str = ""

    def __repr__(self) -> str:
        return f"TokenAccess({self.url!r})"

    @property
    def name(self) -> str:
        return self.url

    def find(self) -> Address:
        return Address(self.url, {"Authorization": f"token {self.token}"} if self.token else {})

    def list_secrets(self) -> list[str]:
        return [self.token] if self.token else []

    def explain(self, code: int) -> str:
        if 300 <= code < 400:
            return "it redirects to another page, usually a login; give the address of the server itself, and its token"
        if self.token:
            return f"it does not take the token; `jupyter server list` prints the right one: {_REMEDY}"
        return f"it wants a token (a password will not do); `jupyter server list` prints it: {_REMEDY}"


def read_servers(addresses: list[str], token_file: Path | None) -> list[TokenAccess]:
    """The servers from ``--server``, with the token from ``--token-file`` or the environment. Raises
    WrongOptionError."""
    if not addresses:
        raise WrongOptionError("--backend jupyter needs the address of a Jupyter server: --server http://host:8888")
    token = _read_token(token_file)
    return [TokenAccess(url, token) for url in dict.fromkeys(map(_clean_address, addresses))]


def _clean_address(address: str) -> str:
    try:
        parts = urlsplit(address.strip())
        has_secret = bool(parts.password or parts.username or parse_qs(parts.query).get("token"))
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        has_secret, has_host = "token=" in address or "@" in address, False
    if has_secret:
        raise WrongOptionError(f"--server with a token or password would show it to all users (ps); {_REMEDY}")
    if not has_host or parts.scheme not in ("http", "https"):
        raise WrongOptionError(f"--server {address!r} is not an address such as http://host:8888/base")
    path = parts.path.rstrip("/")
    for page in ("/lab", "/tree", "/api"):  # an address copied from a browser
        path = path.removesuffix(page)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _read_token(path: Path | None) -> str:
    if path is None:
        place, token = TOKEN_VARIABLE, os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            return ""
    else:
        place = f"--token-file {path}"
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "it is not text")
            raise WrongOptionError(f"{place} cannot be read ({reason})") from None
    if len(token.split()) != 1 or not (token.isascii() and token.isprintable()):
        raise WrongOptionError(f"{place} does not hold a token: one word, and nothing else")
    return token
