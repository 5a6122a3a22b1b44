"""Notebooks for the tests of parameters and sweeps, in memory."""

from pathlib import Path

from colab_starter.notebook.model import Json, Notebook


def notebook_of(*parameters_cells: str, **metadata: Json) -> Notebook:
    """A notebook whose cells are all tagged parameters."""
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source} for source in parameters_cells
    ]
    return Notebook(Path("train.ipynb"), "", {"cells": cells, "metadata": metadata})
