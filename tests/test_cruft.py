"""Projects that follow their template: cruft create and cruft update, the real commands."""

from pathlib import Path

import pytest

from tests.conftest import change_template, cruft, git, read_notebook

pytestmark = pytest.mark.slow


def test_a_fresh_project_is_up_to_date_and_update_brings_a_changed_cell_and_keeps_what_the_user_wrote(
    cruft_project: Path, template_copy: Path
) -> None:
    assert "SUCCESS" in cruft("check", cwd=cruft_project)
    path = cruft_project / "notebooks/blank.ipynb"
    path.write_text(path.read_text().replace('"results = {', '"results = {\\"mine\\": 1, '))
    git("commit", "--all", "--message", "My own cell", cwd=cruft_project)
    change_template(template_copy, "templates/cells/machine.py", "What machine is this?", "Which machine is this?")
    cruft("update", "--skip-apply-ask", cwd=cruft_project)
    sources = [cell.source for cell in read_notebook(path).cells]
    assert any(source.startswith("# @title Which machine is this?") for source in sources)
    assert any(source.startswith('results = {"mine": 1, ') for source in sources)
