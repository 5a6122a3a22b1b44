"""Every lesson as its users run it: executed by papermill, without a network, on this machine's CPU."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
import scrapbook
from _pytest.mark.structures import ParameterSet
from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode

from colab_starter.bake.lessons import select_lessons
from tests.conftest import (
    LESSONS,
    REPOSITORY,
    bake_into,
    execute,
    printed,
    private_sockets,
    read_notebook,
    set_parameters,
)
from tests.environments import make_environment
from tests.support.lessons import (
    CHANGED,
    WITH_IMAGES,
    first_code_cells,
    read_shorter,
    take_fewer_images,
)

DEFAULTS: dict[str, dict[str, Any]] = {
    "keras": {"accuracy": (0.95, 1.0), "used_dataset": "digits"},
    "pytorch": {"accuracy": (0.95, 1.0), "used_dataset": "digits"},
    "xgboost": {"accuracy": (0.77, 0.7906)},
    "images": {"accuracy": (0.95, 1.0), "pictures": 240, "used_network": "from_scratch"},
    "table": {"score": (0.94, 0.98), "baseline": (0.0, 0.0), "problem": "regression"},
}
"""What the results of a run with default parameters must be: a value, or its bounds.

No rule can be right about more than 0.7906 of the Titanic's people: the lesson says why.
"""

LESSONS_TABLE = json.loads((REPOSITORY / "templates/lessons.json").read_text(encoding="utf-8"))
OTHER_BACKENDS = ["jax", "torch"]
QUICK = {"epochs": 1, "batch_size": 32, "learning_rate": 0.002}
TO_RESUME = {"epochs": 3, "batch_size": 32, "learning_rate": 0.003}
"""With these, the lessons learn enough from fewer images."""

CHECKPOINTS = {"keras": "unfinished-*/training_metadata.json", "pytorch": "unfinished-*.pt"}
"""What a lesson's training leaves after each epoch."""
EXACTLY_RESUMED = ("pytorch",)
"""Whose checkpoints hold the state of the random numbers too."""

KILL = """
import os, signal

def record_epoch(step, **metrics):
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""What ends the training for good (-9) after its first epoch, whose numbers are recorded after its checkpoint."""

ORDERS = int(os.environ.get("ORDERS", "3"))
"""In so many orders the first cells of each lesson are run again when all is done."""
WATCH = """
def _types():
    hidden = get_ipython().user_ns_hidden
    return {name: str(type(value)) for name, value in globals().items() if name[0] != "_" and name not in hidden}

def _state():
    return _types(), gpus, output_dir, results_dir, drive_home, seed, require_gpu

_before = _state()
"""
"""What must stay as it is: the type of every variable, and what the first cells have found out."""
CHECK = "assert _state() == _before, (_state(), _before)"

SCRIPT_CELL = "tour-run"
"""Runs a script that trains, which makes no difference between the first and the second time but for its files."""
SCRIPT_REPORT = "mnist_cnn/history.json"

ONE_THREAD = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Each lesson computes on one thread, because other tests need the cores too, and threads wait for one another busily.

On two cores that had other work, PyTorch's lesson took 92 s of CPU time with two threads and 36 s with one.
"""

NEEDED_BY_MATPLOTLIB = ("cycler", "fonttools", "kiwisolver", "pillow", "pyparsing")

SCRAP = "application/scrapbook.scrap.json+json"

TENSORFLOW_FINDS_NO_GPU = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    r"|I0000 .* Could not find cuda drivers on your machine, GPU will not be used\."
)
"""The lines that TensorFlow 2.21 prints whatever its log level is."""


class Execution:
    """One run of a lesson: its executed notebook, its results as scraps, and its ``output_dir``."""

    def __init__(self, notebook: Path, outputs: Path) -> None:
        self.notebook = read_notebook(notebook)
        self.scraps = scrapbook.read_notebook(str(notebook)).scraps.data_dict
        self.outputs = outputs

    def lasting_scraps(self) -> dict[str, Any]:
        """The results that do not depend on the time."""
        times = re.compile("second|gflops|_ms|milli")
        return {name: value for name, value in self.scraps.items() if not times.search(name)}


def run_papermill(notebook: Path, folder: Path, parameters: dict[str, Any], *, saves: bool = True) -> NotebookNode:
    """Execute into ``folder``, which is also the kernel's.

    papermill's own ``cwd`` would move the whole process. Where it ``saves``, there is ``executed.ipynb`` also after
    an error; but it writes the whole notebook twice for each cell.
    """
    with private_sockets() as config, pytest.MonkeyPatch.context() as patch:
        for variable in ONE_THREAD:
            patch.setenv(variable, "1")
        try:
            executed: NotebookNode = papermill.execute_notebook(
                notebook,
                folder / "executed.ipynb" if saves else None,
                {**parameters, "output_dir": str(folder / "results")},
                progress_bar=False,
                execution_timeout=500,
                resources={"metadata": {"path": str(folder)}},
                config=config,
            )
        finally:
            ensure_event_loop().close()  # nbclient leaves it open
    return executed


def run_once(notebook: Path, folder: Path, parameters: dict[str, Any]) -> Execution:
    folder.mkdir(exist_ok=True)
    run_papermill(notebook, folder, parameters)
    return Execution(folder / "executed.ipynb", folder / "results")


def run_together(notebook: Path, folder: Path) -> dict[str, Execution]:
    """All that is tried with a lesson, in one kernel, because much of a lesson's time is importing.

    First all cells as they are, then the other parts.
    papermill's own parameters hold for the first time only, so its results lie apart from those of the others.
    """
    folder.mkdir()
    parts = {"usual": read_notebook(notebook).cells, **make_parts(notebook, folder / "resumed")}
    if "resumed" in parts:
        kill_training(notebook, folder, folder / "resumed")
    default = folder / f"outputs/{notebook.stem}"
    if notebook.stem == "tour":  # its script finds what an earlier run has left
        (default / SCRIPT_REPORT).parent.mkdir(parents=True)
        (default / SCRIPT_REPORT).write_text("an older report")
    write_together(notebook, parts, folder / "together.ipynb")
    executed = run_papermill(folder / "together.ipynb", folder, {}, saves=False)
    outputs = {"usual": folder / "results", "resumed": folder / "resumed"}
    for part in parts:
        cells = [cell for cell in executed.cells if part_of(cell) == part]
        nbformat.write(nbformat.from_dict({**executed, "cells": cells}), folder / f"{part}.ipynb")
    return {part: Execution(folder / f"{part}.ipynb", outputs.get(part, default)) for part in parts}


def make_parts(notebook: Path, resumed: Path) -> dict[str, list[NotebookNode]]:
    """The cells of the parts that follow in the kernel that has executed a lesson as it is.

    The training that another process has begun in ``resumed``, and the same without a break where that is to give
    the same; all cells twice with changed parameters, which are quick ones, but what takes long beside the training
    only once; and the first cells in any order.
    """
    lesson, parts = notebook.stem, {}
    if lesson in CHECKPOINTS:
        parts["resumed"] = read_training(notebook, output_dir=str(resumed)).cells
    if lesson in EXACTLY_RESUMED:
        parts["unbroken"] = read_training(notebook).cells
    changed, again = read_notebook(notebook), read_notebook(notebook)
    if lesson in WITH_IMAGES:
        changed = read_shorter(notebook)
        take_fewer_images(again)
    set_parameters(changed, **CHANGED[lesson])
    set_parameters(again, **CHANGED[lesson])
    again.cells = [cell for cell in again.cells if cell.id != SCRIPT_CELL]
    in_any_order = order_first_cells(first_code_cells(read_notebook(notebook)), random.Random(lesson))
    return {**parts, "changed": changed.cells, "again": again.cells, "orders": in_any_order}


def kill_training(notebook: Path, folder: Path, outputs: Path) -> None:
    """Run a lesson's code as a script, up to the end of its first epoch."""
    training = read_training(notebook, output_dir=str(outputs))
    number = next(number for number, cell in enumerate(training.cells) if "def record_epoch" in cell.source)
    training.cells.insert(number + 1, nbformat.v4.new_code_cell(KILL))
    code = "\n".join(cell.source for cell in training.cells if cell.cell_type == "code")
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "MPLBACKEND": "agg"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=450
    )
    assert ended.returncode == -signal.SIGKILL, ended.stdout + ended.stderr
    assert any(path.stat().st_size for path in outputs.glob(CHECKPOINTS[notebook.stem]))


def read_training(notebook: Path, **parameters: Any) -> NotebookNode:
    training = read_shorter(notebook)
    set_parameters(training, **TO_RESUME, **parameters)
    return training


def write_together(notebook: Path, parts: dict[str, list[NotebookNode]], path: Path) -> None:
    """Only the first parameters cell keeps its tag."""
    together = read_notebook(notebook)
    for part, cells in parts.items():
        made = [
            nbformat.from_dict({**cell, "id": f"{number}.{part}", "metadata": {}}) for number, cell in enumerate(cells)
        ]
        together.cells += made if part != "usual" else []
    nbformat.write(together, path)


def order_first_cells(cells: list[NotebookNode], generator: random.Random) -> list[NotebookNode]:
    """A full pass, each cell twice, and orders by chance; after each a check that nothing has changed."""
    watch, check = map(nbformat.v4.new_code_cell, (WATCH, CHECK))
    ordered = [*cells, watch, *(one for cell in cells for one in (cell, cell, check))]
    for _ in range(ORDERS):
        ordered += [*generator.sample(cells, len(cells)), check]
    return ordered


def part_of(cell: NotebookNode) -> str:
    return str(cell.id).partition(".")[2] or "usual"


def with_its_run(lesson: str, *values: Any) -> ParameterSet:
    """A lesson; one process is to have all tests of it, because they look at the same run."""
    return pytest.param(lesson, *values, marks=pytest.mark.xdist_group(f"lesson-{lesson}"))


EACH_LESSON = [
    with_its_run(lesson) for lesson in sorted(LESSONS, key=lambda lesson: -LESSONS_TABLE[lesson]["cpu_seconds"])
]
"""The longest first."""
TRAINED_LESSONS = [with_its_run(lesson) for lesson in CHECKPOINTS]


@pytest.fixture(scope="module")
def all_runs() -> dict[str, dict[str, Execution]]:
    """By lesson, as far as a test has asked for it."""
    return {}


@pytest.fixture
def runs(
    all_runs: dict[str, dict[str, Execution]], all_lessons: Path, tmp_path_factory: pytest.TempPathFactory, lesson: str
) -> dict[str, Execution]:
    """What was tried with the lesson that the test is about."""
    if lesson not in all_runs:
        folder = tmp_path_factory.mktemp("runs") / lesson
        all_runs[lesson] = run_together(all_lessons / f"notebooks/{lesson}.ipynb", folder)
    return all_runs[lesson]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", EACH_LESSON)
def test_a_lesson_prints_no_warning(runs: dict[str, Execution], lesson: str) -> None:
    errors = [
        line
        for cell in runs["usual"].notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
        for line in output.text.splitlines()
        if not TENSORFLOW_FINDS_NO_GPU.fullmatch(line)
    ]
    assert errors == []


@pytest.mark.slow
@pytest.mark.parametrize("lesson", EACH_LESSON)
def test_the_results_are_read_back_as_scraps_and_as_a_file(runs: dict[str, Execution], lesson: str) -> None:
    usual = runs["usual"]
    assert usual.scraps == json.loads((usual.outputs / "results.json").read_text())
    assert usual.scraps or lesson == "blank"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", TRAINED_LESSONS)
def test_training_records_its_numbers_with_a_step_for_each_epoch(runs: dict[str, Execution], lesson: str) -> None:
    usual = runs["usual"]
    outputs = [output for cell in usual.notebook.cells for output in cell.get("outputs", [])]
    scraps = [output["data"][SCRAP] for output in outputs if SCRAP in output.get("data", {})]
    for name in ("val_accuracy", "val_loss"):
        curve = [(scrap["step"], scrap["data"]) for scrap in scraps if scrap["name"] == name and "step" in scrap]
        assert [step for step, _ in curve] == [1, 2, 3]
        assert curve[-1][1] == usual.scraps[name]
    assert not any("step" in scrap for scrap in scraps if scrap["name"] == "accuracy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lesson", "name"), [with_its_run(lesson, name) for lesson in DEFAULTS for name in DEFAULTS[lesson]]
)
def test_a_lesson_learns_as_much_as_it_promises(runs: dict[str, Execution], lesson: str, name: str) -> None:
    expected, value = DEFAULTS[lesson][name], runs["usual"].scraps[name]
    assert expected[0] <= value <= expected[1] if isinstance(expected, tuple) else value == expected


@pytest.mark.slow
@pytest.mark.parametrize("lesson", EACH_LESSON)
def test_a_changed_parameter_changes_the_results_and_all_cells_again_repeat_them(
    runs: dict[str, Execution], lesson: str
) -> None:
    assert runs["again"].lasting_scraps() == runs["changed"].lasting_scraps()
    unchanged = runs["resumed" if lesson in WITH_IMAGES else "usual"]  # which has had the same images
    assert runs["changed"].lasting_scraps() != unchanged.lasting_scraps() or lesson == "blank"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", [with_its_run("tour")])
def test_the_script_s_first_epoch_is_the_same_each_time(runs: dict[str, Execution], lesson: str) -> None:
    usual, changed = (
        json.loads((runs[part].outputs / SCRIPT_REPORT).read_text())["history"] for part in ("usual", "changed")
    )
    assert len(usual["val_loss"]) == 2
    assert usual["val_loss"][:1] == pytest.approx(changed["val_loss"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("lesson", EACH_LESSON)
def test_the_first_cells_run_twice_and_in_any_order_after_a_full_pass(runs: dict[str, Execution], lesson: str) -> None:
    """Cells between them would have failed the run if a variable had changed."""
    ordered = runs["orders"]
    assert [cell.source for cell in ordered.notebook.cells].count(CHECK) >= ORDERS + 4
    output = printed(ordered.notebook)
    assert output.count(f"Results go to {ordered.outputs.resolve()}\n") == ORDERS + 3
    assert output.count("Missing packages: none\n") == ORDERS + 3


@pytest.mark.weekly
@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_keras_learns_on_its_other_backends_too(all_lessons: Path, tmp_path: Path, backend: str) -> None:
    nbformat.write(read_shorter(all_lessons / "notebooks/keras.ipynb"), tmp_path / "keras.ipynb")
    execution = run_once(tmp_path / "keras.ipynb", tmp_path / "run", {"backend": backend, **QUICK})
    assert f" on {backend}\n" in printed(execution.notebook)
    assert execution.scraps["accuracy"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("lesson", TRAINED_LESSONS)
def test_training_goes_on_where_it_was_killed(runs: dict[str, Execution], lesson: str) -> None:
    resumed = runs["resumed"]
    output = printed(resumed.notebook)
    assert not re.search(r"^Epoch 1/3|^epoch 1,", output, re.MULTILINE)
    assert re.search(r"^Epoch 3/3|^epoch 3,", output, re.MULTILINE)
    assert resumed.scraps["accuracy"] >= 0.95
    if lesson in EXACTLY_RESUMED:
        assert resumed.scraps["loss"] == runs["unbroken"].scraps["loss"]
    assert list(resumed.outputs.glob("unfinished*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("lesson", EACH_LESSON)
def test_a_lesson_shows_a_picture(runs: dict[str, Execution], lesson: str) -> None:
    pictures = {
        kind
        for cell in runs["usual"].notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
        if kind.startswith("image/")
    }
    assert pictures or lesson == "blank"


def test_papermill_lists_the_parameters_of_every_notebook(all_lessons: Path) -> None:
    for lesson in LESSONS:
        listed = papermill.inspect_notebook(all_lessons / f"notebooks/{lesson}.ipynb")
        assert {"use_drive", "drive_folder", "require_gpu", "output_dir", "seed"} <= set(listed), lesson
        assert listed["seed"]["default"] == "42"


def test_the_lessons_extra_installs_whatever_a_lesson_imports() -> None:
    wanted = set(
        select_lessons(LESSONS_TABLE, {"preset": "all", "extra_pip_packages": "", "extra_apt_packages": ""}).pip
    )
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert wanted <= set(project["optional-dependencies"]["lessons"])
    assert list(LESSONS_TABLE) == LESSONS


@pytest.mark.slow
def test_the_install_cell_installs_a_missing_package_in_a_bare_environment(tmp_path: Path) -> None:
    """What the notebook imports is missing in an environment, as is the user's own.

    Only what Matplotlib needs beside NumPy is there, because pip takes as long for that as for all else.
    """
    project = bake_into(tmp_path / "baked", preset="blank", extra_pip_packages="iniconfig")
    python = make_environment(tmp_path / "bare", "pip", "ipykernel", *NEEDED_BY_MATPLOTLIB) / "python"
    subprocess.run(
        [python, "-m", "ipykernel", "install", "--prefix", tmp_path / "jupyter", "--name", "bare"],
        check=True,
        capture_output=True,
    )
    notebook = read_notebook(project / "notebooks/blank.ipynb")
    notebook.metadata.kernelspec.name = "bare"
    notebook.cells.append(nbformat.v4.new_code_cell("import iniconfig; print('iniconfig is in', iniconfig.__file__)"))
    versions = "".join(f"{package}=={version(package)}\n" for package in ("iniconfig", "matplotlib", "numpy"))
    (tmp_path / "versions.txt").write_text(versions)
    kernels = tmp_path / "jupyter/share/jupyter"
    output = execute(notebook, tmp_path, kernels=kernels, PIP_CONSTRAINT=f"{tmp_path}/versions.txt", PIP_NO_COMPILE="1")
    assert "Missing packages: numpy, matplotlib, iniconfig\n" in output
    assert "Installed: numpy, matplotlib, iniconfig\n" in output
    assert f"iniconfig is in {tmp_path / 'bare'}" in output


@pytest.mark.slow
def test_the_readme_s_commands_run_the_sweep_and_report_it(tmp_path: Path) -> None:
    project = bake_into(tmp_path / "baked", preset="blank")
    commands = re.findall(r"^\.venv/bin/(colab-starter .*)$", (project / "README.md").read_text(), re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["run", "report"]
    for command in commands:
        subprocess.run(f"{Path(sys.executable).parent}/{command}", shell=True, cwd=project, check=True, timeout=300)
    found = [read_notebook(path) for path in sorted((project / "runs/blank").glob("seed=*/blank.ipynb"))]
    assert [executed.metadata.papermill.parameters.seed for executed in found] == [1, 2, 3]
    for executed in found:
        assert f"Results go to {executed.metadata.papermill.parameters.output_dir}" in printed(executed)
    assert (project / "runs/blank/report.html").stat().st_size > 100_000
