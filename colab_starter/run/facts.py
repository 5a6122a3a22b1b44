"""Facts read from JSON that anyone may have edited: a line of a ledger, the metadata of a notebook.

Every function raises ValueError if a fact is of the wrong kind, and KeyError if one without a default is missing; a
damaged file must cause no other error.
"""

from collections.abc import Mapping
from typing import Any

from colab_starter.run.literals import from_json

LONGEST_NAME = 255
"""The longest file name, in bytes."""
_LARGEST = 10**15
"""No count, time or size of a run comes near this."""

Facts = Mapping[str, Any]


def read_text(facts: Facts, name: str, default: str | None = None) -> str:
    """A string; ``default`` if there is no such fact."""
    value = facts[name] if default is None else facts.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a string")
    return value


def read_file_name(facts: Facts, name: str) -> str:
    """The name of a file or folder, which cannot point outside its parent folder."""
    return check_file_name(read_text(facts, name))


def check_file_name(text: str) -> str:
    """The text, if it can be the name of a file; raises ValueError otherwise."""
    if text in {"", ".", ".."} or "/" in text or "\0" in text or len(text.encode()) > LONGEST_NAME:
        raise ValueError(f"{text!a} is not the name of a file")
    return text


def read_hash(facts: Facts, name: str) -> str:
    """A hash, which may become part of a file's name; empty if there is none."""
    text = read_text(facts, name, "")
    if text and not (text.isascii() and text.isalnum()):
        raise ValueError(f"{name} is not a hash")
    return text


def read_count(facts: Facts, name: str) -> int:
    """A whole number, at least 1."""
    value = facts[name]
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise ValueError(f"{name} is not a count")
    return value


def read_optional_number(facts: Facts, name: str) -> int | None:
    """A whole number, at least 0, or None."""
    value = facts.get(name)
    if value is not None and (type(value) is not int or not 0 <= value <= _LARGEST):
        raise ValueError(f"{name} is not a number")
    return value


def read_seconds(facts: Facts, name: str) -> float:
    """A duration in seconds; 0 if there is no such fact."""
    value = facts.get(name, 0.0)
    if type(value) not in (int, float) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{name} is not a duration")
    return float(value)


def read_values(facts: Facts, name: str, default: Facts | None = None) -> dict[str, Any]:
    """Values by name, as ``literals.to_json`` encoded them."""
    encoded = facts[name] if default is None else facts.get(name, default)
    if not isinstance(encoded, dict):
        raise ValueError(f"{name} has no names")
    try:
        return {key: from_json(value) for key, value in encoded.items()}
    except (TypeError, LookupError, OverflowError, RecursionError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from None
