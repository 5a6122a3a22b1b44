"""Replacing passages of Markdown: paragraphs, headings, list items and the cells of tables."""

import re
from collections.abc import Iterator

from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import (
    Passage,
    Replace,
    check_lines,
    check_placeholders,
    check_same,
    fill_placeholders,
    has_words,
    name_placeholders,
)

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_BEGINNING = re.compile(r"(?P<heading>#{1,6}[ \t]+)|(?P<item>\s*(?:[-*+]|\d+[.)])[ \t]+|\s*>[ \t]?)|(?P<row>\s*\|)")
_DELIMITER_ROW = re.compile(r"[\s|:-]+")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_RELATIVE_LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
_NO_WORDS = re.compile(r"!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|<[^>]*>|%\(\w+\)s|`[^`]*`|https?://\S+")

Part = tuple[str, bool]
"""A piece of Markdown, and whether it is a passage."""


def replace_in_markdown(text: str, replace: Replace) -> str:
    """The Markdown with its passages replaced. Code blocks and the targets of links stay."""
    named, values = name_placeholders(text)
    parts = list(_split(named))
    replaced = [(replace(_passage(part)) if _is_offered(part, prose) else None) or part for part, prose in parts]
    return fill_placeholders("".join(replaced), values)


def _is_offered(part: str, prose: bool) -> bool:
    return prose and has_words(_NO_WORDS.sub("", part))


def _passage(text: str) -> Passage:
    def fit(translation: str) -> str:
        check_lines(text, translation)
        check_placeholders(text, translation)
        check_same("links inside the project", _RELATIVE_LINK, text, translation)
        if set(_CODE.findall(text)) != set(_CODE.findall(translation)):
            raise TranslationError("its words in backticks differ from those of the text")
        if translation != translation.strip() or list(_split(translation)) != [(translation, True)]:
            raise TranslationError("it begins or ends with a space, or Markdown would take it for something else")
        if "|" in translation and "|" not in text:
            raise TranslationError("it has a '|', which would divide the cell of a table")
        return translation

    return Passage("markdown", text, fit)


def _split(text: str) -> Iterator[Part]:
    """The parts of Markdown, which give the text again when they are joined."""
    fence, paragraph = "", ""
    for line in text.splitlines(keepends=True):
        opening = _FENCE.match(line)
        beginning = _BEGINNING.match(line)
        is_code = bool(fence or opening) or (not paragraph and line.startswith("    ") and not beginning)
        if is_code or beginning or not line.strip():
            yield from _trim(paragraph)
            paragraph = ""
        if is_code:
            yield line, False
            if opening and not fence:
                fence = opening[1]
            elif opening and opening[1].startswith(fence) and line.strip() == opening[1]:
                fence = ""
        elif not line.strip():
            yield line, False
        elif beginning and beginning["row"]:
            yield from _split_row(line)
        elif beginning:
            yield beginning[0], False
            paragraph = line[beginning.end() :]
            if beginning["heading"]:
                yield from _trim(paragraph)
                paragraph = ""
        else:
            paragraph += line
    yield from _trim(paragraph)


def _trim(passage: str) -> Iterator[Part]:
    """A passage, and apart from it the spaces and the end of the line around it."""
    text = passage.strip()
    before, _, after = passage.partition(text) if text else (passage, "", "")
    yield from (part for part in ((before, False), (text, True), (after, False)) if part[0])


def _split_row(line: str) -> Iterator[Part]:
    if _DELIMITER_ROW.fullmatch(line):
        yield line, False
        return
    for piece in re.split(r"((?<!\\)\|)", line):
        if piece == "|":
            yield piece, False
        else:
            yield from _trim(piece)
