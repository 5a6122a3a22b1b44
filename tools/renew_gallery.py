"""Bake every preset with the default answers into ``gallery/``, and execute those that have changed.

``python tools/renew_gallery.py``. Where there is no network, the notebooks take the smaller data that they bring along.
"""

import base64
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import papermill
from cookiecutter.main import cookiecutter
from nbformat import NotebookNode
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
GALLERY = REPOSITORY / "gallery"
COLORS = 128
"""To which the pictures are reduced, so that the repository stays small."""


def main() -> None:
    with TemporaryDirectory() as scratch:
        fresh = bake_notebooks(Path(scratch))
        for stored in GALLERY.glob("*.ipynb"):
            if stored.name not in {path.name for path in fresh}:
                stored.unlink()
        for path in fresh:
            renew(path, GALLERY / path.name)
    print(f"{len(fresh)} notebooks are in {GALLERY.relative_to(REPOSITORY)}/")


def bake_notebooks(folder: Path) -> list[Path]:
    """Make a project with all presets in ``folder``; returns its notebooks."""
    project = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        extra_context={"preset": "all"},
        output_dir=str(folder),
        default_config=True,
        accept_hooks=False,
    )
    return sorted(Path(project, "notebooks").glob("*.ipynb"))


def renew(fresh: Path, stored: Path) -> None:
    """Execute a notebook into the gallery, unless it is there as it is."""
    if stored.is_file() and without_outputs(stored) == read_notebook(fresh):
        return
    print(f"Executing {fresh.name} ...", flush=True)
    executed = fresh.with_suffix(".executed.ipynb")
    project = fresh.parents[1]
    papermill.execute_notebook(fresh, executed, cwd=project, progress_bar=False)
    text = executed.read_text(encoding="utf-8")
    for folder in (project.parent, Path(sys.executable).parent):  # readers have others
        text = text.replace(f"{folder}/", "")
    executed.write_text(text, encoding="utf-8")
    notebook = read_notebook(fresh)
    take_outputs(notebook, read_notebook(executed))
    nbformat.write(notebook, stored)


def read_notebook(path: Path) -> NotebookNode:
    """The notebook in a file of nbformat 4."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def without_outputs(path: Path) -> NotebookNode:
    """The notebook as it was before it was executed."""
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def take_outputs(notebook: NotebookNode, executed: NotebookNode) -> None:
    """Copy the outputs, but neither TensorFlow's remarks about this computer nor what execution left in metadata."""
    found = {cell.id: cell for cell in executed.cells}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = found[cell.id].execution_count
            cell.outputs = [output for output in found[cell.id].outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                data = output.get("data", {})
                if "image/png" in data:
                    data["image/png"] = reduce_colors(data["image/png"])


def reduce_colors(png: str) -> str:
    """A picture with few colors, if it is smaller so; both are Base64."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(COLORS).save(buffer, "PNG", optimize=True)
    return min(png, base64.b64encode(buffer.getvalue()).decode(), key=len)


if __name__ == "__main__":
    main()
