"""Three-way merge of text, line by line.

Unlike diff3 and git, changes to neighbouring lines are no conflict: only lines that both sides changed are, and places
where both inserted something else. Nothing is needed but the standard library, because a project may be updated where
git is not installed, and every cell of a notebook is merged by itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

OURS_MARKER = "<<<<<<< yours"
MIDDLE_MARKER = "======="
THEIRS_MARKER = ">>>>>>> template"

Lines = Sequence[str]


class Merged(NamedTuple):
    """The result of a merge."""

    text: str
    conflicts: int
    """How many times the text has both versions, between markers."""


class _Edit(NamedTuple):
    """The base's lines from ``start`` up to ``end`` become ``lines``; where the two are equal, ``lines`` are inserted.

    In this order, an insertion before a line comes before a change of that line.
    """

    start: int
    end: int
    is_theirs: bool
    lines: Lines


def merge_text(base: str, ours: str, theirs: str) -> Merged:
    """The changes from ``base`` to ``ours`` and from ``base`` to ``theirs`` in one text.

    Every line that ours has and the base has not is in the result. Line ends stay as they are in ours.
    """
    if theirs in (base, ours):
        return Merged(ours, 0)
    if ours == base:
        return Merged(theirs, 0)
    if _has_windows_line_ends(ours) and "\r" not in base + theirs:
        text, conflicts = merge_text(base, ours.replace("\r\n", "\n"), theirs)
        return Merged(text.replace("\n", "\r\n"), conflicts)
    chunks = _join_conflicts(_merge_lines(base.split("\n"), ours.split("\n"), theirs.split("\n")))
    return Merged(
        "\n".join(line for chunk in chunks for line in chunk.text()), sum(c.theirs is not None for c in chunks)
    )


def has_markers(text: str) -> bool:
    """Whether a text, or a notebook as JSON, contains a conflict that ``merge_text`` wrote and nobody has resolved."""
    if OURS_MARKER not in text:
        return False
    lines = re.split(r"\\[rn]|[\"\r\n]", text)
    return OURS_MARKER in lines and THEIRS_MARKER in lines


def _has_windows_line_ends(text: str) -> bool:
    """Whether all lines end in CRLF, as after a checkout with git's ``core.autocrlf``."""
    return "\r\n" in text and text.count("\r\n") == text.count("\n")


class _Chunk(NamedTuple):
    """Some lines of the result, or, with ``theirs``, a conflict."""

    ours: Lines
    theirs: Lines | None = None

    def text(self) -> Lines:
        if self.theirs is None:
            return self.ours
        return [OURS_MARKER, *self.ours, MIDDLE_MARKER, *self.theirs, THEIRS_MARKER]


def _merge_lines(base: Lines, ours: Lines, theirs: Lines) -> Iterator[_Chunk]:
    done = 0
    for group in _group_edits(sorted([*_find_edits(base, ours, False), *_find_edits(base, theirs, True)])):
        start, end = group[0].start, max(edit.end for edit in group)
        yield _Chunk(base[done:start])
        if len({edit.is_theirs for edit in group}) == 1:
            yield _Chunk(_apply(group, base, start, end))
        else:
            our_edits, their_edits = ([edit for edit in group if edit.is_theirs is side] for side in (False, True))
            yield from _combine(_apply(our_edits, base, start, end), _apply(their_edits, base, start, end))
        done = end
    yield _Chunk(base[done:])


def _find_edits(base: Lines, side: Lines, is_theirs: bool) -> Iterator[_Edit]:
    """What a side changed. Where as many lines replace others, each is an edit of its own."""
    for tag, start, end, new_start, new_end in SequenceMatcher(None, base, side, autojunk=False).get_opcodes():
        if tag == "replace" and end - start == new_end - new_start:
            pairs = zip(range(start, end), side[new_start:new_end], strict=True)
            yield from (_Edit(number, number + 1, is_theirs, [line]) for number, line in pairs)
        elif tag != "equal":
            yield _Edit(start, end, is_theirs, side[new_start:new_end])


def _group_edits(edits: Sequence[_Edit]) -> Iterator[list[_Edit]]:
    """Edits that touch the same lines, or insert at the same place, belong together."""
    group: list[_Edit] = []
    end = 0
    for edit in edits:
        is_same_place = bool(group) and edit[:2] == group[-1][:2]
        if group and not (is_same_place or edit.start < end):
            yield group
            group, end = [], 0
        group.append(edit)
        end = max(end, edit.end)
    if group:
        yield group


def _apply(edits: Sequence[_Edit], base: Lines, start: int, end: int) -> Lines:
    """The base's lines from ``start`` up to ``end`` after the edits of one side."""
    lines: list[str] = []
    for edit in edits:
        lines += [*base[start : edit.start], *edit.lines]
        start = edit.end
    return [*lines, *base[start:end]]


def _combine(ours: Lines, theirs: Lines) -> Iterator[_Chunk]:
    """What both sides have, once; what differs, as conflicts."""
    our_end = their_end = 0
    for our_start, their_start, size in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        mine, other = ours[our_end:our_start], theirs[their_end:their_start]
        if mine or other:
            yield _Chunk(mine, other)
        our_end, their_end = our_start + size, their_start + size
        yield _Chunk(ours[our_start:our_end])


def _join_conflicts(chunks: Iterable[_Chunk]) -> list[_Chunk]:
    """The chunks with one conflict in place of several that follow one another, blank lines between them or not."""
    joined: list[_Chunk] = []
    blank: list[str] = []
    for chunk in chunks:
        if chunk.theirs is None and joined and joined[-1].theirs is not None and not any(map(str.strip, chunk.ours)):
            blank += chunk.ours
        elif chunk.theirs is not None and joined and joined[-1].theirs is not None:
            before = joined.pop()
            joined.append(_Chunk([*before.ours, *blank, *chunk.ours], [*(before.theirs or []), *blank, *chunk.theirs]))
            blank = []
        else:
            joined += [_Chunk(blank), chunk]
            blank = []
    return [*joined, _Chunk(blank)]
