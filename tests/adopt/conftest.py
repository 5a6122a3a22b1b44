"""Making small notebooks, and adopting them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_starter.adopt.adopt import Adoption, Options, adopt
from colab_starter.adopt.draft import PREFIX
from colab_starter.notebook.model import Cell, Notebook, parse_notebook
from tests.check.conftest import Cells, notebook_of

Adopt = Callable[..., "Adopted"]

PYTHON = {"kernelspec": {"display_name": "Python 3", "name": "python3"}, "language_info": {"name": "python"}}


class Adopted:
    """The result, by cells."""

    def __init__(self, adoption: Adoption) -> None:
        self.adoption = adoption
        self.notebook = Notebook(adoption.path, adoption.new, parse_notebook(adoption.new))
        self.ours: dict[str, Cell] = {
            cell.id.removeprefix(PREFIX): cell for cell in self.notebook.cells if cell.id.startswith(PREFIX)
        }
        self.theirs = [cell.source for cell in self.notebook.cells if not cell.id.startswith(PREFIX)]

    @property
    def form(self) -> list[str]:
        """The lines of the form."""
        return self.ours["parameters-0"].source.split("\n")

    @property
    def left(self) -> dict[str, str]:
        """The lines that stay, and why."""
        return {note.what: note.why for note in self.adoption.left}

    def save(self) -> Path:
        """Write it where the notebook was."""
        self.adoption.path.write_bytes(self.adoption.content)
        return self.adoption.path


@pytest.fixture
def adopt_cells(tmp_path: Path) -> Adopt:
    """Adopt a notebook of these cells, or a file, with ``Options`` by name."""

    def adopt_them(content: Cells | Path, metadata: dict[str, Any] | None = None, **options: Any) -> Adopted:
        path = content if isinstance(content, Path) else tmp_path / "mine.ipynb"
        if not isinstance(content, Path):
            path.write_text(json.dumps(notebook_of(content, metadata={**PYTHON, **(metadata or {})}), indent=1))
        return Adopted(adopt(path, Options(**options)))

    return adopt_them
