"""Three-way merge of notebooks, cell by cell."""

import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from typing import NamedTuple

from colab_starter.notebook.json_text import rewrite_json
from colab_starter.update.cells import (
    Json,
    describe_cell,
    merge_cell,
    merge_values,
    name_cells,
    read_id,
    read_source,
    set_id,
)

_MARK = "\ufeff"
"""The byte-order mark that some editors of Windows write at the beginning of a file."""
FIRST_WITH_IDS = 5
"""The minor version of nbformat 4 since which a cell has its id beside its metadata."""


class CellChange(NamedTuple):
    """What an update does with one cell, or why it leaves it alone."""

    what: str
    """``changed``, ``new``, ``removed``, ``CONFLICT``, or ``kept`` for all that stays as the user has it."""
    cell: str
    """The cell's id and its title."""
    why: str = ""
    before: str = ""
    after: str = ""
    """The cell's text before and after, where it changes."""


class MergedNotebook(NamedTuple):
    text: str
    changes: list[CellChange]


def read_cells(text: str) -> Json:
    """The JSON of a notebook of format 4. Raises ValueError, which says what is wrong, for anything else."""
    notebook: Json = json.loads(text.removeprefix(_MARK))
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    version = (notebook.get("nbformat"), type(notebook.get("nbformat_minor"))) if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or version != (4, int):
        raise ValueError("it is not a notebook of format 4")
    for number, cell in enumerate(cells, start=1):
        source = cell.get("source") if isinstance(cell, dict) else None
        if not isinstance(source, str) and not _is_list_of_text(source):
            raise ValueError(f"cell {number} has no text")
    return notebook


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def merge_notebooks(base: str, ours: str, theirs: str) -> MergedNotebook:
    """The user's notebook with what changed from ``base`` to ``theirs``, written in the style of ``ours``.

    The user's cells, outputs, execution counts and metadata stay, and what the user deleted stays deleted. A cell that
    both changed has both changes; lines that both changed are in it twice, between markers. A cell that the template
    dropped goes, unless the user has changed it. Raises ValueError if ``ours`` is not a notebook of format 4.
    """
    merger = _Merger(json.loads(base), read_cells(ours), json.loads(theirs))
    merged = merger.merge()
    if merged == merger.notebook:
        return MergedNotebook(ours, merger.changes)
    text = ours.removeprefix(_MARK)
    return MergedNotebook(ours[: len(ours) - len(text)] + rewrite_json(text, merged), merger.changes)


class _Merger:
    """One merge; ``changes`` fills while it works."""

    def __init__(self, base: Json, ours: Json, theirs: Json) -> None:
        self.notebook = ours
        self.base_notebook, self.new_notebook = base, theirs
        self.base = {read_id(cell) or f"cell {number}": cell for number, cell in enumerate(base["cells"])}
        ids = {name: name for name in self.base}
        self.theirs = name_cells(theirs["cells"], self.base, ids)
        ids |= {read_id(cell): name for name, cell in self.theirs.items() if read_id(cell)}
        self.ours = name_cells(ours["cells"], self.base, ids)
        self.has_ids = ours["nbformat_minor"] >= FIRST_WITH_IDS
        self.changes: list[CellChange] = []

    def merge(self) -> Json:
        cells = {**self._keep_cells(), **self._add_cells()}
        order = order_cells(list(self.base), list(self.ours), list(self.theirs), cells)
        self.changes.sort(key=lambda change: change.what == "kept")
        sides = [notebook.get("metadata", {}) for notebook in (self.base_notebook, self.notebook, self.new_notebook)]
        metadata, clashes = merge_values(*sides)
        for name in clashes:
            self.changes.append(CellChange("kept", f"metadata {name}", "you and the template set it differently"))
        merged = {**self.notebook, "cells": [cells[name] for name in order], "metadata": metadata}
        if self.has_ids:
            merged["nbformat_minor"] = max(self.notebook["nbformat_minor"], self.new_notebook["nbformat_minor"])
        return merged

    def _keep_cells(self) -> dict[str, Json]:
        """The user's cells after the merge, without those that the template dropped."""
        kept = {}
        for name, cell in self.ours.items():
            if name in self.theirs:
                kept[name] = self._merge_cell(name, cell)
            elif name not in self.base:
                kept[name] = cell
            elif _is_same(cell, self.base[name]):
                self.changes.append(CellChange("removed", describe_cell(cell), before=read_source(cell)))
            else:
                kept[name] = cell
                self.changes.append(CellChange("kept", describe_cell(cell), "the template no longer has it"))
        return kept

    def _merge_cell(self, name: str, ours: Json) -> Json:
        theirs = self.theirs[name]
        base = self.base.get(name, {"cell_type": theirs["cell_type"], "source": ""})
        cell, conflicts, clashes = merge_cell(base, ours, theirs)
        if conflicts or cell != ours:
            what = "CONFLICT" if conflicts else "changed"
            self.changes.append(CellChange(what, describe_cell(ours), "", read_source(ours), read_source(cell)))
        for clash in clashes:
            self.changes.append(
                CellChange("kept", describe_cell(ours), f"you and the template set {clash} differently")
            )
        return cell

    def _add_cells(self) -> dict[str, Json]:
        """The cells that are new in the template."""
        added = {}
        for name, cell in self.theirs.items():
            if name in self.ours:
                continue
            if name not in self.base:
                added[name] = self._make_cell(cell)
                self.changes.append(CellChange("new", describe_cell(cell), after=read_source(cell)))
            elif not _is_same(cell, self.base[name]):
                self.changes.append(
                    CellChange("kept", describe_cell(cell), "you deleted it, and the template changed it")
                )
        return added

    def _make_cell(self, cell: Json) -> Json:
        """A new cell in the user's format: up to 4.4, the id is in the metadata, where Colab keeps it."""
        made = deepcopy(cell)
        set_id(made, read_id(cell), has_ids=self.has_ids)
        return made


def _is_same(cell: Json, other: Json) -> bool:
    return cell.get("cell_type") == other.get("cell_type") and read_source(cell) == read_source(other)


def order_cells(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], wanted: Collection[str]) -> list[str]:
    """The wanted cells in order: the template's, unless the user has moved cells; then the user's.

    The cells of the other side come after the cell that they follow there.
    """
    everywhere = set(base) & set(ours) & set(theirs)
    was_moved = [name for name in ours if name in everywhere] != [name for name in base if name in everywhere]
    leading, other = (ours, theirs) if was_moved else (theirs, ours)
    order = [name for name in leading if name in wanted]
    previous = None
    for name in other:
        if name in wanted and name not in order:
            order.insert(order.index(previous) + 1 if previous is not None else 0, name)
        if name in order:
            previous = name
    return order
