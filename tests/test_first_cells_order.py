"""The first cells of every preset beside a learner's own variables; ``test_lessons.py`` runs them in any order."""

import ast
import json
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from colab_starter.notebook.installs import read_tables
from tests.conftest import LESSONS, execute, read_notebook
from tests.support.lessons import first_code_cells
from tests.support.marks import weekly

USUAL_NAMES = """
    answer data device df file found folder history i image images index labels line lines model name names output path
    result row rows score size started status text time total value x y
""".split()
"""Names that learners give to variables."""


def lesson_code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    first = {cell.id for cell in first_code_cells(notebook)}
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.id not in first]


def parse(cell: NotebookNode) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(cell.source))


def bound_names(tree: ast.AST) -> set[str]:
    """The names that a cell binds where the next cells see them."""
    names: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(one.asname or one.name).partition(".")[0] for one in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            names |= bound_names(node)
    return names


def imported_names(tree: ast.AST) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(one.asname or one.name).partition(".")[0] for node in imports for one in node.names}


def imported_modules(tree: ast.AST) -> set[str]:
    whole = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    return whole | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def used_names(tree: ast.AST) -> set[str]:
    return imported_names(tree) | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def union(cells: list[NotebookNode], names_of: object) -> set[str]:
    assert callable(names_of)
    return set().union(*(names_of(parse(cell)) for cell in cells))


def as_notebook(cells: list[NotebookNode]) -> NotebookNode:
    """The cells with ids of their own, without the parameters' tag."""
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.source) for cell in cells])
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("lesson", [name if name in ("blank", "graphviz") else weekly(name) for name in LESSONS])
def test_a_learner_s_variables_and_the_first_cells_leave_each_other_alone(
    all_lessons: Path, tmp_path: Path, lesson: str
) -> None:
    """Whatever a first cell uses inside, a learner may use as a name, and keeps."""
    cells = first_code_cells(read_notebook(all_lessons / f"notebooks/{lesson}.ipynb"))
    builtin = set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
    inside = union(cells, used_names) | {"missing", "os", "sys", "re", "json", "subprocess", "shutil", "version"}
    names = sorted((inside | set(USUAL_NAMES)) - union(cells, bound_names) - builtin)
    assert {"sys", "subprocess", "missing"} <= set(names)
    mine = nbformat.v4.new_code_cell(f"globals().update(dict.fromkeys({json.dumps(names)}, 'mine'))")
    kept = nbformat.v4.new_code_cell(f"print([name for name in {json.dumps(names)} if globals()[name] != 'mine'])")
    output = execute(as_notebook([*cells, mine, *cells, *reversed(cells), kept]), tmp_path)
    assert output.splitlines()[-1] == "[]"


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_notebook_imports_only_what_it_looks_for_first(all_lessons: Path, lesson: str) -> None:
    """Besides: what every Jupyter kernel has, NumPy, which scikit-learn brings, and what a lesson can do without."""
    cells = [
        cell for cell in read_notebook(all_lessons / f"notebooks/{lesson}.ipynb").cells if cell.cell_type == "code"
    ]
    needed = read_tables(parse(next(cell for cell in cells if cell.id == "install-0")))
    assert needed
    optional = {"jax", "libarchive", "tensorflow", "torch", "torchvision"}
    optional |= {"kaggle_secrets"}  # which is on Kaggle only
    optional |= {"kagglehub", "openpyxl", "py7zr", "pyarrow"}  # which the parameters decide: ``more_needed``
    known = {*sys.stdlib_module_names, *needed.needed, "IPython", "google", "numpy", "packaging"} | optional
    python = [cell for cell in cells if not cell.source.startswith("%%")]
    assert {module.partition(".")[0] for cell in python for module in imported_modules(parse(cell))} <= known


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_gives_no_name_of_the_first_cells_to_something_else(all_lessons: Path, lesson: str) -> None:
    notebook = read_notebook(all_lessons / f"notebooks/{lesson}.ipynb")
    first, later = first_code_cells(notebook), lesson_code_cells(notebook)
    taken = union(first, bound_names) & union(later, bound_names)
    assert taken <= union(first, imported_names) & union(later, imported_names)
