"""Every lesson as its users run it: executed by papermill, without a network, on this machine's CPU."""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
import scrapbook

from colab_starter.lessons import select_lessons
from tests.conftest import LESSONS, REPOSITORY, bake_into, execute, printed, read_notebook, set_parameters

DEFAULTS: dict[str, dict[str, Any]] = {
    "keras": {"accuracy": (0.95, 1.0), "dataset": "digits"},
    "pytorch": {"accuracy": (0.95, 1.0), "dataset": "digits"},
    "xgboost": {"accuracy": (0.77, 0.7906)},
}
"""What the results of a run with default parameters must be: a value, or its bounds.

No rule can be right about more than 0.7906 of the Titanic's people: the lesson says why.
"""

CHANGED: dict[str, dict[str, Any]] = {
    "keras": {"epochs": 1, "learning_rate": 0.01},
    "pytorch": {"epochs": 1, "learning_rate": 0.01},
    "opencv": {"features": 200},
    "xgboost": {"max_depth": 1},
    "graphviz": {"tree_depth": 1},
    "tour": {"epochs": 1},
    "blank": {"seed": 1},
}
"""Parameters that must change a lesson's results."""


TENSORFLOW_FINDS_NO_GPU = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    r"|I0000 .* Could not find cuda drivers on your machine, GPU will not be used\."
)
"""The lines that TensorFlow 2.21 prints whatever its log level is."""


class Execution:
    """One run of a lesson: its executed notebook, its results as scraps, and how long it took."""

    def __init__(self, project: Path, folder: Path, lesson: str, parameters: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        papermill.execute_notebook(
            project / f"notebooks/{lesson}.ipynb",
            folder / "executed.ipynb",
            {**parameters, "output_dir": str(folder / "outputs")},
            progress_bar=False,
            cwd=folder,
        )
        self.seconds = time.monotonic() - started
        self.notebook = read_notebook(folder / "executed.ipynb")
        self.scraps = scrapbook.read_notebook(str(folder / "executed.ipynb")).scraps.data_dict
        self.files = json.loads((folder / "outputs/results.json").read_text())


@pytest.fixture(scope="session")
def executions(all_lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Execution]:
    folder = tmp_path_factory.mktemp("executions")
    return {lesson: Execution(all_lessons, folder / lesson, lesson, {}) for lesson in LESSONS}


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_prints_no_warning(executions: dict[str, Execution], lesson: str) -> None:
    execution = executions[lesson]
    errors = [
        line
        for cell in execution.notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
        for line in output.text.splitlines()
        if not TENSORFLOW_FINDS_NO_GPU.fullmatch(line)
    ]
    assert errors == []


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_results_are_read_back_as_scraps_and_as_a_file(executions: dict[str, Execution], lesson: str) -> None:
    assert executions[lesson].scraps == executions[lesson].files
    assert executions[lesson].scraps or lesson == "blank"


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "name"), [(lesson, name) for lesson in DEFAULTS for name in DEFAULTS[lesson]])
def test_a_lesson_learns_as_much_as_it_promises(executions: dict[str, Execution], lesson: str, name: str) -> None:
    expected, value = DEFAULTS[lesson][name], executions[lesson].scraps[name]
    assert expected[0] <= value <= expected[1] if isinstance(expected, tuple) else value == expected


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_changed_parameter_changes_the_results_and_all_cells_again_restore_them(
    executions: dict[str, Execution], all_lessons: Path, tmp_path: Path, lesson: str
) -> None:
    """All cells twice in one kernel: papermill's parameters hold for the first time only."""
    path = write_twice(all_lessons / f"notebooks/{lesson}.ipynb", tmp_path / "twice.ipynb")
    papermill.execute_notebook(path, tmp_path / "executed.ipynb", CHANGED[lesson], progress_bar=False, cwd=tmp_path)
    cells = read_notebook(tmp_path / "executed.ipynb").cells
    end_of_first = max(index for index, cell in enumerate(cells) if cell.id == "results-1")
    usual = scraps_of(executions[lesson].notebook.cells)
    assert scraps_of(cells[end_of_first + 1 :]) == usual
    assert scraps_of(cells[: end_of_first + 1]) != usual or lesson == "blank"


def write_twice(notebook: Path, path: Path) -> Path:
    """A notebook with all its cells twice; only the first parameters cell keeps its tag."""
    twice = read_notebook(notebook)
    for cell in list(twice.cells):
        again = nbformat.from_dict({**cell, "id": f"{cell.id}-again", "metadata": {}})
        twice.cells.append(again)
    nbformat.write(twice, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_keras_learns_on_its_other_backends_too(all_lessons: Path, tmp_path: Path, backend: str) -> None:
    execution = Execution(all_lessons, tmp_path / backend, "keras", {"backend": backend, "epochs": 1})
    assert f" on {backend}\n" in printed(execution.notebook)
    assert execution.scraps["accuracy"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lesson", "checkpoint"), [("keras", "unfinished-*/training_metadata.json"), ("pytorch", "unfinished-*.pt")]
)
def test_training_goes_on_where_it_was_killed(
    executions: dict[str, Execution], all_lessons: Path, tmp_path: Path, lesson: str, checkpoint: str
) -> None:
    kill_after_checkpoint(all_lessons / f"notebooks/{lesson}.ipynb", tmp_path / "run", checkpoint)
    resumed = Execution(all_lessons, tmp_path / "run", lesson, {})
    output = printed(resumed.notebook)
    assert not re.search(r"^Epoch 1/3|^epoch 1,", output, re.MULTILINE)
    assert re.search(r"^Epoch 3/3|^epoch 3,", output, re.MULTILINE)
    assert resumed.scraps["accuracy"] >= 0.95
    if lesson == "pytorch":  # its checkpoints hold the state of the random numbers too
        assert resumed.scraps["loss"] == executions[lesson].scraps["loss"]
    assert list((tmp_path / "run/outputs").glob("unfinished*")) == []


def kill_after_checkpoint(notebook: Path, folder: Path, checkpoint: str) -> None:
    """Run a notebook's code as a script, and kill it (-9) as soon as its first checkpoint is there."""
    cells = read_notebook(notebook)
    set_parameters(cells, output_dir=str(folder / "outputs"))
    folder.mkdir()
    code = "\n".join(cell.source for cell in cells.cells if cell.cell_type == "code")
    environment = {**os.environ, "MPLBACKEND": "agg"}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        deadline = time.monotonic() + 120
        while not list((folder / "outputs").glob(checkpoint)):
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_a_picture(executions: dict[str, Execution], lesson: str) -> None:
    pictures = {
        kind
        for cell in executions[lesson].notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
        if kind.startswith("image/")
    }
    assert pictures or lesson == "blank"


def scraps_of(cells: list[nbformat.NotebookNode]) -> dict[str, Any]:
    """The results that do not depend on the time."""
    scraps = [
        output.data["application/scrapbook.scrap.json+json"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "application/scrapbook.scrap.json+json" in output.get("data", {})
    ]
    return {scrap["name"]: scrap["data"] for scrap in scraps if not re.search("second|gflops|_ms|milli", scrap["name"])}


def test_papermill_lists_the_parameters_of_every_notebook(all_lessons: Path) -> None:
    for lesson in LESSONS:
        listed = papermill.inspect_notebook(all_lessons / f"notebooks/{lesson}.ipynb")
        assert {"use_drive", "drive_folder", "require_gpu", "output_dir", "seed"} <= set(listed), lesson
        assert listed["seed"]["default"] == "42"


def test_the_lessons_extra_installs_whatever_a_lesson_imports() -> None:
    lessons = json.loads((REPOSITORY / "templates/lessons.json").read_text())
    wanted = set(select_lessons(lessons, {"preset": "all", "extra_pip_packages": "", "extra_apt_packages": ""}).pip)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert wanted <= set(project["optional-dependencies"]["lessons"])
    assert list(lessons) == LESSONS


@pytest.mark.slow
def test_the_install_cell_installs_a_missing_package_in_a_bare_environment(tmp_path: Path) -> None:
    """An environment with ipykernel alone: NumPy is missing, and so is what the user asked for."""
    project = bake_into(tmp_path / "baked", preset="blank", extra_pip_packages="toolz")
    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / ("bare/Scripts/python" if os.name == "nt" else "bare/bin/python")
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "ipykernel"], check=True)
    subprocess.run(
        [python, "-m", "ipykernel", "install", "--prefix", tmp_path / "jupyter", "--name", "bare"],
        check=True,
        capture_output=True,
    )
    notebook = read_notebook(project / "notebooks/blank.ipynb")
    notebook.metadata.kernelspec.name = "bare"
    notebook.cells.append(nbformat.v4.new_code_cell("import toolz; print('toolz is in', toolz.__file__)"))
    output = execute(notebook, tmp_path, kernels=tmp_path / "jupyter/share/jupyter")
    assert "Missing packages: numpy, toolz\n" in output
    assert "Installed: numpy, toolz\n" in output
    assert f"toolz is in {tmp_path / 'bare'}" in output


@pytest.mark.slow
def test_the_readme_s_sweep_runs_the_whole_grid(tmp_path: Path) -> None:
    project = bake_into(tmp_path / "baked", preset="blank")
    readme = (project / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert found
    subprocess.run([sys.executable, "-c", found[1]], cwd=project, check=True, capture_output=True, timeout=120)
    for number, seed in enumerate([1, 2, 3]):
        executed = read_notebook(project / f"outputs/sweep/{number}/notebook.ipynb")
        assert executed.metadata.papermill.parameters.seed == seed
        assert f"{project / 'outputs/sweep' / str(number)}" in printed(executed)
