"""Which pictures of executed notebooks come into a report."""

import json
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from colab_starter.report import pictures
from colab_starter.report.build import build_report
from colab_starter.report.pictures import gather_pictures, read_pictures
from colab_starter.run.outcome import Outcome, Status
from tests.report.sweeps import SEARCH, SampleRun, write_sweep
from tests.report.test_command import read_data

NUMBER = '{"cells": [{"outputs": [{"data": {"image/png": 7}}]}]}'


def write_notebook(path: Path, *pictures: Any) -> Path:
    outputs = [new_output("display_data", {"image/png": picture}) for picture in pictures]
    notebook = new_notebook(cells=[new_code_cell("plot()", outputs=[new_output("stream", text="hi"), *outputs])])
    path.write_text(json.dumps(notebook))
    return path


def test_the_last_pictures_of_a_notebook_are_taken(tmp_path: Path) -> None:
    names = [f"AAA{number}" for number in range(8)]
    assert read_pictures(write_notebook(tmp_path / "nb.ipynb", *names)) == names[2:]


def test_only_base64_of_a_bounded_size_is_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST", 20)
    odd = ['"><script>alert(1)</script>', "AA AA\nAA==\n", ["AAAA", "BBBB"], "A" * 21, ""]
    assert read_pictures(write_notebook(tmp_path / "nb.ipynb", *odd)) == ["AAAAAA==", "AAAABBBB"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"cells": 3}', '{"cells": [1]}', '{"cells": [{"outputs": [2]}]}', NUMBER]
)
def test_a_broken_notebook_has_no_pictures(content: str, tmp_path: Path) -> None:
    (tmp_path / "nb.ipynb").write_text(content)
    assert read_pictures(tmp_path / "nb.ipynb") == []
    assert read_pictures(tmp_path / "missing.ipynb") == []


def test_a_page_has_room_for_some_pictures_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebooks = [write_notebook(tmp_path / f"{number}.ipynb", "A" * 100) for number in range(9)]
    monkeypatch.setattr(pictures, "MOST_IN_PAGE", 450)
    assert [*gather_pictures(enumerate(notebooks))] == [0, 1, 2, 3]
    monkeypatch.setattr(pictures, "MOST_NOTEBOOKS", 2)
    assert [*gather_pictures(enumerate(notebooks))] == [0, 1]


def test_a_notebook_that_is_only_a_name_here_is_told_from_one_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "name.ipynb").touch()
    paths = [write_notebook(tmp_path / "nb.ipynb"), tmp_path / "name.ipynb", tmp_path / "missing.ipynb"]
    assert gather_pictures(enumerate(paths)) == {0: []}


def test_the_best_runs_of_a_search_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.2, None, 0.9, float("nan"), 0.5, 0.7, 10**400]
    runs = [
        SampleRun(
            {"n": number},
            Outcome(
                Status.FAILED if number == 5 else Status.OK, metrics={} if value is None else {"val_accuracy": value}
            ),
            outputs=[new_output("display_data", {"image/png": "AAAA"})],
        )
        for number, value in enumerate(values)
    ]
    write_sweep(tmp_path, runs, search=SEARCH)
    monkeypatch.setattr(pictures, "MOST_IN_PAGE", 12)
    build_report(tmp_path, tmp_path / "report.html", with_notebooks=True)
    told: Any = read_data(tmp_path / "report.html")
    assert told["pictures"] == {"2": ["AAAA"], "4": ["AAAA"], "0": ["AAAA"]}
