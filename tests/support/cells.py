"""A lesson's cells, executed in the test's own process: no kernel, and only as far as a test needs them."""

import re
from collections.abc import Collection
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from tests.conftest import read_notebook

MAGIC = re.compile(r"^( *)[%!].*", re.MULTILINE)
FIRST_CELLS = ("setup", "machine", "install", "results")


class LessonCells:
    """The code cells of a notebook, what they printed, and the types that their variables had."""

    def __init__(self, notebook: Path, folder: Path) -> None:
        self.lesson = notebook.stem
        self.cells = [cell for cell in read_notebook(notebook).cells if cell.cell_type == "code"]
        self.folder = folder
        self.printed = ""
        self.names: dict[str, Any] = {}
        self.types: dict[str, set[type]] = {}

    def run(self, until: str = "", *, skip: Collection[str] = (), **parameters: Any) -> dict[str, Any]:
        """The results, or the variables after the cell ``until``; lines with magics are left out."""
        self.names, self.types = {"__name__": "__main__", "gpus": []}, {}
        output = StringIO()
        try:
            with redirect_stdout(output):
                for cell in self.cells:
                    if cell.id.startswith(FIRST_CELLS) or cell.id in skip:
                        continue
                    self._run_cell(cell.id, cell.source)
                    if "parameters" in cell.metadata.get("tags", []):
                        self.names |= {"output_dir": str(self.folder / "outputs"), **parameters}
                    if cell.id == until:
                        return self.names
        finally:
            self.printed = output.getvalue()
        results: dict[str, Any] = self.names["results"]
        return results

    def _run_cell(self, cell_id: str, source: str) -> None:
        exec(compile(MAGIC.sub(r"\1pass", source), cell_id, "exec"), self.names)
        if cell_id.startswith(self.lesson):
            for name, value in self.names.items():
                self.types.setdefault(name, set()).add(type(value))

    def changed_types(self) -> dict[str, set[type]]:
        """The variables that were of one type at the end of a cell, and of another later; None does not count."""
        kinds = {name: types - {type(None)} for name, types in self.types.items() if not name.startswith("_")}
        return {name: types for name, types in kinds.items() if len(types) > 1}
