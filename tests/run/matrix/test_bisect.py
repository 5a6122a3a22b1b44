"""Running a notebook in several runtimes, and finding where and why it began to fail."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter import runtimes as runtimes_module
from colab_starter.run.matrix import bisect as bisect_module
from colab_starter.run.matrix import trials as trials_module
from colab_starter.run.matrix.bisect import Verdict, bisect, search
from colab_starter.run.matrix.trials import Trial
from colab_starter.run.outcome import Status
from colab_starter.runtimes import Runtime, load_runtime
from tests.support.commands import Ended, call_command
from tests.support.runtimes import make_runtime, own_cache, seeds

__all__ = ["own_cache", "seeds"]

pytestmark = pytest.mark.xdist_group("environments")

RUNTIMES = {
    "2025.10": make_runtime("2025.10", "1.0"),
    "2026.01": make_runtime("2026.01", "1.0"),
    "2026.04": make_runtime("2026.04", "2.0", "2.0"),
    "2026.07": make_runtime("2026.07", "2.0", "2.0")._replace(python="3.99.1"),
    "latest": make_runtime("latest", "2.0", "2.0"),
}
"""Version 2 of the seed breaks what grows; the Python of 2026.07 is nowhere."""


Command = Callable[..., Ended]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Call ``colab-starter`` in an empty folder; it knows the small runtimes only."""

    def call(*arguments: str | Path) -> Ended:
        return call_command(monkeypatch, capfd, *arguments)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "file:///no/such/mirror")
    monkeypatch.setattr(trials_module, "runtime_names", lambda: list(reversed(RUNTIMES)))
    for module in (trials_module, runtimes_module):
        monkeypatch.setattr(module, "load_runtime", lambda name: RUNTIMES.get(name) or load_runtime(name))
    return call


@pytest.fixture
def shared_cache(own_cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environments that one test here has made are there for the next: to make one takes two seconds."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "shared-cache"))


def write_notebook(path: Path, *cells: str) -> Path:
    tagged = v4.new_code_cell("n = 1", metadata={"tags": ["parameters"]})
    made = v4.new_notebook(cells=[v4.new_markdown_cell("# Seeds"), tagged, *map(v4.new_code_cell, cells)])
    nbformat.write(made, path)
    return path


IS_FORKED = "print('forked' if b'kernels.server' in open('/proc/self/cmdline', 'rb').read() else 'started')"
GROWING = ("import colab_starter_seed as seed", IS_FORKED, "print(seed.grow)")


@pytest.mark.usefixtures("shared_cache", "seeds")
def test_a_notebook_is_run_in_every_runtime_and_the_breaking_package_is_found(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(tmp_path / "growing.ipynb", *GROWING)
    told = command("run", notebook, "--runtime", "2026.01,2026.04,2026.07")
    assert told.status == 1
    table = told.out.split("\n\n")[1].splitlines()
    assert [line.split()[:4:3] for line in table] == [
        ["runtime", "result"],
        ["2026.01", "ok"],
        ["2026.04", "failed"],
        ["2026.07", "not"],
    ]
    assert "AttributeError: module 'colab_starter_seed' has no attribute 'grow' (cell In[4]" in table[2]
    assert "Python 3.99 is not on this machine" in table[3]
    assert "Between 2026.01 and 2026.04, of what it uses: colab-starter-seed 1.0 -> 2.0" in told.out
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"growing-2026.01", "growing-2026.04"}
    assert [path.read_text().count(r'"forked\n"') for path in sorted(tmp_path.glob("runs/*/*/growing.ipynb"))] == [1, 1]

    again = command("run", notebook, "--runtime", "2026.01")
    assert (again.status, "1 of 1 run already done" in again.out) == (0, True)

    found: list[Verdict] = []

    def keep_found(*arguments: Any) -> Verdict:
        found.append(bisect(*arguments))
        return found[0]

    monkeypatch.setattr(bisect_module, "bisect", keep_found)
    told = command("runtimes", "bisect", notebook, "--json")
    assert told.status == 1
    assert told.err == ""
    [verdict] = json.loads(told.out)
    assert (verdict["good"], verdict["bad"], verdict["cell"]) == ("2026.01", "2026.04", 5)
    assert verdict["culprit"] == {"name": "colab-starter-seed", "old": "1.0", "new": "2.0"}
    assert verdict["rollback"] == {"colab-starter-seed": "1.0", "colab-starter-soil": "1.0"}
    assert [trial["status"] for trial in verdict["trials"]] == ["ok", "ok", "failed", "failed"]

    monkeypatch.setattr(bisect_module, "bisect", lambda *_: found[0])  # only the text is new
    told = command("runtimes", "bisect", notebook)
    assert told.out.splitlines()[-3:] == [
        "changed between them, of what it uses: colab-starter-seed 1.0 -> 2.0, colab-starter-soil 1.0 -> 2.0",
        "to blame: colab-starter-seed 1.0 -> 2.0; in 2026.04 with colab-starter-seed 1.0, which brings "
        "colab-starter-soil 1.0, it runs",
        "until the notebook is mended: %pip install colab-starter-seed==1.0",
    ]


@pytest.mark.usefixtures("shared_cache", "seeds")
def test_what_a_notebook_turns_out_to_need_is_added_if_colab_has_it(command: Command, tmp_path: Path) -> None:
    code = "name = 'colab_starter_' + 'seed'\nprint(__import__(name).sprout)"
    told = command("run", write_notebook(tmp_path / "hidden.ipynb", code), "--runtime", "latest", "--out", "there")
    assert told.status == 0, told
    assert "it also needs colab-starter-seed, which Colab has: added to the environment" in told.err
    assert (tmp_path / "there/results.csv").exists()
    path = command("runtimes", "env", "latest", write_notebook(tmp_path / "plain.ipynb", "import this_is_nowhere"))
    assert (path.status, Path(path.out.strip()).is_dir()) == (0, True)
    assert "has no this_is_nowhere, and plain.ipynb does not install it" in path.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--runtime", "2024.01"], "no Colab runtime '2024.01' is known"),
        (["--runtime", "latest,2024.01"], "no Colab runtime '2024.01' is known"),
        (["--runtime", ","], "--runtime names none"),
        (["--runtime", "latest", "--kernel", "python3"], "leave out --kernel"),
        (["--runtime", "latest", "--dry-run"], "leave out --runtime"),
        (["--runtime", "latest", "--in-place"], "other notebooks share"),
        (["--runtime", "latest", "--backend", "jupyter", "--server", "http://x"], "--backend local only"),
    ],
)
def test_wrong_usage_is_one_line(command: Command, tmp_path: Path, arguments: Sequence[str], told: str) -> None:
    ended = command("run", write_notebook(tmp_path / "nb.ipynb", "1"), *arguments)
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert told in ended.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "r.ipynb", "--runtime", "all"],
        ["runtimes", "env", "latest", "r.ipynb"],
        ["runtimes", "bisect", "nb.ipynb", "r.ipynb"],
    ],
)
def test_a_notebook_of_another_language_is_refused_in_one_line_before_anything_runs(
    command: Command, tmp_path: Path, arguments: Sequence[str]
) -> None:
    write_notebook(tmp_path / "nb.ipynb", "1")
    kernel = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("x <- 1")], metadata=kernel), tmp_path / "r.ipynb")
    ended = command(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "r.ipynb is not a Python notebook" in ended.err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("seeds")
def test_a_notebook_that_cannot_do_without_colab_is_not_tried(
    command: Command, tmp_path: Path, own_cache: Path
) -> None:
    notebook = write_notebook(tmp_path / "nb.ipynb", "from google.colab import drive")
    ended = command("run", notebook, "--runtime", "latest")
    assert ended.status == 1
    assert "nb.ipynb needs google-colab (it exists on Colab's machines only" in ended.err
    assert not own_cache.exists(), "an environment was made for nothing"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("arguments", [["env"], ["env", "latest", "--prune"]])
def test_env_wants_a_runtime_or_prune(command: Command, arguments: Sequence[str]) -> None:
    assert command("runtimes", *arguments).status == 2


@pytest.mark.usefixtures("own_cache")
def test_nothing_to_prune_is_said(command: Command) -> None:
    assert command("runtimes", "env", "--prune").out == "0 environments removed, 0 MB\n"


def _make_trials(outcomes: Sequence[Status | None]) -> dict[str, Trial]:
    base = load_runtime("latest")
    names = [str(number) for number in range(len(outcomes))]
    return {name: Trial(base._replace(name=name), status) for name, status in zip(names, outcomes, strict=True)}


def test_the_search_finds_where_it_began_to_fail_in_every_history() -> None:
    chance = random.Random(15)
    for _ in range(500):
        length = chance.randint(1, 9)
        first_bad = chance.randint(0, length)
        whole = [Status.OK] * first_bad + [Status.FAILED] * (length - first_bad)
        outcomes = [status if chance.random() > 0.2 else None for status in whole]
        trials = _make_trials(outcomes)
        asked: list[str] = []

        def attempt(runtime: Runtime, trials: dict[str, Trial] = trials, asked: list[str] = asked) -> Trial:
            asked.append(runtime.name)
            return trials[runtime.name]

        bad, good = search([trial.runtime for trial in trials.values()], attempt)
        tried = [trial for trial in trials.values() if trial.status is not None]
        expected_bad = next((trial for trial in tried if trial.is_bad), None)
        expected_good = [trial for trial in tried if trial.is_ok][-1:] if tried else []
        assert (bad, [good] if good else []) == (expected_bad, expected_good), outcomes
        assert len(asked) == len(set(asked)), "a runtime was tried twice"


def test_a_notebook_that_ran_only_in_between_broke_after_that() -> None:
    ok, failed = Status.OK, Status.FAILED
    trials = _make_trials([failed, ok, ok, failed, failed])
    bad, good = search([trial.runtime for trial in trials.values()], lambda runtime: trials[runtime.name])
    assert bad
    assert good
    assert (good.runtime.name, bad.runtime.name) == ("2", "3")
