"""The cells of a notebook: which of the user's cells is which of the template's, and the merge of one cell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from colab_starter.text import shorten
from colab_starter.update.lines import merge_text

Json = dict[str, Any]

SIMILAR = 0.75
"""The share of equal text (difflib's ratio) from which two cells are two versions of one."""

_MISSING = object()
_TITLE = re.compile(r"\s*#+\s*(?:@title\b)?\s*(.*?)\s*(?:\{.*\})?\s*")


class MergedCell(NamedTuple):
    cell: Json
    conflicts: int
    """How many times the cell's text has both versions, between markers."""
    clashes: list[str]
    """What both sides set differently in the metadata, such as ``cellView``; ours was kept."""


def read_id(cell: Json) -> str:
    """A cell's id, or the one that Colab moves to the metadata; empty where there is none."""
    found = cell.get("id") or _metadata(cell).get("id")
    return found if isinstance(found, str) else ""


def set_id(cell: Json, cell_id: str, *, has_ids: bool) -> None:
    """Give a cell an id where its notebook has the ids: beside the metadata, or, up to format 4.4, in it."""
    if has_ids:
        cell["id"] = cell_id
    else:
        cell.pop("id", None)
        cell["metadata"] = {**_metadata(cell), "id": cell_id}


def read_source(cell: Json) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def describe_cell(cell: Json) -> str:
    """A cell's id and its first line, for messages."""
    first = next(filter(str.strip, read_source(cell).splitlines()), "")
    title = _TITLE.fullmatch(first)
    return " ".join(filter(None, [read_id(cell), shorten(repr(title[1] if title else first), 60) if first else ""]))


def name_cells(cells: Sequence[Json], base: Mapping[str, Json], ids: Mapping[str, str]) -> dict[str, Json]:
    """The cells by the names that those of ``base`` have, in the order of ``cells``.

    A cell is known by its id, for which ``ids`` has the name, or else by its text, if that is the same or similar: ids
    get lost, and a newer template may use others. All other cells have names that no id can be.
    """
    names: dict[int, str] = {}
    for number, cell in enumerate(cells):
        name = ids.get(read_id(cell))
        if name is not None and name not in names.values():
            names[number] = name
    for least in (1.0, SIMILAR):
        for number, cell in enumerate(cells):
            lost = {name: known for name, known in base.items() if name not in names.values()}
            if number not in names and lost and (found := _find_similar(cell, lost, least)):
                names[number] = found
    return {names.get(number, f"cell {number + 1}: {read_id(cell)}"): cell for number, cell in enumerate(cells)}


def _find_similar(cell: Json, known: Mapping[str, Json], least: float) -> str:
    source = read_source(cell)
    if not source.strip():
        return ""
    best = ""
    for name, other in known.items():
        matcher = SequenceMatcher(None, source, read_source(other), autojunk=False)
        is_near = matcher.real_quick_ratio() >= least and matcher.quick_ratio() >= least
        if cell.get("cell_type") == other.get("cell_type") and is_near and (ratio := matcher.ratio()) >= least:
            best, least = name, ratio
    return best


def merge_cell(base: Json, ours: Json, theirs: Json) -> MergedCell:
    """The user's cell with the template's changes; its outputs and its execution count stay."""
    cell = deepcopy(ours)
    source, conflicts = merge_text(read_source(base), read_source(ours), read_source(theirs))
    if source != read_source(ours):
        cell["source"] = source if isinstance(ours.get("source"), str) else source.splitlines(keepends=True)
    metadata, clashes = merge_values(_metadata(base), _metadata(ours), _metadata(theirs))
    if metadata != _metadata(ours):
        cell["metadata"] = metadata
    if read_id(ours) == read_id(base) != read_id(theirs):
        set_id(cell, read_id(theirs), has_ids="id" in cell)
    if base.get("cell_type") == ours.get("cell_type") != theirs.get("cell_type"):
        change_type(cell, theirs["cell_type"])
    return MergedCell(cell, conflicts, clashes)


def change_type(cell: Json, cell_type: str) -> None:
    """Make a cell one of another type; only code has outputs."""
    cell["cell_type"] = cell_type
    if cell_type == "code":
        cell.pop("attachments", None)
        cell |= {"execution_count": None, "outputs": []}
    else:
        cell.pop("execution_count", None)
        cell.pop("outputs", None)


def _metadata(cell: Json) -> Json:
    metadata = cell.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def merge_values(base: Json, ours: Json, theirs: Json) -> tuple[Json, list[str]]:
    """Three-way merge of JSON objects; where both changed the same value, ours stays and its name is returned."""
    clashes: list[str] = []
    merged = _merge_objects(base, ours, theirs, "", clashes)
    return merged, clashes


def _merge_objects(base: Json, ours: Json, theirs: Json, prefix: str, clashes: list[str]) -> Json:
    merged = {}
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        value = _merge_value(
            base.get(name, _MISSING), ours.get(name, _MISSING), theirs.get(name, _MISSING), f"{prefix}{name}", clashes
        )
        if value is not _MISSING:
            merged[name] = value
    return merged


def _merge_value(base: Any, ours: Any, theirs: Any, name: str, clashes: list[str]) -> Any:
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _merge_objects(base if isinstance(base, dict) else {}, ours, theirs, f"{name}.", clashes)
    if isinstance(ours, list) and isinstance(theirs, list):
        return list(_merge_lists(base if isinstance(base, list) else [], ours, theirs))
    clashes.append(name)
    return ours


def _merge_lists(base: list[Any], ours: list[Any], theirs: list[Any]) -> Iterator[Any]:
    """Lists such as tags: without what theirs took out, and with what it added."""
    yield from (value for value in ours if value in theirs or value not in base)
    yield from (value for value in theirs if value not in base and value not in ours)
