"""``colab-starter new --from``: a whole project from a notebook of the user's."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from colab_starter.cli import run_command
from colab_starter.notebook.model import read_notebook
from tests.adopt.conftest import PYTHON
from tests.check.conftest import findings_in, notebook_of, text

New = Callable[..., int]


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> New:
    """Call ``colab-starter new --from "My Work.ipynb"`` in the test's folder."""
    monkeypatch.chdir(tmp_path)
    cells: list[Any] = [
        text("# *Falling* stones | [x](y)"),
        "!pip install einops 'timm>=1.0'\n!apt-get install -y jq",
        "import numpy as np\nsteps = 3\nlimit = 0.5",
        "error = np.float64(limit) * steps {%}".replace("{%}", "# {{ no }} {% Jinja %}"),
    ]
    Path("My Work.ipynb").write_text(json.dumps(notebook_of([*cells], metadata=PYTHON), indent=1))
    return lambda *arguments: run_command(["new", "--from", "My Work.ipynb", *arguments], debug=False)


def test_every_file_of_the_project_is_about_the_notebook(new: New) -> None:
    assert new("--github", "ada/stones", "--pip", "rich") == 0
    project = Path("falling-stones-x")
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert {"notebooks/My-Work.ipynb", "sweeps/My-Work.yaml", "requirements.txt", "README.md"} <= files
    assert sorted(name for name in files if name.startswith(("notebooks/", "sweeps/", "scripts/"))) == (
        ["notebooks/My-Work.ipynb", "sweeps/My-Work.yaml"]
    )
    readme = (project / "README.md").read_text()
    assert readme.startswith("# Falling stones x\n")
    assert "https://colab.research.google.com/github/ada/stones/blob/main/notebooks/My-Work.ipynb" in readme
    assert "-p steps=3,4" in readme
    assert "seed" not in readme
    assert (project / "requirements.txt").read_text().split()[-6:] == [
        "ipykernel",
        "papermill",
        "numpy",
        "einops",
        "timm>=1.0",
        "rich",
    ]
    assert "jq" in (project / ".github/workflows/notebooks.yml").read_text()
    assert yaml.safe_load((project / "sweeps/My-Work.yaml").read_text()) == {"grid": {"steps": [3, 4]}}


@pytest.mark.parametrize(
    "options", [["--drive"], ["--drive", "--runtime", "2026.07"], ["--no-drive", "--github", "a/b"]]
)
def test_its_readme_is_translated_whatever_the_answers_are(options: list[str], new: New) -> None:
    assert new("--language", "zh-CN", *options) == 0
    page = Path("falling-stones-x/README.md").read_text(encoding="utf-8")
    texts = re.sub(r"^```.*?^```$|`[^`\n]+`|^\|.*?$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert "结果" in texts
    assert re.findall(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+", texts) == []
    assert "`-p steps 4`" in page


def test_the_notebook_in_it_is_the_adopted_one(new: New) -> None:
    assert new("stones", "--name", "Stones", "--drive", "--drive-folder", "physics", "--accelerator", "L4") == 0
    path = Path("stones/stones/notebooks/My-Work.ipynb")
    notebook = read_notebook(path)
    form = notebook.parameters_cells[0].source
    assert "use_drive = True" in form
    assert 'drive_folder = "physics"' in form
    assert notebook.metadata["colab"]["gpuType"] == "L4"
    assert [cell.source for cell in notebook.cells if cell.id == "cell-4"] == [
        "error = np.float64(limit) * steps # {{ no }} {% Jinja %}"
    ]
    assert findings_in(path) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--preset", "keras"], "exclude each other"),
        (["--pip", "no/good"], "is not a package name"),
        (["--drive-folder", "a/../b"], "give a folder inside My Drive"),
        (["--accelerator", "T5"], "unknown accelerator"),
        (["--slug", "taken"], "already exists"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    arguments: list[str], why: str, new: New, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").mkdir()
    assert new(*arguments) != 0
    told = capsys.readouterr().err
    assert why in told
    assert told.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["My Work.ipynb", "taken"]
