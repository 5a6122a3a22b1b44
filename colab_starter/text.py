"""Text for the user: shortening, safe printing, plurals, and suggestions for mistyped names."""

import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_LINE = 200
"""In characters."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def shorten(text: str, length: int = LONGEST_LINE) -> str:
    """The text on one line of at most ``length`` characters, without colour codes."""
    line = " ".join(strip_colours(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def strip_colours(text: str) -> str:
    """The text without the terminal's colour codes."""
    return _ANSI.sub("", text)


def printable(text: str) -> str:
    """The text with a question mark for each character that a terminal cannot show or might interpret."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "?" for sign in text)


def plural(number: int, what: str) -> str:
    """A number with its noun, such as ``1 run`` or ``12 runs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def suggest(wanted: str, known: Iterable[str]) -> str:
    """The known name that was most likely meant, ignoring case; empty if none is similar."""
    by_lower_case = {name.lower(): name for name in known}
    near = get_close_matches(wanted.lower(), by_lower_case, n=1)
    return by_lower_case[near[0]] if near else ""


def warn(message: str) -> None:
    """Print a warning of the command itself."""
    print(f"colab-starter: warning: {message}", file=sys.stderr)
