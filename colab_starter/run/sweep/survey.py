"""Surveying a sweep's YAML before anything is built from it, so that an excessive file is not read to its end."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.options import LARGEST_SWEEP, TOO_MANY

DEEPEST = 50
TOO_DEEP = f"nested more than {DEEPEST} deep; make it flatter"
MOST_NAMES = 10_000
"""In parameters of a run; more are taken for a mistake."""
_LARGEST_TREE = 2_000_000
"""In values, including those repeated by YAML aliases, a few bytes of which can stand for billions."""
_PARTS = {"list": "rows", "grid": "axes", "fixed": "names", "search": "names"}


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun but not ended yet."""

    is_mapping: bool
    role: str
    """``root``, ``rows``, ``axes``, ``axis``, ``names``; empty inside a value."""
    anchor: str | None
    before: int
    """The number of values before it."""
    items: int = 0
    """The number so far, including a mapping's names."""
    name: str = ""
    """The latest name in a mapping."""


class Survey:
    """Counts the runs and values that a file stands for, from the parser's stream of events."""

    def __init__(self, path: Path, replaced: Collection[str] = ()) -> None:
        """The values of ``replaced`` names do not count, because others are used instead."""
        self._path = path
        self._replaced = replaced
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[int, int] | None] = {}
        """How many values and items each anchor stands for; None while inside it."""
        self._values = 0
        self._combinations = 1
        """The number of combinations of the grid's values so far."""
        self._documents = 0

    def look_through(self, events: Iterable[Any]) -> None:
        """Raise ParameterError as soon as the events cannot be a sweep, or are too many."""
        import yaml

        takers = {
            yaml.ScalarEvent: self._take_scalar,
            yaml.AliasEvent: self._take_alias,
            yaml.SequenceStartEvent: self._begin_list,
            yaml.MappingStartEvent: self._begin_mapping,
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
            yaml.DocumentStartEvent: self._begin_document,
        }
        for event in events:
            taker = takers.get(type(event))
            if taker:
                taker(event)

    def _begin_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise ParameterError(f"{self._path} holds several documents (---); put each into a file of its own")

    def _take_scalar(self, event: Any) -> None:
        if event.tag:
            self._check_tag(event)
        self._add(event, 1)
        if event.anchor:
            self._anchors[event.anchor] = (1, 1)
        parent = self._open[-1] if self._open else None
        if parent and parent.is_mapping and parent.items % 2:
            parent.name = event.value

    def _take_alias(self, event: Any) -> None:
        known = self._anchors.get(event.anchor, (1, 1))  # the parser reports an undefined alias
        if known is None:
            self._refuse(event, "an alias (*) stands for what it is in; write the values out")
        values, items = known
        self._add(event, values)
        parent = self._open[-1] if self._open else None
        if parent and parent.role == "axes" and parent.items % 2 == 0:
            self._add_axis(event, parent.name, items)

    def _begin_list(self, event: Any) -> None:
        self._begin(event, is_mapping=False)

    def _begin_mapping(self, event: Any) -> None:
        self._begin(event, is_mapping=True)

    def _begin(self, event: Any, *, is_mapping: bool) -> None:
        self._check_tag(event)
        role = self._find_role(is_mapping=is_mapping)
        self._add(event, 1)
        self._open.append(_Open(is_mapping, role, event.anchor, self._values))
        if len(self._open) > DEEPEST:
            self._refuse(event, TOO_DEEP)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _check_tag(self, event: Any) -> None:
        if event.tag not in (None, "!"):
            self._refuse(event, f"tags such as {event.tag} are not taken; types come from the notebook")

    def _find_role(self, *, is_mapping: bool) -> str:
        if not self._open:
            return "root" if is_mapping else ""
        parent = self._open[-1]
        if parent.role == "root" and parent.items % 2:
            role = _PARTS.get(parent.name, "")
            return role if is_mapping is (role != "rows") else ""
        if parent.role == "axes" and parent.items % 2:
            return "" if is_mapping else "axis"
        return "names" if parent.role == "rows" and is_mapping else ""

    def _end(self, event: Any) -> None:
        ended = self._open.pop()
        if ended.anchor:
            self._anchors[ended.anchor] = (1 + self._values - ended.before, ended.items)
        if ended.role == "axis":
            self._add_axis(event, self._open[-1].name, ended.items)

    def _add_axis(self, event: Any, name: str, items: int) -> None:
        if name not in self._replaced:
            self._combinations *= max(1, items)
            self._check_runs(event, self._combinations)

    def _add(self, event: Any, values: int) -> None:
        """Count one more item, which stands for ``values`` values."""
        self._values += values
        if self._values > _LARGEST_TREE:
            self._refuse(event, f"more than {_LARGEST_TREE:,} values, with those that aliases (*) repeat; write less")
        if not self._open:
            return
        parent = self._open[-1]
        parent.items += 1
        if not parent.role:
            return
        if parent.role == "rows":
            self._check_runs(event, parent.items)
        elif parent.role == "axis" and self._open[-2].name not in self._replaced:
            self._check_runs(event, parent.items * self._combinations)
        elif parent.items > 2 * MOST_NAMES and parent.role in ("axes", "names"):
            self._refuse(event, f"more than {MOST_NAMES:,} names for a run; write less")

    def _check_runs(self, event: Any, runs: int) -> None:
        if runs > LARGEST_SWEEP:
            self._refuse(event, TOO_MANY)

    def _refuse(self, event: Any, why: str) -> NoReturn:
        raise ParameterError(f"{self._path}, line {event.start_mark.line + 1}: {why}")
