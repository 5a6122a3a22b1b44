"""A passage of a template that a translation may replace, and the rules that every translation has to keep."""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from colab_starter.bake.errors import TranslationError

_MARK = "\x1f"
"""Encloses the name and the value of a placeholder; answers and templates do not contain this character."""

_MARKED = re.compile(f"{_MARK}(\\w+){_MARK}([^{_MARK}]*){_MARK}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Passage(NamedTuple):
    """A text in a template that a reader of the notebook sees."""

    kind: str
    """``markdown``, ``comment``, ``string``, ``plot`` (a string in a figure) or ``prompt``."""
    text: str
    """The English text, without what surrounds it: no ``#``, no quotes, no escapes."""
    fit: Callable[[str], str]
    """What to write in its place for a translation; raises TranslationError if the translation does not fit."""


Replace = Callable[[Passage], str | None]
"""What to write in place of a passage; None leaves it as it is."""


def has_words(text: str) -> bool:
    """Whether there is anything to translate in a text: a letter."""
    return re.search(r"[^\W\d_]", text) is not None


def check_lines(text: str, translation: str) -> None:
    """Raise TranslationError for a translation with more line breaks than the text has, or that is no text at all."""
    if not translation.strip():
        raise TranslationError("it is blank")
    if translation.count("\n") > text.count("\n"):
        raise TranslationError("it has a line break where the text has none")
    if _CONTROL.search(translation):
        raise TranslationError("it contains a control character")


def check_same(what: str, pattern: re.Pattern[str], text: str, translation: str) -> None:
    """Raise TranslationError unless text and translation contain the same matches, in any order."""
    wanted, found = Counter(pattern.findall(text)), Counter(pattern.findall(translation))
    if wanted != found:
        odd = next(iter((wanted - found) + (found - wanted)))
        raise TranslationError(f"its {what} differ from those of the text: look for {odd!r}")


def placeholder(value: object, name: str) -> str:
    """The filter ``placeholder``: a value in a passage that depends on the answers. Translations write ``%(name)s``."""
    return f"{_MARK}{name}{_MARK}{str(value).replace(_MARK, '')}{_MARK}"


def drop_placeholders(text: str) -> str:
    """The text with the values of its placeholders, as if the filter had not been there."""
    return _MARKED.sub(lambda mark: mark[2], text)


def name_placeholders(text: str) -> tuple[str, dict[str, str]]:
    """The text with ``%(name)s`` for each placeholder, and the values by their names."""
    values = {mark[1]: mark[2] for mark in _MARKED.finditer(text)}
    return _MARKED.sub(lambda mark: f"%({mark[1]})s", text), values


def fill_placeholders(text: str, values: dict[str, str]) -> str:
    """The opposite of ``name_placeholders``."""
    return _PLACEHOLDER.sub(lambda name: values.get(name[1], name[0]), text)


def check_placeholders(text: str, translation: str) -> None:
    """Raise TranslationError unless text and translation have the same placeholders."""
    check_same("placeholders", _PLACEHOLDER, text, translation)
