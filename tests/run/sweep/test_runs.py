import json
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import NoRunsFolderError
from colab_starter.notebook.model import Notebook
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import find_varying, hash_source, make_folder, make_id, make_runs, write_snapshot

NO_SECRETS = Mask()


def notebook(code: str = "n = 1", text: str = "Hello", tags: tuple[str, ...] = (), **metadata: Any) -> Notebook:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": text},
        {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": code, "outputs": []},
    ]
    data = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return Notebook(Path("nb.ipynb"), json.dumps(data), data)


@pytest.mark.parametrize(
    ("other", "kernel", "same"),
    [
        (notebook(text="Other words"), None, True),
        (notebook(tags=("hide",)), None, True),
        (notebook(colab={"toc": 1}), None, True),
        (notebook(code="n = 2"), None, False),
        (notebook(tags=("skip-execution",)), None, False),
        (notebook(tags=("injected-parameters",)), None, False),
        (notebook(kernelspec={"name": "ir"}), None, False),
        (notebook(), "ir", False),
    ],
)
def test_the_source_is_another_when_what_is_executed_is(other: Notebook, kernel: str | None, same: bool) -> None:
    assert (hash_source(other, kernel) == hash_source(notebook(), None)) is same


def test_an_id_says_the_parameters_and_does_not_depend_on_their_order() -> None:
    first = make_id({"lr": 0.01, "epochs": 1}, "source", NO_SECRETS)
    assert first.startswith("epochs=1,lr=0.01-")
    assert make_id({"epochs": 1, "lr": 0.01}, "source", NO_SECRETS) == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1}, {"n": 1.0}),
        ({"n": 1}, {"n": True}),
        ({"n": "1"}, {"n": 1}),
        ({"n": (1,)}, {"n": [1]}),
        ({}, {"n": None}),
    ],
)
def test_values_of_other_types_make_other_ids(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert make_id(one, "source", NO_SECRETS) != make_id(other, "source", NO_SECRETS)


def test_another_source_makes_other_ids() -> None:
    assert make_id({"n": 1}, "source", NO_SECRETS) != make_id({"n": 1}, "later", NO_SECRETS)


@pytest.mark.parametrize("value", ["../etc", "/", "a\nb", "ü" * 300, "", ".hidden", "<b>", "C:\\x", "-rf", 300 * "x"])
def test_an_id_is_a_good_name_for_a_folder(value: str, tmp_path: Path) -> None:
    name = make_id({"x": value}, "source", NO_SECRETS)
    assert len(name) < 100
    assert name.startswith("x=")
    assert name.isascii()
    assert not set(name) & set("/\\\n<>: ")
    (tmp_path / name).mkdir()


def test_without_parameters_the_id_says_so() -> None:
    assert make_id({}, "source", NO_SECRETS).startswith("defaults-")


def test_a_secret_does_not_stand_in_an_id_but_tells_runs_apart() -> None:
    mask = Mask(["hunter22", "hunter33"])
    first, second = make_runs([{"key": "hunter22"}, {"key": "hunter33"}], "source", mask)
    assert "hunter" not in first.id
    assert first.id != second.id


def test_what_varies_is_what_is_not_the_same_in_all_runs() -> None:
    sets = [{"a": 1, "b": 1, "c": [1]}, {"a": 1, "b": 1.0, "c": [1]}, {"a": 1, "b": 1, "c": [1], "d": 0}]
    assert find_varying(sets) == ["b", "d"]
    assert find_varying([{"a": 1}]) == []


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    for folder in (tmp_path / "runs", tmp_path / "runs/deeper"):
        with pytest.raises(NoRunsFolderError, match="is a file; choose a folder with --out"):
            make_folder(folder)


def test_the_snapshot_is_the_notebook_as_it_was_read(tmp_path: Path) -> None:
    source = notebook()
    path = write_snapshot(source, tmp_path, hash_source(source, None))
    assert path.read_text() == source.text
    assert write_snapshot(notebook(text="Other words"), tmp_path, hash_source(source, None)) == path
    assert "Other words" in path.read_text()
