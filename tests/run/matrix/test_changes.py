"""Which of the changes between two runtimes is suspected first."""

import json
from pathlib import Path

import pytest

from colab_starter.notebook.model import read_notebook
from colab_starter.run.matrix.changes import Change, find_changes, find_rollback, find_suspects, order_changes
from colab_starter.run.matrix.trials import Trial
from colab_starter.run.outcome import Status
from colab_starter.runtimes import load_runtime
from tests.run.matrix.test_bisect import write_notebook

OLD = {"numpy": "2.0", "xgboost": "2.1", "keras": "3.10", "tornado": "6.4", "transformers": "4.57", "same": "1"}
NEW = {"numpy": "2.1", "xgboost": "3.0", "keras": "3.13", "tornado": "6.5", "transformers": "5.0", "same": "1"}
BEFORE = Trial(load_runtime("2026.07"), Status.OK, packages=OLD)
CELLS = ("import numpy as np\nimport xgboost as xgb\nfrom keras import layers", "model = xgb", "layers.Dense(1)")


def suspect(tmp_path: Path, cause: str, cell: int, traceback: str = "") -> list[str]:
    executed = tmp_path / "executed.ipynb"
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": traceback.splitlines()}
    executed.write_text(json.dumps({"cells": [{"cell_type": "code", "outputs": [error]}]}))
    after = Trial(load_runtime("latest"), Status.FAILED, cause, cell, executed, packages=NEW)
    notebook = read_notebook(write_notebook(tmp_path / "nb.ipynb", *CELLS))
    return [change.name for change in find_suspects(find_changes(BEFORE, after), after, notebook)]


def test_changes_are_python_and_the_packages_that_differ() -> None:
    after = Trial(load_runtime("latest"), packages={**NEW, "added": "1"})
    changes = find_changes(BEFORE, after)
    assert changes[0] == Change("Python", "3.12", "3.13")
    assert str(changes[1]) == "added none -> 1"
    assert [change.name for change in changes[2:]] == ["keras", "numpy", "tornado", "transformers", "xgboost"]
    assert [change.name for change in order_changes(changes, [changes[4]])][0::6] == ["tornado", "xgboost"]


@pytest.mark.parametrize(
    ("cause", "cell", "traceback", "first"),
    [
        ("AttributeError: module 'xgboost' has no attribute 'X'", 4, "", "xgboost"),
        ("AttributeError: module 'keras.layers' has no attribute 'X'", 3, "", "keras"),
        ("ImportError: cannot import name 'TFAutoModel' from 'transformers' (/x/y)", 3, "", "transformers"),
        ("ModuleNotFoundError: No module named 'cgi'", 3, "", "Python"),
        ("ModuleNotFoundError: No module named 'keras.wrappers'", 3, "", "keras"),
        (
            "TypeError: bad",
            4,
            "/e/lib/python3.13/site-packages/numpy/core.py:3\n/x/site-packages/xgboost/s.py:1",
            "xgboost",
        ),
        ("TypeError: got an unexpected keyword argument", 5, "", "keras"),
        ("TypeError: bad", 4, "", "xgboost"),
    ],
)
def test_the_likeliest_change_comes_first(tmp_path: Path, cause: str, cell: int, traceback: str, first: str) -> None:
    assert suspect(tmp_path, cause, cell, traceback)[0] == first


def test_what_the_notebook_does_not_use_is_no_suspect(tmp_path: Path) -> None:
    assert suspect(tmp_path, "ValueError: bad", 4) == ["xgboost", "numpy", "keras"]


def test_a_rollback_takes_back_what_the_old_version_requires_and_only_that(tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.12/site-packages"
    for name, version, requires in [
        ("transformers", "4.57", ["numpy>=2", "hub<1", "tornado; extra == 'x'"]),
        ("hub", "0.36", ["requests"]),
    ]:
        about = packages / f"{name}-{version}.dist-info"
        about.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    before = Trial(load_runtime("2026.07"), packages={**OLD, "hub": "0.36", "requests": "2.32.4"}, environment=tmp_path)
    after = Trial(load_runtime("latest"), packages={**NEW, "hub": "1.3"})
    rollback = find_rollback(Change("transformers", "4.57", "5.0"), before, after)
    assert rollback == {"transformers": "4.57", "hub": "0.36"}
