"""Changing the source of a cell."""

from collections.abc import Callable

from colab_starter.notebook.model import Cell


def rewrite_lines(cell: Cell, lines: set[int], rewrite: Callable[[str], str]) -> None:
    """Give each of these lines (counted from 1) to ``rewrite``, and put what it returns in its place."""
    old = cell.source.split("\n")
    new = [rewrite(line) if number in lines else line for number, line in enumerate(old, 1)]
    source = "\n".join(new)
    cell.data["source"] = source if isinstance(cell.data.get("source"), str) else source.splitlines(keepends=True)
