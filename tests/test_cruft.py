"""Projects that follow their template: cruft create and cruft update, the real commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import read_notebook
from tests.test_cookiecutter_command import git, template_copy  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


def cruft(*arguments: str, cwd: Path) -> str:
    command = [str(Path(sys.executable).with_name("cruft")), *arguments]
    answer = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture
def project(template_copy: Path, tmp_path: Path) -> Path:  # noqa: F811 - the fixture
    git("init", cwd=template_copy)
    git("add", "--all", cwd=template_copy)
    git("commit", "--message", "Template", cwd=template_copy)
    cruft("create", f"file://{template_copy}", "--no-input", "--extra-context", '{"preset": "blank"}', cwd=tmp_path)
    made = tmp_path / "my-colab-notebooks"
    git("init", cwd=made)
    git("add", "--all", cwd=made)
    git("commit", "--message", "Project", cwd=made)
    return made


def change_template(template: Path, file: str, old: str, new: str) -> None:
    text = (template / file).read_text()
    assert old in text
    (template / file).write_text(text.replace(old, new))
    git("commit", "--all", "--message", "Change the template", cwd=template)


def test_a_fresh_project_is_up_to_date(project: Path) -> None:
    assert "SUCCESS" in cruft("check", cwd=project)


def test_update_brings_a_changed_cell_and_keeps_what_the_user_wrote(
    project: Path,
    template_copy: Path,  # noqa: F811 - the fixture
) -> None:
    path = project / "notebooks/blank.ipynb"
    path.write_text(path.read_text().replace('"results = {}"', '"results = {\\"mine\\": 1}"'))
    git("commit", "--all", "--message", "My own cell", cwd=project)
    change_template(template_copy, "templates/cells/runtime.py", "What machine is this?", "Which machine is this?")
    cruft("update", "--skip-apply-ask", cwd=project)
    sources = [cell.source for cell in read_notebook(path).cells]
    assert any(source.startswith("# @title Which machine is this?") for source in sources)
    assert 'results = {"mine": 1}' in sources
