"""The record of what the template wrote: complete, the same on every machine, and not to be trusted blindly."""

import base64
import bz2
import json
from pathlib import Path
from typing import Any

import pytest

from colab_starter import __version__
from colab_starter.bake.record import FORMAT, RECORD, Record, read_record, write_record
from tests.conftest import QUESTIONS, Bake, bake_into


@pytest.mark.parametrize(
    "answers",
    [
        {"preset": "all", "use_drive": True},
        {"preset": "blank", "project_name": 'say "hi" {{ 1 }} 猫', "colab_runtime": "2026.04"},
        {"preset": "tour", "github_repository": "https://github.com/ada/digits", "language": "zh-CN"},
    ],
    ids=lambda answers: answers["preset"],
)
def test_the_record_holds_every_file_as_it_was_written(bake: Bake, answers: dict[str, Any]) -> None:
    project = bake(**{**answers, "project_name": answers.get("project_name", "D").replace("{{ 1 }}", "{1}")})
    text = (project / RECORD).read_text()
    record = read_record(text)
    written = {path.relative_to(project).as_posix(): path.read_bytes() for path in project.rglob("*") if path.is_file()}
    del written[RECORD]
    assert record.files == written
    assert record.version == __version__
    assert record.answers.keys() == {name for name in QUESTIONS if not name.startswith("_")}
    assert write_record(record) == text


def test_the_record_has_the_answers_as_the_templates_see_them(tmp_path: Path) -> None:
    project = bake_into(
        tmp_path / "baked", preset="blank", github_repository="https://github.com/ada/x", use_drive=True
    )
    answers = read_record((project / RECORD).read_text()).answers
    assert (answers["github_repository"], answers["use_drive"]) == ("ada/x", True)


def test_a_file_that_is_not_text_comes_back_as_it_was() -> None:
    record = Record("1", {}, {"picture.png": b"\x89PNG\r\n\xff", "text": "é\n".encode()})
    assert read_record(write_record(record)) == record


def pack(files: Any) -> list[str]:
    return [base64.b64encode(bz2.compress(json.dumps(files).encode())).decode()]


GOOD = {"format": FORMAT, "version": "1", "answers": {}, "files": pack({"a": "b"})}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMAT + 1}, "it was written by colab-starter 1; this is "),
        ({"format": None}, "damaged"),
        ({"answers": 3}, "damaged"),
        ({"files": ["QUJD"]}, "damaged"),
        ({"files": ["*"]}, "Only base64 data"),
        ({"files": pack({"../x": ""})}, "damaged"),
        ({"files": pack({"/etc/x": ""})}, "damaged"),
        ({"files": pack({"a/.git/hooks/x": ""})}, "damaged"),
        ({"files": pack({"c:x": ""})}, "damaged"),
        ({"files": pack([1])}, "damaged"),
    ],
    ids=str,
)
def test_a_record_that_cannot_be_trusted_is_refused(change: dict[str, Any], message: str) -> None:
    assert read_record(json.dumps(GOOD)).files == {"a": b"b"}
    with pytest.raises(ValueError, match=message):
        read_record(json.dumps(GOOD | change))
