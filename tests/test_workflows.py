"""GitHub's workflows of this repository: they may only read, and call what there is."""

import re
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

WORKFLOWS = {path.name: path for path in sorted(REPOSITORY.glob(".github/workflows/*.yml"))}


WRITING = {
    "pages.yml": {"publish": {"pages": "write", "id-token": "write"}},
    "release.yml": {"publish": {"id-token": "write"}},
}
"""The jobs that may do more than read."""


def read_steps(name: str) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(WORKFLOWS[name].read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_but_for_the_jobs_that_publish(name: str) -> None:
    workflow = yaml.safe_load(WORKFLOWS[name].read_text())
    assert workflow["permissions"] == {"contents": "read"}
    more = {job: about["permissions"] for job, about in workflow["jobs"].items() if "permissions" in about}
    assert more == WRITING.get(name, {})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_pins_actions_by_their_major_version(name: str) -> None:
    used = [step["uses"] for step in read_steps(name) if "uses" in step]
    assert used
    allowed = r"actions/[a-z-]+@v\d+|pypa/gh-action-pypi-publish@release/v1"
    assert all(re.fullmatch(allowed, action) for action in used), used


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_calls_targets_of_the_makefile(name: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    called = [word for step in read_steps(name) for word in re.findall(r"^make ([a-z-]+)", step.get("run", ""))]
    assert called
    assert set(called) <= set(targets)


def test_the_newest_of_everything_is_tested_each_week() -> None:
    workflow = yaml.safe_load(WORKFLOWS["weekly.yml"].read_text())
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", workflow[True]["schedule"][0]["cron"])  # YAML's true: the key is `on`
    assert "make test-all NEWEST=1" in [step.get("run") for step in read_steps("weekly.yml")]
