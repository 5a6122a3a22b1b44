"""What ``adopt`` writes into notebooks and projects besides the cells of the template, in their language."""

import re
from typing import Any

from colab_starter.bake.generate import read_translation
from colab_starter.bake.languages import Catalog
from colab_starter.bake.passages import Passage, check_lines, check_same

CONTEXT = "colab-starter adopt"
"""The ``msgctxt`` of the phrases."""

FORM, INSTALL, STORAGE = "the form at the top", "the install cell", "the storage cell"
"""The new cells that lines of the user's move into, as messages call them."""

MOVED = {place: f"moved to {place}: {{code}}" for place in (FORM, INSTALL, STORAGE)}
"""The comment in the place of a line that has moved."""

PARAMETERS = "Its parameters: {names}."
NO_PARAMETERS = "No parameters yet but those of the first cells."
"""What the README of a project says about the notebook."""

SWEEP = "The same notebook with several values of one parameter."
"""The comment of the example of a sweep."""

_PHRASES = (*MOVED.values(), PARAMETERS, NO_PARAMETERS, SWEEP)
_FIELD = re.compile(r"\{\w*\}?|\}")


class Phrases:
    """The phrases in one language."""

    def __init__(self, catalog: Catalog | None = None) -> None:
        """Without a catalog, they are English. Raises TranslationError for a translation that does not fit."""
        replace = catalog.replace_in(CONTEXT) if catalog else lambda passage: None
        self._texts = {text: replace(_passage(text)) or text for text in _PHRASES}

    def say(self, text: str, **fields: Any) -> str:
        """The translation of a phrase, with the values of its fields."""
        return self._texts[text].format(**fields)


def read_phrases(language: str) -> Phrases:
    """The phrases in a language that is a choice of the question ``language``."""
    return Phrases(read_translation(language))


def _passage(text: str) -> Passage:
    def fit(translation: str) -> str:
        check_lines(text, translation)
        check_same("fields", _FIELD, text, translation)
        return translation

    return Passage("string", text, fit)
