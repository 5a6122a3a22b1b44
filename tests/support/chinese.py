"""How Chinese text is set: a space between Chinese and Latin, full-width punctuation, bold that Markdown sees."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt

HAN = r"[\u3400-\u9fff]"
FULL = r"[，。；：？！、（）《》“”…]"
FAULTS = {
    "no space between Chinese and Latin": rf"{HAN}(?=[A-Za-z0-9])|[A-Za-z0-9%](?={HAN})",
    "half-width punctuation": rf"{HAN}[,;:?!](?!\S)|{HAN}\.(?!\S)|{HAN}[,;:?!.](?={HAN})|\({HAN}|{HAN}\)",
    "a space beside full-width punctuation": rf"(?<={FULL}) (?=\S)|(?<=\S) (?={FULL})",
    "您 instead of 你": "您",
}
"""Faults by their names, in text without marks of Markdown."""


def find_faults(text: str) -> Iterator[str]:
    """Each fault of a Chinese Markdown text with the words around it; code counts as one Latin word."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    shown = re.sub(r"<code>.*?</code>", "", MarkdownIt().render(text), flags=re.DOTALL)
    for match in re.finditer(r"[^\n]{0,20}\*\*[^\n]{0,20}", shown):
        yield f"bold that Markdown does not see: {match[0]!r}"
    text = re.sub(r"!\[[^]]*\]\([^)]*\)|(?<=\])\([^)\s]*\)", "", text)
    text = re.sub(r"`[^`\n]+`|\{[^{}]*\}|https?://[^\s)>（），。]+", "Code", text)
    text = re.sub(r" *\| *", "\n", text)  # the cells of a table
    text = re.sub(r"[][*]", "", re.sub(r"^ *(?:[-*]|\d+\.|#+) +", "", text, flags=re.MULTILINE))
    for fault, pattern in FAULTS.items():
        for match in re.finditer(pattern, text):
            yield f"{fault}: {text[max(0, match.start() - 10) : match.end() + 10]!r}"
