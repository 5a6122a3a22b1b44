"""``check`` where nobody types it: pre-commit, GitHub's actions, the workflow of a new project."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cookiecutter.main import cookiecutter
from pre_commit.clientlib import load_manifest

from tests.check.conftest import Write, code
from tests.conftest import REPOSITORY

FAULT = "import nothing_like_this"
HOOKS = {hook["id"]: hook for hook in load_manifest(REPOSITORY / ".pre-commit-hooks.yaml")}
ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())
RECORD = {"metadata": {"colab_starter": {"status": "ok"}}}


def call_hook(hook: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """As pre-commit calls it, with the files that are to be committed."""
    command, *options = shlex.split(HOOKS[hook]["entry"])
    assert command == "colab-starter"
    return subprocess.run(
        [sys.executable, "-m", "colab_starter", *options, "--no-cache", *map(str, files)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )


def test_the_hook_of_pre_commit_fails_for_faults_and_not_for_notes(write: Write) -> None:
    faulty, tidy = write([FAULT], "a.ipynb"), write([{**code("x = 1"), "execution_count": 3}], "b.ipynb")
    assert call_hook("colab-starter-check", tidy).returncode == 0
    found = call_hook("colab-starter-check", faulty, tidy)
    assert found.returncode == 1
    assert "CS402" in found.stdout


def test_the_hook_that_fixes_changes_the_file_as_pre_commit_expects(write: Write) -> None:
    path = write(["!pip install timm>=1.0"])
    assert call_hook("colab-starter-fix", path).returncode == 0
    assert "'timm>=1.0'" in path.read_text() or '\\"timm>=1.0\\"' in path.read_text()


@pytest.mark.parametrize("hook", HOOKS)
def test_a_commit_of_runs_alone_passes(hook: str, write: Write) -> None:
    record = write([code(FAULT)], **RECORD)
    before = record.read_bytes()
    called = call_hook(hook, record)
    assert (called.returncode, called.stdout) == (0, "")
    assert record.read_bytes() == before


def run_action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The last step of the action, with this colab-starter in the place of the one it installs."""
    program = folder / "temp/colab-starter/bin/colab-starter"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m colab_starter "$@"\n')
    program.chmod(0o755)
    step = ACTION["runs"]["steps"][-1]
    names = {variable: value.removeprefix("${{ inputs.").removesuffix(" }}") for variable, value in step["env"].items()}
    given = {variable: inputs.get(name, ACTION["inputs"][name]["default"]) for variable, name in names.items()}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],  # as GitHub calls bash
        cwd=folder,
        env={**os.environ, "RUNNER_TEMP": str(folder / "temp"), "XDG_CACHE_HOME": str(folder / "temp"), **given},
        capture_output=True,
        text=True,
    )


def test_the_action_tells_github_and_writes_sarif(write: Write, tmp_path: Path) -> None:
    write([FAULT], "books/a.ipynb")
    called = run_action(tmp_path, paths="books", **{"sarif-file": "check.sarif"})
    assert called.returncode == 1
    assert called.stdout.startswith("::error file=books/a.ipynb,line=")
    (run,) = json.loads((tmp_path / "check.sarif").read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["CS402"]


def test_the_action_passes_options_on_and_none_of_them_to_the_shell(write: Write, tmp_path: Path) -> None:
    write([FAULT], "a.ipynb")
    called = run_action(tmp_path, options="--ignore CS402")
    assert called.returncode == 0
    broken = run_action(tmp_path / "temp", paths="a.ipynb; touch broken-into")
    assert broken.returncode == 2
    assert not list(tmp_path.rglob("broken-into"))


def test_the_action_fails_if_check_cannot_do_its_work(tmp_path: Path) -> None:
    called = run_action(tmp_path, **{"sarif-file": "check.sarif"})
    assert called.returncode == 2
    assert "no notebook" in called.stderr


def test_no_step_of_the_action_puts_an_input_into_a_script() -> None:
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert scripts
    assert not any("${{" in script for script in scripts)


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Any]:
    folder = tmp_path_factory.mktemp("bake")
    answers = {"colab_runtime": "2026.04"}
    project = cookiecutter(
        str(REPOSITORY), no_input=True, extra_context=answers, output_dir=str(folder), accept_hooks=False
    )
    loaded: dict[Any, Any] = yaml.safe_load(Path(project, ".github/workflows/notebooks.yml").read_text())
    return loaded


def test_a_new_project_checks_its_notebooks_with_the_least_permissions(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    permissions = {name: job.get("permissions") for name, job in workflow["jobs"].items()}
    assert permissions == {
        "check": {"contents": "read", "security-events": "write"},
        "run": None,
        "latest-runtime": None,
    }


def test_a_new_project_checks_against_its_own_runtime_and_uploads_what_it_finds(workflow: dict[Any, Any]) -> None:
    steps = workflow["jobs"]["check"]["steps"]
    commands = [step["run"] for step in steps if "colab-starter check" in step.get("run", "")]
    assert all("--runtime 2026.04" in command for command in commands)
    (upload,) = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert f"> {upload['with']['sarif_file']}" in commands[0]
    assert "--format github" in commands[1]
