"""What a cell prints, put together while it comes, as a terminal would show it in the end."""

import re

_ERASED = re.compile(r"[^\n\x08]\x08")


class Stream:
    """The text of one stream of a cell.

    A carriage return starts its line anew, a backspace takes back a character: 30,000 updates of a
    progress bar are one line. Takes time in proportion to what comes, not to what is there already.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        """Text that ends with the end of a line, in pieces."""
        self._last: list[str] = []
        """The line that has no end yet, in pieces."""

    def add(self, text: str) -> None:
        returned = self._last and self._last[-1].endswith("\r")
        if returned or "\r" in text or "\x08" in text:
            text = _overwrite("".join(self._last) + text)
            self._last = []
        end = text.rfind("\n") + 1
        if end:
            self._lines += [*self._last, text[:end]]
            self._last = []
        if end < len(text):
            self._last.append(text[end:])

    def text(self) -> str:
        """All of it."""
        self._lines = ["".join(self._lines)]
        self._last = ["".join(self._last)]
        return self._lines[0] + self._last[0]


def _overwrite(text: str) -> str:
    """The text after what its carriage returns and backspaces do."""
    if "\r" in text:
        text = "\n".join(map(_overwrite_line, text.split("\n")))
    while "\x08" in text:
        shorter = _ERASED.sub("", text)
        if shorter == text:
            break
        text = shorter
    return text


def _overwrite_line(line: str) -> str:
    """What follows the last carriage return; one at the end waits for what comes next."""
    body = line.rstrip("\r")
    return body[body.rfind("\r") + 1 :] + line[len(body) :]
