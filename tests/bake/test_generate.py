"""New projects from the bundled template: the same as plain cookiecutter's, and nothing half made."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter

import colab_starter.bake.generate
from colab_starter.bake.errors import BadAnswerError
from colab_starter.bake.generate import Answers, generate_project
from colab_starter.errors import (
    CannotWriteError,
    GenerationError,
    ProjectExistsError,
    StoppedError,
    TemplateMissingError,
    UnknownChoiceError,
)
from tests.conftest import PRESETS, QUESTIONS, REPOSITORY
from tests.support.marks import weekly

EVERY_ANSWER: dict[str, Any] = {
    "language": "zh-CN",
    "project_name": 'Ada\'s "digits" & \\ 😀',
    "project_slug": "ada-s_digits.2",
    "preset": "all",
    "accelerator": "TPU v5e",
    "use_drive": True,
    "drive_folder": "Colab Notebooks/digits",
    "colab_runtime": "2026.04",
    "extra_pip_packages": "einops timm>=1.0",
    "extra_apt_packages": "ffmpeg libsndfile1",
    "github_repository": "ada/digits",
    "github_branch": "feature/one",
}


def read_tree(folder: Path) -> dict[str, bytes | None]:
    """Path -> content of each file, and None for each folder."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def bake_with_cookiecutter(folder: Path, **answers: Any) -> dict[str, bytes | None]:
    folder.mkdir()
    cookiecutter(str(REPOSITORY), no_input=True, extra_context=answers, output_dir=str(folder))
    return read_tree(folder)


def generated(folder: Path, answers: Answers) -> dict[str, bytes | None]:
    generate_project(answers, folder)
    return read_tree(folder)


@pytest.fixture
def template_copy(template_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template that generate_project takes for the package's own."""
    monkeypatch.setattr(colab_starter.bake.generate, "PACKAGE", template_copy / "colab_starter")
    return template_copy


@pytest.mark.parametrize("preset", [name if name in ("keras", "all") else weekly(name) for name in PRESETS])
def test_every_preset_is_byte_identical_to_plain_cookiecutters(tmp_path: Path, preset: str) -> None:
    plain = bake_with_cookiecutter(tmp_path / "plain", preset=preset)
    assert generated(tmp_path / "ours", {"preset": preset}) == plain


def test_with_every_question_answered_too(tmp_path: Path) -> None:
    assert set(EVERY_ANSWER) == {question for question in QUESTIONS if not question.startswith("_")}
    plain = bake_with_cookiecutter(tmp_path / "plain", **EVERY_ANSWER)
    assert generated(tmp_path / "ours", EVERY_ANSWER) == plain


def test_braces_in_an_answer_are_text_not_code(tmp_path: Path) -> None:
    name = "{{ 7 * 7 }} {% raw %} #:: if x"
    project = generate_project({"project_name": name, "project_slug": "x", "preset": "blank"}, tmp_path)
    assert "{{ 7" in (project.folder / "README.md").read_text()


@pytest.mark.parametrize("settings", ["default_context: {preset: opencv, project_slug: other}", "[broken"])
def test_the_users_cookiecutter_settings_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    config = tmp_path / "cookiecutterrc"
    config.write_text(settings)
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(config))
    project = generate_project({"preset": "blank"}, tmp_path / "out")
    assert project.folder == tmp_path / "out/my-colab-notebooks"
    assert project.notebooks == [project.folder / "notebooks/blank.ipynb"]


def test_the_folder_for_it_is_made_where_it_is_missing(tmp_path: Path) -> None:
    assert generate_project({"preset": "blank"}, tmp_path / "a/b").folder.is_dir()
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["my-colab-notebooks"]


def test_an_unknown_choice_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UnknownChoiceError, match=r"^unknown preset 'caffe': choose one of keras, .*, all$"):
        generate_project({"preset": "caffe"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("question", "typo", "meant"),
    [("preset", "kears", "keras"), ("preset", "PyTorch", "pytorch"), ("accelerator", "t4", "T4")],
)
def test_a_mistyped_choice_is_guessed(tmp_path: Path, question: str, typo: str, meant: str) -> None:
    with pytest.raises(UnknownChoiceError, match=f"did you mean '{meant}'[?]"):
        generate_project({question: typo}, tmp_path)


def test_a_bad_answer_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadAnswerError, match="cannot be used"):
        generate_project({"project_slug": "../x"}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "my-colab-notebooks").mkdir()
    with pytest.raises(ProjectExistsError, match=r"already exists; choose another --slug or folder, or add --force"):
        generate_project({}, tmp_path)
    assert read_tree(tmp_path) == {"my-colab-notebooks": None}


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_its_place_is_not_touched(tmp_path: Path, force: bool) -> None:
    (tmp_path / "my-colab-notebooks").write_text("mine")
    with pytest.raises(ProjectExistsError, match="is not a folder"):
        generate_project({}, tmp_path, force=force)
    assert read_tree(tmp_path) == {"my-colab-notebooks": b"mine"}


def test_force_keeps_what_differs_and_what_is_the_users_own(tmp_path: Path) -> None:
    folder = generate_project({"preset": "blank"}, tmp_path).folder
    fresh = read_tree(folder)
    notebook = folder / "notebooks/blank.ipynb"
    (folder / "mine.txt").write_text("mine")
    notebook.write_text("edited")
    project = generate_project({"preset": "blank"}, tmp_path, force=True)
    kept = notebook.with_name("blank.ipynb.bak")
    assert project.kept == [kept]
    assert read_tree(folder) == {**fresh, "mine.txt": b"mine", "notebooks/blank.ipynb.bak": b"edited"}


def test_force_never_writes_where_a_link_leads(tmp_path: Path) -> None:
    elsewhere, project = tmp_path / "elsewhere", tmp_path / "my-colab-notebooks"
    for folder in (elsewhere, project):
        folder.mkdir()
    (elsewhere / "blank.ipynb").write_text("mine")
    (elsewhere / "README.md").write_text("mine, too")
    (project / "notebooks").symlink_to(elsewhere)
    (project / "README.md").symlink_to(elsewhere / "README.md")
    (project / ".gitignore").symlink_to(elsewhere / "none yet")
    made = generate_project({"preset": "blank"}, tmp_path, force=True)
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == {
        "blank.ipynb": "mine",
        "README.md": "mine, too",
    }
    assert not [path for path in project.rglob("*") if path.is_symlink() and path.suffix != ".bak"]
    assert {path.name for path in made.kept} == {"notebooks.bak", "README.md.bak", ".gitignore.bak"}
    assert (project / "notebooks/blank.ipynb").is_file()


def test_a_project_whose_place_is_a_link_is_refused_even_with_force(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "my-colab-notebooks").symlink_to("elsewhere")
    with pytest.raises(ProjectExistsError, match=r"is a link, which is not followed; remove it"):
        generate_project({"preset": "blank"}, tmp_path, force=True)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_force_never_replaces_what_it_kept_before(tmp_path: Path) -> None:
    notebook = generate_project({"preset": "blank"}, tmp_path).notebooks[0]
    for text in ("first", "second"):
        notebook.write_text(text)
        generate_project({"preset": "blank"}, tmp_path, force=True)
    assert notebook.with_name("blank.ipynb.bak").read_text() == "first"
    assert notebook.with_name("blank.ipynb.bak2").read_text() == "second"


def test_force_that_fails_half_way_puts_everything_back(tmp_path: Path) -> None:
    folder = generate_project({"preset": "blank"}, tmp_path).folder
    shutil.rmtree(folder / "sweeps")
    (folder / "sweeps").write_text("a file where a folder must come")
    (folder / "README.md").write_text("edited")
    (folder / ".gitignore").unlink()
    before = read_tree(tmp_path)
    with pytest.raises(CannotWriteError, match="sweeps"):
        generate_project({"preset": "blank"}, tmp_path, force=True)
    assert read_tree(tmp_path) == before


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (OSError(28, "No space left on device"), CannotWriteError),
        (KeyboardInterrupt(), StoppedError),
        (RuntimeError("nothing was made"), RuntimeError),
    ],
)
def test_a_failure_while_files_are_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: BaseException, error: type[BaseException]
) -> None:
    monkeypatch.setattr("cookiecutter.generate.generate_file", failing_after(3, cause))
    with pytest.raises(error, match="nothing was made"):
        generate_project({"preset": "blank"}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def failing_after(calls: int, cause: BaseException) -> Any:
    count = iter(range(calls))

    def write_file(folder: str, file: str, *_arguments: Any) -> None:
        if next(count, None) is None:
            raise cause
        Path(folder, Path(file).name).write_text("written")

    return write_file


def test_a_fault_of_the_template_is_one_line_and_leaves_nothing(template_copy: Path, tmp_path: Path) -> None:
    readme = template_copy / "{{cookiecutter.project_slug}}/README.md"
    for text in ("{{ nobody_knows }}", "{% if %}", "{{ 'x' | no_filter }}"):
        readme.write_text(text)
        with pytest.raises(GenerationError) as error:
            generate_project({"preset": "blank"}, tmp_path / "out")
        assert "please report this: " in str(error.value)
        assert len(str(error.value)) < 300
        assert not (tmp_path / "out").exists()


def test_an_installation_without_its_template_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colab_starter.bake.generate, "PACKAGE", tmp_path / "colab_starter")
    with pytest.raises(TemplateMissingError, match="install colab-starter again"):
        generate_project({}, tmp_path)
