"""Writing an update: what is overwritten can be had again, and an update that was interrupted can be finished.

All new contents are first written into a folder beside the files. Once they are complete, a journal says so; from then
on the update is finished, whatever happens: by this process or by the next ``colab-starter update``.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from colab_starter.bake.record import check_path
from colab_starter.errors import UncommittedChangesError
from colab_starter.files import write_whole
from colab_starter.text import plural
from colab_starter.update.lines import has_markers
from colab_starter.update.plan import BACKUP, find_obstacle

STAGE = ".colab-starter-update"
JOURNAL = "journal.json"


class Finished(NamedTuple):
    """An update that is written."""

    paths: list[str]
    notices: list[str]
    """What the user has to be told."""
    conflicting: list[str]
    """The paths of the files that have conflicts."""


def write_update(folder: Path, contents: Mapping[str, tuple[bytes | None, bytes]]) -> Finished:
    """Write the files of a project, all or none.

    ``contents`` are what each file had when the update was planned (None if there was none) and what it shall have.
    The last of them is the record, so that a project says that it is newer only when it is.
    """
    stage = folder / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    journal = []
    for number, (path, (before, after)) in enumerate(contents.items()):
        write_whole(stage / str(number), after)
        journal.append({"path": path, "before": _digest(before)})
    write_whole(stage / JOURNAL, json.dumps(journal).encode())
    return finish_update(folder)


def finish_update(folder: Path) -> Finished:
    """Do what the journal of an update says.

    A file that was changed since then stays as it is, and its new content is put beside it.
    """
    stage = folder / STAGE
    finished = Finished([], [], [])
    for number, entry in enumerate(json.loads((stage / JOURNAL).read_bytes())):
        path = entry["path"]
        check_path(path)  # a journal may come from anybody, with a project that was cloned
        if (stage / str(number)).is_file():  # else it is in its place already
            finished.notices.extend(_move_into_place(stage / str(number), folder, path, entry["before"]))
        finished.paths.append(path)
        if (folder / path).is_file() and has_markers((folder / path).read_text(encoding="utf-8", errors="replace")):
            finished.conflicting.append(path)
    (stage / JOURNAL).unlink()
    shutil.rmtree(stage, ignore_errors=True)
    return finished


def _move_into_place(staged: Path, folder: Path, path: str, before: str | None) -> Iterator[str]:
    """Give a file its new content in one step; yields what the user has to be told."""
    place = folder / path
    if obstacle := find_obstacle(folder, path):
        yield f"{path} was not written: {obstacle}"
        return
    current = place.read_bytes() if place.is_file() else None
    if current == staged.read_bytes():
        return
    if _digest(current) != before:
        place = place.with_name(f"{place.name}.new")
        yield f"{path} was changed meanwhile; what the update made of it is in {place.name}"
    if place.exists():
        staged.chmod(place.stat().st_mode)
    place.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(place)


def is_interrupted(folder: Path) -> bool:
    """Whether an update was complete but for the last steps, which ``finish_update`` does."""
    return (folder / STAGE / JOURNAL).is_file()


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def save_unsaved(folder: Path, paths: Iterable[str], *, force: bool) -> Path | None:
    """Copy those of the files into a backup folder that git could not bring back; returns it, or None if git can.

    Raises UncommittedChangesError if files that git tracks have changes that are not committed, unless ``force``.
    """
    changed, tracked = _ask_git(folder, "diff", "HEAD", "--name-only", "--relative"), _ask_git(folder, "ls-files")
    if changed and not force:
        some = ", ".join(sorted(changed)[:3]) + (", ..." if len(changed) > 3 else "")
        raise UncommittedChangesError(
            f"{plural(len(changed), 'file')} with changes that are not committed ({some}): commit them first, "
            f"or add --force, which copies what is overwritten into a folder {BACKUP}"
        )
    is_safe = set() if changed is None or tracked is None else tracked - changed
    unsafe = [path for path in paths if path not in is_safe and (folder / path).is_file()]
    if not unsafe:
        return None
    backup = _free_folder(folder)
    for path in unsafe:
        (backup / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / path, backup / path)
    return backup


def _ask_git(folder: Path, *command: str) -> set[str] | None:
    """The paths that git lists, relative to the folder; None without git, or outside of a repository with a commit."""
    try:
        answer = subprocess.run(["git", *command, "-z", "--", "."], cwd=folder, capture_output=True)
    except OSError:
        return None
    if answer.returncode:
        return None
    return {name.decode(errors="surrogateescape") for name in answer.stdout.split(b"\0") if name}


def _free_folder(folder: Path) -> Path:
    number = 1
    while True:
        backup = folder / f"{BACKUP}-{number}"
        try:
            backup.mkdir()
        except FileExistsError:
            number += 1
        else:
            return backup
