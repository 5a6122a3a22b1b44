"""The languages of the generated projects.

The templates are English. ``templates/languages/<code>.po`` holds a translation: ``msgctxt`` is the id of a cell or
the name of a file, ``msgid`` a passage of it. What is missing there, or marked as fuzzy, stays English. Translations
are put in after the templates are rendered, so the code of a notebook is the same in every language.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from colab_starter.bake.code_text import identifiers, replace_in_code, replace_in_comments
from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import (
    Passage,
    Replace,
    drop_placeholders,
    fill_placeholders,
    has_words,
    name_placeholders,
)
from colab_starter.bake.prose import replace_in_markdown

ENGLISH = "en"
QUESTIONS_FILE = "cookiecutter.json"
"""The ``msgctxt`` of the questions and of the labels of their choices."""

PROMPT_SEPARATOR = " / "
"""Between the languages in a question of cookiecutter.json: plain cookiecutter asks it before it knows the answers."""

HOW_TO_CHOOSE = "__choose__"
"""The prompt that says how to give one of several choices; cookiecutter has its own."""

_NAMES = re.compile(r"\b(?:Python|TPU|v5e)\b")
"""Labels that consist of these and of numbers are the same in all languages."""

_LINE = re.compile(r'(?:(msgctxt|msgid|msgstr)[ \t]+)?"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class Catalog:
    """One translation: English passages, by where they stand, and what to write in their place."""

    def __init__(self, entries: Mapping[tuple[str, str], str], name: str) -> None:
        """``entries``: (context, passage) -> translation. ``name`` is that of the file, for messages."""
        self._entries = entries
        self._name = name

    def find(self, context: str, text: str) -> str | None:
        """The translation of a passage; None if there is none."""
        return self._entries.get((context, text)) or None

    def replace_in(self, context: str) -> Replace:
        """Replaces the passages of one cell or file; raises TranslationError for a translation that does not fit."""

        def replace(passage: Passage) -> str | None:
            translation = self.find(context, passage.text)
            try:
                return None if translation is None else passage.fit(translation)
            except TranslationError as error:
                shown = f"{passage.text[:60]!r}{'…' if len(passage.text) > 60 else ''}"
                raise TranslationError(
                    f"{self._name}: the translation of {shown} ({context}): {error.message}"
                ) from None

        return replace


def read_catalog(source: str, name: str) -> Catalog:
    """The translations in the text of a .po file; fuzzy ones and empty ones are left out.

    Raises TranslationError, with the line, for what is not a .po file.
    """
    entries: dict[tuple[str, str], str] = {}
    entry: dict[str, str] = {}
    field, is_fuzzy = "", False
    for number, line in enumerate([*source.split("\n"), ""], 1):
        text = line.strip()
        match = _LINE.fullmatch(text)
        if text.startswith("#") or not text or (match and match[1] in ("msgctxt", "msgid") and "msgstr" in entry):
            if "msgstr" in entry:
                if not is_fuzzy and entry["msgstr"] and entry.get("msgid"):
                    entries[entry.get("msgctxt", ""), entry["msgid"]] = entry["msgstr"]
                entry, field, is_fuzzy = {}, "", False
            is_fuzzy |= text.startswith("#,") and "fuzzy" in text
        if text.startswith("#") or not text:
            continue
        if not match or not (match[1] or field):
            raise TranslationError(f"{name}, line {number}: this is not a line of a .po file: {text[:60]}")
        field = match[1] or field
        entry[field] = entry.get(field, "") + _ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[1]), match[2])
    return Catalog(entries, name)


def translate_cells(cells: list[dict[str, Any]], catalog: Catalog) -> None:
    """Translate the cells of a notebook, whose magics are still comments and whose sources are text."""
    names = {cell["id"]: identifiers(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    for cell in cells:
        replace = catalog.replace_in(cell["id"])
        if cell["cell_type"] == "markdown":
            cell["source"] = replace_in_markdown(cell["source"], replace)
            continue
        elsewhere = set().union(*(found for cell_id, found in names.items() if cell_id != cell["id"]))
        is_parameters = "parameters" in cell["metadata"].get("tags", [])
        named, values = name_placeholders(cell["source"])
        code = replace_in_code(named, replace, comments_only=is_parameters, used_elsewhere=elsewhere)
        cell["source"] = fill_placeholders(code, values)


def translate_file(text: str, name: str, catalog: Catalog) -> str:
    """Translate a file of the project: Markdown, Python, or the comments of another one."""
    replace = catalog.replace_in(name)
    if name.endswith(".md"):
        return replace_in_markdown(text, replace)
    if name.endswith(".py"):
        return replace_in_code(drop_placeholders(text), replace)
    named, values = name_placeholders(text)
    return fill_placeholders(replace_in_comments(named, replace), values)


def english_prompts(prompts: Mapping[str, Any]) -> dict[str, Any]:
    """The ``__prompts__`` of cookiecutter.json without the other languages, which plain cookiecutter has to show.

    The question ``language`` keeps them.
    """
    english = {
        question: prompt
        if question == "language"
        else _map_prompt(prompt, lambda text: text.split(PROMPT_SEPARATOR)[0])
        for question, prompt in prompts.items()
    }
    return {**english, HOW_TO_CHOOSE: "Number or name"}


def translate_prompts(prompts: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """English prompts in another language: the questions, and the labels of their choices."""
    replace = catalog.replace_in(QUESTIONS_FILE)

    def translate(text: str) -> str:
        return (replace(prompt_passage(text)) if has_words(_NAMES.sub("", text)) else None) or text

    return {question: _map_prompt(prompt, translate) for question, prompt in prompts.items()}


def _map_prompt(prompt: str | dict[str, str], change: Callable[[str], str]) -> str | dict[str, str]:
    if isinstance(prompt, str):
        return change(prompt)
    return {choice: change(label) for choice, label in prompt.items()}


def prompt_passage(text: str) -> Passage:
    """A question, or the label of a choice."""

    def fit(translation: str) -> str:
        if "\n" in translation or not translation.strip() or PROMPT_SEPARATOR in translation:
            raise TranslationError(f"it must be one line, without {PROMPT_SEPARATOR!r}")
        return translation

    return Passage("prompt", text, fit)
