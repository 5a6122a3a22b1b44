"""Every lesson as its users run it: executed by papermill, without a network, on this machine's CPU."""

import json
import os
import random
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
import scrapbook
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
from tests.support.lessons import CHANGED, first_code_cells, write_with_fewer_images

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
MORE_PARTS = ["changed", "again", "orders"]
"""What follows in the kernel that has executed a lesson as it is: see ``run_together``."""
QUICK = {"epochs": 1, "batch_size": 32, "learning_rate": 0.002}

CHECKPOINTS = {"keras": "unfinished-*/training_metadata.json", "pytorch": "unfinished-*.pt"}
"""What a lesson's training leaves after each epoch."""

ORDERS = 8
"""In so many orders the first cells are run again when all is done."""
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

FIRST_TRIES = ["keras-try", "keras-wrong"]
"""The cells that train something else before the training."""

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
    """Execute into ``folder``, which is also the kernel's; safe in a thread.

    papermill's own ``cwd`` would move the whole process. Where it ``saves``, there is ``executed.ipynb`` also after
    an error; but it writes the whole notebook twice for each cell.
    """
    with private_sockets() as config:
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
            ensure_event_loop().close()  # nbclient leaves the thread's loop open
    return executed


def run_once(notebook: Path, folder: Path, parameters: dict[str, Any]) -> Execution:
    folder.mkdir(exist_ok=True)
    run_papermill(notebook, folder, parameters)
    return Execution(folder / "executed.ipynb", folder / "results")


def run_together(notebook: Path, folder: Path, changed: dict[str, Any]) -> dict[str, Execution]:
    """All that is tried with a lesson, in one kernel, because much of a lesson's time is importing.

    All cells as they are, twice with changed parameters, which are quick ones, and the first cells in any order.
    papermill's own parameters hold for the first time only, so its results lie apart from those of the others.
    """
    folder.mkdir()
    write_together(notebook, folder / "together.ipynb", changed)
    executed = run_papermill(folder / "together.ipynb", folder, {}, saves=False)
    default = folder / f"outputs/{notebook.stem}"
    outputs = {"usual": folder / "results", **dict.fromkeys(MORE_PARTS, default)}
    for part in outputs:
        cells = [cell for cell in executed.cells if part_of(cell) == part]
        nbformat.write(nbformat.from_dict({**executed, "cells": cells}), folder / f"{part}.ipynb")
    return {part: Execution(folder / f"{part}.ipynb", outputs[part]) for part in outputs}


def write_together(notebook: Path, path: Path, changed: dict[str, Any]) -> None:
    """Only the first parameters cell keeps its tag."""
    together, other = read_notebook(notebook), read_notebook(notebook)
    in_any_order = order_first_cells(first_code_cells(together), random.Random(notebook.stem))
    set_parameters(other, **changed)
    for part, cells in zip(MORE_PARTS, (other.cells, other.cells, in_any_order), strict=True):
        made = [
            nbformat.from_dict({**cell, "id": f"{number}-{part}", "metadata": {}}) for number, cell in enumerate(cells)
        ]
        together.cells += made
    nbformat.write(together, path)


def order_first_cells(cells: list[NotebookNode], generator: random.Random) -> list[NotebookNode]:
    """A full pass, each cell twice, and orders by chance; after each a check that nothing has changed."""
    watch, check = map(nbformat.v4.new_code_cell, (WATCH, CHECK))
    ordered = [*cells, watch, *(one for cell in cells for one in (cell, cell, check))]
    for _ in range(ORDERS):
        ordered += [*generator.sample(cells, len(cells)), check]
    return ordered


def part_of(cell: NotebookNode) -> str:
    end = cell.id.rpartition("-")[2]
    return end if end in MORE_PARTS else "usual"


@pytest.fixture(scope="module")
def two_at_once() -> Iterator[ThreadPoolExecutor]:
    """Runs lessons on two cores: much of a lesson's time is importing, which keeps only one busy.

    Each computes on one thread, because OpenMP's threads wait for one another busily: on two cores that have
    other work too, PyTorch's lesson took 92 s of CPU time with two threads and 36 s with one.
    """
    pool = ThreadPoolExecutor(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield pool
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def all_runs(
    all_lessons: Path,
    tmp_path_factory: pytest.TempPathFactory,
    two_at_once: ThreadPoolExecutor,
    resumed: dict[str, Future[Execution]],
) -> dict[str, Future[dict[str, Execution]]]:
    """By lesson. The others are there to be begun earlier: the short lessons come last, so that no core is idle."""
    folder = tmp_path_factory.mktemp("runs")
    longest_first = sorted(LESSONS, key=lambda lesson: -LESSONS_TABLE[lesson]["cpu_seconds"])
    return {
        lesson: two_at_once.submit(
            run_together, all_lessons / f"notebooks/{lesson}.ipynb", folder / lesson, CHANGED[lesson]
        )
        for lesson in longest_first
    }


@pytest.fixture
def runs(all_runs: dict[str, Future[dict[str, Execution]]], lesson: str) -> dict[str, Execution]:
    """What was tried with the lesson that the test is about."""
    return all_runs[lesson].result()


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
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
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_results_are_read_back_as_scraps_and_as_a_file(runs: dict[str, Execution], lesson: str) -> None:
    usual = runs["usual"]
    assert usual.scraps == json.loads((usual.outputs / "results.json").read_text())
    assert usual.scraps or lesson == "blank"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", CHECKPOINTS)
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
@pytest.mark.parametrize(("lesson", "name"), [(lesson, name) for lesson in DEFAULTS for name in DEFAULTS[lesson]])
def test_a_lesson_learns_as_much_as_it_promises(runs: dict[str, Execution], lesson: str, name: str) -> None:
    expected, value = DEFAULTS[lesson][name], runs["usual"].scraps[name]
    assert expected[0] <= value <= expected[1] if isinstance(expected, tuple) else value == expected


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_changed_parameter_changes_the_results_and_all_cells_again_repeat_them(
    runs: dict[str, Execution], lesson: str
) -> None:
    assert runs["again"].lasting_scraps() == runs["changed"].lasting_scraps()
    assert runs["changed"].lasting_scraps() != runs["usual"].lasting_scraps() or lesson == "blank"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_first_cells_run_twice_and_in_any_order_after_a_full_pass(runs: dict[str, Execution], lesson: str) -> None:
    """Cells between them would have failed the run if a variable had changed."""
    ordered = runs["orders"]
    assert [cell.source for cell in ordered.notebook.cells].count(CHECK) >= ORDERS + 4
    output = printed(ordered.notebook)
    assert output.count(f"Results go to {ordered.outputs.resolve()}\n") == ORDERS + 3
    assert output.count("Missing packages: none\n") == ORDERS + 3


@pytest.fixture(scope="module")
def on_other_backends(
    all_lessons: Path, tmp_path_factory: pytest.TempPathFactory, two_at_once: ThreadPoolExecutor
) -> dict[str, Future[Execution]]:
    folder = tmp_path_factory.mktemp("backends")
    notebook = folder / "keras.ipynb"
    write_with_fewer_images(all_lessons / "notebooks/keras.ipynb", notebook)
    return {
        backend: two_at_once.submit(run_once, notebook, folder / backend, {"backend": backend, **QUICK})
        for backend in OTHER_BACKENDS
    }


@pytest.mark.weekly
@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_keras_learns_on_its_other_backends_too(on_other_backends: dict[str, Future[Execution]], backend: str) -> None:
    execution = on_other_backends[backend].result()
    assert f" on {backend}\n" in printed(execution.notebook)
    assert execution.scraps["accuracy"] > 0.9


@pytest.fixture(scope="module")
def resumed(
    all_lessons: Path, tmp_path_factory: pytest.TempPathFactory, two_at_once: ThreadPoolExecutor
) -> dict[str, Future[Execution]]:
    folder = tmp_path_factory.mktemp("resumed")
    return {
        lesson: two_at_once.submit(kill_and_resume, all_lessons / f"notebooks/{lesson}.ipynb", folder / lesson)
        for lesson in CHECKPOINTS
    }


@pytest.mark.slow
@pytest.mark.parametrize("lesson", CHECKPOINTS)
def test_training_goes_on_where_it_was_killed(
    resumed: dict[str, Future[Execution]], runs: dict[str, Execution], lesson: str
) -> None:
    execution = resumed[lesson].result()
    output = printed(execution.notebook)
    assert not re.search(r"^Epoch 1/3|^epoch 1,", output, re.MULTILINE)
    assert re.search(r"^Epoch 3/3|^epoch 3,", output, re.MULTILINE)
    assert execution.scraps["accuracy"] >= 0.95
    if lesson == "pytorch":  # its checkpoints hold the state of the random numbers too
        assert execution.scraps["loss"] == runs["usual"].scraps["loss"]
    assert list(execution.outputs.glob("unfinished*")) == []


def kill_and_resume(notebook: Path, folder: Path) -> Execution:
    folder.mkdir()
    training = read_notebook(notebook)
    training.cells = [cell for cell in training.cells if cell.id not in FIRST_TRIES]
    nbformat.write(training, folder / notebook.name)
    kill_after_checkpoint(folder / notebook.name, folder, CHECKPOINTS[notebook.stem])
    return run_once(folder / notebook.name, folder, {})


def kill_after_checkpoint(notebook: Path, folder: Path, checkpoint: str) -> None:
    """Run a notebook's code as a script, and kill it (-9) as soon as its first checkpoint is there.

    Keras opens a checkpoint's last file before it writes it, in one go; until then there is no checkpoint.
    """
    cells = read_notebook(notebook)
    set_parameters(cells, output_dir=str(folder / "results"))
    code = "\n".join(cell.source for cell in cells.cells if cell.cell_type == "code")
    environment = {**os.environ, "MPLBACKEND": "agg"}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        deadline = time.monotonic() + 450
        while not any(path.stat().st_size for path in (folder / "results").glob(checkpoint)):
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
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
    """An environment with pip and ipykernel alone: what the notebook imports is missing, as is the user's own."""
    project = bake_into(tmp_path / "baked", preset="blank", extra_pip_packages="iniconfig")
    python = make_environment(tmp_path / "bare", "pip", "ipykernel") / "python"
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
