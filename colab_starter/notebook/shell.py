"""Where the words of a shell line stand, for those who change it."""

import re
from typing import NamedTuple

_PART = re.compile(
    r"""(?P<space>(?:[ \t\r\n]|\\\r?\n)+)
    |(?P<separator>[;&|()`]+)
    |(?P<word>(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\;&|()`]|["'])+)
    |(?P<rest>.)""",
    re.VERBOSE | re.DOTALL,
)


class Word(NamedTuple):
    """A word as it is written, with its quotes."""

    start: int
    end: int
    text: str


def find_commands(text: str) -> list[list[Word]]:
    """The words of each simple command in a shell line (or in lines that backslashes join), without comments.

    The signs of IPython before the first word belong to it: ``!apt``, or ``!`` alone.
    """
    commands: list[list[Word]] = [[]]
    position = 0
    after_space = True
    while found := _PART.match(text, position):
        kind = found.lastgroup
        if kind == "word" and after_space and found[0].startswith("#"):
            line_end = text.find("\n", position)
            position = line_end if line_end >= 0 else len(text)
            continue
        if kind == "word":
            commands[-1].append(Word(position, found.end(), found[0]))
        elif kind == "separator" and not _is_redirection(text, position):
            commands.append([])
        after_space = kind in ("space", "separator")
        position = found.end()
    return [words for words in commands if words]


def _is_redirection(text: str, position: int) -> bool:
    """Is this the ``&`` of ``2>&1`` or ``&>file``?"""
    return text[position] == "&" and (
        text[position - 1 : position] in (">", "<") or text[position + 1 : position + 2] == ">"
    )


def find_pip_words(text: str) -> list[Word]:
    """The words behind ``pip install``, of all such commands in the line."""
    found = []
    for words in find_commands(text):
        texts = [word.text.lstrip("!%") for word in words]
        if any(re.fullmatch(r"(?:.*/)?pip[23]?(?:\.\d+)?", text) for text in texts) and "install" in texts:
            found += words[texts.index("install") + 1 :]
    return found


def replace_words(text: str, replacements: dict[Word, str]) -> str:
    """The text with other words in the places of these."""
    for word in sorted(replacements, reverse=True):
        text = text[: word.start] + replacements[word] + text[word.end :]
    return text
