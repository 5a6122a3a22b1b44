"""Lessons in other languages, executed: they compute what they compute in English."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from colab_starter.bake.languages import ENGLISH
from tests.conftest import LESSONS, QUESTIONS, bake_into, execute, read_notebook, set_parameters
from tests.support.marks import weekly

TIMES = re.compile("second|gflops|_ms|milli")
"""In the names of results that differ from run to run."""

QUICK: dict[str, dict[str, Any]] = {name: {"epochs": 1, "dataset": "digits"} for name in ("keras", "tour")}
RUN = [lesson for lesson in ("keras", "images", "table", "tour") if lesson in LESSONS]


def run_lesson(lesson: str, language: str, folder: Path) -> tuple[dict[str, Any], str]:
    """The results of a lesson but for times, and all that it printed."""
    project = bake_into(folder / language, preset=lesson, language=language)
    notebook = read_notebook(project / f"notebooks/{lesson}.ipynb")
    set_parameters(notebook, **QUICK.get(lesson, {}))
    said = execute(notebook, project)
    results = json.loads((project / f"outputs/{lesson}/results.json").read_text())
    return {name: value for name, value in results.items() if not TIMES.search(name)}, said


@pytest.mark.slow
@pytest.mark.parametrize("language", [language for language in QUESTIONS["language"] if language != ENGLISH])
@pytest.mark.parametrize("lesson", ["blank", *(weekly(lesson) for lesson in RUN)])
def test_a_translated_lesson_computes_the_same_and_draws_no_unknown_letters(
    tmp_path: Path, lesson: str, language: str
) -> None:
    results, said = run_lesson(lesson, language, tmp_path)
    assert results == run_lesson(lesson, ENGLISH, tmp_path)[0]
    assert "Glyph" not in said
