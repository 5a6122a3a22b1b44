"""The project around the notebooks: requirements, workflow, pre-commit, devcontainer, README."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pre_commit.clientlib import load_config, load_manifest

from colab_starter import __version__
from colab_starter.check.findings import check_file
from colab_starter.check.rules import RULES
from colab_starter.check.select import select_rules
from colab_starter.runtimes import load_kaggle
from tests.conftest import LESSONS, QUESTIONS, REPOSITORY, Bake, bake_into, read_notebook
from tests.support.marks import weekly

NAME = 'Ada\'s "digits" \\ <1>'


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All lessons for an old runtime, with a name that must be quoted everywhere; tests only read it."""
    answers = {"preset": "all", "colab_runtime": "2025.07", "project_name": NAME, "github_repository": "ada/digits"}
    return bake_into(tmp_path_factory.mktemp("pinned") / "baked", **answers, extra_pip_packages="einops rich timm>=1.0")


def read_workflow(project: Path) -> Any:
    return yaml.safe_load((project / ".github/workflows/notebooks.yml").read_text())


def commands_of(workflow: Any, job: str) -> str:
    return "\n".join(step.get("run", "") for step in workflow["jobs"][job]["steps"])


def test_a_project_for_a_pinned_runtime_requires_its_versions(pinned: Path) -> None:
    lines = (pinned / "requirements.txt").read_text().splitlines()
    required = [line for line in lines if not line.startswith("#")]
    assert {"ipykernel==6.17.1", "tensorflow==2.18.0", "torch==2.6.0", "rich==13.9.4", "timm>=1.0"} <= set(required)
    assert {line for line in required if "=" not in line} == {"papermill", "py7zr"}
    assert "# With Python 3.11; the versions are those of the Colab runtime 2025.07" in "\n".join(lines)


def test_a_project_for_the_latest_runtime_requires_no_versions(all_lessons: Path) -> None:
    assert "==" not in (all_lessons / "requirements.txt").read_text()
    assert "constraints" not in commands_of(read_workflow(all_lessons), "run")


def test_the_workflow_installs_what_the_pinned_runtime_has(pinned: Path) -> None:
    workflow = read_workflow(pinned)
    pythons = [step["with"]["python-version"] for job in workflow["jobs"].values() for step in job["steps"][1:2]]
    assert pythons == ["3.11"] * 3
    commands = commands_of(workflow, "run")
    assert "colab-starter runtimes show 2025.07 --constraints > constraints.txt" in commands
    assert "pip install -r requirements.txt -c constraints.txt" in commands


def test_the_workflow_also_runs_each_week_and_pins_actions_by_their_major_version(all_lessons: Path) -> None:
    workflow = read_workflow(all_lessons)
    (schedule,) = workflow[True]["schedule"]  # YAML's true: the key is `on`
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert len(used) >= 6
    assert all(re.fullmatch(r"(actions|github)/[a-z-]+(/[a-z-]+)?@v\d+", action) for action in used), used


def test_each_week_the_notebooks_are_run_in_the_newest_runtime(all_lessons: Path) -> None:
    workflow = read_workflow(all_lessons)
    assert "schedule" in workflow["jobs"]["latest-runtime"]["if"]
    commands = [line.split(" ") for line in commands_of(workflow, "latest-runtime").splitlines()]
    ours = [command[1:] for command in commands if command[0] == "colab-starter"]
    assert ours == [["runtimes", "refresh"], ["runtimes", "bisect", "notebooks/*.ipynb"]]


def test_no_step_of_the_workflow_is_left_a_token(all_lessons: Path) -> None:
    steps = [step for job in read_workflow(all_lessons)["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 3
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_pre_commit_calls_a_hook_that_this_version_has(pinned: Path) -> None:
    (repo,) = load_config(pinned / ".pre-commit-config.yaml")["repos"]
    hooks = {hook["id"] for hook in load_manifest(REPOSITORY / ".pre-commit-hooks.yaml")}
    assert repo["rev"] == f"v{__version__}"
    assert {hook["id"] for hook in repo["hooks"]} <= hooks
    assert repo["hooks"][0]["args"] == ["--runtime", "2025.07"]


def test_the_devcontainer_has_the_runtime_s_python_and_the_programs(pinned: Path, all_lessons: Path) -> None:
    old, new = (json.loads((path / ".devcontainer/devcontainer.json").read_text()) for path in (pinned, all_lessons))
    assert old["name"] == NAME
    assert old["image"].endswith("/python:3.11")
    assert new["image"].endswith("/python:3.13")
    assert old["postCreateCommand"].endswith("apt-get install --yes graphviz && pip install -r requirements.txt")


@pytest.mark.parametrize(
    ("answers", "machine"),
    [
        ({"preset": "keras"}, "a free GPU"),
        ({"preset": "opencv"}, "a free CPU"),
        ({"preset": "keras", "accelerator": "A100"}, "a GPU"),
        ({"preset": "keras", "accelerator": "TPU v5e"}, "a TPU"),
        ({"preset": "keras", "accelerator": "none"}, "a free CPU"),
    ],
    ids=str,
)
def test_the_readme_names_the_machine_that_the_notebooks_ask_for(
    bake: Bake, answers: dict[str, str], machine: str
) -> None:
    assert f"from top to bottom, on {machine} or on your own machine." in (bake(**answers) / "README.md").read_text()


def test_each_notebook_and_its_row_in_the_readme_have_both_badges(pinned: Path) -> None:
    readme = (pinned / "README.md").read_text()
    for lesson in LESSONS:
        notebook = f"notebooks/{lesson}.ipynb"
        title = read_notebook(pinned / notebook).cells[0].source
        for address in (
            f"(https://colab.research.google.com/github/ada/digits/blob/main/{notebook})",
            f"(https://kaggle.com/kernels/welcome?src=https://raw.githubusercontent.com/ada/digits/main/{notebook})",
        ):
            assert address in title
            assert address in readme


@pytest.mark.parametrize(
    ("preset", "accelerator"),
    [
        ("all", QUESTIONS["accelerator"][0]),
        *(("keras", accelerator) for accelerator in QUESTIONS["accelerator"][1:]),  # which the first cells are about
        *(weekly("all", accelerator) for accelerator in QUESTIONS["accelerator"][1:]),
    ],
)
def test_every_notebook_is_clean_under_the_rules_for_kaggle(bake: Bake, preset: str, accelerator: str) -> None:
    project = bake(preset=preset, accelerator=accelerator, use_drive=True, github_repository="ada/digits")
    rules, kaggle = select_rules(RULES, [], [], "kaggle"), load_kaggle()
    paths = sorted(project.glob("notebooks/*.ipynb"))
    assert [path.stem for path in paths] == (sorted(LESSONS) if preset == "all" else [preset])
    assert [finding for path in paths for finding in check_file(path, rules, kaggle)] == []
