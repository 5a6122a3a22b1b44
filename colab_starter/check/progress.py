"""The line on a terminal that says how far ``check`` is."""

import os
import sys
import time

from colab_starter.check.tally import Tally

_EVERY = 0.1
_NOT_BEFORE = 0.4


class Progress:
    """One line on stderr that is written over; nothing at all where stderr is no terminal."""

    def __init__(self, total: int, wanted: bool = True) -> None:
        self._total = total
        self._is_shown = wanted and total > 1 and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._next = time.monotonic() + _NOT_BEFORE
        self._has_line = False

    def update(self, tally: Tally) -> None:
        """Show the numbers, but not ten times a second."""
        now = time.monotonic()
        if self._is_shown and now >= self._next:
            self._next = now + _EVERY
            self._has_line = True
            self._write(
                f"\r{tally.notebooks:,} of {self._total:,} notebooks, {tally.severities.total():,} findings\x1b[K"
            )

    def clear(self) -> None:
        """Make room for other output; call it before anything is printed."""
        if self._has_line:
            self._has_line = False
            self._write("\r\x1b[K")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
