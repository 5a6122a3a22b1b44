"""What ``colab exec`` prints while it runs: which cell it is at, and what the cell printed so far."""

import re
import time
from pathlib import Path

_CELL = re.compile(rb"\[colab\] Executing cell (\d+)/(\d+)[^\n]*\n")

KEPT = 1_000_000
"""Bytes of a cell's text that are kept, for a cell whose outputs do not come back."""


class LiveOutput:
    """Follows the file that the command's standard output goes to."""

    def __init__(self, path: Path, total: int) -> None:
        self.cell = 0
        """The cell that is being executed, from 1; 0 before the first."""
        self.cell_started = self.last_news = time.monotonic()
        self._path = path
        self._total = total
        self._position = 0
        self._text = b""

    def read(self) -> None:
        """Take in what came since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            news = file.read()
        if not news:
            return
        self._position += len(news)
        self.last_news = time.monotonic()
        self._text += news
        while found := self._find_next_cell():
            self.cell += 1
            self.cell_started = self.last_news
            self._text = self._text[found.end() :]
        self._text = self._text[-KEPT:]

    def _find_next_cell(self) -> re.Match[bytes] | None:
        """The label of the cell after this one; a cell that prints the like of another's label changes nothing."""
        expected = (str(self.cell + 1).encode(), str(self._total).encode())
        return next((found for found in _CELL.finditer(self._text) if found.groups() == expected), None)

    @property
    def cell_text(self) -> str:
        """What the cell has printed so far, to standard output."""
        text = self._text.partition(b"[colab] Saving notebook with outputs to ")[0]
        return text.decode("utf-8", "replace")
