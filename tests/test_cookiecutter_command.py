"""The real cookiecutter command: as users call it, from where they call it, and with answers that cannot work."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PRESETS, QUESTIONS, REPOSITORY, Bake, git, read_notebook, run_cookiecutter
from tests.environments import make_environment
from tests.support.marks import weekly


@pytest.fixture(scope="module")
def bare_cookiecutter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command in an environment that holds only cookiecutter."""
    return str(make_environment(tmp_path_factory.mktemp("bare"), "cookiecutter") / "cookiecutter")


@pytest.mark.slow
@pytest.mark.parametrize("preset", [name if name in ("keras", "all") else weekly(name) for name in PRESETS])
def test_cookiecutter_alone_bakes_every_preset(bare_cookiecutter: str, tmp_path: Path, preset: str) -> None:
    answer = run_cookiecutter("--no-input", f"preset={preset}", cwd=tmp_path, command=bare_cookiecutter)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "papermill notebooks/" in answer.stdout
    assert list((tmp_path / "my-colab-notebooks/notebooks").glob("*.ipynb"))


@pytest.mark.slow
def test_an_old_cookiecutter_is_told_so_before_any_question(tmp_path: Path) -> None:
    old = str(make_environment(tmp_path / "old", "cookiecutter==2.6.0") / "cookiecutter")
    (tmp_path / "here").mkdir()
    answer = run_cookiecutter(cwd=tmp_path / "here", command=old, answers="")
    assert answer.returncode == 1
    assert "colab-starter needs cookiecutter >= 2.7, this is 2.6.0" in answer.stdout
    assert "Traceback" not in answer.stderr
    assert list((tmp_path / "here").iterdir()) == []


def test_from_a_git_url(template_copy: Path, tmp_path: Path) -> None:
    git("init", cwd=template_copy)
    git("add", "--all", cwd=template_copy)
    git("commit", "--message", "Template", cwd=template_copy)
    url = f"git+file://{template_copy}"  # without git+, cookiecutter takes no such address for a repository
    command = [sys.executable, "-m", "cookiecutter", url, "--no-input", "preset=blank"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "my-colab-notebooks/notebooks/blank.ipynb").exists()


def test_from_a_zip(template_copy: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "template"), "zip", template_copy.parent, template_copy.name)
    command = [sys.executable, "-m", "cookiecutter", archive, "--no-input", "preset=blank"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "my-colab-notebooks/notebooks/blank.ipynb").exists()


def test_without_hooks_the_notebooks_are_the_same(tmp_path: Path) -> None:
    for hooks in ("yes", "no"):
        (tmp_path / hooks).mkdir()
        run_cookiecutter("--no-input", "--accept-hooks", hooks, cwd=tmp_path / hooks).check_returncode()
    notebook = "my-colab-notebooks/notebooks/keras.ipynb"
    assert (tmp_path / "yes" / notebook).read_bytes() == (tmp_path / "no" / notebook).read_bytes()


def test_presets_without_scripts_get_no_empty_folder(tmp_path: Path) -> None:
    run_cookiecutter("--no-input", "preset=blank", cwd=tmp_path).check_returncode()
    assert not (tmp_path / "my-colab-notebooks/scripts").exists()


def test_the_hook_says_the_next_steps_in_every_language(tmp_path: Path) -> None:
    for language in QUESTIONS["language"]:
        said = run_cookiecutter(
            "--no-input", f"language={language}", f"project_slug={language}", "preset=blank", cwd=tmp_path
        )
        assert f"\n    cd {language}\n" in said.stdout, said.stderr
        assert "    papermill notebooks/blank.ipynb out.ipynb\n" in said.stdout


def test_tour_gets_its_script(bake: Bake) -> None:
    assert (bake(preset="tour") / "scripts/mnist_cnn.py").exists()


def test_the_questions_can_be_answered_at_the_prompts(tmp_path: Path) -> None:
    typed = [
        "1",
        "Digits",
        "",
        str(PRESETS.index("blank") + 1),
        "6",
        "y",
        "numbers",
        "2",
        "einops",
        "",
        "ada/digits",
        "",
    ]
    answer = run_cookiecutter(cwd=tmp_path, answers="\n".join(typed) + "\n")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    notebook = read_notebook(tmp_path / "digits/notebooks/blank.ipynb")
    assert "accelerator" not in notebook.metadata
    text = "\n".join(cell.source for cell in notebook.cells)
    for part in ("ada/digits/blob/main", "use_drive = True", 'drive_folder = "numbers"', '["einops"]', "2026.07"):
        assert part in text


def test_a_bad_answer_ends_the_questions_at_once(tmp_path: Path) -> None:
    answer = run_cookiecutter(cwd=tmp_path, answers="1\nDigits\na/b\n")
    assert answer.returncode == 1
    assert answer.stdout.rstrip().splitlines()[-1].endswith("starting with a letter or digit, e.g. my-notebooks")
    assert "What should the notebook teach" not in answer.stdout


BAD_ANSWERS = [
    "project_slug=a/b",
    "project_slug=../x",
    "project_slug=..",
    "project_slug=my slug",
    "project_slug=",
    "project_slug=" + "x" * 300,
    "github_repository=digits",
    "github_repository=https://gitlab.com/ada/digits",
    "project_name=",
    "extra_pip_packages=; rm -rf /",
    "extra_apt_packages=$(reboot)",
    "drive_folder=../x",
    "github_branch=a b",
]


@pytest.mark.parametrize(
    ("answer", "hooks"),
    [
        case if number % 3 else weekly(*case)  # the two differ only in when the answers are looked at
        for number, case in enumerate(itertools.product(BAD_ANSWERS, ["yes", "no"]))
    ],
)
def test_a_bad_answer_is_one_clear_line_and_leaves_nothing(tmp_path: Path, answer: str, hooks: str) -> None:
    here = tmp_path / "inner/here"
    here.mkdir(parents=True)
    result = run_cookiecutter("--no-input", "--accept-hooks", hooks, answer, cwd=here)
    assert result.returncode == 1
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1
    assert result.stdout.startswith(f"{answer.partition('=')[0]} '")
    assert "cannot be used: " in result.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list(here.iterdir()) == []


def test_the_address_of_a_repository_and_a_path_on_drive_are_understood(tmp_path: Path) -> None:
    answers = ["github_repository=https://github.com/ada/digits", "drive_folder=/content/drive/MyDrive/numbers"]
    run_cookiecutter("--no-input", "preset=blank", "use_drive=yes", *answers, cwd=tmp_path).check_returncode()
    files = {path.name: path.read_text() for path in (tmp_path / "my-colab-notebooks").rglob("*.*") if path.is_file()}
    assert "github/ada/digits/blob/main/" in files["blank.ipynb"]
    assert 'drive_folder = \\"numbers\\"' in files["blank.ipynb"]
    assert "<https://github.com/ada/digits>" in files["README.md"]
    assert "folder `numbers` of your Google Drive" in files["README.md"]


def test_an_unknown_preset_names_the_choices_and_leaves_nothing(tmp_path: Path) -> None:
    """cookiecutter itself refuses it, with a traceback that the template cannot prevent."""
    result = run_cookiecutter("--no-input", "preset=caffe", cwd=tmp_path)
    assert result.returncode != 0
    assert "caffe provided for choice variable preset, but the choices are ['keras'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", ["preset=kears", "use_drive=maybe"])
def test_the_docs_tell_what_to_do_where_cookiecutter_itself_complains(tmp_path: Path, answer: str) -> None:
    said = run_cookiecutter("--no-input", answer, cwd=tmp_path).stderr.strip().splitlines()[-1]
    index = (REPOSITORY / "docs/index.md").read_text(encoding="utf-8")
    told = [line.split("`")[1].rstrip("… ") for line in index.splitlines() if line.startswith("| `ValueError")]
    assert [line for line in told if said.startswith(line)]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits/mine.txt").write_text("mine")
    result = run_cookiecutter("--no-input", "project_slug=digits", cwd=tmp_path)
    assert result.returncode == 1
    assert "already exists" in result.stdout
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["mine.txt"]
