"""The lesson "tour": what only Colab or Kaggle can do, there (with stand-ins) and elsewhere."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import papermill
import pytest

from tests.conftest import read_notebook
from tests.support.cells import LessonCells

TENSORFLOW = {f"tour-{name}" for name in ("tensorflow", "speed", "compare")}
SLOW = TENSORFLOW | {f"tour-{name}" for name in ("libraries", "pip", "fail")}


@pytest.fixture
def lesson(all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LessonCells]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no network in this test")

    matplotlib.use("agg")
    monkeypatch.setattr(urllib.request, "urlopen", fail)
    monkeypatch.delenv("MY_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    yield LessonCells(all_lessons / "notebooks/tour.ipynb", tmp_path)
    plt.close("all")


class Colab:
    """Stand-ins for the modules of a Colab tab, and what was asked of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.secrets: dict[str, str] = {}
        functions = {
            "files": {"upload": self.answer("upload", {"cat.jpg": b""}), "download": self.answer("download", None)},
            "userdata": {"get": self.get_secret},
            "data_table": {"enable_dataframe_formatter": self.answer("formatter", None)},
        }
        colab = ModuleType("google.colab")
        for name, members in functions.items():
            module = ModuleType(f"google.colab.{name}")
            module.__dict__.update(members)
            setattr(colab, name, module)
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(sys.modules, "google.colab", colab)

    def answer(self, name: str, value: Any) -> Any:
        def note(*arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return value

        return note

    def get_secret(self, name: str) -> str:
        if name not in self.secrets:
            raise LookupError(f"Secret {name} does not exist.")
        return self.secrets[name]


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> Colab:
    return Colab(monkeypatch)


def tick(lesson: LessonCells, name: str) -> None:
    """Tick a box of the form in a cell."""
    cell = next(cell for cell in lesson.cells if f"{name} = False  # @param" in cell.source)
    cell.source = cell.source.replace(f"{name} = False", f"{name} = True")


def test_elsewhere_each_part_for_colab_says_in_one_line_what_it_would_do(lesson: LessonCells) -> None:
    names = lesson.run("tour-apt", skip=SLOW)
    assert names["token"] is None
    said = [line for line in lesson.printed.splitlines() if "Colab" in line]
    assert [line.split(",")[0].split(":")[0] for line in said if not line.startswith("Google Drive")] == [
        "This is neither Colab nor Kaggle.",
        "On Colab",
        "No secret MY_TOKEN",
        "On Colab",
    ]
    assert lesson.changed_types() == {}


def test_on_colab_nothing_waits_for_somebody_unless_it_is_ticked(lesson: LessonCells, colab: Colab) -> None:
    lesson.run("tour-interactive", skip=SLOW)
    assert "This is Colab." in lesson.printed
    assert colab.calls == [("formatter", ())]
    assert "No secret MY_TOKEN: LookupError Secret MY_TOKEN does not exist." in lesson.printed


def test_on_colab_a_file_is_uploaded_and_one_downloaded(lesson: LessonCells, colab: Colab) -> None:
    tick(lesson, "upload_now")
    tick(lesson, "download_now")
    lesson.run("tour-upload", skip=SLOW)
    savings = lesson.folder / "outputs/notes/savings.csv"
    assert colab.calls == [("upload", ()), ("download", (str(savings),))]
    assert "Uploaded: cat.jpg" in lesson.printed
    assert pd.read_csv(savings)["savings"].iloc[-1] == pytest.approx(162.89)


def test_a_secret_is_read_from_wherever_it_is_and_never_printed(
    lesson: LessonCells, colab: Colab, monkeypatch: pytest.MonkeyPatch
) -> None:
    colab.secrets["MY_TOKEN"] = "swordfish-colab"
    assert lesson.run("tour-secrets", skip=SLOW)["token"] == "swordfish-colab"
    monkeypatch.setenv("MY_TOKEN", "swordfish-env")
    assert lesson.run("tour-secrets", skip=SLOW)["token"] == "swordfish-env"
    assert "swordfish" not in lesson.printed
    assert "The token has 13 characters." in lesson.printed


def test_on_kaggle_its_secrets_are_asked(lesson: LessonCells, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle = ModuleType("kaggle_secrets")
    client = SimpleNamespace(get_secret=lambda name: f"its {name}")
    kaggle.__dict__["UserSecretsClient"] = lambda: client
    monkeypatch.setitem(sys.modules, "kaggle_secrets", kaggle)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert lesson.run("tour-secrets", skip=SLOW)["token"] == "its MY_TOKEN"
    assert "This is Kaggle." in lesson.printed


def test_the_archives_hold_the_notes(lesson: LessonCells) -> None:
    pytest.importorskip("py7zr")
    lesson.run("tour-archive", skip=(SLOW - {"tour-pip"}) | {"tour-apt"})
    assert "From the zip: ['Titanic.csv', 'savings.csv']" in lesson.printed
    assert "From the 7z:  ['Titanic.csv', 'savings.csv']" in lesson.printed
    assert len(pd.read_csv(lesson.folder / "outputs/unpacked/notes/Titanic.csv")) == 32


def test_the_script_in_the_notebook_is_that_of_the_project_and_refuses_zero_epochs(all_lessons: Path) -> None:
    script = all_lessons / "scripts/mnist_cnn.py"
    cells = read_notebook(all_lessons / "notebooks/tour.ipynb").cells
    cell = next(cell for cell in cells if cell.id == "tour-writefile")
    magic, title, *lines = cell.source.splitlines()
    assert magic == '%%writefile "$script"'
    assert title.startswith("# @title")
    assert lines == script.read_text().splitlines()[1:]
    answer = subprocess.run([sys.executable, script, "--epochs", "0"], capture_output=True, text=True)
    assert answer.stderr.splitlines()[-1].endswith("error: --epochs and --batch-size must be at least 1")


def test_the_commands_of_the_sweep_are_a_shell_s_and_name_real_parameters(all_lessons: Path) -> None:
    path = all_lessons / "notebooks/tour.ipynb"
    text = next(cell.source for cell in read_notebook(path).cells if cell.id == "tour-sweep-text")
    commands = text.split("```")[1]
    subprocess.run(["bash", "-n"], input=commands, text=True, check=True)
    assert set(re.findall(r"-p (\w+)=", commands)) <= set(papermill.inspect_notebook(path))
    assert 'cd "/content/drive/MyDrive/my-colab-notebooks"' in commands
