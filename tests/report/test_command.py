"""The command ``colab-starter report``: the files it writes, and what it says."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from colab_starter import cli
from colab_starter.report import build, notebooks
from colab_starter.run.outcome import Outcome, Status
from tests.report.sweeps import SampleRun, keras_sweep, write_sweep


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The status, stdout and stderr of the command."""
    status = cli.run_command(["report", *map(str, arguments)], debug=False)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def read_data(page: Path) -> dict[str, list[str | None]]:
    """What the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    data: dict[str, list[str | None]] = json.loads(found[1])
    return data


def test_the_page_stands_in_the_folder_of_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path / "keras", keras_sweep())
    status, out, _ = call(capsys, folder)
    assert status == 0
    assert re.fullmatch(rf"{re.escape(str(folder / 'report.html'))} \(12 runs, [\d.]+ MB\)\n", out)
    page = (folder / "report.html").read_text("utf-8")
    for words in ("<h1>keras.ipynb</h1>", "10 ok", "1 failed", "1 timed out", "ResourceExhaustedError"):
        assert words in page
    assert [address for address in read_data(folder / "report.html")["pages"] if address is None] == []


def test_the_page_asks_for_nothing_from_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path, keras_sweep()[:2])
    call(capsys, folder)
    for page in (folder / "report.html", next(folder.glob("*/keras.html"))):
        text = re.sub(r"<script.*?</script>", "", page.read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(https?:)?//""", text)


def test_a_page_elsewhere_has_links_from_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path / "runs", keras_sweep()[:1])
    (tmp_path / "site").mkdir()
    assert call(capsys, folder, "-o", tmp_path / "site" / "keras.html")[0] == 0
    notebook = read_data(tmp_path / "site" / "keras.html")["notebooks"][0]
    assert notebook
    assert notebook.startswith("../runs/")


def test_links_are_percent_encoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = SampleRun({"x": 1}, Outcome(Status.OK), "50% of #1? ä")
    call(capsys, write_sweep(tmp_path, [run], notebook="a b.ipynb"))
    data = read_data(tmp_path / "report.html")
    assert data["notebooks"] == ["50%25%20of%20%231%3F%20%C3%A4-00000000/a%20b.ipynb"]


def test_only_files_that_are_there_are_linked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path, [SampleRun({"x": 1}, Outcome(Status.OK)), SampleRun({"x": 2}, None)])
    next(folder.glob("x=1*/keras.ipynb")).unlink()
    call(capsys, folder)
    data = read_data(folder / "report.html")
    assert (data["notebooks"], data["pages"]) == ([None, None], [None, None])


def test_only_notebooks_newer_than_their_pages_are_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path, keras_sweep()[:2])
    call(capsys, folder)
    old, new = pages = sorted(folder.glob("*/keras.html"))
    for page in pages:
        page.write_text("mine")
    os.utime(new.with_suffix(".ipynb"), (2e9, 2e9))
    call(capsys, folder)
    assert old.read_text() == "mine"
    assert new.read_text() != "mine"


def test_where_many_notebooks_are_to_become_pages_the_report_is_there_before_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "MANY", 3)
    folder = write_sweep(tmp_path, keras_sweep()[:3])
    seen: list[list[str | None]] = []
    render_all = notebooks.render_all

    def look_first(*arguments: Any) -> dict[Path, str]:
        seen.append(read_data(folder / "report.html")["pages"])
        return render_all(*arguments)

    monkeypatch.setattr(notebooks, "render_all", look_first)
    call(capsys, folder)
    assert seen == [[None, None, None]]
    assert all(read_data(folder / "report.html")["pages"])


def test_ctrl_c_leaves_a_report_that_links_to_the_pages_made_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_sweep(tmp_path, keras_sweep()[:3])
    render = notebooks.render_notebook

    def render_one(notebook: Path, report: Path) -> str:
        if [*folder.glob("*/keras.html")]:
            raise KeyboardInterrupt
        return render(notebook, report)

    monkeypatch.setattr(notebooks, "render_notebook", render_one)
    with pytest.raises(KeyboardInterrupt):
        build.build_report(folder, folder / "report.html", with_notebooks=True)
    assert len([address for address in read_data(folder / "report.html")["pages"] if address]) == 1


def test_pages_of_notebooks_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path, keras_sweep()[:2])
    assert call(capsys, folder, "--no-notebooks")[0] == 0
    assert not [*folder.glob("*/*.html")]
    assert read_data(folder / "report.html")["pages"] == [None, None]


def test_a_broken_notebook_costs_only_its_own_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_sweep(tmp_path, keras_sweep()[:2])
    broken = next(folder.glob("*adam*/keras.ipynb"))
    broken.write_text("{")
    status, out, _ = call(capsys, folder)
    assert status == 0
    assert f"No page of {broken}: BrokenNotebookError" in out
    assert len([address for address in read_data(folder / "report.html")["pages"] if address]) == 1


def test_a_folder_without_runs_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(capsys, tmp_path / "nothing")
    assert status == 2
    assert err.count("\n") == 1
    assert "contains no runs; give the folder that colab-starter run wrote" in err


def test_a_ledger_that_cannot_be_read_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger.jsonl").mkdir()
    status, _, err = call(capsys, tmp_path)
    assert status == 2
    assert err.count("\n") == 1
    assert f"{tmp_path / 'ledger.jsonl'} cannot be read (it is not a file); give the folder" in err


@pytest.mark.parametrize("place", ["missing/report.html", "."])
def test_a_page_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_sweep(tmp_path, [], notebooks=False)
    status, _, err = call(capsys, folder, "-o", tmp_path / place)
    assert status == 1
    assert err.count("\n") == 1
    assert "choose another file with -o" in err


def test_a_sweep_that_has_not_started_has_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, write_sweep(tmp_path, []))[0] == 0
    assert "No run has started" in (tmp_path / "report.html").read_text()
