"""Run all lessons in an environment like Colab's latest runtime: ``python tools/parity.py``.

Each lesson runs as ``colab-starter run --runtime latest`` runs it: with the runtime's Python, and the versions of the
packages that it uses. A lesson whose packages cannot be had here is left out, such as pytorch where PyTorch's own index
cannot be reached. The executed notebooks are in ``.parity``. Ends with status 1 if a lesson fails, or none could run.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from colab_starter.errors import RuntimeUnavailableError
from colab_starter.run.batch import Options
from colab_starter.run.job import Limits
from colab_starter.run.matrix.display import format_table
from colab_starter.run.matrix.trials import Trial, try_runtime
from colab_starter.runtimes import LATEST, load_runtime

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / ".parity"
LONGEST_RUN = 600
"""Seconds a lesson may take."""


def main() -> None:
    lessons = json.loads((REPOSITORY / "templates/lessons.json").read_text(encoding="utf-8"))
    project = bake_project(FOLDER)
    rows = [(project / f"notebooks/{lesson}.ipynb", run_lesson(project, lesson)) for lesson in lessons]
    rows.append((project / "notebooks/keras.ipynb", run_lesson(project, "keras", "backend=jax")))
    print("", *format_table(rows), sep="\n")
    trials = [trial for _, trial in rows]
    if any(trial.is_bad for trial in trials) or not any(trial.is_ok for trial in trials):
        sys.exit(1)


def bake_project(folder: Path) -> Path:
    """A project of all lessons in an empty folder; what an earlier call left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    answers = ["preset=all", "project_name=Parity", "project_slug=parity"]
    command = [sys.executable, "-m", "cookiecutter", str(REPOSITORY), "--no-input", "--accept-hooks", "no"]
    subprocess.run([*command, "--output-dir", str(folder), *answers], check=True, stdin=subprocess.DEVNULL)
    return folder / "parity"


def run_lesson(project: Path, lesson: str, *parameters: str) -> Trial:
    options = Options(
        project / f"notebooks/{lesson}.ipynb",
        parameters,
        out=project / "runs" / "-".join([lesson, *parameters]),
        limits=Limits(run=LONGEST_RUN),
        cwd=project,
    )
    runtime = load_runtime(LATEST)
    try:
        return try_runtime(options, runtime, lambda line: print(line, file=sys.stderr, flush=True))
    except RuntimeUnavailableError as error:
        return Trial(runtime, cause=str(error))


if __name__ == "__main__":
    main()
