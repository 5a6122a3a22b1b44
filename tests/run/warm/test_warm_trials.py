"""A run on a warm kernel gives what it gives on a cold one, or is begun again on a cold one."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4, write

from colab_starter.notebook.model import read_notebook
from colab_starter.run.batch import Options
from colab_starter.run.coordinator import run_batch
from colab_starter.run.job import Job, Limits, StartedCold, WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.outcome import Status
from colab_starter.run.warm.plan import plan_warm
from tests.conftest import LESSONS
from tests.run.jobs import Executed, Jobs, cell
from tests.run.warm.warm_notebooks import Trial, make_trial
from tests.support.lessons import CHANGED, WITH_IMAGES, read_shorter
from tests.support.marks import weekly

NOTEBOOKS = int(os.environ.get("WARM_NOTEBOOKS", "6"))
"""How many are generated; 300 take about ten minutes."""
FIRST_SEED = int(os.environ.get("WARM_SEED", "1"))


def execute_both(trial: Trial, folder: Path) -> list[tuple[Executed, Any]]:
    """Warm, with every probe imported before, and cold; each with what a reader sees."""
    plan = WarmPlan(trial.warm, str(trial.folder))
    server = ForkServer(plan, {}, folder / "log")
    found = []
    try:
        jobs = Jobs(server, trial.folder)
        for warm in (plan, None):
            executed = jobs.follow(jobs.make(jobs.write(*trial.cells), warm=warm, limits=Limits(run=60)))
            found.append((executed, [look_at(cell) for cell in executed.notebook["cells"]]))
            trial.restore()
        assert not server.left_out
    finally:
        server.close()
    return found


def write_notebook(path: Path, *cells: str, parameters: str) -> Path:
    write(v4.new_notebook(cells=[cell(parameters, "parameters"), *map(cell, cells)]), path)
    return path


def look_at(cell: dict[str, Any]) -> list[Any]:
    """What a reader sees of a cell, without what differs from one cold kernel to the next."""
    seen: list[Any] = []
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            seen.append((output["name"], "".join(output["text"])))
        else:
            seen.append((output["output_type"], output.get("ename"), output.get("evalue"), output.get("data")))
    return seen


def test_generated_notebooks_give_warm_what_they_give_cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    ends: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + NOTEBOOKS):
        trial = make_trial(seed, tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(trial.site))
        (warm, seen_warm), (cold, seen_cold) = execute_both(trial, tmp_path)
        again = [event.why for event in warm.events if isinstance(event, StartedCold)]
        told_warm, told_cold = ((one.outcome.status, one.outcome.cause) for one in (warm, cold))
        assert told_warm == told_cold, (seed, trial.cells, again)
        assert seen_warm == seen_cold, (seed, trial.cells, again)
        ends["begun again" if again else "stayed warm"] += 1
    print(dict(ends))
    assert ends["stayed warm"] > NOTEBOOKS / 10
    assert ends["begun again"] > NOTEBOOKS / 10


def test_a_sweep_learns_from_the_first_run_and_says_once_which_module_is_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "coloured.py").write_text("import os\nCOLOUR = os.environ['COLOUR']")
    (tmp_path / "settings.py").write_text("import os\nos.environ['COLOUR'] = 'red'")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("COLOUR", "green")
    notebook = write_notebook(
        tmp_path / "nb.ipynb",
        "open('begun.txt', 'a').write('x')\nimport settings",
        "import coloured\nprint(coloured.COLOUR)",
        parameters="seed = 0",
    )
    options = Options(notebook=notebook, parameters=["seed=1,2,3,4"], out=tmp_path / "out", jobs=1, warm=["coloured"])
    assert run_batch(options) == 0
    assert capsys.readouterr().out.count("coloured (COLOUR was changed)") == 1
    assert (tmp_path / "begun.txt").read_text() == "x" * 5
    for executed in (tmp_path / "out").glob("*/nb.ipynb"):
        assert json.loads(executed.read_text())["cells"][-1]["outputs"][0]["text"] == ["red\n"]


def test_what_a_run_wrote_to_output_dir_before_it_was_begun_again_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "coloured.py").write_text("import os\nCOLOUR = os.environ.get('COLOUR')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    notebook = write_notebook(
        tmp_path / "nb.ipynb",
        "import os\nos.mkdir(f'{output_dir}/plots')\nopen(f'{output_dir}/plots/a.txt', 'x').close()",
        "exec(\"os.environ['COLOUR'] = 'red'\")",
        "import coloured\nprint(coloured.COLOUR, os.listdir(output_dir))",
        parameters="output_dir = 'out'",
    )
    assert run_batch(Options(notebook=notebook, out=tmp_path / "out", warm=["coloured"])) == 0
    (executed,) = (tmp_path / "out").glob("*/nb.ipynb")
    assert json.loads(executed.read_text())["cells"][-1]["outputs"][0]["text"] == ["red ['plots']\n"]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", [name if name in ("keras", "blank") else weekly(name) for name in LESSONS])
def test_the_lessons_stay_warm(lesson: str, all_lessons: Path, tmp_path: Path) -> None:
    path = all_lessons / "notebooks" / f"{lesson}.ipynb"
    if lesson in WITH_IMAGES:
        path = tmp_path / path.name
        write(read_shorter(all_lessons / "notebooks" / path.name), path)
    plan = plan_warm(read_notebook(path), {}, cwd=str(path.parent))
    server = ForkServer(plan or WarmPlan(), {}, tmp_path / "log")
    try:
        executed = Jobs(server, tmp_path).follow(
            Job(
                "run",
                1,
                str(path),
                str(tmp_path / "run" / "trial.ipynb"),
                {"output_dir": str(tmp_path / "out"), **CHANGED[lesson]},
                str(path.parent),
                warm=plan,
            )
        )
    finally:
        server.close()
    assert (executed.outcome.status, executed.outcome.cause) == (Status.OK, "")
    assert [event for event in executed.events if isinstance(event, StartedCold)] == []
