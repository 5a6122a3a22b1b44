"""The language of the cells that ``adopt`` adds, and that of the notebook."""

import re

from colab_starter.adopt.cells import bake_added_cells
from colab_starter.adopt.draft import FORM, NUMBERS, PREFIX, Draft
from colab_starter.bake.generate import read_questions
from colab_starter.bake.languages import ENGLISH
from colab_starter.notebook.model import Notebook, join_source

CHINESE = "zh-CN"
_NOT_PROSE = re.compile(r"\]\([^)]*\)|<[^>]*>|https?://\S+|`[^`]*`|\$[^$]*\$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")


def find_added_language(draft: Draft) -> str:
    """The language of the cells that an earlier ``adopt`` has added: that with most lines in common with them.

    So nothing needs to be recorded, and it is found where the user, or another version, has changed some of the texts.
    English if there are no such cells.
    """
    there = {cell.id: set(cell.source.splitlines()) for cell in draft.cells if cell.id.startswith(PREFIX)}

    def count_common_lines(language: str) -> int:
        cells = bake_added_cells(language)
        return sum(len(there.get(cell["id"], set()).intersection(_lines_of(cell["source"]))) for cell in cells)

    # The first among equals is English.
    return max(read_questions()["language"], key=count_common_lines) if there else ENGLISH


def find_retold_lines(results_name: str, old: str, new: str) -> dict[str, str]:
    """The lines that ``adopt`` has written in one language into the cells that belong to the user -> in another.

    ``results_name`` is the name of the dict with the numbers.
    """
    cells = zip(*(bake_added_cells(language, results_name=results_name) for language in (old, new)), strict=True)
    pairs = [
        pair
        for before, after in cells
        if before["id"] in (FORM, NUMBERS)
        for pair in zip(_lines_of(before["source"]), _lines_of(after["source"]), strict=True)
    ]
    return {before: after for before, after in pairs if before != after}


def _lines_of(source: object) -> list[str]:
    return join_source(source).splitlines()


def guess_language(notebook: Notebook) -> str:
    """The language that the notebook's text is written in, among those that there are; English in doubt."""
    text = _NOT_PROSE.sub(" ", "\n".join(cell.source for cell in notebook.cells if cell.kind == "markdown"))
    han, kana, letters = len(_HAN.findall(text)), len(_KANA.findall(text)), sum(map(str.isalpha, text))
    # A Chinese text about programs has many Latin words, each of several letters; a Japanese one has kana everywhere.
    return CHINESE if han * 3 > letters and kana * 10 < han else ENGLISH
