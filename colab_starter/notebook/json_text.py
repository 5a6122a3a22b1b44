"""Changing a JSON text so that only what differs in its data differs in the text."""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"\s*[{\[][ \t]*\r?\n([ \t]*)")
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
_SOMETIMES_ESCAPED = "<>&'/\x7f\u2028\u2029"
"""What JSON lets stand in a string, and some programs escape nevertheless."""


class _Span(NamedTuple):
    """Where a value stands in a text."""

    start: int
    end: int


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def rewrite_json(text: str, new: Any) -> str:
    """The text with the least changes that make it say ``new``.

    All else stays as it was written: order, indents, line ends, escapes, and spaces after commas and colons. What is
    added is written in the same style. ``text`` is JSON.
    """
    editor = _Editor(text)
    start = _SPACE.match(text).end()  # type: ignore[union-attr]
    span = _Span(start, editor.end_of(start))
    editor.change_value(span, json.loads(text), new, 0)
    changed = _apply(text, editor.edits)
    return changed if json.loads(changed) == new else editor.style.dump(new, 0)


def _apply(text: str, edits: list[_Edit]) -> str:
    parts = []
    position = 0
    for edit in sorted(edits):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join(parts) + text[position:]


class _Style:
    """How a JSON text is written, as far as it shows."""

    def __init__(self, text: str) -> None:
        indent = _INDENT.match(text)
        self.indent = indent[1] if indent else None
        self.line_end = "\r\n" if "\r\n" in text else "\n"
        self.colon, self.comma = ": ", ", "
        self.is_ascii = text.isascii() or re.search(r"\\u[dD][89a-fA-F]", text) is not None
        self.is_upper = re.search(r"(?<!\\)(?:\\\\)*\\u[0-9a-f]{0,3}[A-F]", text) is not None
        self.escaped = "".join(char for char in _SOMETIMES_ESCAPED if _is_escaped(char, text))

    def dump(self, value: Any, depth: int) -> str:
        """The JSON of a value that stands at this depth of the text."""
        separators = (self.comma, self.colon) if self.indent is None else (",", self.colon)
        made = json.dumps(value, indent=self.indent, ensure_ascii=False, separators=separators)
        strings = re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: self.quote(json.loads(match[0])), made)
        return strings.replace("\n", f"{self.line_end}{(self.indent or '') * depth}")

    def quote(self, text: str) -> str:
        return f'"{self.escape(text)}"'

    def escape(self, text: str) -> str:
        """A text as it stands between the quotes."""
        made = json.dumps(text, ensure_ascii=self.is_ascii)[1:-1]
        for char in self.escaped:
            made = made.replace(char, "\\/" if char == "/" else f"\\u{ord(char):04x}")
        if self.is_upper:
            made = re.sub(r"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})", lambda match: match[1] + match[2].upper(), made)
        return made


def _is_escaped(char: str, text: str) -> bool:
    return ("\\/" if char == "/" else f"\\u{ord(char):04x}") in text.lower()


class _Editor:
    """Collects the edits of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.style = _Style(text)
        self.edits: list[_Edit] = []
        self._decoder = json.JSONDecoder()
        self._copy_separators()

    def _copy_separators(self) -> None:
        """The style of the outermost object is that of the text."""
        members = list(self._members(_Span(self._skip(0), len(self.text)))) if self._begins_with("{") else []
        if members:
            _, start, value = members[0]
            self.style.colon = self.text[scanstring(self.text, start + 1, True)[1] : value.start]
        if len(members) > 1 and self.style.indent is None:
            self.style.comma = self.text[members[0][2].end : members[1][1]]

    def _begins_with(self, sign: str) -> bool:
        return self.text.startswith(sign, self._skip(0))

    def end_of(self, start: int) -> int:
        end: int = self._decoder.raw_decode(self.text, start)[1]
        return end

    def change_value(self, span: _Span, old: Any, new: Any, depth: int) -> None:
        if old == new and type(old) is type(new):
            return
        if isinstance(old, dict) and isinstance(new, dict) and old and new:
            self._change_object(span, old, new, depth + 1)
        elif isinstance(old, list) and isinstance(new, list) and old and new:
            self._change_list(span, old, new, depth + 1)
        elif isinstance(old, str) and isinstance(new, str):
            self._change_string(span, old, new)
        else:
            self.edits.append(_Edit(*span, self.style.dump(new, depth)))

    def _change_object(self, span: _Span, old: dict[str, Any], new: dict[str, Any], depth: int) -> None:
        members = list(self._members(span))
        kept = [index for index, (name, _, _) in enumerate(members) if name in new]
        if not kept:
            self.edits.append(_Edit(*span, self.style.dump(new, depth - 1)))
            return
        self._cut([(start, value.end) for _, start, value in members], kept)
        last = {name: value for name, _, value in members}
        for name, value in last.items():
            if name in new:
                self.change_value(value, old[name], new[name], depth)
        end = members[kept[-1]][2].end
        gap = self._gap(span, members[0][1], depth)
        for name in [name for name in new if name not in old]:
            text = f"{self.style.quote(name)}{self.style.colon}{self.style.dump(new[name], depth)}"
            self.edits.append(_Edit(end, end, f",{gap}{text}"))

    def _cut(self, places: Sequence[tuple[int, int]], kept: Sequence[int]) -> None:
        """Take out the members that are not kept, each with the comma before it, or after it at the front."""
        for index, (start, end) in enumerate(places):
            if index in kept:
                continue
            if index < kept[0]:
                self.edits.append(_Edit(start, places[index + 1][0], ""))
            else:
                self.edits.append(_Edit(places[index - 1][1], end, ""))

    def _gap(self, span: _Span, first: int, depth: int) -> str:
        """What stands between a comma and the next member."""
        before = self.text[span.start + 1 : first]
        return before if "\n" in before else self.style.comma[1:]

    def _change_list(self, span: _Span, old: list[Any], new: list[Any], depth: int) -> None:
        places = list(self._items(span))
        for old_range, new_range in _pair(old, new):
            inserted = new[new_range.start : new_range.stop]
            paired = min(len(old_range), len(inserted))
            for index, value in zip(old_range, inserted, strict=False):
                self.change_value(places[index], old[index], value, depth)
            if surplus := inserted[paired:]:
                self._insert(span, places, old_range.start + paired, surplus, depth)
            elif cut := old_range[paired:]:
                kept = [index for index in range(len(places)) if index not in cut]
                self._cut([(place.start, place.end) for place in places], kept)

    def _insert(self, span: _Span, places: list[_Span], index: int, values: list[Any], depth: int) -> None:
        gap = self._gap(span, places[0].start, depth)
        texts = [self.style.dump(value, depth) for value in values]
        if index:
            end = places[index - 1].end
            self.edits.append(_Edit(end, end, "".join(f",{gap}{text}" for text in texts)))
        else:
            start = places[0].start
            self.edits.append(_Edit(start, start, "".join(f"{text},{gap}" for text in texts)))

    def _change_string(self, span: _Span, old: str, new: str) -> None:
        """Line by line, so that a changed line leaves the escapes of the others alone."""
        raw = _CHARACTER.findall(self.text, span.start + 1, span.end - 1)
        if len(raw) != len(old):
            self.edits.append(_Edit(*span, self.style.quote(new)))
            return
        old_lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
        parts: list[str] = []
        position = 0
        for old_range, new_range in _pair(old_lines, new_lines, keep_equal=True):
            was = "".join(old_lines[old_range.start : old_range.stop])
            becomes = "".join(new_lines[new_range.start : new_range.stop])
            parts.append(self._respell(raw[position : position + len(was)], was, becomes))
            position += len(was)
        self.edits.append(_Edit(*span, f'"{"".join(parts)}"'))

    def _respell(self, raw: list[str], old: str, new: str) -> str:
        """The new text; what it begins and ends with like the old one is spelled like that."""
        if old == new:
            return "".join(raw)
        most = min(len(old), len(new))
        head = next((index for index in range(most) if old[index] != new[index]), most)
        tail = next((index for index in range(most - head) if old[-1 - index] != new[-1 - index]), most - head)
        middle = self.style.escape(new[head : len(new) - tail])
        return "".join(raw[:head]) + middle + "".join(raw[len(raw) - tail :])

    def _members(self, span: _Span) -> Iterator[tuple[str, int, _Span]]:
        """The name, the place of the name, and the place of the value of each member of an object."""
        position = self._skip(span.start + 1)
        while self.text[position] != "}":
            start = position
            name, position = scanstring(self.text, position + 1, True)
            value = self._skip(self._skip(position) + 1)
            end = self.end_of(value)
            yield name, start, _Span(value, end)
            position = self._skip(end)
            if self.text[position] == ",":
                position = self._skip(position + 1)

    def _items(self, span: _Span) -> Iterator[_Span]:
        position = self._skip(span.start + 1)
        while self.text[position] != "]":
            end = self.end_of(position)
            yield _Span(position, end)
            position = self._skip(end)
            if self.text[position] == ",":
                position = self._skip(position + 1)

    def _skip(self, position: int) -> int:
        return _SPACE.match(self.text, position).end()  # type: ignore[union-attr]


def _pair(old: list[Any], new: list[Any], *, keep_equal: bool = False) -> Iterator[tuple[range, range]]:
    """The parts of two lists that belong together; those that are equal only if asked for."""
    if len(old) == len(new):
        yield from ((range(index, index + 1), range(index, index + 1)) for index in range(len(old)))
        return
    was, becomes = ([json.dumps(value, sort_keys=True) for value in values] for values in (old, new))
    matcher = SequenceMatcher(None, was, becomes, autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if keep_equal or tag != "equal":
            yield range(start, end), range(new_start, new_end)
