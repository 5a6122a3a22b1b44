"""The lessons' notebooks with less to do."""

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tests.conftest import read_notebook

CHANGED: dict[str, dict[str, Any]] = {
    "keras": {"epochs": 1, "learning_rate": 0.01},
    "pytorch": {"epochs": 1, "learning_rate": 0.01},
    "opencv": {"features": 200, "frames": 2},
    "xgboost": {"max_depth": 1},
    "images": {"epochs": 1, "image_size": 32, "augment": False},
    "table": {"max_depth": 1, "folds": 3},
    "graphviz": {"tree_depth": 1},
    "tour": {"epochs": 1},
    "blank": {"seed": 1},
}
"""Parameters that must change a lesson's results."""

FEWER_IMAGES = "x_train, y_train = x_train[1::3], y_train[1::3]"
"""A cell that leaves out the copies that are shifted sideways; smaller batches make up for it."""
FIRST_TRIES = ("keras-try", "keras-wrong")
"""The cells that train something else before the training."""

WITH_IMAGES = ("keras", "pytorch")
"""The lessons that train on images: most of their time goes into that."""


def first_code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """From the parameters to the framework: what comes before the lesson's first text."""
    ids = [cell.id for cell in notebook.cells]
    texts = (n for n, cell in enumerate(notebook.cells) if cell.cell_type == "markdown" and n > ids.index("install-0"))
    return [cell for cell in notebook.cells[: next(texts)] if cell.cell_type == "code"]


def take_fewer_images(notebook: NotebookNode) -> None:
    index = next(n for n, cell in enumerate(notebook.cells) if cell.id in ("keras-data", "pytorch-data"))
    notebook.cells.insert(index + 1, nbformat.v4.new_code_cell(FEWER_IMAGES))


def read_shorter(notebook: Path) -> NotebookNode:
    """A lesson that trains on images, with fewer of them and without the tries before the training."""
    shorter = read_notebook(notebook)
    shorter.cells = [cell for cell in shorter.cells if cell.id not in FIRST_TRIES]
    take_fewer_images(shorter)
    return shorter
