"""The notebook that is being executed: parameters, numbers of cells, statuses."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter.errors import BrokenNotebookError, UnwritableValueError
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.worker.cell_errors import CellError
from colab_starter.run.worker.executed_notebook import ExecutedNotebook, read_source
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


def text(source: str, *tags: str) -> Any:
    return v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def test_a_text_cell_with_the_tag_is_text() -> None:
    raw = v4.new_raw_cell("raw", metadata={"tags": ["parameters", "injected-parameters"]})
    cells = [text("# Settings", "parameters"), text("old", "injected-parameters"), raw, cell("n = 1", "parameters")]
    notebook = make(*cells, cell("print(n)"))
    notebook.inject({"n": 2})
    assert sources(notebook) == ["# Settings", "old", "raw", "n = 1", "# Parameters\nn = 2\n", "print(n)"]
    assert [notebook.number_of(index) for index in range(6)] == [1, 2, 3, 4, None, 5]


def test_only_text_cells_with_the_tag_are_no_parameters_cell() -> None:
    notebook = make(text("# Settings", "parameters"), cell("1"))
    notebook.inject({"n": 2})
    assert sources(notebook) == ["# Parameters\nn = 2\n", "# Settings", "1"]


@pytest.mark.parametrize(
    ("tags", "numbers"),
    [
        (["injected-parameters", "parameters", "other"], [2, None, 3]),
        (["injected-parameters", "injected-parameters", "parameters", "other"], [3, None, 4]),
        (["parameters", "other", "injected-parameters"], [1, None, 2]),
        (["injected-parameters", "parameters", "injected-parameters", "other", "injected-parameters"], [2, 3, 4]),
        (["parameters", "injected-parameters", "parameters"], [1, 2, 3]),
        (["other", "injected-parameters"], [None, 1]),
        (["injected-parameters", "other"], [1, 2]),
    ],
)
def test_values_go_below_the_parameters_cell_wherever_earlier_ones_are(
    tags: list[str], numbers: list[int | None]
) -> None:
    notebook = make(*[cell(f"{number} {tag}", tag) for number, tag in enumerate(tags, 1)])
    notebook.inject({"n": 2})
    assert [notebook.number_of(index) for index in range(len(notebook.node.cells))] == numbers
    injected = sources(notebook).index("# Parameters\nn = 2\n")
    declared = [index for index, source in enumerate(sources(notebook)) if source.endswith(" parameters")]
    assert injected == (declared[0] + 1 if declared else 0)
    assert sum("injected-parameters" in one.metadata.tags for one in notebook.node.cells) == 1
    assert not any(source.endswith("injected-parameters") for source in sources(notebook))
    nbformat.validate(notebook.node)


def test_the_injected_cell_has_an_id_of_its_own() -> None:
    taken = cell("1")
    taken.id = "injected-parameters"
    notebook = make(taken)
    notebook.inject({"n": 2})
    assert [one.id for one in notebook.node.cells] == ["injected-parameters-2", "injected-parameters"]


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
    assert [notebook.place_of(index) for index in (0, 1, 4)] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("source", "id_", "name"),
    [
        ("# @title Train the model\n1", "aB3dE5gH7jK9", 'cell In[1] "Train the model"'),
        ('# @title Train { display-mode: "form" }', "train-fit", 'cell In[1] "Train"'),
        (f"#@title {'long ' * 20}", "x1", f'cell In[1] "{("long " * 20)[:39]}…"'),
        ("1", "xgboost-folds", "cell In[1] xgboost-folds"),
        ("1", "train", "cell In[1] train"),
        ("1", "deadbeef", "cell In[1]"),
        ("1", "0f3a5b7c", "cell In[1]"),
        ("1", "abcdefab-abcd-abcd-abcd-abcdefabcdef", "cell In[1]"),
        ("1", "aB3dE5gH7jK9", "cell In[1]"),
        ("x = '# @title no'", "q", "cell In[1]"),
    ],
)
def test_a_cell_is_named_by_its_number_and_its_title_or_id(source: str, id_: str, name: str) -> None:
    notebook = make(v4.new_markdown_cell("text"), v4.new_code_cell(source, id=id_))
    notebook.start()
    assert notebook.name_of(1) == name


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


def test_a_cell_that_failed_after_all_says_so_and_shows_its_error() -> None:
    notebook = make(cell("1"), cell("2"))
    notebook.start()
    notebook.start_cell(0)
    notebook.end_cell(0, failed=False)
    notebook.note_failure(0)
    for name in ("ValueError", "KeyError"):
        notebook.show_error(0, CellError(name, "bad"))
    assert statuses(notebook) == ["failed", "pending"]
    assert [(output.ename, output.traceback) for output in notebook.node.cells[0].outputs] == [
        ("ValueError", ["ValueError: bad"])
    ]


@pytest.mark.parametrize(
    ("spec", "info", "written"),
    [
        ({"language": "python"}, {"language_info": {"name": "python"}}, "python3"),
        ({"name": "mine", "display_name": "Mine"}, {"language_info": {"name": 5}}, "mine"),
        ({"name": "mine", "display_name": "Mine"}, {"language_info": None}, "mine"),
        ({"name": "mine", "display_name": "Mine"}, {}, "mine"),
    ],
)
def test_what_is_said_of_the_kernel_is_valid_whatever_it_says_itself(
    spec: dict[str, str], info: dict[str, Any], written: str
) -> None:
    notebook = make(cell("1"))
    notebook.node.metadata.kernelspec = nbformat.from_dict(spec)
    notebook.start()
    notebook.note_kernel(None, info)
    nbformat.validate(notebook.node)
    assert notebook.node.metadata.kernelspec.name == written


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
