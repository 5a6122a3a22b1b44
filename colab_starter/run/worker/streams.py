"""What a cell prints, put together while it comes, as a terminal would show it in the end."""

import re

_TOKENS = re.compile(r"\r+|\x08+|[^\r\x08]+")
_BLOCK = 1024
"""Characters; a longer piece of a line is cut up before anything is taken back from its end."""


class Stream:
    """The text of one stream of a cell.

    A carriage return starts its line anew, a backspace takes back a character: 30,000 updates of a progress bar are
    one line. The work is in proportion to what comes, however much is there already.
    """

    def __init__(self) -> None:
        self._ended: list[str] = []
        """The lines that have an end, in pieces."""
        self.line: list[str] = []
        """The line that has no end yet, in pieces; those that begin with a backspace had nothing to take back."""
        self._returns = 0
        """How many carriage returns stand behind it: what comes next decides whether they start it anew."""

    def add(self, text: str) -> None:
        if self._returns or "\r" in text or "\x08" in text:
            for token in _TOKENS.findall(text):
                self._take(token)
        else:
            self._add_plain(text)

    def _take(self, token: str) -> None:
        if token[0] == "\r":
            self._returns += len(token)
            return
        if self._returns:
            self.line = [*self.line, "\r" * self._returns] if token[0] == "\n" else []
            self._returns = 0
        if token[0] == "\x08":
            self._take_back(len(token))
        else:
            self._add_plain(token)

    def _add_plain(self, text: str) -> None:
        end = text.rfind("\n") + 1
        if end:
            self._ended += [*self.line, text[:end]]
            self.line = []
        if end < len(text):
            self.line.append(text[end:])

    def _take_back(self, count: int) -> None:
        line = self.line
        while count and line and line[-1][0] != "\x08":
            piece = line.pop()
            if len(piece) > _BLOCK:
                line += (piece[start : start + _BLOCK] for start in range(0, len(piece), _BLOCK))
                continue
            if len(piece) > count:
                line.append(piece[:-count])
            count -= min(count, len(piece))
        if count:
            line.append("\x08" * count)

    def text(self) -> str:
        """All of it."""
        self._ended = ["".join(self._ended)]
        return "".join([*self._ended, *self.line, "\r" * self._returns])
