"""What ``adopt`` tells: the changes cell by cell, and the account of what moved and what stays."""

import json
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from colab_starter.adopt import phrases
from colab_starter.adopt.adopt import Adoption
from colab_starter.adopt.draft import PREFIX, Note
from colab_starter.bake.languages import ENGLISH
from colab_starter.notebook.model import Cell, Notebook, parse_notebook
from colab_starter.text import plural, printable


def describe(adoption: Adoption, target: Path | None) -> str:
    """The account; ``target`` is the file that was written, None if none was."""
    lines = [_headline(adoption, target)]
    if adoption.language != (adoption.old_language or ENGLISH):
        lines.append(f"  Language: {adoption.language}")
    if other := adoption.suggested_language:
        lines.append(f"  Language: {adoption.language}; --language {other} puts the new cells into the notebook's own")
    if adoption.form:
        lines.append(f"  Form: {', '.join(adoption.form)}")
    for title, notes in (("Moved", _without_form(adoption)), ("Follows drive_folder", adoption.followed)):
        lines += [f"  {title}: {note}" for note in sorted(notes)]
    if adoption.accelerator:
        why = ", because the code can use it" if adoption.chose_accelerator else ""
        lines.append(f"  Machine: {adoption.accelerator}{why}")
    if adoption.metrics:
        lines.append(f"  Results: records {', '.join(adoption.metrics)}")
    for note in sorted(adoption.left):
        lines.append(f"  Stays: {note}")
    for name, why in adoption.doubtful.items():
        lines.append(f"  Not in the form: {name}: {why}")
    return "".join(f"{printable(line)}\n" for line in lines)


def _headline(adoption: Adoption, target: Path | None) -> str:
    if not adoption.changed:
        copied = f"; copied to {target}" if target and target != adoption.path else ""
        return f"{adoption.path} is adopted already, and up to date{copied}"
    if target is None:
        return f"{adoption.path} would be changed like this (--dry-run: nothing was written)"
    what = "renewed" if adoption.was_adopted else "adopted"
    return f"{what} {adoption.path}" if target == adoption.path else f"{what} {adoption.path} as {target}"


def _without_form(adoption: Adoption) -> list[Note]:
    return [note for note in adoption.moved if note.to != phrases.FORM]


def describe_changes(adoption: Adoption) -> str:
    """The changes, cell by cell, as a difference that can be read; new cells are only named, but for the form."""
    old, new = (_read_cells(adoption.path, text) for text in (adoption.old, adoption.new))
    lines = [*_describe_new(old, new), *_describe_touched(old, new)]
    return "".join(f"{printable(line)}\n" for line in lines)


def _read_cells(path: Path, text: str) -> list[Cell]:
    return Notebook(path, text, parse_notebook(text)).cells


def _describe_new(old: list[Cell], new: list[Cell]) -> Iterator[str]:
    before = {cell.id: cell.source for cell in old if cell.id.startswith(PREFIX)}
    for cell in new:
        if not cell.id.startswith(PREFIX) or before.get(cell.id) == cell.source:
            continue
        lines = cell.source.splitlines()
        title = lines[0].removeprefix("# @title ").lstrip("# ") if lines else ""
        verb = "changed" if cell.id in before else "new"
        yield f"{verb} cell {cell.number}: {title} ({plural(len(lines), 'line')})"
        if "parameters" in cell.id or "numbers" in cell.id:
            yield from (f"  + {line}" for line in lines)
    names = {cell.id for cell in new}
    yield from (f"removed cell: {name.removeprefix(PREFIX)}" for name in before if name not in names)


def _describe_touched(old: list[Cell], new: list[Cell]) -> Iterator[str]:
    theirs = [[cell for cell in cells if not cell.id.startswith(PREFIX)] for cells in (old, new)]
    for before, after in zip(*theirs, strict=True):
        if before.source != after.source:
            yield f"cell {before.number}{f' ({before.id})' if before.id else ''}:"
            changes = list(unified_diff(before.source.split("\n"), after.source.split("\n"), lineterm="", n=1))
            yield from (f"  {line}" for line in changes[2:] if not line.startswith("@@"))
        if before.tags != after.tags:
            yield f"cell {before.number}: loses the tag parameters, which the form has now"


def as_json(adoption: Adoption, target: Path | None) -> str:
    """The account for programs."""
    account = {
        "notebook": str(adoption.path),
        "written": str(target) if target else None,
        "changed": adoption.changed,
        "parameters": adoption.form,
        "doubtful": adoption.doubtful,
        "moved": [note._asdict() for note in adoption.moved],
        "follows_drive_folder": [note._asdict() for note in adoption.followed],
        "stays": [note._asdict() for note in adoption.left],
        "accelerator": adoption.accelerator or None,
        "records": adoption.metrics,
        "language": adoption.language,
    }
    return json.dumps(account, indent=2, ensure_ascii=False)
