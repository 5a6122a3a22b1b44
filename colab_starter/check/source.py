"""Changing the source of a cell."""

import ast
import re
from collections.abc import Callable, Mapping

from colab_starter.check.rule import ignores
from colab_starter.notebook.model import Cell

_LINE_END = re.compile(r"\r\n|\r|\n")


def rewrite_lines(cell: Cell, code: str, lines: set[int], rewrite: Callable[[str], str]) -> None:
    """Give each of these lines (counted from 1) to ``rewrite``, and put what it returns in its place.

    A cell in which a comment switches the rule of this code off stays as it is; so do the ends of the lines.
    """
    old = _LINE_END.split(_raw_source(cell))
    replace_lines(cell, code, {line: rewrite(old[line - 1]) for line in lines if line <= len(old)})


def rewrite_command(cell: Cell, code: str, line: int, rewrite: Callable[[str], str]) -> None:
    """Give a command that begins in this line to ``rewrite``, with the lines that backslashes join to it.

    ``rewrite`` has to return as many lines.
    """
    old = _LINE_END.split(_raw_source(cell))
    last = line
    while old[last - 1].endswith("\\") and last < len(old):
        last += 1
    new = rewrite("\n".join(old[line - 1 : last])).split("\n")
    replace_lines(cell, code, dict(zip(range(line, last + 1), new, strict=True)))


def replace_lines(cell: Cell, code: str, new: Mapping[int, str | None]) -> None:
    """Put texts in the place of lines (counted from 1); None takes the line out, with its end.

    If the last line goes, the one above ends the cell as that did.
    """
    source = cell.data.get("source")
    if ignores(cell, code) or (isinstance(source, list) and not all(isinstance(chunk, str) for chunk in source)):
        return
    raw = _raw_source(cell)
    starts = [0, *(match.end() for match in _LINE_END.finditer(raw)), len(raw)]
    gone = {line for line, text in new.items() if text is None}
    kept = max(line for line in range(len(starts)) if line not in gone)
    changes = [] if kept == len(starts) - 1 else [(starts[kept] - _length_of_end(raw[: starts[kept]]), len(raw), "")]
    for line, text in new.items():
        start, end = starts[line - 1], starts[line]
        if line < kept or text is not None:
            changes.append((start, end if text is None else end - _length_of_end(raw[start:end]), text or ""))
    made = _splice(source if isinstance(source, list) else [raw], sorted(changes))
    cell.data["source"] = made if isinstance(source, list) else "".join(made)


def _raw_source(cell: Cell) -> str:
    """The source as it now is, with the line ends that it has."""
    source = cell.data.get("source")
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _length_of_end(line: str) -> int:
    return 2 if line.endswith("\r\n") else 1 if line.endswith(("\n", "\r")) else 0


def _splice(chunks: list[str], changes: list[tuple[int, int, str]]) -> list[str]:
    """The chunks with parts of their joined text replaced; a change across chunks lands in the first of them."""
    made = []
    offset = 0
    for chunk in chunks:
        text, position = "", 0
        for start, end, new in changes:
            if (start < offset + len(chunk) and end > offset) or offset <= start == end < offset + len(chunk):
                begins_here = start >= offset
                text += chunk[position : max(start - offset, 0)] + (new if begins_here else "")
                position = min(end - offset, len(chunk))
        text += chunk[position:]
        if text or not chunk:
            made.append(text)
        offset += len(chunk)
    return made


def is_tried(cell: Cell, line: int) -> bool:
    """Does a line of the cell stand in the body of ``try``?"""
    if "try" not in cell.source or isinstance(cell.tree, SyntaxError):
        return False
    tries = [node for node in ast.walk(cell.tree) if isinstance(node, ast.Try)]
    return any(node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0) for node in tries)


def without_comments(source: str) -> str:
    """The lines that are more than a comment; comments behind code stay."""
    return "\n".join(line for line in source.split("\n") if not line.lstrip().startswith("#"))
