"""Secrets: the values that no file and no line on the screen may show."""

import html
import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from colab_starter.credentials import ISSUED, MAY_BE_SECRET

MASK = "***"
"""What stands where a secret stood."""

SHORTEST = 6
"""Characters; a shorter value is too common in ordinary text to be masked."""

_EXCERPT = 8
"""Characters of the beginning of a secret by which an error line's excerpt of it is known."""

_SECRET_NAME = re.compile(
    r"(?:"
    r"(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIAL"
    r"|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|ACCOUNT_?KEY|CONNECTION_?STRING|WEBHOOK(?:_?URL)?)"
    r"|(?:^|_)(?:PAT|PASS|PW|PWD|AUTH|AUTHORIZATION|BEARER|JWT|COOKIE|SAS|KEY)"
    r")S?_?\d*\Z",
    re.IGNORECASE,
)
_NO_SECRET_NAME = re.compile(r"PWD|.*PUBLIC_?KEYS?", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(
    r"(?:"
    r"PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIAL|(?:^|_)PAT|(?:^|_)SECRET"
    r"|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|ACCOUNT_?KEY"
    r"|(?:ACCESS|API|AUTH|BEARER|BOT|GH|GITHUB|GITLAB|HF|HUB|KAGGLE|REFRESH|SECRET|SESSION|WANDB)_?TOKEN"
    r")S?_?\d*\Z",
    re.IGNORECASE,
)
"""Narrower than for the environment: ``pad_token``, ``max_tokens`` and ``sort_key`` are what people vary."""
_COUNTED = re.compile(r"TOKENS?\Z", re.IGNORECASE)
"""Of these, numbers are told: ``max_tokens=4096`` is no secret."""
_AUTHORITY = re.compile(r"([a-z][a-z0-9+.-]*)://([^\s/?#\"'<>]*)@", re.IGNORECASE)
_UNQUOTED = re.compile(r"(?<![a-z0-9+.-])(?!https?:)[a-z][a-z0-9+.-]*://[^\s:/?#@]*:(\S+)@", re.IGNORECASE)
"""A password with a slash or a hash in it, which should have been quoted; databases take it as it is."""
_ASSIGNED = re.compile(
    r"(?:^|[;&?,\s])(?:password|passwd|pwd|accountkey|sharedaccesskey|sharedaccesssignature|secret|sig|token"
    r"|access_token|api_?key|client_secret)\s*=\s*('[^']*'|\"[^\"]*\"|[^;&\s]+)",
    re.IGNORECASE,
)
"""In connection strings and the queries of addresses."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_STRUCTURE = {"cell_type", "id", "name", "output_type", "nbformat", "nbformat_minor"}
"""Keys of a notebook whose values are the format's own words."""


def make_mask(
    environment: Mapping[str, str],
    names: Collection[str] = (),
    parameters: Mapping[str, Any] | None = None,
    addresses: Iterable[str] = (),
) -> "Mask":
    """The mask for whatever is written of a run.

    ``names`` are those behind ``--secret``; they may be of variables or of parameters. The passwords in
    ``addresses`` are secret, too.
    """
    found = find_secrets(environment, names)
    found += find_parameter_secrets(parameters or {}, names)
    found += [secret for address in addresses for secret in _find_in_addresses(address)]
    return Mask(found)


def hide_password(address: str) -> str:
    """An address without the password in it."""
    return make_mask({}, addresses=[address]).apply(address)


def find_secrets(environment: Mapping[str, str], names: Collection[str] = ()) -> list[str]:
    """The values of the variables whose name says that they are secret, and of those in ``names``.

    Of other variables, the passwords in addresses and connection strings (``DATABASE_URL``), and tokens that are
    known by how they begin. Values of fewer than 6 characters are left out.
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
    """The texts in parameters that are called ``api_key``, ``password`` and the like, or are in ``names``."""
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
    """Whether a parameter is secret by its name (``api_key``), or its value by its form, whoever else knows of it.

    In doubt it is: this is for names of folders, which do without the value.
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
    """Passwords, as they are written and what they stand for; of web addresses also a token in the user's place."""
    for scheme, userinfo in _AUTHORITY.findall(text):
        user, colon, password = userinfo.partition(":")
        if not colon:
            password = user if scheme.lower() in ("http", "https") and len(user) >= 16 else ""
        if password and len(password) < SHORTEST:
            yield f"{user}:{password}@"  # too short to be masked anywhere else
        yield from (password, unquote(password))
    for password in _UNQUOTED.findall(text):
        yield from (password, unquote(password))


def _find_assigned(text: str) -> Iterator[str]:
    for value in _ASSIGNED.findall(text):
        yield value.strip("'\"")
        yield unquote(value.strip("'\""))


def _find_in_json(text: str) -> Iterator[str]:
    """What is secret in a JSON object, such as the key of a service account: it is used apart from the rest."""
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
    """Puts ``***`` where a secret stands, however it is written: plain, quoted, escaped, or line by line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        pieces = {piece for secret in secrets for piece in _pieces(secret)}
        self._pieces = pieces
        # The longest first: a secret may be part of another.
        self._spellings = sorted({text for piece in pieces for text in _spellings(piece)}, key=len, reverse=True)
        self._lengths = [-len(spelling) for spelling in self._spellings]

    def __bool__(self) -> bool:
        """Is there anything to mask?"""
        return bool(self._spellings)

    @cached_property
    def encoded(self) -> list[bytes]:
        """All that is masked, in UTF-8, the longest first."""
        return [spelling.encode("utf-8", "surrogatepass") for spelling in self._spellings]

    def apply(self, text: str) -> str:
        """The text without the secrets; colours in the middle of a secret cost the text all its colours."""
        masked = self._replace(text)
        if "\x1b" not in masked or not self._spellings:
            return masked
        plain = _ANSI.sub("", masked)
        without = self._replace(plain)
        return masked if without == plain else without

    def _replace(self, text: str) -> str:
        # Most texts are shorter than most lines of a private key.
        for spelling in self._spellings[bisect_left(self._lengths, -len(text)) :]:
            text = text.replace(spelling, MASK)
        return text

    def apply_to_bytes(self, content: bytes) -> bytes:
        """The same for a file's content in UTF-8, whatever else it holds."""
        for spelling in self.encoded:
            content = content.replace(spelling, MASK.encode())
        return content

    def apply_to_excerpt(self, text: str) -> str:
        """The same for text in which values may have been cut: the beginning of a secret is masked as well."""
        text = self.apply(text)
        for spelling in self._spellings:
            if len(spelling) > _EXCERPT:
                text = _mask_beginnings(text, spelling)
        return text

    def apply_to_value(self, value: Any) -> Any:
        """A copy of a JSON value, or of a parameter's, without the secrets; the keys of its objects are masked, too."""
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
        """A copy of a notebook's cell, or of any part of a notebook, that is still one.

        The format's own words stay, even where somebody's password is ``stream``.
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
    """Masks what comes in pieces: a secret may begin in one of them and end in the next.

    What may be the beginning of a secret is kept until it is known whether it is one; that is less than the
    longest secret has.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self.kept = b""
        """What may be the beginning of a secret."""

    def feed(self, piece: bytes) -> bytes:
        """What can be shown after this piece."""
        if not self._mask:
            return piece
        text = self.kept + piece
        cut = self._find_cut(text)
        self.kept = text[cut:]
        return self._mask.apply_to_bytes(text[:cut])

    def end(self) -> bytes:
        """The rest: nothing more comes. The beginning of a secret is masked as the whole of it is."""
        kept, self.kept = self.kept, b""
        return MASK.encode() if len(kept) >= SHORTEST else kept

    def _find_cut(self, text: bytes) -> int:
        """The end of what can be shown: what follows begins a secret, and no secret reaches across it."""
        cut = min((_find_beginning(text, spelling) for spelling in self._mask.encoded), default=len(text))
        while True:
            before = [_find_across(text, spelling, cut) for spelling in self._mask.encoded]
            if min(before) == cut:
                return cut
            cut = min(before)

    def feed_text(self, piece: str) -> str:
        """As ``feed``, for text."""
        return self.feed(piece.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def end_text(self) -> str:
        """As ``end``, for text."""
        return self.end().decode("utf-8", "surrogatepass")


def _find_beginning(text: bytes, spelling: bytes) -> int:
    """Where the end of the text begins to be the beginning of the spelling; the text's length if it does not."""
    start = max(0, len(text) - len(spelling) + 1)
    while (start := text.find(spelling[:1], start)) >= 0:
        if spelling.startswith(text[start:]):
            return start
        start += 1
    return len(text)


def _find_across(text: bytes, spelling: bytes, cut: int) -> int:
    """Where a spelling begins that reaches across the cut; the cut itself if none does."""
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
    """The secret, and each of its lines: notebooks keep text line by line."""
    lines = [line.strip() for line in secret.splitlines()]
    in_one_line = " ".join(secret.split())
    return [piece for piece in dict.fromkeys([secret, secret.strip(), in_one_line, *lines]) if len(piece) >= SHORTEST]


def _spellings(text: str) -> set[str]:
    """As it is in a terminal, in Python source, in JSON, in HTML and in an address."""
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
