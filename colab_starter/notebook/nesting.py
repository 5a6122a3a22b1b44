"""How deeply JSON values may be nested: what reads, copies and writes them calls itself for each level."""

from typing import Any

DEEPEST = 100
"""Levels of lists and objects; Python's own functions give up at some 300 to 1,000 of them."""


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value has more levels than DEEPEST; no depth is too much for this function itself."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _list_containers(outer)]
        if not level:
            return False
    return True


def _list_containers(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    kinds = tuple(kind for kind in set(map(type, items)) if issubclass(kind, dict | list))
    return [item for item in items if isinstance(item, kinds)] if kinds else []
