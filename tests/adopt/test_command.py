"""``colab-starter adopt`` as users call it, and adopted notebooks in real kernels."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import papermill
import pytest

from colab_starter.cli import run_command
from tests.adopt.conftest import PYTHON
from tests.check.conftest import notebook_of, text
from tests.test_cli import Terminal
from tests.test_cli import run as run_process

CELLS: list[Any] = [
    text("# Mine"),
    "!pip install -r requirements.txt",
    "lr = 0.1\nepochs = 2",
    "score = lr * epochs\nprint('score', score)",
]


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``colab-starter`` in the test's folder and process, without a terminal."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Done:
        status = run_command(list(arguments), debug=False)
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(notebook_of([*CELLS], metadata=PYTHON), indent=1))
    return path


def test_by_default_a_copy_is_written_beside_the_notebook(mine: Path, run: Run) -> None:
    before = mine.read_bytes()
    done = run("adopt", "mine.ipynb")
    assert done.returncode == 0
    assert done.stdout.startswith("adopted mine.ipynb as mine.adopted.ipynb\n  Form: lr, epochs\n")
    assert "Stays: cell 2, line 1: !pip install -r requirements.txt (what it installs cannot be told" in done.stdout
    assert mine.read_bytes() == before
    assert run("check", "mine.adopted.ipynb").returncode == 0


def test_nothing_is_replaced_without_force_and_the_same_is_no_change(mine: Path, run: Run) -> None:
    copy = mine.with_name("mine.adopted.ipynb")
    assert run("adopt", "mine.ipynb").returncode == 0
    written = copy.read_bytes()
    assert run("adopt", "mine.ipynb").returncode == 0
    again = run("adopt", "mine.adopted.ipynb")
    assert again.stdout.startswith("mine.adopted.ipynb is adopted already, and up to date\n")
    refused = run("adopt", "mine.ipynb", "--parameters", "lr")
    assert refused.returncode == 1
    assert refused.stderr == (
        "colab-starter: mine.adopted.ipynb exists already; --force replaces it, --output FILE chooses another name\n"
    )
    assert copy.read_bytes() == written
    assert run("adopt", "mine.ipynb", "--parameters", "lr", "--force").returncode == 0
    assert copy.read_bytes() != written


def test_a_dry_run_shows_the_difference_and_writes_nothing(mine: Path, run: Run) -> None:
    shown = run("adopt", "mine.ipynb", "--dry-run", "--in-place").stdout
    assert "new cell 2: Parameters (8 lines)\n" in shown
    assert '  + lr = 0.1  # @param {type:"number"}\n' in shown
    assert "cell 3 (cell-3):\n  -lr = 0.1\n  -epochs = 2\n  +# moved to the form at the top: lr = 0.1\n" in shown
    assert [path.name for path in mine.parent.iterdir()] == ["mine.ipynb"]


def test_in_place_and_another_file_have_to_be_asked_for(mine: Path, run: Run) -> None:
    assert run("adopt", "mine.ipynb", "-o", "other.ipynb").returncode == 0
    assert run("adopt", "mine.ipynb", "--in-place").stdout.startswith("adopted mine.ipynb\n")
    assert mine.read_text() == mine.with_name("other.ipynb").read_text()
    both = run("adopt", "mine.ipynb", "--in-place", "-o", "x.ipynb")
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)


def test_what_is_up_to_date_is_copied_only_if_asked(mine: Path, run: Run) -> None:
    run("adopt", "mine.ipynb", "--in-place")
    assert run("adopt", "mine.ipynb").stdout.startswith("mine.ipynb is adopted already, and up to date\n")
    assert json.loads(run("adopt", "mine.ipynb", "--json").stdout)["written"] is None
    assert [path.name for path in mine.parent.iterdir()] == ["mine.ipynb"]
    assert "up to date; copied to other.ipynb\n" in run("adopt", "mine.ipynb", "-o", "other.ipynb").stdout
    assert mine.with_name("other.ipynb").read_bytes() == mine.read_bytes()


def test_a_notebook_that_another_version_adopted_is_renewed_only_if_asked(mine: Path, run: Run) -> None:
    run("adopt", "mine.ipynb")
    copy = mine.with_name("mine.adopted.ipynb")
    written = copy.read_text()
    copy.write_text(written.replace("What machine is this?", "An older title"))
    refused = run("adopt", "mine.adopted.ipynb")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "--in-place renews its first cells" in refused.stderr
    renewed = run("adopt", "mine.adopted.ipynb", "--in-place")
    assert renewed.stdout.startswith("renewed mine.adopted.ipynb\n")
    assert copy.read_text() == written


def test_a_machine_is_explained_by_the_code_only_if_the_user_has_not_chosen_it(mine: Path, run: Run) -> None:
    assert "  Machine: L4\n" in run("adopt", "mine.ipynb", "--accelerator", "L4").stdout
    mine.write_text(json.dumps(notebook_of(["import torch\nx = torch.zeros(1).to('cuda')"], metadata=PYTHON)))
    assert "  Machine: T4, because the code can use it\n" in run("adopt", "mine.ipynb", "--force").stdout


def test_the_account_can_be_had_as_json(mine: Path, run: Run) -> None:
    account = json.loads(run("adopt", "mine.ipynb", "--json").stdout)
    assert account["written"] == "mine.adopted.ipynb"
    assert account["parameters"] == ["lr", "epochs"]
    assert account["records"] == ["score"]
    assert account["stays"][0]["what"] == "!pip install -r requirements.txt"


def test_what_cannot_be_adopted_is_one_line(mine: Path, run: Run) -> None:
    mine.write_text(json.dumps(notebook_of(["x = 1", "print 'a'"], metadata=PYTHON)))
    refused = run("adopt", "mine.ipynb")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    for arguments in (["."], [".", "--in-place"], ["mine.ipynb", "-o", ".", "--force"]):
        mine.write_text(json.dumps(notebook_of(["x = 1"], metadata=PYTHON)))
        refused = run("adopt", *arguments)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert refused.stderr.startswith("colab-starter: . is a folder; give ")
    wrong = run("adopt", "mine.ipynb", "--accelerator", "T5")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_in_a_terminal_it_asks_for_the_parameters_until_the_answer_can_be_used(mine: Path) -> None:
    terminal = Terminal("adopt", "mine.ipynb", cwd=mine.parent)
    terminal.wait_for("Which? all, none, or names")
    assert "epochs = 2  (cell 3)" in terminal.text
    terminal.type("epoch\n")
    terminal.wait_for("did you mean epochs?")
    terminal.type("epochs\n")
    assert terminal.close() == 0
    assert "Form: epochs" in terminal.text


@pytest.mark.slow
def test_a_sweep_over_an_adopted_notebook_has_its_number_in_the_results(mine: Path, run: Run) -> None:
    """Trials M2: after adopt, parameters can be swept and a metric is recorded, without any edit."""
    mine.write_text(json.dumps(notebook_of([cell for cell in CELLS if "pip" not in cell], metadata=PYTHON), indent=1))
    run("adopt", "mine.ipynb", "--in-place")
    sweep = ["-p", "lr=0.1,0.5", "-p", "epochs=3", "--in-place"]
    done = run_process("run", "mine.ipynb", *sweep, cwd=mine.parent)
    assert done.returncode == 0, done.stderr
    with (mine.parent / "runs/mine/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["lr"], float(row["score"])) for row in rows) == [("0.1", pytest.approx(0.3)), ("0.5", 1.5)]


@pytest.mark.slow
def test_paths_on_drive_are_local_without_it_and_commands_find_them(tmp_path: Path, run: Run) -> None:
    """A notebook of format 3, in a real kernel: the mount is gone, and {home} is replaced in commands too."""
    sources = [
        "from google.colab import drive\ndrive.mount('/content/drive')",
        "name = 'a'\nscore = float(open(f'/content/drive/MyDrive/my/{name}.txt').read())",
        "out = !cat /content/drive/MyDrive/my/a.txt\nprint(out)\n!cat /content/drive/MyDrive/my/{name}.txt",
    ]
    cells = [
        {"cell_type": "code", "input": source, "language": "python", "metadata": {}, "outputs": [], "collapsed": False}
        for source in sources
    ]
    path = tmp_path / "old.ipynb"
    sheets = [{"cells": cells, "metadata": {}}]
    path.write_text(json.dumps({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets}))
    (tmp_path / "a.txt").write_text("1.5\n")
    (tmp_path / "b.txt").write_text("2.5\n")
    assert run("adopt", "old.ipynb", "--in-place").returncode == 0
    papermill.execute_notebook(
        path, tmp_path / "done.ipynb", {"name": "b"}, kernel_name="python3", cwd=tmp_path, progress_bar=False
    )
    done = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in done.cells for output in cell.get("outputs", []))
    assert "['1.5']" in printed
    assert "2.5" in printed
    assert json.loads((tmp_path / "outputs/old/results.json").read_text()) == {"score": 2.5}
