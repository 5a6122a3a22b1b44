"""The command update on real projects: made by cookiecutter, by new and by cruft, in a clone and without git."""

import errno
import json
import shutil
from pathlib import Path

import nbformat
import pytest

from colab_starter import __version__
from colab_starter.bake.generate import find_template, generate_project
from colab_starter.bake.record import RECORD, Record, read_record, write_record
from colab_starter.cli import run_command
from colab_starter.update import apply
from tests.conftest import bake_into, change_template, git, read_notebook
from tests.update.trials import save_as_colab_does

NOTEBOOK = "notebooks/blank.ipynb"
NEW_TITLE = "# @title What machine is this?"
OLD_TITLE = "# @title Which computer is this?"
MY_CELL = 'print("my own cell")'


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The blank preset as an older template would have made it; tests copy it."""
    project = bake_into(tmp_path_factory.mktemp("baked") / "baked", preset="blank", project_name="Digits")
    make_older(project)
    return project


@pytest.fixture
def project(baked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(baked, tmp_path.resolve() / "digits"))


def make_older(project: Path) -> None:
    """Write a project, and its record, as if the template had still had other texts when it was made."""
    record = read_record((project / RECORD).read_text())
    files = dict(record.files)
    for path, new, old in [
        (NOTEBOOK, NEW_TITLE, OLD_TITLE),
        ("README.md", "## Try many parameters", "## Sweeps"),
        (".gitignore", "runs/\n", ""),
    ]:
        assert new.encode() in files[path]
        files[path] = files[path].replace(new.encode(), old.encode())
        (project / path).write_bytes(files[path])
    del files[".devcontainer/devcontainer.json"]
    shutil.rmtree(project / ".devcontainer")
    (project / RECORD).write_text(write_record(Record("0.0.9", record.answers, files)))


def update(capsys: pytest.CaptureFixture[str], project: Path, *arguments: str) -> tuple[int, str]:
    """The exit status of the command, and all that it printed."""
    status = run_command(["update", str(project), *arguments], debug=False)
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def read_files(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {path: content for path, content in files.items() if not path.startswith(".git/")}


def commit(project: Path) -> None:
    if not (project / ".git").exists():
        git("init", cwd=project)
    git("add", "--all", cwd=project)
    git("commit", "--message", "Mine", cwd=project)


def edit_as_a_user(project: Path) -> None:
    """A cell of one's own, a line in a cell of the template, an output, and a line in the README."""
    notebook = read_notebook(project / NOTEBOOK)
    machine = next(cell for cell in notebook.cells if cell.id == "machine-0")
    machine.source += f"\n{MY_CELL}"
    machine.execution_count = 7
    machine.outputs = [nbformat.v4.new_output("stream", text="Tesla T4")]
    notebook.cells.append(nbformat.v4.new_code_cell(MY_CELL, id="mine"))
    nbformat.write(notebook, project / NOTEBOOK)
    with (project / "README.md").open("a") as readme:
        readme.write("\nMy own line.\n")


def test_a_fresh_project_of_any_maker_has_nothing_to_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_by_new = generate_project({"preset": "blank"}, tmp_path / "new").folder
    for project in (bake_into(tmp_path / "baked", preset="blank"), made_by_new):
        before = read_files(project)
        assert update(capsys, project) == (0, "Nothing to change: the project has all that the template has.\n")
        assert read_files(project) == before


def test_an_update_in_a_fresh_clone_brings_what_is_new_and_keeps_what_the_user_wrote(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_as_a_user(project)
    commit(project)
    clone = tmp_path / "clone"
    git("clone", f"file://{project}", str(clone), cwd=tmp_path)
    status, printed = update(capsys, clone / "notebooks")
    assert status == 0
    assert "changed   notebooks/blank.ipynb\n    changed   machine-0 'Which computer is this?'\n" in printed
    assert "new       .devcontainer/devcontainer.json\n" in printed
    cells = {cell.id: cell for cell in read_notebook(clone / NOTEBOOK).cells}
    assert cells["machine-0"].source.startswith(NEW_TITLE)
    assert cells["machine-0"].source.endswith(MY_CELL)
    assert (cells["machine-0"].execution_count, cells["machine-0"].outputs[0].text) == (7, "Tesla T4")
    assert cells["mine"].source == MY_CELL
    readme = (clone / "README.md").read_text()
    assert "## Try many parameters" in readme
    assert readme.endswith("My own line.\n")
    assert not list(clone.glob("update-backup*"))
    commit(clone)
    assert update(capsys, clone)[1].startswith("Nothing to change")


def test_without_git_what_is_overwritten_is_in_a_backup_and_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    before = read_files(project)
    status, printed = update(capsys, project)
    assert status == 0
    assert "What was overwritten is in update-backup-1, because git does not have it." in printed
    saved = read_files(project / "update-backup-1")
    assert saved.keys() == {NOTEBOOK, "README.md", ".gitignore", RECORD}
    assert saved.items() <= before.items()


def test_a_folder_that_cannot_be_written_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(folder: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(folder))

    before = read_files(project)
    monkeypatch.setattr(apply, "_free_folder", refuse)
    status, printed = update(capsys, project)
    assert (status, printed.count("\n")) == (1, 1)
    assert "could not be written ([Errno 30] Read-only file system" in printed
    assert "nothing has changed" in printed
    assert read_files(project) == before


def test_a_dry_run_shows_the_lines_and_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = read_files(project)
    status, printed = update(capsys, project, "--dry-run")
    assert status == 0
    for line in (f"-{OLD_TITLE}", f"+{NEW_TITLE}", "-## Sweeps", "+## Try many parameters"):
        assert f"        {line}\n" in printed
    assert f"4 files would be updated to the template of colab-starter {__version__} (before: 0.0.9).\n" in printed
    assert read_files(project) == before


def test_a_conflict_is_in_its_cell_and_told_with_status_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / NOTEBOOK
    path.write_text(path.read_text().replace(OLD_TITLE, "# @title My own title"))
    status, printed = update(capsys, project)
    assert status == 1
    assert "    CONFLICT  machine-0 'My own title'\n" in printed
    assert "1 conflict in notebooks/blank.ipynb: where you and the template changed the same lines" in printed
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    cell = next(cell for cell in notebook.cells if cell.id == "machine-0")
    expected = ["<<<<<<< yours", "# @title My own title", "=======", NEW_TITLE, ">>>>>>> template"]
    assert cell.source.splitlines()[:5] == expected
    assert run_command(["check", "--no-cache", "--select", "CS109", str(path)], debug=False) == 1
    assert "CS109" in capsys.readouterr().out


def test_a_notebook_saved_by_colab_is_merged_without_a_conflict(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_as_a_user(project)
    saved = json.loads((project / NOTEBOOK).read_text())
    save_as_colab_does(saved)
    (project / NOTEBOOK).write_text(json.dumps(saved, indent=2))
    assert update(capsys, project)[0] == 0
    merged = json.loads((project / NOTEBOOK).read_text())
    nbformat.validate(merged)
    machine = next(cell for cell in merged["cells"] if cell["metadata"]["id"] == "machine-0")
    assert machine["source"][0] == f"{NEW_TITLE}\n"
    machine["source"][0] = f"{OLD_TITLE}\n"
    assert merged == saved


def test_changes_that_are_not_committed_stop_it_unless_forced(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(project)
    edit_as_a_user(project)
    before = read_files(project)
    status, printed = update(capsys, project)
    assert (status, read_files(project)) == (1, before)
    assert printed.startswith("colab-starter: 2 files with changes that are not committed (README.md, notebooks/blank")
    status, printed = update(capsys, project, "--force")
    assert status == 0
    assert read_files(project / "update-backup-1") == {path: before[path] for path in ("README.md", NOTEBOOK)}


def test_an_answer_can_be_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--answer", "github_repository=ada/digits", "--answer", "use_drive=yes"]
    assert update(capsys, project, *arguments)[0] == 0
    fresh = generate_project(
        {"preset": "blank", "project_name": "Digits", "github_repository": "ada/digits", "use_drive": True},
        project.parent / "fresh",
    )
    shutil.rmtree(project / "update-backup-1")
    assert read_files(project) == read_files(fresh.folder)


def test_an_answer_that_a_newer_template_no_longer_takes_is_asked_for(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = read_record((project / RECORD).read_text())
    (project / RECORD).write_text(
        write_record(record._replace(answers={**record.answers, "colab_runtime": "2019.01", "dropped": "x"}))
    )
    status, printed = update(capsys, project)
    assert (status, printed.count("\n")) == (2, 1)
    assert "unknown colab_runtime '2019.01': did you mean '2026.01'? choose one of latest, " in printed
    assert "(--answer QUESTION=ANSWER)" in printed
    assert update(capsys, project, "--answer", "colab_runtime=latest")[0] == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("preset=karas", "unknown preset 'karas': did you mean 'keras'?"),
        ("colour=red", "write QUESTION=ANSWER; the questions are "),
        ("use_drive=maybe", "answer yes or no"),
        ("github_repository=x y", "github_repository 'x y' cannot be used"),
    ],
)
def test_an_answer_that_cannot_be_used_is_one_line(
    project: Path, answer: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_files(project)
    status, printed = update(capsys, project, "--answer", answer)
    assert (status, printed.count("\n")) == (2, 1)
    assert message in printed
    assert read_files(project) == before


def test_a_project_of_an_adopted_notebook_gets_new_first_cells_and_keeps_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in ("rate = 1", "print(rate)  # {{ no }} {% Jinja %}")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    assert run_command(["new", "--from", str(tmp_path / "mine.ipynb"), str(tmp_path / "made")], debug=False) == 0
    (project,) = (tmp_path / "made").iterdir()
    path = project / "notebooks/mine.ipynb"
    record = read_record((project / RECORD).read_text())
    assert path.read_bytes() == record.files["notebooks/mine.ipynb"]
    older = path.read_text().replace(NEW_TITLE, OLD_TITLE)
    files = {**record.files, "notebooks/mine.ipynb": older.encode()}
    (project / RECORD).write_text(write_record(record._replace(files=files)))
    path.write_text(older.replace("{{ no }}", "{{ yes }}"))
    capsys.readouterr()
    status, printed = update(capsys, project)
    assert status == 0, printed
    assert path.read_bytes() == record.files["notebooks/mine.ipynb"].replace(b"{{ no }}", b"{{ yes }}")
    assert update(capsys, project, "--force")[1].startswith("Nothing to change")
    status, printed = update(capsys, project, "--answer", "use_drive=yes", "--answer", "drive_folder=course")
    assert status == 0, printed
    form = next(cell.source for cell in read_notebook(path).cells if cell.id == "adopted-parameters-0")
    assert 'use_drive = True  # @param {type:"boolean"}\ndrive_folder = "course"  # @param' in form
    assert "folder `course` of your Google Drive" in (project / "README.md").read_text()
    assert update(capsys, project)[1].startswith("Nothing to change")
    path.write_text(path.read_text().replace("use_drive = True", "use_drive = False"))
    assert update(capsys, project)[1].startswith("Nothing to change")
    status, printed = update(capsys, project, "--template", str(find_template()))
    assert (status, printed.count("\n")) == (2, 1)
    assert "leave out --template" in printed


def test_a_project_from_before_there_was_a_record_loses_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_as_a_user(project)
    (project / RECORD).unlink()
    status, printed = update(capsys, project)
    assert status == 1
    assert "the answers are guessed (preset=blank, project_name=Digits, project_slug=digits)" in printed
    assert f"{RECORD} is new: commit it" in printed
    cells = {cell.id: cell.source for cell in read_notebook(project / NOTEBOOK).cells}
    assert cells["machine-0"].splitlines()[:5] == ["<<<<<<< yours", OLD_TITLE, "=======", NEW_TITLE, ">>>>>>> template"]
    assert cells["machine-0"].splitlines()[-4:-2] == ["<<<<<<< yours", MY_CELL]
    assert cells["mine"] == MY_CELL
    assert "My own line.\n" in (project / "README.md").read_text()


@pytest.mark.parametrize("damage", ["<<<<<<< HEAD\n{}", "{}", '{"format": 99, "version": "7"}'])
def test_a_damaged_record_is_one_line_with_the_remedy(
    project: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / RECORD).write_text(damage)
    status, printed = update(capsys, project)
    assert (status, printed.count("\n")) == (1, 1)
    assert f"git checkout HEAD -- {RECORD}" in printed


def test_where_there_is_no_project_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed = update(capsys, tmp_path)
    assert (status, printed.count("\n")) == (2, 1)
    assert f"no project in {tmp_path.resolve()}" in printed
    assert update(capsys, tmp_path / "nowhere")[0] == 2
    (tmp_path / ".cruft.json").write_text(
        '{"template": "x", "commit": "abcdef0", "context": {"cookiecutter": {"a": 1}}}'
    )
    assert "was made from another template" in update(capsys, tmp_path)[1]


def test_an_interrupted_update_is_finished_by_the_same_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("colab_starter.update.apply._move_into_place", fail)
        status, printed = update(capsys, project)
    assert status == 1
    assert "No space left on device); the same command finishes it" in printed
    assert "without --dry-run finishes it" in update(capsys, project, "--dry-run")[1]
    status, printed = update(capsys, project)
    assert status == 0
    assert printed.startswith(
        "An earlier update was interrupted; it is finished now: .devcontainer/devcontainer.json, "
    )
    assert update(capsys, project)[1].startswith("Nothing to change")


@pytest.mark.slow
def test_a_project_made_by_cruft_from_an_older_template_is_merged_with_that_one(
    cruft_project: Path, template_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also with another template than the installed one, which needs its own code to make notebooks."""
    (cruft_project / RECORD).unlink()
    path = cruft_project / NOTEBOOK
    path.write_text(path.read_text().replace('"results = {', '"results = {\\"mine\\": 1, '))
    commit(cruft_project)
    change_template(template_copy, "templates/cells/machine.py", NEW_TITLE, OLD_TITLE)
    extension = "colab_starter/bake/extension.py"
    change_template(template_copy, extension, "return _MARKDOWN_SYMBOL", 'return "New: " + _MARKDOWN_SYMBOL')
    status, printed = update(capsys, cruft_project, "--template", str(template_copy))
    assert status == 0, printed
    assert ".cruft.json says what it was made from: " in printed
    sources = [cell.source for cell in read_notebook(path).cells]
    assert any(source.startswith(OLD_TITLE) for source in sources)
    assert any(source.startswith('results = {"mine": 1, ') for source in sources)
    assert (cruft_project / "README.md").read_text().startswith("# New: My Colab Notebooks\n")


def test_a_template_that_is_not_there_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed = update(capsys, project, "--template", str(project / "nowhere"))
    assert (status, "could not be fetched" in printed) == (1, True)
    status, printed = update(capsys, project, "--template", str(project), "--checkout", "main")
    assert (status, printed.count("\n"), "could not be fetched: fatal: " in printed) == (1, 1, True)
    status, printed = update(capsys, project, "--template", str(project), "--checkout", "--help")
    assert (status, "not a branch" in printed) == (2, True)
