"""Assembling what a cell prints, as a terminal would finally show it."""

import re

_TOKENS = re.compile(r"\r+|\x08+|[^\r\x08]+")
_BLOCK = 1024
"""In characters; a longer piece of a line is split before backspaces remove anything from its end."""


class Stream:
    """The text of one stream of a cell.

    A carriage return restarts its line and a backspace removes a character, so 30,000 updates of a progress bar are one
    line. The work is proportional to the new text, however much there is already.
    """

    def __init__(self) -> None:
        self._ended: list[str] = []
        """The completed lines, in pieces."""
        self.line: list[str] = []
        """The incomplete line, in pieces; those that begin with a backspace had nothing to remove."""
        self._returns = 0
        """How many carriage returns follow it: the next text decides whether they restart the line."""

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
        """The whole text."""
        self._ended = ["".join(self._ended)]
        return "".join([*self._ended, *self.line, "\r" * self._returns])
