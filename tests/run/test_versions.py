"""Which versions of a notebook there are in a folder, and what holds in them where a run sets nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.versions import list_versions, read_defaults
from tests.run.finished import write_source

CELL = """lr = 0.1
layers = (32, 64)
rate = lr * 2
name: str
limit = None
output_dir = "x"
"""


def make_record(source: str, started: str) -> RunRecord:
    return RunRecord("a", 1, {}, source, "a/nb.ipynb", started)


def test_the_version_of_which_a_run_was_started_last_comes_first() -> None:
    records = [
        make_record("aaaaaaaaaa", "2026-11-23T16:00"),
        make_record("bbbbbbbbbb", "2026-11-23T15:00"),
        make_record("aaaaaaaacc", "2026-11-23T14:00"),
        make_record("", ""),
    ]
    assert list_versions(records) == ["aaaaaaaa", "bbbbbbbb", ""]
    assert list_versions([]) == []


def test_defaults_are_the_values_of_the_parameters_cell_and_the_source_of_what_is_computed(tmp_path: Path) -> None:
    write_source(tmp_path, parameters=CELL).rename(tmp_path / "source-12345678.ipynb")
    found = read_defaults(lambda name: (tmp_path / name).read_bytes(), ["12345678", "87654321", ""])
    assert found == {"12345678": {"lr": 0.1, "layers": (32, 64), "rate": "lr * 2", "limit": None}, "87654321": {}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        json.dumps({"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "1 ="}]}).encode(),
    ],
)
def test_a_copy_that_cannot_be_read_has_no_defaults(content: bytes) -> None:
    def read(name: str) -> Any:
        return content

    assert read_defaults(read, ["12345678"]) == {"12345678": {}}
