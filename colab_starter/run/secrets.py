"""Secrets: values that must not appear in any file or on the screen."""

import html
import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from colab_starter.credentials import ISSUED, MAY_BE_SECRET
from colab_starter.text import strip_colours

MASK = "***"
"""What replaces a secret."""

SHORTEST = 6
"""In characters; shorter values are too common in ordinary text to be masked."""

_EXCERPT = 8
"""How many leading characters of a secret identify an excerpt of it in an error line."""

_ALWAYS_SECRET = (
    "PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIAL|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|ACCOUNT_?KEY"
)
_SECRET_NAME = re.compile(
    rf"(?:{_ALWAYS_SECRET}|TOKEN|SECRET|CONNECTION_?STRING|WEBHOOK(?:_?URL)?"
    r"|(?:^|_)(?:PAT|PASS|PW|PWD|AUTH|AUTHORIZATION|BEARER|JWT|COOKIE|SAS|KEY)"
    r")S?_?\d*\Z",
    re.IGNORECASE,
)
_NO_SECRET_NAME = re.compile(r"PWD|.*PUBLIC_?KEYS?", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(
    rf"(?:{_ALWAYS_SECRET}|(?:^|_)(?:PAT|SECRET)"
    r"|(?:ACCESS|API|AUTH|BEARER|BOT|GH|GITHUB|GITLAB|HF|HUB|KAGGLE|REFRESH|SECRET|SESSION|WANDB)_?TOKEN"
    r")S?_?\d*\Z",
    re.IGNORECASE,
)
"""Narrower than for the environment: people vary ``pad_token``, ``max_tokens`` and ``sort_key``."""
_COUNTED = re.compile(r"TOKENS?\Z", re.IGNORECASE)
"""For these, numbers are shown: ``max_tokens=4096`` is not a secret."""
_AUTHORITY = re.compile(r"([a-z][a-z0-9+.-]*)://([^\s/?#\"'<>]*)@", re.IGNORECASE)
_UNQUOTED = re.compile(r"(?<![a-z0-9+.-])(?!https?:)[a-z][a-z0-9+.-]*://[^\s:/?#@]*:(\S+)@", re.IGNORECASE)
"""A password containing an unquoted slash or hash; databases accept it as it is."""
_ASSIGNED = re.compile(
    r"(?:^|[;&?,\s])(?:password|passwd|pwd|accountkey|sharedaccesskey|sharedaccesssignature|secret|sig|token"
    r"|access_token|api_?key|client_secret)\s*=\s*('[^']*'|\"[^\"]*\"|[^;&\s]+)",
    re.IGNORECASE,
)
"""Passwords in connection strings and in the query strings of addresses."""
_STRUCTURE = {"cell_type", "id", "name", "output_type", "nbformat", "nbformat_minor"}
"""Keys of a notebook whose values are the format's own words."""


def make_mask(
    environment: Mapping[str, str],
    names: Collection[str] = (),
    parameters: Mapping[str, Any] | None = None,
    addresses: Iterable[str] = (),
) -> "Mask":
    """The mask for everything that is written about a run.

    ``names`` are those given with ``--secret``, of variables or parameters. The passwords in ``addresses`` are also
    secret.
    """
    found = find_secrets(environment, names)
    found += find_parameter_secrets(parameters or {}, names)
    found += [secret for address in addresses for secret in _find_in_addresses(address)]
    return Mask(found)


def hide_password(address: str) -> str:
    """The address without its password."""
    return make_mask({}, addresses=[address]).apply(address)


def find_secrets(environment: Mapping[str, str], names: Collection[str] = ()) -> list[str]:
    """The values of the variables whose names say that they are secret, and of those in ``names``.

    From other variables, the passwords in addresses and connection strings (``DATABASE_URL``), and tokens recognisable
    by their prefix. Values of fewer than 6 characters are left out.
    """
    found: list[str] = []
    for name, value in environment.items():
        if name in names or is_secret_name(name):
            found += [value, *_find_in_json(value)]
        elif ISSUED.fullmatch(value):
            found.append(value)
        if "://" in value or "=" in value:
            found += [*_find_in_addresses(value), *_find_assigned(value)]
    return _keep_long(found)


def find_parameter_secrets(parameters: Mapping[str, Any], names: Collection[str] = ()) -> list[str]:
    """The strings in parameters called ``api_key``, ``password`` and the like, or listed in ``names``."""
    found: list[str] = []
    for name, value in parameters.items():
        is_secret = name in names or is_secret_parameter(name)
        for text in _list_texts(value):
            if is_secret or ISSUED.fullmatch(text):
                found.append(text)
            if "://" in text:
                found += _find_in_addresses(text)
    return _keep_long(found)


def is_secret_name(name: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _NO_SECRET_NAME.fullmatch(name)


@lru_cache(maxsize=1000)
def is_secret_parameter(name: str) -> bool:
    """Whether a parameter of this name holds a secret."""
    return bool(_SECRET_PARAMETER.search(name))


def may_be_secret(name: str, value: Any) -> bool:
    """Whether a parameter looks secret by its name (``api_key``) or by the form of its value.

    If in doubt, it is: this is for the names of folders, which can do without the value.
    """
    if value is None or isinstance(value, bool):
        return False
    if is_secret_parameter(name):
        return True
    if isinstance(value, int | float):
        return False
    return _COUNTED.search(name) is not None or MAY_BE_SECRET.search(str(value)) is not None


def _keep_long(secrets: Iterable[str]) -> list[str]:
    return [secret for secret in dict.fromkeys(secrets) if len(secret.strip()) >= SHORTEST]


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _list_texts(item))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (text for item in value for text in _list_texts(item))


def _find_in_addresses(text: str) -> Iterator[str]:
    """Passwords, both as written and decoded; for web addresses, also a token in place of the user."""
    for scheme, userinfo in _AUTHORITY.findall(text):
        user, colon, password = userinfo.partition(":")
        if not colon:
            password = user if scheme.lower() in ("http", "https") and len(user) >= 16 else ""
        if password and len(password) < SHORTEST:
            yield f"{user}:{password}@"  # too short to be masked elsewhere
        yield from (password, unquote(password))
    for password in _UNQUOTED.findall(text):
        yield from (password, unquote(password))


def _find_assigned(text: str) -> Iterator[str]:
    for value in _ASSIGNED.findall(text):
        yield value.strip("'\"")
        yield unquote(value.strip("'\""))


def _find_in_json(text: str) -> Iterator[str]:
    """The secret parts of a JSON object, such as a service account's key, which are used on their own."""
    if text.lstrip().startswith("{"):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return
        yield from _find_named(content)


def _find_named(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for name, value in content.items():
            if isinstance(value, str) and is_secret_name(name):
                yield value
            yield from _find_named(value)
    elif isinstance(content, list):
        for item in content:
            yield from _find_named(item)


class Mask:
    """Replaces secrets with ``***``, however they are written: plain, quoted, escaped, or line by line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        pieces = {piece for secret in secrets for piece in _pieces(secret)}
        self._pieces = pieces
        # Longest first: one secret may be part of another.
        self._spellings = sorted({text for piece in pieces for text in _spellings(piece)}, key=len, reverse=True)
        self._lengths = [-len(spelling) for spelling in self._spellings]

    def __bool__(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self._spellings)

    @cached_property
    def encoded(self) -> list[bytes]:
        """Everything that is masked, in UTF-8, longest first."""
        return [spelling.encode("utf-8", "surrogatepass") for spelling in self._spellings]

    def apply(self, text: str) -> str:
        """The text without the secrets; if there are colour codes inside a secret, all colours are removed."""
        masked = self._replace(text)
        if "\x1b" not in masked or not self._spellings:
            return masked
        plain = strip_colours(masked)
        without = self._replace(plain)
        return masked if without == plain else without

    def _replace(self, text: str) -> str:
        # Most texts are shorter than most lines of a private key.
        for spelling in self._spellings[bisect_left(self._lengths, -len(text)) :]:
            text = text.replace(spelling, MASK)
        return text

    def apply_to_bytes(self, content: bytes) -> bytes:
        """Like ``apply``, for a file's content in UTF-8, whatever else it holds."""
        for spelling in self.encoded:
            content = content.replace(spelling, MASK.encode())
        return content

    def apply_to_excerpt(self, text: str) -> str:
        """Like ``apply``, for text in which values may have been cut: the beginning of a secret is masked too."""
        text = self.apply(text)
        for spelling in self._spellings:
            if len(spelling) > _EXCERPT:
                text = _mask_beginnings(text, spelling)
        return text

    def apply_to_value(self, value: Any) -> Any:
        """A copy of a JSON or parameter value without the secrets; the keys of objects are masked too."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self.apply(value)
        if isinstance(value, bytes):
            return self.apply_to_bytes(value)
        if isinstance(value, dict):
            return type(value)({self.apply_to_value(key): self.apply_to_value(item) for key, item in value.items()})
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)([self.apply_to_value(item) for item in value])
        return MASK if str(value) in self._pieces else value

    def apply_to_cell(self, cell: Any) -> Any:
        """A copy of a notebook's cell, or of any part of a notebook, that remains valid.

        The format's own words are kept, even if a password happens to be ``stream``.
        """
        if not self._spellings:
            return cell
        if isinstance(cell, dict):
            return type(cell)({key: self._apply_to_field(key, value) for key, value in cell.items()})
        if isinstance(cell, list):
            return [self.apply_to_cell(item) for item in cell]
        return self.apply_to_value(cell)

    def _apply_to_field(self, key: str, value: Any) -> Any:
        if key in _STRUCTURE and not isinstance(value, dict | list):
            return value
        return self.apply_to_value(value) if key in ("data", "parameters", "state") else self.apply_to_cell(value)


class StreamMask:
    """Masks text that arrives in pieces: a secret may begin in one and end in the next.

    What may be the beginning of a secret is held back until that is decided; it is shorter than the longest secret.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self.kept = b""
        """What may be the beginning of a secret."""

    def feed(self, piece: bytes) -> bytes:
        """Take a piece; returns what can now be shown."""
        if not self._mask:
            return piece
        text = self.kept + piece
        cut = self._find_cut(text)
        self.kept = text[cut:]
        return self._mask.apply_to_bytes(text[:cut])

    def end(self) -> bytes:
        """End the stream; returns the rest. The beginning of a secret is masked like the whole."""
        kept, self.kept = self.kept, b""
        return MASK.encode() if len(kept) >= SHORTEST else kept

    def _find_cut(self, text: bytes) -> int:
        """Where what can be shown ends: the rest may begin a secret, and no secret spans the cut."""
        cut = min((_find_beginning(text, spelling) for spelling in self._mask.encoded), default=len(text))
        while True:
            before = [_find_across(text, spelling, cut) for spelling in self._mask.encoded]
            if min(before) == cut:
                return cut
            cut = min(before)

    def feed_text(self, piece: str) -> str:
        """Like ``feed``, for text."""
        return self.feed(piece.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def end_text(self) -> str:
        """Like ``end``, for text."""
        return self.end().decode("utf-8", "surrogatepass")


def _find_beginning(text: bytes, spelling: bytes) -> int:
    """Where a suffix of the text that begins the spelling starts; the text's length if there is none."""
    start = max(0, len(text) - len(spelling) + 1)
    while (start := text.find(spelling[:1], start)) >= 0:
        if spelling.startswith(text[start:]):
            return start
        start += 1
    return len(text)


def _find_across(text: bytes, spelling: bytes, cut: int) -> int:
    """Where an occurrence of the spelling that spans the cut starts; the cut itself if there is none."""
    start = text.find(spelling, max(0, cut - len(spelling) + 1), cut + len(spelling) - 1)
    return start if 0 <= start < cut else cut


def _mask_beginnings(text: str, spelling: str) -> str:
    beginning = spelling[:_EXCERPT]
    while (start := text.find(beginning)) >= 0:
        end = start + _EXCERPT
        while end < len(text) and end - start < len(spelling) and text[end] == spelling[end - start]:
            end += 1
        text = text[:start] + MASK + text[end:]
    return text


def _pieces(secret: str) -> list[str]:
    """The secret and each of its lines: notebooks store text line by line."""
    lines = [line.strip() for line in secret.splitlines()]
    in_one_line = " ".join(secret.split())
    return [piece for piece in dict.fromkeys([secret, secret.strip(), in_one_line, *lines]) if len(piece) >= SHORTEST]


def _spellings(text: str) -> set[str]:
    """The text as written in a terminal, in Python source, in JSON, in HTML and in an address."""
    in_source = repr(text)[1:-1]
    return {
        text,
        in_source,
        repr(in_source)[1:-1],
        text.replace("\\", "\\\\").replace("'", "\\'"),
        ascii(text)[1:-1],
        repr(text.encode("utf-8", "surrogatepass"))[2:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
        html.escape(text, quote=False),
        html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        quote(text, safe="", errors="replace"),
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
    }
