"""Run all lessons but pytorch in an environment like Colab's latest runtime: ``python tools/parity.py``.

The environment is ``.venv-parity``: the runtime's Python (PARITY_PYTHON names one, else it is looked for on PATH and
among pyenv's) and its versions of packages, as far as PyPI has them. The pytorch lesson is left out, because Colab's
torch is built without PyPI's NVIDIA libraries. Ends with status 1 where that Python is missing or a lesson fails.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from colab_starter.bake.lessons import select_lessons
from colab_starter.runtimes import LATEST, Runtime, load_runtime
from colab_starter.runtimes.table import pip_constraints

REPOSITORY = Path(__file__).parents[1]
ENVIRONMENT = REPOSITORY / ".venv-parity"
PROJECT = ENVIRONMENT / "parity"
LEFT_OUT = "pytorch"
BESIDES_LESSONS = ["ipykernel", "jax", "nbformat", "papermill"]
"""What runs the notebooks, and the backend that the keras lesson has on Colab's TPUs."""

LONGEST_RUN = 600
"""Seconds a lesson may take."""


class Outcome(NamedTuple):
    """How one run of a lesson went."""

    run: str
    seconds: float
    failed: bool
    said: str
    """Its results, or the last line of its error."""


def main() -> None:
    runtime = load_runtime(LATEST)
    lessons = json.loads((REPOSITORY / "templates/lessons.json").read_text(encoding="utf-8"))
    del lessons[LEFT_OUT]
    no_extras = {"preset": "all", "extra_pip_packages": "", "extra_apt_packages": ""}
    packages = select_lessons(lessons, no_extras).pip
    make_environment(runtime, sorted({*packages, *BESIDES_LESSONS}))
    bake_project()
    outcomes = []
    for lesson in lessons:
        outcomes.append(run_lesson(lesson))
        print_outcome(outcomes[-1])
    outcomes.append(run_lesson("keras", backend="jax"))
    print_outcome(outcomes[-1])
    failed = [outcome.run for outcome in outcomes if outcome.failed]
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}; their notebooks are in {PROJECT / 'outputs'}")


def make_environment(runtime: Runtime, packages: list[str]) -> None:
    """Make the environment, unless it is there and was made of the same packages."""
    constraints = "\n".join([f"# Python {runtime.python}: {' '.join(packages)}", *pip_constraints(runtime), ""])
    made_of = ENVIRONMENT / "constraints.txt"
    if made_of.exists() and made_of.read_text() == constraints:
        return
    python = find_python(runtime.python.rpartition(".")[0])
    print(
        f"Making {ENVIRONMENT.name} like Colab's runtime of {runtime.date} (some minutes, about 3 GB) ...", flush=True
    )
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    run(python, "-m", "venv", str(ENVIRONMENT))
    pinned = ENVIRONMENT / "constraints.partial.txt"
    pinned.write_text(constraints)
    run(environment_python(), "-m", "pip", "install", "--quiet", "--constraint", str(pinned), *packages)
    pinned.rename(made_of)


def find_python(version: str) -> str:
    """A Python of that minor version, such as ``3.13``; ends the program where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}")))
    candidates = [os.environ.get("PARITY_PYTHON"), shutil.which(f"python{version}"), *found]
    for python in filter(None, candidates):
        if version_of(python) == version:
            return python
    sys.exit(
        f"No Python {version}, which Colab's latest runtime has. "
        f"Install it, or name it: PARITY_PYTHON=/path/to/python{version} make parity"
    )


def version_of(python: str) -> str | None:
    """The minor version of an interpreter; None where it does not run, as pyenv's stand-ins often do not."""
    show = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", show], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def environment_python() -> str:
    return str(ENVIRONMENT / "bin/python")


def run(*command: str) -> None:
    """Run a command whose failure ends the program with the command's own words."""
    ended = subprocess.run(command, stdin=subprocess.DEVNULL)
    if ended.returncode:
        sys.exit(f"This failed: {' '.join(command)}")


def bake_project() -> None:
    shutil.rmtree(PROJECT, ignore_errors=True)
    into = ["--output-dir", str(PROJECT.parent), "--accept-hooks", "no"]
    answers = ["preset=all", "project_name=Parity", f"project_slug={PROJECT.name}"]
    run(sys.executable, "-m", "cookiecutter", str(REPOSITORY), "--no-input", *into, *answers)
    (PROJECT / "outputs").mkdir()


def run_lesson(lesson: str, **parameters: str) -> Outcome:
    """Execute the notebook with papermill, as a user would outside Colab."""
    name = "-".join([lesson, *parameters.values()])
    results = PROJECT / "outputs" / name
    command = [environment_python(), "-m", "papermill", "--no-progress-bar", "--cwd", str(PROJECT)]
    command += [f"{PROJECT}/notebooks/{lesson}.ipynb", f"{results}.ipynb"]
    for parameter, value in {**parameters, "output_dir": str(results)}.items():
        command += ["-p", parameter, value]
    started = time.monotonic()
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_RUN)
    except subprocess.TimeoutExpired:
        return Outcome(name, LONGEST_RUN, True, f"still running after {LONGEST_RUN} s")
    seconds = time.monotonic() - started
    if ended.returncode:
        return Outcome(name, seconds, True, ended.stderr.strip().rpartition("\n")[2])
    values = json.loads((results / "results.json").read_text(encoding="utf-8"))
    return Outcome(name, seconds, False, ", ".join(f"{key} {shown(value)}" for key, value in values.items()))


def shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_outcome(outcome: Outcome) -> None:
    mark = "FAILED" if outcome.failed else "ok"
    print(f"{outcome.run:10} {mark:7} {outcome.seconds:5.1f} s  {outcome.said}", flush=True)


if __name__ == "__main__":
    main()
