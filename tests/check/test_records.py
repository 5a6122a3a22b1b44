"""``check`` and the runs that lie about: they are records, not notebooks to complain about or to fix."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from colab_starter.check.command import check
from colab_starter.check.search import search_notebooks
from colab_starter.errors import NothingToCheckError
from tests.check.conftest import Write, code

OUTPUT = {"output_type": "stream", "name": "stdout", "text": "accuracy 0.98\n"}
RUN = "lr=0.1-0123456789ab"


@pytest.fixture
def project(write: Write, tmp_path: Path) -> Path:
    """A clean notebook, and two runs of it."""
    write(["x = 1"], name="lesson.ipynb")
    for name in (f"runs/lesson/{RUN}/lesson.ipynb", "runs/lesson/lr=0.2-ba9876543210/lesson.ipynb"):
        write([{**code("!pip install libarchive"), "outputs": [OUTPUT]}], name=name, metadata=describe())
    write(["!pip install libarchive"], name="runs/lesson/source-1f0c9a55.ipynb")
    write(["!pip install libarchive"], name=f"runs/lesson/{RUN}/output/made.ipynb")
    (tmp_path / "runs/lesson/ledger.jsonl").write_text('{"record": "sweep", "version": 1}\n')
    (tmp_path / "runs/lesson/.lock").write_text("")
    return tmp_path


def describe() -> dict[str, object]:
    return {"colab_starter": {"run": RUN, "status": "ok"}}


def read_all(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of ``check`` in a folder."""
    app = typer.Typer()
    app.command()(check)
    monkeypatch.chdir(folder)
    answer = CliRunner().invoke(app, list(arguments))
    return answer.exit_code, answer.stdout, answer.stderr


LOSSES: dict[str, Callable[[Path], object]] = {
    "whole": lambda runs: None,
    "without its ledger": lambda runs: (runs / "ledger.jsonl").unlink(),
    "with an empty ledger": lambda runs: (runs / "ledger.jsonl").write_text(""),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("arguments", [[], ["."], ["lesson.ipynb", "runs", "."]], ids=str)
def test_runs_in_a_folder_are_neither_checked_nor_fixed_and_that_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, lose: Callable[[Path], object], arguments: list[str]
) -> None:
    lose(project / "runs/lesson")
    before = read_all(project)
    code, out, err = call(project, monkeypatch, "--fix", *arguments)
    assert (code, out) == (0, "1 notebook checked, nothing found.\n")
    assert err.startswith("not checked: runs/lesson")
    assert read_all(project) == before


@pytest.mark.parametrize("place", ["runs", "runs/lesson", f"runs/lesson/{RUN}", f"runs/lesson/{RUN}/output"])
def test_a_folder_of_runs_alone_is_one_line_with_what_to_give_instead(
    project: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    before = read_all(project)
    for folder, arguments in [(project / place, []), (project, [place])]:
        monkeypatch.chdir(folder)
        with pytest.raises(NothingToCheckError, match="contains only runs, which are not checked; give the notebook"):
            search_notebooks(map(Path, arguments or ["."]))
    assert read_all(project) == before


def test_an_executed_notebook_elsewhere_is_known_by_what_it_says_itself(
    project: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``papermill --engine colab-starter`` writes it."""
    kept = write([{**code("x = 1"), "outputs": [OUTPUT]}], name="kept/lesson.ipynb", metadata=describe())
    before = kept.read_bytes()
    _, out, err = call(project, monkeypatch, "--fix")
    assert out.startswith("1 notebook checked")
    assert err.startswith("not checked: kept/lesson.ipynb and 1 more (runs of colab-starter")
    assert kept.read_bytes() == before


def test_a_run_that_is_named_is_checked_but_not_fixed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"runs/lesson/{RUN}/lesson.ipynb"
    before = read_all(project)
    code, out, err = call(project, monkeypatch, name, "--fix")
    assert code == 1
    assert "CS405" in out
    assert "CS105" not in out  # it is meant to have outputs
    assert err == f"not fixed: {name} is the record of a run; fix the notebook it was made from\n"
    assert read_all(project) == before


def test_notebooks_of_ones_own_beside_a_ledger_are_checked(
    project: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``run --out .`` leaves them."""
    write([{**code("!pip install libarchive"), "outputs": [OUTPUT]}], name="runs/lesson/own.ipynb")
    code_, out, _ = call(project / "runs/lesson", monkeypatch, "--fix")
    assert (code_, out) == (0, "1 notebook checked, nothing found.\n")
    assert json.loads((project / "runs/lesson/own.ipynb").read_text())["cells"][0]["outputs"] == []


def test_somebody_elses_ledger_hides_nothing(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(["x = 1"], name="books/lesson.ipynb")
    (tmp_path / "books/ledger.jsonl").write_text('{"amount": 5, "to": "Ada"}\n')
    assert call(tmp_path, monkeypatch) == (0, "1 notebook checked, nothing found.\n", "")
