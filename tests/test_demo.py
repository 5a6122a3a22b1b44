"""What ``make demo`` prints, with a tiny notebook in place of the Keras lesson."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4, write

from tests.conftest import REPOSITORY

RESULTS = {"accuracy": 0.9725, "used_dataset": "digits", "seconds_per_epoch": 1.25}
CELL = f"""\
import json, os
os.makedirs(output_dir, exist_ok=True)
with open(os.path.join(output_dir, "results.json"), "w") as file:
    json.dump({RESULTS!r}, file)
"""


def run_demo(tmp_path: Path, cell: str) -> subprocess.CompletedProcess[str]:
    parameters = v4.new_code_cell("output_dir = ''", metadata={"tags": ["parameters"]})
    notebook = v4.new_notebook(cells=[parameters, v4.new_code_cell(cell)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (tmp_path / "notebooks").mkdir()
    write(notebook, tmp_path / "notebooks/keras.ipynb")
    command = [sys.executable, str(REPOSITORY / "tools/run_demo.py"), str(tmp_path / "notebooks/keras.ipynb")]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_the_demo_says_what_the_notebook_wrote_down(tmp_path: Path) -> None:
    done = run_demo(tmp_path, CELL)
    assert done.returncode == 0, done.stderr
    assert "Accuracy  97.25% on the held-out images of the data set 'digits'" in done.stdout
    assert "1.2 s an epoch" in done.stdout
    executed = json.loads((tmp_path / "outputs/keras.ipynb").read_text(encoding="utf-8"))
    assert executed["metadata"]["papermill"]["output_path"] == str(tmp_path / "outputs/keras.ipynb")


@pytest.mark.slow
def test_a_demo_whose_notebook_fails_has_failed(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "raise RuntimeError('no accuracy')")
    assert done.returncode == 1
    assert "RuntimeError: no accuracy" in done.stderr
