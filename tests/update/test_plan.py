"""What an update does with each file of a project, and what it leaves alone."""

import json
from pathlib import Path

import pytest

from colab_starter.errors import UnreadableFileError, UnresolvedConflictError
from colab_starter.update.plan import FileChange, plan_update
from tests.update.trials import make_cell

NOTEBOOK = "notebooks/a.ipynb"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "notebooks").mkdir(parents=True)
    return folder.resolve()


def plan(project: Path, before: dict[str, bytes], after: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(change.what, change.path) for change in plan_update(project, before, after).changes]


def only_change(project: Path, before: dict[str, bytes], after: dict[str, bytes]) -> FileChange:
    (change,) = plan_update(project, before, after).changes
    return change


def notebook(*lines: str) -> bytes:
    cells = [make_cell(f"cell-{number}", [line], "code") for number, line in enumerate(lines)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def test_what_the_template_did_not_change_is_not_even_read(project: Path) -> None:
    (project / "a").write_bytes(b"mine \xff")
    assert plan(project, {"a": b"x"}, {"a": b"x"}) == []


def test_a_new_file_comes_and_a_deleted_one_stays_away(project: Path) -> None:
    assert plan(project, {"gone": b"1"}, {"gone": b"2", "new": b"3"}) == [("kept", "gone"), ("new", "new")]


def test_a_file_that_the_user_left_alone_is_replaced_and_one_that_is_the_same_already_is_left(project: Path) -> None:
    (project / "a").write_bytes(b"old")
    (project / "b").write_bytes(b"new")
    assert plan(project, {"a": b"old", "b": b"old"}, {"a": b"new", "b": b"new"}) == [("changed", "a")]


def test_a_text_that_both_changed_has_both_changes(project: Path) -> None:
    (project / "a").write_text("1\n2\n3\nmine\n")
    change = only_change(project, {"a": b"1\n2\n3\n"}, {"a": b"one\n2\n3\n"})
    assert (change.what, change.after) == ("changed", b"one\n2\n3\nmine\n")


def test_a_conflict_in_a_text_is_marked_and_counted(project: Path) -> None:
    (project / "a").write_text("mine\n")
    change = only_change(project, {"a": b"1\n"}, {"a": b"one\n"})
    assert change.after == b"<<<<<<< yours\nmine\n=======\none\n>>>>>>> template\n"
    assert (change.what, change.conflicts) == ("CONFLICT", 1)


def test_a_file_that_the_template_dropped_is_left_and_told(project: Path) -> None:
    (project / "a").write_text("old\n")
    change = only_change(project, {"a": b"old\n", "b": b""}, {})
    assert (change.what, change.after) == ("kept", None)
    assert "the template no longer has it" in change.why


def test_a_changed_file_that_is_not_text_is_kept(project: Path) -> None:
    (project / "a").write_bytes(b"\xffmine")
    assert plan(project, {"a": b"\xff1"}, {"a": b"\xff2"}) == [("kept", "a")]


def test_a_link_and_a_folder_are_left_and_the_next_update_tries_again(project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("not of this project")
    (project / "a").symlink_to(tmp_path / "elsewhere")
    (project / "b").mkdir()
    (project / "c").write_text("a file")
    before, after = {"a": b"1", "b": b"1"}, {"a": b"2", "b": b"2", "c/d": b"2"}
    planned = plan_update(project, before, after)
    assert [change.what for change in planned.changes] == ["kept"] * 3
    assert planned.record == before


def test_a_renamed_notebook_is_recognised_by_its_cells(project: Path) -> None:
    (project / "mine.ipynb").write_bytes(notebook("x", "mine", "z"))
    (project / "outputs").mkdir()
    (project / "outputs/a.ipynb").write_bytes(notebook("x", "y", "z"))
    (project / "other.ipynb").write_text("no notebook")
    change = only_change(project, {NOTEBOOK: notebook("x", "y", "z")}, {NOTEBOOK: notebook("x", "y", "new")})
    assert change.path == "mine.ipynb"
    assert change.after == notebook("x", "mine", "new")


def test_where_two_notebooks_might_be_the_renamed_one_none_is_touched(project: Path) -> None:
    for name in ("one.ipynb", "two.ipynb"):
        (project / name).write_bytes(notebook("x", "y"))
    assert plan(project, {NOTEBOOK: notebook("x", "y")}, {NOTEBOOK: notebook("x", "z")}) == [("kept", NOTEBOOK)]


@pytest.mark.parametrize("text", ["", "{", "<<<<<<< HEAD\n{}", '{"nbformat": 3, "worksheets": []}', "[" * 100_000])
def test_a_notebook_that_cannot_be_read_is_named_with_the_remedy(project: Path, text: str) -> None:
    (project / NOTEBOOK).write_text(text)
    with pytest.raises(UnreadableFileError, match=r"notebooks/a\.ipynb cannot be merged: .*colab-starter check"):
        plan(project, {NOTEBOOK: notebook("x")}, {NOTEBOOK: notebook("y")})


def test_a_conflict_that_nobody_resolved_stops_the_next_update(project: Path) -> None:
    before, after = {NOTEBOOK: notebook("x")}, {NOTEBOOK: notebook("y")}
    (project / NOTEBOOK).write_bytes(notebook("mine"))
    change = only_change(project, before, after)
    assert change.after is not None
    (project / NOTEBOOK).write_bytes(change.after)
    newer = {NOTEBOOK: notebook("z")}
    with pytest.raises(UnresolvedConflictError, match="<<<<<<<"):
        plan(project, after, newer)
    (change,) = plan_update(project, after, newer, force=True).changes
    assert change.after == notebook("<<<<<<< yours\nmine\n=======\nz\n>>>>>>> template")
