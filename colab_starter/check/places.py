"""In which line of the .ipynb file does a line of a cell stand?"""

import json
import re

from colab_starter.check.findings import Finding
from colab_starter.errors import BrokenNotebookError
from colab_starter.notebook.model import decode

_CELLS = re.compile(r'"cells"\s*:\s*\[')
_SOURCE = re.compile(r'"(?:source|input)"\s*:\s*(?P<list>\[)?')
_LINE_END = re.compile(r"[ \r]*\n")
_BETWEEN = re.compile(r"[\s,]*")


class FilePlaces:
    """Finds the lines of one file; where it cannot, the answer is line 1."""

    def __init__(self, content: bytes) -> None:
        try:
            self._text = decode(content)
        except BrokenNotebookError:
            self._text = ""
        self._counted = (0, 1)
        self._cells = self._find_cells()

    def line_of(self, finding: Finding) -> int:
        """The line of the file, counted from 1."""
        if not 0 < finding.cell <= len(self._cells):
            return 1
        start, end = self._cells[finding.cell - 1]
        source = _SOURCE.search(self._text, start, end)
        place = source.start() if source and finding.line else start
        line = self._count_lines(place)
        in_lines = source and source["list"] and _LINE_END.match(self._text, source.end())
        return line + finding.line if in_lines else line

    def _count_lines(self, place: int) -> int:
        """The line of a place, counted on from the last one that was asked for: findings come in order."""
        start, line = self._counted if self._counted[0] <= place else (0, 1)
        self._counted = (place, line + self._text.count("\n", start, place))
        return self._counted[1]

    def _find_cells(self) -> list[tuple[int, int]]:
        """Where each cell begins and ends in the text."""
        opening = _CELLS.search(self._text)
        decoder = json.JSONDecoder()
        position = opening.end() if opening else len(self._text)
        cells: list[tuple[int, int]] = []
        while True:
            position = _BETWEEN.match(self._text, position).end()  # type: ignore[union-attr]
            if self._text[position : position + 1] != "{":
                return cells
            try:
                _, end = decoder.raw_decode(self._text, position)
            except (ValueError, RecursionError):
                return cells
            cells.append((position, end))
            position = end
