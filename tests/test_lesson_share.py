"""How much of a notebook is its lesson, and when it begins."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import read_notebook
from tools.lesson_share import main, measure_share


def cell(cell_id: str, source: str, **metadata: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": cell_id, "source": source.splitlines(keepends=True), "metadata": metadata}


def test_lines_of_code_are_counted_without_blank_lines_and_comments() -> None:
    cells = [
        cell("machine-0", "# a comment\nimport os\n\nprint(\n    os.name\n)"),
        cell("jax-framework", "import jax"),
        {"cell_type": "markdown", "id": "jax-text", "source": ["text"], "metadata": {}},
        cell("jax-load", "data = 1", cellView="form"),
        cell("jax-look", "%pip list\n\nif data:  # a comment\n    !ls"),
        cell("results-1", "print(1)"),
    ]
    share = measure_share({"cells": cells})
    assert (share.lesson, share.all, share.first_place) == (1 + 3, 4 + 1 + 1 + 3 + 1, 4)


@pytest.mark.parametrize("lesson", ["keras", "pytorch", "xgboost", "images"])
def test_most_of_a_notebook_is_its_lesson_and_it_begins_soon(all_lessons: Path, lesson: str) -> None:
    share = measure_share(json.loads((all_lessons / f"notebooks/{lesson}.ipynb").read_text(encoding="utf-8")))
    assert share.lesson > 0.6 * share.all, share
    assert share.first_place <= 7


@pytest.mark.parametrize(("lesson", "most_lines"), [("opencv", 24), ("graphviz", 24), ("tour", 25)])
def test_open_cells_are_short_and_the_end_asks_three_questions(all_lessons: Path, lesson: str, most_lines: int) -> None:
    cells = read_notebook(all_lessons / f"notebooks/{lesson}.ipynb").cells
    open_cells = [cell for cell in cells if cell.cell_type == "code" and cell.metadata.get("cellView") != "form"]
    assert max(len(cell.source.splitlines()) for cell in open_cells) <= most_lines
    (end,) = (cell.source for cell in cells if "## Exercises" in cell.source)
    assert "\n3. " in end
    assert end.count("](https://") >= 5


def test_the_table_names_each_notebook(all_lessons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(all_lessons / "notebooks/keras.ipynb")])
    assert capsys.readouterr().out.splitlines()[1].startswith("keras ")
