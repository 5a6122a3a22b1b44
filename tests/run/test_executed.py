"""The notebook that is being executed: parameters, numbers of cells, statuses."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter.errors import BrokenNotebookError, UnwritableValueError
from colab_starter.run.executed import ExecutedNotebook, read_source
from colab_starter.run.job import Outcome, Status
from tests.run.jobs import cell


def make(*cells: Any, **metadata: Any) -> ExecutedNotebook:
    return ExecutedNotebook(v4.new_notebook(cells=list(cells), metadata=metadata))


def sources(notebook: ExecutedNotebook) -> list[str]:
    return [one.source for one in notebook.node.cells]


def statuses(notebook: ExecutedNotebook) -> list[str]:
    return [one.metadata.papermill.status for one in notebook.node.cells]


def test_parameters_are_injected_after_the_cell_that_declares_them() -> None:
    notebook = make(cell("a"), cell("n = 1", "parameters"), cell("b"))
    notebook.inject({"n": 2, "name": "x"})
    assert sources(notebook) == ["a", "n = 1", "# Parameters\nn = 2\nname = 'x'\n", "b"]
    assert [notebook.number_of(index) for index in range(4)] == [1, 2, None, 3]
    nbformat.validate(notebook.node)


def test_parameters_are_injected_at_the_top_where_no_cell_declares_them() -> None:
    notebook = make(v4.new_markdown_cell("title"), cell("b"))
    notebook.inject({"n": 2})
    assert sources(notebook)[0].startswith("# Parameters")


def test_what_an_earlier_run_injected_is_replaced() -> None:
    notebook = make(cell("n = 1", "parameters"), cell("n = 7", "injected-parameters"))
    notebook.inject({"n": 2})
    assert sources(notebook) == ["n = 1", "# Parameters\nn = 2\n"]
    assert notebook.number_of(1) == 2


def test_other_languages_are_written_by_papermill() -> None:
    notebook = make(cell("n <- 1", "parameters"), kernelspec={"name": "ir", "language": "R", "display_name": "R"})
    notebook.inject({"n": 2, "names": ["a", "b"], "on": True})
    assert sources(notebook)[1] == '# Parameters\nn = 2\nnames = list("a", "b")\non = TRUE\n'


@pytest.mark.parametrize(("language", "value"), [("R", (1, 2)), ("bash", {"a": 1}), ("cobol", 1)])
def test_a_value_that_a_language_has_no_form_for_is_an_error(language: str, value: object) -> None:
    notebook = make(kernelspec={"name": language.lower(), "language": language, "display_name": language})
    with pytest.raises(UnwritableValueError, match=language):
        notebook.inject({"n": value})


def test_nothing_is_left_of_an_earlier_run() -> None:
    old = cell("1")
    old.outputs, old.execution_count = [v4.new_output("stream", text="old")], 7
    old.metadata.papermill = {"status": "completed"}
    notebook = make(old, widgets={"application/vnd.jupyter.widget-state+json": {}}, papermill={"exception": True})
    notebook.start()
    assert notebook.node.cells[0].outputs == []
    assert notebook.node.cells[0].execution_count is None
    assert "widgets" not in notebook.node.metadata
    assert notebook.node.metadata.papermill.exception is None
    assert statuses(notebook) == ["pending"]


def test_a_cell_is_pending_until_it_runs_and_says_how_it_ended() -> None:
    notebook = make(cell("1"), cell("2"), cell("3", "skip-execution"), v4.new_markdown_cell("4"), cell("5"))
    notebook.start()
    for index in (0, 1):
        notebook.start_cell(index)
        assert statuses(notebook)[index] == "running"
        notebook.end_cell(index, failed=index == 1)
    notebook.pass_cell(2)
    notebook.pass_cell(3)
    notebook.end(Outcome(Status.FAILED, "why"))
    assert statuses(notebook) == ["completed", "failed", "pending", "completed", "pending"]
    assert notebook.node.cells[1].metadata.papermill.exception is True
    assert notebook.node.cells[1].metadata.papermill.duration >= 0
    assert notebook.node.metadata.papermill.exception is True


def test_places_count_the_cells_that_are_executed() -> None:
    notebook = make(cell("n = 1", "parameters"), v4.new_markdown_cell("text"), cell(" "), cell("a"))
    notebook.inject({"n": 2})
    notebook.start()
    assert notebook.executable == {0, 1, 4}
    assert [notebook.place_of(index) for index in (0, 1, 4)] == [(1, 2), None, (2, 2)]


def test_what_a_writer_left_out_is_filled_in(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": ["a\n", "b"]},
        {"cell_type": "markdown", "metadata": {}, "source": "", "id": "cell-1"},
    ]
    path = tmp_path / "made.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 2}))
    node = read_source(path)
    nbformat.validate(node)
    assert node.cells[0].source == "a\nb"
    assert len({one.id for one in node.cells}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": 1}',
        '{"cells": 7, "nbformat": 4}',
        '{"cells": [1], "nbformat": 4}',
        '{"cells": [{}], "nbformat": 4}',
        '{"cells": [], "nbformat": 5}',
    ],
)
def test_what_is_no_notebook_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "made.ipynb"
    path.write_text(text)
    with pytest.raises(BrokenNotebookError):
        read_source(path)
