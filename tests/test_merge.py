"""Newer templates in notebooks that were run and edited: cruft, git and nbdime, the real commands."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from tests.conftest import bake_into, change_template, cruft, execute, git, read_notebook

pytestmark = pytest.mark.slow

NOTEBOOK = "notebooks/blank.ipynb"
OLD_TITLE = "# @title What machine is this?"
NEW_TITLE = "# @title Which machine is this?"
MY_CELL = 'print("my own cell")'


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The blank notebook after Run all."""
    folder = tmp_path_factory.mktemp("executed")
    notebook = read_notebook(bake_into(folder / "baked", preset="blank") / NOTEBOOK)
    execute(notebook, folder)
    text: str = nbformat.writes(notebook)
    return text


@pytest.fixture(scope="module")
def git_config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What nbdime writes into .git/config; once for all tests, because nbdime takes seconds to start."""
    folder = tmp_path_factory.mktemp("git")
    git("init", cwd=folder)
    enable_nbdime(folder)
    return (folder / ".git/config").read_text()


@pytest.fixture
def project(cruft_project: Path, executed: str, git_config: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project set up as its README says, whose notebook was run and edited."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    for variable in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{variable}_NAME", "Test")
        monkeypatch.setenv(f"{variable}_EMAIL", "test@example.org")
    git("branch", "template", cwd=cruft_project)
    (cruft_project / ".git/config").write_text(git_config)
    (cruft_project / NOTEBOOK).write_text(executed)
    edit_as_a_user(cruft_project)
    return cruft_project


def enable_nbdime(project: Path) -> None:
    nbdime = str(Path(sys.executable).with_name("nbdime"))
    subprocess.run([nbdime, "config-git", "--enable"], cwd=project, check=True, capture_output=True)


def edit_as_a_user(project: Path) -> None:
    notebook = read_notebook(project / NOTEBOOK)
    start = next(index for index, cell in enumerate(notebook.cells) if cell.id == "blank-start")
    notebook.cells[start].source = 'results = {"mine": 1}'
    notebook.cells.insert(start + 1, nbformat.v4.new_code_cell(MY_CELL))
    next(cell for cell in notebook.cells if cell.id == "machine-0").source += f"\n{MY_CELL}"
    nbformat.write(notebook, project / NOTEBOOK)
    git("commit", "--all", "--message", "Mine", cwd=project)


def change_title(template: Path) -> None:
    change_template(template, "templates/cells/machine.py", OLD_TITLE, NEW_TITLE)


def update(project: Path) -> bool:
    """The steps of the README, "Take over a newer template"; was the merge clean?"""
    git("switch", "template", cwd=project)
    cruft("update", "--skip-apply-ask", cwd=project)
    git("add", "--all", cwd=project)
    git("commit", "--message", "Newer template", cwd=project)
    git("switch", "-", cwd=project)
    return subprocess.run(["git", "merge", "--no-edit", "template"], cwd=project, capture_output=True).returncode == 0


def cells_by_id(project: Path) -> dict[str, NotebookNode]:
    """The cells of a notebook that must be valid."""
    notebook = read_notebook(project / NOTEBOOK)
    nbformat.validate(notebook)
    return {cell.id: cell for cell in notebook.cells}


def outputs_in(project: Path) -> list[Any]:
    cells = json.loads((project / NOTEBOOK).read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


def sources_in(project: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads((project / NOTEBOOK).read_text())["cells"]]


def save_as_colab_does(path: Path) -> None:
    """Format 4.0: the ids move into the metadata, where Colab also notes how each cell ran."""
    notebook = json.loads(path.read_text())
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        if cell.get("outputs"):
            cell["metadata"]["executionInfo"] = {
                "elapsed": 12,
                "status": "ok",
                "timestamp": 1763900000000,
                "user_tz": 0,
            }
            cell["metadata"]["outputId"] = "5b0ce5d6-2f00-4c43-c2f1-000000000000"
            cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
    notebook["metadata"]["colab"]["name"] = "blank.ipynb"
    path.write_text(json.dumps(notebook, indent=2))


def insert_cell(template: Path, before: str) -> None:
    """Put a new cell into the blank lesson, before the cell whose marker is ``before``."""
    new = '# %% [markdown] id="hint"\n# A new cell of the template.\n\n'
    change_template(template, "templates/lessons/blank.py", before, new + before)


def test_an_update_keeps_outputs_and_what_the_user_wrote(project: Path, template_copy: Path) -> None:
    before = outputs_in(project)
    change_title(template_copy)
    insert_cell(template_copy, before='# %% [markdown] id="lesson"')
    assert update(project)
    cells = cells_by_id(project)
    assert cells["machine-0"].source.startswith(NEW_TITLE)
    assert cells["machine-0"].source.endswith(MY_CELL)
    assert cells["blank-hint"].source == "A new cell of the template."
    assert cells["blank-start"].source == 'results = {"mine": 1}'
    assert MY_CELL in sources_in(project)
    assert before
    assert outputs_in(project) == before


@pytest.mark.weekly
def test_a_later_update_in_a_fresh_clone_still_merges(project: Path, template_copy: Path, tmp_path: Path) -> None:
    change_title(template_copy)
    assert update(project)
    clone = tmp_path / "clone"
    git("clone", f"file://{project}", str(clone), cwd=tmp_path)
    enable_nbdime(clone)
    change_template(template_copy, "templates/cells/machine.py", NEW_TITLE, "# @title What is this?")
    assert update(clone)
    assert cells_by_id(clone)["machine-0"].source.startswith("# @title What is this?")
    assert MY_CELL in sources_in(clone)
    assert outputs_in(clone) == outputs_in(project)


def test_a_conflict_is_marked_inside_its_cell(project: Path, template_copy: Path) -> None:
    notebook = project / NOTEBOOK
    notebook.write_text(notebook.read_text().replace(OLD_TITLE, "# @title My own title"))
    git("commit", "--all", "--message", "My title", cwd=project)
    change_title(template_copy)
    assert not update(project)
    marked = [cell_id for cell_id, cell in cells_by_id(project).items() if "<<<<<<<" in cell.source]
    assert marked == ["machine-0"]
    expected = ["<<<<<<< local", "# @title My own title", "=======", NEW_TITLE, ">>>>>>> remote"]
    assert cells_by_id(project)["machine-0"].source.splitlines()[:5] == expected


def test_a_new_cell_before_one_that_ran_is_merged_though_nbdime_speaks_of_a_conflict(
    project: Path, template_copy: Path
) -> None:
    before = outputs_in(project)
    insert_cell(template_copy, before='# %% id="start"')
    assert not update(project)
    ids = list(cells_by_id(project))
    assert ids[ids.index("blank-start") - 1] == "blank-hint"
    assert not any("<<<<<<<" in source for source in sources_in(project))
    assert outputs_in(project) == before
    git("add", NOTEBOOK, cwd=project)
    git("commit", "--no-edit", cwd=project)


def test_a_notebook_saved_by_colab_still_merges(project: Path, template_copy: Path) -> None:
    save_as_colab_does(project / NOTEBOOK)
    git("commit", "--all", "--message", "Created using Colab", cwd=project)
    before = outputs_in(project)
    change_title(template_copy)
    insert_cell(template_copy, before='# %% [markdown] id="lesson"')
    update(project)
    sources = sources_in(project)
    assert any(source.startswith(NEW_TITLE) for source in sources)
    assert "A new cell of the template." in sources
    assert MY_CELL in sources
    assert not any("<<<<<<<" in source for source in sources)
    assert outputs_in(project) == before


@pytest.mark.weekly
def test_with_its_ids_restored_a_notebook_saved_by_colab_merges_cleanly(project: Path, template_copy: Path) -> None:
    """The step of docs/updating.md, "Notebooks that Colab saved"."""
    save_as_colab_does(project / NOTEBOOK)
    command = [sys.executable, "-m", "colab_starter", "check", "--fix", "--select", "CS108", str(project / NOTEBOOK)]
    subprocess.run(command, check=True, capture_output=True)
    git("commit", "--all", "--message", "Created using Colab", cwd=project)
    before = outputs_in(project)
    change_title(template_copy)
    insert_cell(template_copy, before='# %% [markdown] id="lesson"')
    assert update(project)
    cells = cells_by_id(project)
    assert cells["machine-0"].source.startswith(NEW_TITLE)
    assert cells["blank-hint"].source == "A new cell of the template."
    assert outputs_in(project) == before


@pytest.mark.weekly
def test_without_the_branch_a_first_update_merges_as_well(project: Path, template_copy: Path) -> None:
    before = outputs_in(project)
    change_title(template_copy)
    cruft("update", "--skip-apply-ask", cwd=project)
    assert cells_by_id(project)["machine-0"].source.startswith(NEW_TITLE)
    assert outputs_in(project) == before
