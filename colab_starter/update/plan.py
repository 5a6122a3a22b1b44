"""What an update would do with each file of a project; nothing is written here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from colab_starter.bake.record import Files
from colab_starter.errors import UnreadableFileError, UnresolvedConflictError
from colab_starter.update.cells import read_id
from colab_starter.update.lines import has_markers, merge_text
from colab_starter.update.notebooks import CellChange, merge_notebooks, read_cells

NO_NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
BACKUP = "update-backup"
"""How the names of backup folders begin."""
_NO_NOTEBOOKS_OF_THE_USER = ("outputs", "runs", BACKUP, ".")
"""How the names of folders begin whose notebooks are copies."""


class FileChange(NamedTuple):
    """What happens to one file, or why nothing does."""

    path: str
    """In the project, with forward slashes."""
    what: str
    """``new``, ``changed``, ``CONFLICT``, or ``kept`` if it stays as it is."""
    why: str = ""
    before: bytes | None = None
    after: bytes | None = None
    cells: tuple[CellChange, ...] = ()
    conflicts: int = 0
    """In how many cells, or how many times in a text, both versions stand between markers."""


class Plan(NamedTuple):
    changes: list[FileChange]
    record: Files
    """What the project has to remember as written by the template."""


def plan_update(folder: Path, base: Files, new: Files, *, force: bool = False) -> Plan:
    """What is to be done to bring the project in ``folder`` from the template's files ``base`` to ``new``.

    Raises UnreadableFileError for a file that has to be merged and cannot be, and, unless ``force``,
    UnresolvedConflictError for one that still has the markers of an earlier update.
    """
    changes: list[FileChange] = []
    record = dict(new)
    for path in sorted({*base, *new}):
        if base.get(path) == new.get(path):
            continue
        if reason := find_obstacle(folder, path):
            changes.append(FileChange(path, "kept", reason))
            record.pop(path, None)
            record |= {path: base[path]} if path in base else {}
        else:
            changes += _plan_file(folder, path, base, new, force)
    return Plan(changes, record)


def find_obstacle(folder: Path, path: str) -> str:
    """Why a file cannot be written now; empty if it can. A later update will try again."""
    place = folder / path
    if place.resolve() != folder.resolve() / path:
        return "it is a link, which is not followed"
    if place.is_dir():
        return "it is a folder"
    if any(parent.is_file() for parent in place.parents):
        return "a file stands where its folder would be"
    return ""


def _plan_file(folder: Path, path: str, base: Files, new: Files, force: bool) -> Iterator[FileChange]:
    place = folder / path
    ours = place.read_bytes() if place.exists() else None
    before, after = base.get(path), new.get(path)
    if after is None:
        if ours is not None:
            yield FileChange(path, "kept", "the template no longer has it; delete it if you do not need it")
    elif ours is None and before is None:
        yield FileChange(path, "new", after=after)
    elif ours is None:
        renamed = _find_renamed(folder, before or b"", {*base, *new}) if path.endswith(".ipynb") else ""
        if renamed:
            yield from _merge(renamed, before, (folder / renamed).read_bytes(), after, force)
        else:
            yield FileChange(path, "kept", "you deleted it")
    else:
        yield from _merge(path, before, ours, after, force)


def _merge(path: str, base: bytes | None, ours: bytes, theirs: bytes, force: bool) -> Iterator[FileChange]:
    if ours == theirs:
        return
    if ours == base:
        yield FileChange(path, "changed", before=ours, after=theirs, cells=_compare_cells(path, ours, theirs))
        return
    try:
        texts = [(content or b"").decode() for content in (base, ours, theirs)]
    except UnicodeDecodeError:
        yield FileChange(path, "kept", "you changed it, and it is not text")
        return
    _check_resolved(path, texts[1], force)
    if path.endswith(".ipynb"):
        yield from _merge_notebook(path, *texts)
    else:
        merged = merge_text(*texts)
        if merged.text != texts[1]:
            what = "CONFLICT" if merged.conflicts else "changed"
            yield FileChange(path, what, "", ours, merged.text.encode(), conflicts=merged.conflicts)


def _merge_notebook(path: str, base: str, ours: str, theirs: str) -> Iterator[FileChange]:
    try:
        merged = merge_notebooks(base or NO_NOTEBOOK, ours, theirs)
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(
            f"{path} cannot be merged: {error}; repair it first (colab-starter check {path} says more), or delete it"
        ) from error
    conflicts = sum(change.what == "CONFLICT" for change in merged.changes)
    if merged.text != ours or merged.changes:
        what = "CONFLICT" if conflicts else "changed" if merged.text != ours else "kept"
        after = None if what == "kept" else merged.text.encode()
        yield FileChange(path, what, "", ours.encode(), after, tuple(merged.changes), conflicts)


def _compare_cells(path: str, ours: bytes, theirs: bytes) -> tuple[CellChange, ...]:
    if not path.endswith(".ipynb"):
        return ()
    return tuple(merge_notebooks(ours.decode(), ours.decode(), theirs.decode()).changes)


def _check_resolved(path: str, ours: str, force: bool) -> None:
    if has_markers(ours) and not force:
        raise UnresolvedConflictError(
            f"{path} still has conflicts of an earlier update: look for <<<<<<<, keep what you want, and delete the "
            "markers (or add --force)"
        )


def _find_renamed(folder: Path, base: bytes, known: set[str]) -> str:
    """The user's notebook that has most of the cells of a notebook that is gone, and is the only one; or nothing."""
    wanted = set(map(read_id, json.loads(base)["cells"]))
    found = []
    for place in folder.glob("**/*.ipynb"):
        path = place.relative_to(folder).as_posix()
        is_copy = any(part.startswith(_NO_NOTEBOOKS_OF_THE_USER) for part in path.split("/"))
        if path not in known and not is_copy and not find_obstacle(folder, path):
            found += [path] if _share_cells(place, wanted) else []
    return found[0] if len(found) == 1 else ""


def _share_cells(notebook: Path, wanted: set[str]) -> bool:
    try:
        ids = set(map(read_id, read_cells(notebook.read_text(encoding="utf-8"))["cells"]))
    except (OSError, ValueError, RecursionError):
        return False
    return 2 * len(ids & wanted) > len(wanted)
