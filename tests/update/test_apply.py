"""Writing an update: killed at any moment, nothing is lost, and the next one finishes it."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import UncommittedChangesError
from colab_starter.update.apply import JOURNAL, STAGE, finish_update, is_interrupted, save_unsaved, write_update
from tests.conftest import git

BEFORE = {"a": b"old a", "folder/b": b"old b"}
AFTER = {"a": b"new a", "folder/b": b"new b", "new/c": b"new c", ".colab-starter.json": b"the record"}
CONTENTS = {path: (BEFORE.get(path), content) for path, content in AFTER.items()}


class Killed(BaseException):
    """Stands for a kill: nothing below the test may catch it."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    for path, content in BEFORE.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def read_files(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {path: content for path, content in files.items() if not path.startswith(".git/")}


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Kill before the operation of that number that changes something on the disk."""
    left = [step]

    def count(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*arguments, **options)

        return call

    for owner, name in [(os, "open"), (os, "replace"), (shutil, "rmtree"), (Path, "mkdir"), (Path, "unlink")]:
        monkeypatch.setattr(owner, name, count(getattr(owner, name)))
    monkeypatch.setattr(Path, "replace", count(Path.replace))
    monkeypatch.setattr(Path, "chmod", count(Path.chmod))


def test_killed_before_any_step_an_update_changes_nothing_or_is_finished_by_the_next(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = 0
    for step in range(100):
        for path, content in BEFORE.items():
            (project / path).write_bytes(content)
        with monkeypatch.context() as patch:
            kill_at(patch, step)
            try:
                write_update(project, CONTENTS)
                break
            except Killed:
                pass
        files = {path: content for path, content in read_files(project).items() if not path.startswith(STAGE)}
        if is_interrupted(project):
            assert set(files.items()) <= {*BEFORE.items(), *AFTER.items()}, step
            finished = finish_update(project)
            assert (finished.paths, finished.notices) == (list(AFTER), []), step
            interrupted += 1
        else:
            assert files in (BEFORE, AFTER), step
            write_update(project, CONTENTS)
        assert read_files(project) == AFTER, step
        for path in AFTER.keys() - BEFORE.keys():
            (project / path).unlink()
        (project / "new").rmdir()
    assert step > 12
    assert interrupted >= len(AFTER)
    assert read_files(project) == AFTER


def test_a_file_that_was_edited_after_a_kill_stays_and_gets_its_new_content_beside_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("colab_starter.update.apply.finish_update", kill)
        with pytest.raises(Killed):
            write_update(project, {"a": (b"old a", b"<<<<<<< yours\n=======\n>>>>>>> template")})
    (project / "a").write_bytes(b"edited")
    finished = finish_update(project)
    assert finished.notices == ["a was changed meanwhile; what the update made of it is in a.new"]
    assert finished.conflicting == []
    assert (project / "a").read_bytes() == b"edited"
    assert (project / "a.new").read_bytes().startswith(b"<<<<<<<")


def test_a_file_that_was_saved_while_the_update_was_worked_out_stays_too(project: Path) -> None:
    finished = write_update(project, {"a": (b"as it was planned", b"merged"), "new/c": (None, b"new")})
    assert finished.notices == ["a was changed meanwhile; what the update made of it is in a.new"]
    assert read_files(project) == {**BEFORE, "a.new": b"merged", "new/c": b"new"}


def kill(folder: Path) -> None:
    raise Killed


def test_a_journal_that_came_with_a_clone_writes_nothing_outside_of_the_project(project: Path, tmp_path: Path) -> None:
    (project / "link").symlink_to(tmp_path)
    stage = project / STAGE
    stage.mkdir()
    (stage / "0").write_bytes(b"stolen")
    for path in ("../outside", "link/outside"):
        (stage / JOURNAL).write_text(json.dumps([{"path": path, "before": None}]))
        if path.startswith(".."):
            with pytest.raises(ValueError, match="outside"):
                finish_update(project)
        else:
            assert finish_update(project).notices == [
                "link/outside was not written: it is a link, which is not followed"
            ]
    assert not (tmp_path / "outside").exists()


def test_a_files_mode_stays(project: Path) -> None:
    os.chmod(project / "a", 0o755)
    write_update(project, {"a": (b"old a", b"new")})
    assert (project / "a").stat().st_mode & 0o777 == 0o755


def test_without_git_what_is_overwritten_is_copied_first(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    first = save_unsaved(project, AFTER, force=False)
    assert first is not None
    assert (first.name, read_files(first)) == ("update-backup-1", BEFORE)
    second = save_unsaved(project, AFTER, force=False)
    assert second is not None
    assert second.name == "update-backup-2"


def test_git_keeps_what_is_committed_and_changes_that_are_not_stop_the_update(project: Path) -> None:
    git("init", cwd=project.parent)
    git("add", "project", cwd=project.parent)
    git("commit", "--message", "Mine", cwd=project.parent)
    assert save_unsaved(project, AFTER, force=False) is None
    (project / "untracked").write_text("x")
    assert save_unsaved(project, AFTER, force=False) is None
    (project / "folder/b").write_bytes(b"edited")
    with pytest.raises(UncommittedChangesError, match=r"1 file with .* \(folder/b\): commit them first, or"):
        save_unsaved(project, AFTER, force=False)
    backup = save_unsaved(project, [*AFTER, "untracked"], force=True)
    assert backup is not None
    assert read_files(backup) == {"folder/b": b"edited", "untracked": b"x"}


def test_a_repository_without_a_commit_keeps_nothing_yet(project: Path) -> None:
    git("init", cwd=project)
    git("add", "--all", cwd=project)
    backup = save_unsaved(project, AFTER, force=False)
    assert backup is not None
    assert read_files(backup) == BEFORE
