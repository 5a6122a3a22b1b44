"""Every answer of cookiecutter.json, one changed at a time, and the product of those that meet in a notebook."""

import ast
import itertools
import json
import math
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from colab_starter import cli
from colab_starter.bake import extension as notebook_extension
from colab_starter.bake.percent import to_ipynb
from colab_starter.run.search.request import SECONDS
from colab_starter.run.sweep.files import read_sweep_file
from tests.conftest import LESSONS, PRESETS, QUESTIONS, REPOSITORY, Bake, printed, read_notebook
from tests.support.marks import weekly

SCRAP = "application/scrapbook.scrap.json+json"
FIRST_CELLS = ["title", "parameters", "setup", "machine", "storage", "install"]
CHOICES = {name: choices for name, choices in QUESTIONS.items() if isinstance(choices, list) and name[0] != "_"}
ONE_AT_A_TIME: list[dict[str, Any]] = [{name: value} for name, choices in CHOICES.items() for value in choices]
PRODUCT: list[dict[str, Any]] = [
    dict(zip(("preset", "accelerator", "use_drive"), values, strict=True))
    for values in itertools.product(LESSONS, QUESTIONS["accelerator"], [False, True])
]
TYPED: list[dict[str, Any]] = [
    {"use_drive": True},
    {"use_drive": True, "drive_folder": "Colab Notebooks/数字"},
    {"extra_pip_packages": "einops timm>=1.0,<2", "extra_apt_packages": "ffmpeg, sox"},
    {"github_repository": "ada/digits", "github_branch": "feature/x"},
    {"project_name": "Cats & dogs"},
]


def notebooks(project: Path) -> list[Path]:
    return sorted((project / "notebooks").glob("*.ipynb"))


def code_of(path: Path, cell_id: str) -> str:
    return "\n".join(cell.source for cell in read_notebook(path).cells if cell.id.startswith(cell_id))


def check_notebook(path: Path) -> None:
    """What holds for every notebook, whatever was answered."""
    text = path.read_bytes().decode()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(json.loads(text))
    assert nbformat.writes(notebook) + "\n" == text
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert list(dict.fromkeys(cell_id.partition("-")[0] for cell_id in ids))[: len(FIRST_CELLS)] == FIRST_CELLS
    assert ids[-1].startswith("results-")
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells) == 1
    assert printed(notebook) == ""
    for cell in notebook.cells:
        assert "cookiecutter" not in cell.source
        if cell.cell_type == "code":
            parse_code(cell.source)


@cache  # most cells are the same in all projects
def parse_code(source: str) -> None:
    ast.parse(TransformerManager().transform_cell(source))


def is_daily(answers: dict[str, Any]) -> bool:
    """Of the product every other one, in turn: any two of the answers meet each day, and all three each week."""
    preset, accelerator = (QUESTIONS[name].index(answers[name]) for name in ("preset", "accelerator"))
    return bool((preset + accelerator + answers["use_drive"]) % 2)


@pytest.mark.parametrize(
    "answers",
    [*ONE_AT_A_TIME, *(answers if is_daily(answers) else weekly(answers) for answers in PRODUCT), *TYPED],
    ids=str,
)
def test_every_bake_is_a_valid_notebook_with_the_first_cells_in_order(bake: Bake, answers: dict[str, Any]) -> None:
    baked = notebooks(bake(**answers))
    preset = answers.get("preset", PRESETS[0])
    assert [path.stem for path in baked] == (sorted(LESSONS) if preset == "all" else [preset])
    for path in baked:
        check_notebook(path)


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        ({"language": "zh-CN"}, {"README.md", "notebooks/keras.ipynb", "sweeps/keras.yaml"}),
        ({"project_name": "Cats"}, {"README.md", "notebooks/keras.ipynb"}),
        ({"preset": "blank"}, {"README.md", "requirements.txt"}),
        ({"accelerator": "A100"}, {"notebooks/keras.ipynb"}),
        ({"use_drive": True}, {"README.md", "notebooks/keras.ipynb"}),
        ({"drive_folder": "digits"}, {"README.md", "notebooks/keras.ipynb"}),
        (
            {"colab_runtime": "2025.07"},
            {"README.md", "notebooks/keras.ipynb", ".github/workflows/notebooks.yml", "requirements.txt"},
        ),
        (
            {"colab_runtime": "2026.07"},
            {".pre-commit-config.yaml", ".devcontainer/devcontainer.json"},
        ),
        ({"extra_pip_packages": "einops"}, {"requirements.txt", "notebooks/keras.ipynb"}),
        ({"extra_apt_packages": "sox"}, {"README.md", "notebooks/keras.ipynb", ".github/workflows/notebooks.yml"}),
        ({"github_repository": "ada/digits"}, {"README.md", "notebooks/keras.ipynb"}),
        ({"github_repository": "ada/x", "github_branch": "dev"}, {"README.md", "notebooks/keras.ipynb"}),
    ],
    ids=lambda value: str(sorted(value)),  # the order of a set changes from one process to the next
)
def test_every_answer_changes_the_output(bake: Bake, answer: dict[str, Any], changed: set[str]) -> None:
    same_folder = {"project_slug": "same"}
    usual = bake(**same_folder, **({"github_repository": "ada/x"} if "github_branch" in answer else {}))
    other = bake(**same_folder, **answer)
    differing = {
        path.relative_to(other).as_posix()
        for path in other.rglob("*")
        if path.is_file()
        and (usual / path.relative_to(other)).exists()
        and path.read_bytes() != (usual / path.relative_to(other)).read_bytes()
    }
    assert changed <= differing


def test_every_question_is_covered_by_the_test_above() -> None:
    marker = next(m for m in test_every_answer_changes_the_output.pytestmark if m.name == "parametrize")
    answered = {name for answer, _ in marker.args[1] for name in answer}
    assert {name for name in QUESTIONS if not name.startswith("_")} - answered == {"project_slug"}


def test_the_slug_names_the_folder(bake: Bake) -> None:
    assert bake(project_slug="digits").name == "digits"


def test_every_question_has_a_prompt_and_every_choice_a_label() -> None:
    prompts = QUESTIONS["__prompts__"]
    assert set(prompts) == {name for name in QUESTIONS if not name.startswith("_")}
    for name, choices in CHOICES.items():
        assert set(prompts[name]) == {"__prompt__", *choices}


def test_the_badge_names_the_path_of_its_notebook(bake: Bake) -> None:
    project = bake(preset="all", github_repository="ada/digits", github_branch="a#b/c")
    for path in notebooks(project):
        address = (
            f"https://colab.research.google.com/github/ada/digits/blob/a%23b/c/{path.relative_to(project).as_posix()}"
        )
        assert f"]({address})" in code_of(path, "title")
        assert f"]({address})" in (project / "README.md").read_text()


def test_without_a_repository_there_is_no_badge(bake: Bake) -> None:
    project = bake()
    assert "badge.svg" not in code_of(project / "notebooks/keras.ipynb", "title")
    assert "badge.svg" not in (project / "README.md").read_text()


def test_drive_and_its_folder_are_parameters(bake: Bake) -> None:
    parameters = code_of(bake(use_drive=True, drive_folder="数字") / "notebooks/keras.ipynb", "parameters")
    assert "\nuse_drive = True  # @param" in parameters
    assert '\ndrive_folder = "数字"  # @param' in parameters


def test_extra_packages_reach_the_install_cell_and_the_requirements(bake: Bake) -> None:
    project = bake(extra_pip_packages="einops timm>=1.0,<2", extra_apt_packages="ffmpeg")
    install = code_of(project / "notebooks/keras.ipynb", "install")
    assert '\nextra = ["einops", "timm>=1.0,<2"]\n' in install
    assert '\nextra_programs = ["ffmpeg"]\n' in install
    assert {"einops", "timm>=1.0,<2"} <= set((project / "requirements.txt").read_text().splitlines())
    assert "apt-get install --yes ffmpeg" in (project / ".github/workflows/notebooks.yml").read_text()


def test_the_runtime_is_recorded_in_the_notebook_and_the_readme(bake: Bake) -> None:
    project = bake(colab_runtime="2026.04")
    assert "Colab runtime 2026.04" in code_of(project / "notebooks/keras.ipynb", "title")
    assert "Colab runtime **2026.04** (Python 3.12)" in (project / "README.md").read_text()
    assert 'python-version: "3.12"' in (project / ".github/workflows/notebooks.yml").read_text()


def test_auto_asks_for_a_gpu_only_where_the_lesson_uses_one(all_lessons: Path) -> None:
    asking = {path.stem for path in notebooks(all_lessons) if "accelerator" in read_notebook(path).metadata}
    assert asking == {"images", "keras", "pytorch", "tour"}


def test_on_a_tpu_keras_runs_on_jax_for_that_runtime_has_no_tensorflow(bake: Bake) -> None:
    assert '\nbackend = "jax"' in code_of(bake(accelerator="TPU v5e") / "notebooks/keras.ipynb", "parameters")


@pytest.mark.parametrize(
    "name", ["猫と犬", "Ça va? 🚀", 'say "hi"', "it's", "back\\slash \\n", "two\nlines", "<b>*x*_y_`z`"]
)
def test_nasty_project_names_work(bake: Bake, name: str) -> None:
    project = bake(project_name=name)
    check_notebook(project / "notebooks/keras.ipynb")
    title = code_of(project / "notebooks/keras.ipynb", "title").splitlines()[0]
    shown = re.sub(r"\\([\\`*_<>\[\]#])", r"\1", title)
    assert shown == f"# {' '.join(name.split())}: Handwritten digits with Keras"


@pytest.mark.parametrize("name", ["🚀", "...", "x" * 300])
def test_a_name_that_makes_no_folder_name_still_gets_one(bake: Bake, name: str) -> None:
    assert bake(project_name=name).name in ("colab-notebooks", "x" * 60)


@pytest.mark.parametrize("lesson", LESSONS)
def test_jupytext_reads_the_same_cells_from_the_same_script(
    bake: Bake, monkeypatch: pytest.MonkeyPatch, lesson: str
) -> None:
    scripts: list[str] = []

    def keep_script(script: str, accelerator: str) -> str:
        scripts.append(script)
        return to_ipynb(script, accelerator)

    monkeypatch.setattr(notebook_extension, "to_ipynb", keep_script)
    ours = read_notebook(bake(preset=lesson) / f"notebooks/{lesson}.ipynb").cells
    script = re.sub(r"^\x1e(.*)", lambda record: as_marker(json.loads(record[1])), scripts[0], flags=re.MULTILINE)
    theirs = jupytext.reads(script, fmt="py:percent").cells
    assert [(cell.cell_type, cell.source) for cell in ours] == [(cell.cell_type, cell.source) for cell in theirs]


def as_marker(cell: dict[str, Any]) -> str:
    return "# %% [markdown]" if cell["cell_type"] == "markdown" else "# %%"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "templates").rglob("*.py")), ids=lambda path: path.name)
def test_a_template_file_is_valid_python_without_stray_jinja(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    ast.parse(source)
    names = "cookiecutter about goal lesson parameters more_needed accelerator gpu switch_gpu kaggle_gpu open_badges"
    further = ["kaggle_accelerator", "machine", "two_blank_lines", "results_name", "numbers"]
    known = "|".join(rf"{name}\b" for name in [*names.split(), *further]) + "|'"
    stray = re.findall(rf"\{{%|\{{#|\{{\{{(?! (?:{known}))", source)
    assert stray == []


def cells_before_the_lesson(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The first cells and those of the framework; the lesson begins with the next text."""
    install = next(index for index, cell in enumerate(notebook.cells) if cell.id == "install-0")
    rest = (index for index, cell in enumerate(notebook.cells) if index > install and cell.cell_type == "markdown")
    before = notebook.cells[: next(rest)]
    assert len(before) > install + 1
    return list(before)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_first_cell_is_short_has_a_title_and_a_form(all_lessons: Path, lesson: str) -> None:
    for cell in cells_before_the_lesson(read_notebook(all_lessons / f"notebooks/{lesson}.ipynb")):
        if cell.cell_type == "code":
            assert cell.source.startswith("# @title "), cell.id
            assert cell.metadata["cellView"] == "form", cell.id
            assert len([line for line in cell.source.splitlines() if line.strip()]) <= 32, cell.id


@pytest.mark.parametrize("lesson", LESSONS)
def test_parameters_are_literals_without_annotations(all_lessons: Path, lesson: str) -> None:
    body = ast.parse(code_of(all_lessons / f"notebooks/{lesson}.ipynb", "parameters")).body
    names = []
    for statement in body:
        assert isinstance(statement, ast.Assign)
        ast.literal_eval(statement.value)
        names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    assert {"use_drive", "drive_folder", "require_gpu", "output_dir", "seed"} <= set(names)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_sweep_is_a_grid_and_with_a_number_of_trials_a_search(
    all_lessons: Path, lesson: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = all_lessons / f"sweeps/{lesson}.yaml"
    notebook = str(all_lessons / f"notebooks/{lesson}.ipynb")
    command = ["run", notebook, "--sweep", str(sweep), "--out", str(tmp_path / "runs"), "--dry-run", "--json"]
    grid = yaml.safe_load(sweep.read_text())["grid"]
    assert cli.run_command(command, debug=True) == 0
    planned = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [run["to_do"] for run in planned] == [True] * math.prod(map(len, grid.values()))

    assert cli.run_command([*command, "--trials", "2"], debug=True) == 0
    (planned,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert planned["trials"] == 2
    assert planned["search"]["space"].keys() <= read_sweep_file(sweep).search.keys()  # type: ignore[union-attr]
    trials = re.search(
        r"^# .* add --trials (\d+) to the command\. .*colab-starter\[search\]", sweep.read_text(), re.MULTILINE
    )
    assert trials
    assert int(trials[1]) == yaml.safe_load(sweep.read_text())["trials"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_search_is_for_a_metric_of_its_lesson_and_prunes_where_each_epoch_has_one(
    all_lessons: Path, lesson: str
) -> None:
    file = read_sweep_file(all_lessons / f"sweeps/{lesson}.yaml")
    objectives = [name for goal in ("maximize", "minimize") for name in file.settings.get(goal, [])]
    outputs = [
        out for cell in read_notebook(REPOSITORY / f"gallery/{lesson}.ipynb").cells for out in cell.get("outputs", [])
    ]
    scraps = [out.data[SCRAP] for out in outputs if SCRAP in out.get("data", {})]
    numbers = {scrap["name"] for scrap in scraps if isinstance(scrap["data"], int | float)}
    assert objectives
    assert {*objectives} <= {*numbers, SECONDS}
    by_steps = {scrap["name"] for scrap in scraps if "step" in scrap}
    assert file.settings.get("prune", []) == (["median"] if by_steps else [])
    assert not by_steps or {*objectives} <= by_steps


def test_ruff_finds_no_undefined_name_in_any_notebook(all_lessons: Path) -> None:
    known = ["--config", 'builtins = ["_exit_code"]']  # IPython sets it after a ! command
    rules = ["--select", "F", "--ignore", "F811,F401"]
    command = ["ruff", "check", "--isolated", *rules, *known, str(all_lessons / "notebooks")]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout


def test_every_text_file_ends_its_lines_with_lf_and_its_text_with_one_newline(all_lessons: Path) -> None:
    for path in all_lessons.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"\r" not in content, path
            assert content.endswith(b"\n"), path
            assert not content.endswith(b"\n\n"), path


def test_no_jinja_is_left_in_any_file(all_lessons: Path) -> None:
    for path in all_lessons.rglob("*"):
        if path.is_file():
            assert "cookiecutter." not in path.read_text().replace("in place of cookiecutter.", ""), path
            assert "{%" not in path.read_text(), path
