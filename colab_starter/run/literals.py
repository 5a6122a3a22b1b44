"""Values that can be written and read back: as Python source for a notebook, as JSON for the ledger.

They are None, bool, int, float, complex, str, bytes, and lists, tuples, dicts, sets and frozensets of them. Anything
that merely resembles one of these (a NumPy number, a named tuple, an Enum) is refused, because it would come back as
something else.
"""

import base64
import json
import math
from collections.abc import Callable
from typing import Any

from colab_starter.errors import UnwritableValueError

_DEEPEST = 50
"""The deepest nesting of brackets; Python's own parser gives up at 200."""

_MARK = "$"
"""The key that marks a value with no JSON form: ``{"$": "tuple", "of": [1, 2]}``."""

_encode_canonically = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Like ``json.dumps`` with these options, which would make an encoder for each call."""


def to_source(value: Any) -> str:
    """Python source that evaluates to the value; raises UnwritableValueError if there is none.

    The items of sets are sorted, those of dicts keep their order.
    """
    return _write(value, 0)


def to_json(value: Any) -> Any:
    """A form that ``json.dumps`` turns into strict JSON and ``from_json`` back into the value, types included.

    Raises UnwritableValueError for a value that cannot be restored.
    """
    return _encode(value, 0)


def from_json(encoded: Any) -> Any:
    """The value that ``to_json`` encoded."""
    if isinstance(encoded, list):
        return [item if type(item) is float else from_json(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    if _MARK not in encoded:
        return {key: from_json(item) for key, item in encoded.items()}
    return _DECODERS[encoded[_MARK]](encoded["of"])


def to_canonical(value: Any) -> str:
    """A string for hashing, the same for equal values of equal types, regardless of the order of dict keys."""
    return _encode_canonically(to_json(value))


def _write(value: Any, depth: int) -> str:
    kind = type(value)
    if kind in _SCALAR_SOURCES:
        return _SCALAR_SOURCES[kind](value)
    _refuse_unless_container(value, depth)
    if kind is dict:
        items = [f"{_write(key, depth + 1)}: {_write(item, depth + 1)}" for key, item in value.items()]
        return f"{{{', '.join(items)}}}"
    items = [_write(item, depth + 1) for item in value]
    if kind is list:
        return f"[{', '.join(items)}]"
    if kind is tuple:
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    inner = f"{{{', '.join(sorted(items))}}}" if items else ""
    return inner if kind is set and items else f"{kind.__name__}({inner})"


def _encode(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is float and math.isfinite(value):
        return value
    if kind in _SCALAR_SOURCES:
        return _encode_scalar(value)
    _refuse_unless_container(value, depth)
    if kind is list:
        return [_encode(item, depth + 1) for item in value]
    if kind is tuple:
        return {_MARK: "tuple", "of": [_encode(item, depth + 1) for item in value]}
    if kind is dict:
        pairs = [(_encode(key, depth + 1), _encode(item, depth + 1)) for key, item in value.items()]
        plain = _MARK not in value and all(type(key) is str for key in value)
        return dict(pairs) if plain else {_MARK: "dict", "of": [list(pair) for pair in pairs]}
    ordered = sorted(value, key=to_source)
    return {_MARK: kind.__name__, "of": [_encode(item, depth + 1) for item in ordered]}


def _encode_scalar(value: Any) -> Any:
    _SCALAR_SOURCES[type(value)](value)
    if isinstance(value, complex):
        return {_MARK: "complex", "of": [_encode_scalar(value.real), _encode_scalar(value.imag)]}
    if isinstance(value, bytes):
        return {_MARK: "bytes", "of": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {_MARK: "float", "of": repr(value)}
    return value


def _refuse_unless_container(value: Any, depth: int) -> None:
    if type(value) not in (list, tuple, dict, set, frozenset):
        raise UnwritableValueError(
            f"a value of the type {type(value).__qualname__} does not survive in a notebook; "
            "give a number, a text, True, False, None, or a list, tuple, dict or set of them"
        )
    if depth >= _DEEPEST:
        raise UnwritableValueError(f"a value is nested more than {_DEEPEST} deep; make it flatter")


def _write_int(value: int) -> str:
    try:
        return repr(value)
    except ValueError:
        raise UnwritableValueError("an int has more digits than Python writes; give a smaller one") from None


def _write_float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value!r}")'


def _write_complex(value: complex) -> str:
    return f"complex({_write_float(value.real)}, {_write_float(value.imag)})"


def _write_text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnwritableValueError(f"the text {value!a} contains bytes that are not UTF-8; write it in UTF-8") from None
    return repr(value)


_SCALAR_SOURCES: dict[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: _write_int,
    float: _write_float,
    complex: _write_complex,
    str: _write_text,
    bytes: repr,
}

_DECODERS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda items: tuple(from_json(item) for item in items),
    "set": lambda items: {from_json(item) for item in items},
    "frozenset": lambda items: frozenset(from_json(item) for item in items),
    "dict": lambda pairs: {from_json(key): from_json(item) for key, item in pairs},
    "complex": lambda parts: complex(from_json(parts[0]), from_json(parts[1])),
    "bytes": base64.b64decode,
    "float": float,
}
