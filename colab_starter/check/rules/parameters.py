"""CS2: the parameters cell, which papermill and a batch of runs overwrite."""

import ast
from collections.abc import Iterator

from colab_starter.check.rule import ERROR, WARNING, Problem, rule
from colab_starter.notebook.model import INJECTED_TAG, PARAMETERS_TAG, Notebook
from colab_starter.notebook.python import NOT_LITERAL, read_literal


@rule(
    "CS201",
    "one-parameters-cell",
    ERROR,
    evidence="papermill.parameterize puts its cell below the first one that is tagged parameters, whatever comes "
    "after it.",
)
def find_second_parameters_cell(notebook: Notebook) -> Iterator[Problem]:
    """At most one cell is tagged parameters, and it is a code cell.

    papermill puts its values after the first cell with the tag; a second one sets its own defaults again, and the
    values are silently lost. Move all parameters into one cell. The same happens if a text cell has the tag, or if a
    cell injected by an earlier run is above the parameters.
    """
    yield from _find_misleading_cells(notebook)
    for cell in notebook.parameters_cells[1:]:
        yield Problem(
            f"cell {notebook.parameters_cells[0].number} is tagged parameters too, so papermill's values are "
            "overwritten here; move all parameters into one cell",
            cell,
        )


def _find_misleading_cells(notebook: Notebook) -> Iterator[Problem]:
    """What papermill takes for the place of its values, above the cell that sets the defaults."""
    first = notebook.parameters_cells[0].number if notebook.parameters_cells else len(notebook.cells) + 1
    for cell in notebook.cells[: first - 1]:
        if cell.kind != "code" and PARAMETERS_TAG in cell.tags:
            yield Problem("this text is tagged parameters, so papermill puts its values here; remove the tag", cell)
        elif INJECTED_TAG in cell.tags and notebook.parameters_cells:
            yield Problem(
                "an earlier run injected this cell, and papermill fills it again, above the parameters; delete it",
                cell,
            )


@rule(
    "CS202",
    "has-parameters-cell",
    WARNING,
    opt_in=True,
    evidence="papermill.parameterize puts its cell above all others where none is tagged parameters.",
)
def find_no_parameters_cell(notebook: Notebook) -> Iterator[Problem]:
    """A cell is tagged parameters.

    Without one, papermill puts its values before the first cell, and the notebook's own assignments overwrite them.
    Most notebooks are never run that way, so this rule is off unless you ask for it: --select CS202, or --select CS2.
    """
    if notebook.is_python and not notebook.parameters_cells:
        yield Problem("no cell is tagged parameters, so papermill cannot set anything; tag the cell with the settings")


@rule("CS203", "literal-parameters", WARNING, evidence="papermill.parameterize adds a cell and changes none.")
def find_computed_parameters(notebook: Notebook) -> Iterator[Problem]:
    """The parameters cell contains only names and literal values.

    papermill puts its values into a new cell below this one: whatever this cell has computed from the old values
    stays as it was. Keep only lines here such as epochs = 3 or name = "x", and compute in the next cell.
    """
    for cell in notebook.parameters_cells[:1]:
        for command in cell.commands:
            if command.kind in "!%":
                yield Problem(
                    f"{command.text:.40} is not a parameter; move it to a cell of its own", cell, command.line
                )
        for statement in cell.tree.body if isinstance(cell.tree, ast.Module) else []:
            if fault := _fault_of(statement, cell.code.python):
                yield Problem(fault, cell, statement.lineno)


def _fault_of(statement: ast.stmt, python: str) -> str | None:
    if isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant | ast.Name)
    ):
        return None
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        if statement.value is None:
            return f"{statement.target.id} has a type but no value, so the notebook stops where it is used; give it one"
        return _fault_of_value(statement.target.id, statement.value)
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        return _fault_of_value(python.split("\n")[statement.lineno - 1].partition("=")[0].strip(), statement.value)
    first_line = python.split("\n")[statement.lineno - 1].strip()
    return f"{first_line:.40} is not a parameter; keep only lines here such as epochs = 3, and move it to the next cell"


def _fault_of_value(name: str, value: ast.expr) -> str | None:
    if read_literal(value) is not NOT_LITERAL or _is_arithmetic(value):
        return None
    return (
        f"{name} is computed, so it keeps its value when papermill changes what it is made of; "
        "write a literal here, and compute in the next cell"
    )


def _is_arithmetic(value: ast.expr) -> bool:
    """``60 * 60`` and ``2**20`` are as good as literals."""
    parts = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
    return all(isinstance(node, parts) for node in ast.walk(value))
