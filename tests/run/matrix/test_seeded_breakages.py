"""What really broke between Colab's runtimes, found in environments like them: each with its own Python, from PyPI."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from colab_starter import cli
from colab_starter.runtimes.pythons import find_python
from tests.run.matrix.test_bisect import write_notebook
from tests.support.runtimes import own_cache

__all__ = ["own_cache"]

pytestmark = [pytest.mark.weekly, pytest.mark.xdist_group("environments"), pytest.mark.usefixtures("all_pythons")]

BREAKAGES: dict[str, tuple[Sequence[str], str, str, int, str]] = {
    "a module that Python 3.13 dropped": (["print(n)", "import cgi"], "2026.07", "latest", 4, "Python"),
    "CascadeClassifier": (
        ["import cv2", "finder = cv2.CascadeClassifier()"],
        *("2026.04", "2026.07", 4, "opencv-python"),
    ),
    "xgboost 3": (
        ["import xgboost as xgb", "print(n)", "print(xgb.DeviceQuantileDMatrix)"],
        *("2025.07", "2025.10", 5, "xgboost"),
    ),
    "transformers 5": (["from transformers import TFAutoModel"], "2026.01", "2026.04", 3, "transformers"),
    "datasets 4": (["import datasets", "print(datasets.load_metric)"], "2025.07", "2025.10", 4, "datasets"),
    "Keras 3.13": (
        [
            "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras",
            "layer = keras.layers.LayerNormalization(-1, 1e-6, True, True, True)",
        ],
        *("2026.01", "2026.04", 4, "keras"),
    ),
}
"""What broke -> the cells of a notebook, the last good runtime, the first bad one, the cell, the package."""


@pytest.fixture(scope="module")
def all_pythons() -> None:
    """Look for them when they are needed: to ask each installed Python for its version takes a process."""
    if not all(map(find_python, ("3.11", "3.12", "3.13"))):
        pytest.skip("needs the Pythons of Colab's runtimes: 3.11, 3.12 and 3.13")


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("what", BREAKAGES)
def test_bisect_names_the_runtime_the_cell_and_the_package(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    cells, good, bad, cell, package = BREAKAGES[what]
    notebook = write_notebook(tmp_path / "nb.ipynb", *cells)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["colab-starter", "runtimes", "bisect", str(notebook), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    [verdict] = json.loads(capfd.readouterr().out)
    found = verdict["good"], verdict["bad"], verdict["cell"], (verdict["culprit"] or {}).get("name")
    assert found == (good, bad, cell, package), verdict
