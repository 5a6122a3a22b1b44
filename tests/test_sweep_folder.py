"""What is taken for a folder of runs, and for an executed notebook."""

import json
from pathlib import Path

import pytest

from colab_starter.sweep_folder import is_executed, is_same_run, is_sweep_folder, name_source, read_version, tell_digest

LEDGER = '{"record": "sweep", "version": 1}\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"ledger.jsonl": LEDGER}, True),
        ({"ledger.jsonl": f"half of a line\n{LEDGER}"}, True),
        ({".lock": "", "source-1f0c9a55.ipynb": "{}"}, True),
        ({"ledger.jsonl": '{"amount": 5, "to": "Ada"}\n'}, False),
        ({"ledger.jsonl": ""}, False),
        ({".lock": "", "results.csv": "", "source-code.ipynb": "{}"}, False),
        ({}, False),
    ],
)
def test_a_folder_of_runs_has_our_ledger_or_what_is_left_where_that_is_gone(
    tmp_path: Path, files: dict[str, str], expected: bool
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert is_sweep_folder(tmp_path, files.keys()) is expected


def test_a_ledger_in_utf_16_is_one(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text(LEDGER, encoding="utf-16")
    assert is_sweep_folder(tmp_path, ["ledger.jsonl"])


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"colab_starter": {"status": "ok", "run": "a"}}, True),
        ({"colab_starter": {"version": 1}}, False),
        ({"colab_starter": "ok"}, False),
        ({"about": "colab_starter"}, False),
        ({}, False),
        ([], False),
    ],
)
def test_an_executed_notebook_says_how_it_ended(tmp_path: Path, metadata: object, expected: bool) -> None:
    (tmp_path / "nb.ipynb").write_text(json.dumps({"cells": [], "metadata": metadata}))
    assert is_executed(tmp_path / "nb.ipynb") is expected


@pytest.mark.parametrize("content", ["", "colab_starter", '"colab_starter"', "[" * 10**6 + "colab_starter"])
def test_what_is_no_notebook_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "nb.ipynb").write_text(content)
    assert not is_executed(tmp_path / "nb.ipynb")
    assert not is_executed(tmp_path / "missing.ipynb")


def test_a_run_is_told_by_the_end_of_its_id() -> None:
    assert tell_digest("key=a-b-0123456789ab") == "0123456789ab"
    assert is_same_run("key=secret-0123456789ab", "key=-0123456789ab")
    assert not is_same_run("key=a-0123456789ab", "key=a-0123456789ac")
    assert not is_same_run("a-1", "b-1")


def test_the_copy_of_a_notebook_names_its_version() -> None:
    assert read_version(name_source("1f0c9a5512345678")) == "1f0c9a55"
    assert read_version("source-code.ipynb") == ""
