"""Secrets: the values that no file and no line on the screen may show."""

import html
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import quote

MASK = "***"
"""What stands where a secret stood."""

SHORTEST = 6
"""Characters; a shorter value is too common in ordinary text to be masked."""

_SECRET_NAME = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|CREDENTIALS?)S?(_\d+)?\Z",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"TOKENS?\Z", re.IGNORECASE)
"""Of these, numbers are told: ``max_tokens=4096`` is no secret."""
_SECRET_VALUE = re.compile(
    r"-----BEGIN |://[^/\s:@]+:[^/\s@]+@|\b(sk|pk|rk)[-_][\w-]{16}|\bgh[opsur]_\w{16}|\bgithub_pat_|\bglpat-|\bhf_\w{16}"
    r"|\bxox[abprs]-|\b(AKIA|ASIA)[0-9A-Z]{12}|\bAIza[\w-]{16}|\beyJ[\w-]{8,}\.[\w-]+\."
)
"""Keys and tokens of well-known services, and addresses with a password in them."""
_STRUCTURE = {"cell_type", "id", "name", "output_type", "nbformat", "nbformat_minor"}
"""Keys of a notebook whose values are the format's own words."""


def find_secrets(environment: Mapping[str, str], names: Collection[str] = ()) -> list[str]:
    """The values of the variables whose name says that they are secret, and of those in ``names``.

    Values of fewer than 6 characters are left out.
    """
    found = [value for name, value in environment.items() if name in names or _SECRET_NAME.search(name)]
    return [value for value in dict.fromkeys(found) if len(value.strip()) >= SHORTEST]


def may_be_secret(name: str, value: Any) -> bool:
    """Whether a parameter is secret by its name (``api_key``), or its value by its form, whoever else knows of it."""
    if value is None or isinstance(value, bool):
        return False
    if _SECRET_NAME.search(name):
        return not (isinstance(value, int | float) and _COUNTED.search(name))
    return not isinstance(value, int | float) and _SECRET_VALUE.search(str(value)) is not None


class Mask:
    """Puts ``***`` where a secret stands, however it is written: plain, quoted, escaped, or line by line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        pieces = {piece for secret in secrets for piece in _pieces(secret)}
        self._pieces = pieces
        # The longest first: a secret may be part of another.
        self._spellings = sorted({text for piece in pieces for text in _spellings(piece)}, key=len, reverse=True)

    def __bool__(self) -> bool:
        """Is there anything to mask?"""
        return bool(self._spellings)

    def apply(self, text: str) -> str:
        """The text without the secrets."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def apply_to_bytes(self, content: bytes) -> bytes:
        """The same for a file's content in UTF-8, whatever else it holds."""
        for spelling in self._spellings:
            content = content.replace(spelling.encode("utf-8", "surrogatepass"), MASK.encode())
        return content

    def apply_to_value(self, value: Any) -> Any:
        """A copy of a JSON value without the secrets; the keys of its objects are masked as well."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self.apply(value)
        if isinstance(value, dict):
            return type(value)({self.apply_to_value(key): self.apply_to_value(item) for key, item in value.items()})
        if isinstance(value, list | tuple):
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


def _pieces(secret: str) -> list[str]:
    """The secret, and each of its lines: notebooks keep text line by line."""
    lines = [line.strip() for line in secret.splitlines()]
    return [piece for piece in dict.fromkeys([secret, secret.strip(), *lines]) if len(piece) >= SHORTEST]


def _spellings(text: str) -> set[str]:
    """As it is in a terminal, in Python source, in JSON, in HTML and in an address."""
    return {
        text,
        repr(text)[1:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
        quote(text, safe=""),
    }
