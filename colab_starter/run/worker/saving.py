"""Writing the executed notebook: at intervals while it runs, and completely at the end."""

import errno
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4.nbjson import BytesEncoder
from nbformat.v4.rwbase import split_lines

from colab_starter.errors import SaveError
from colab_starter.files import open_itself, write_whole
from colab_starter.run.secrets import Mask
from colab_starter.run.space import NO_SPACE
from colab_starter.run.worker.executed_notebook import ExecutedNotebook

SHARE_OF_TIME = 0.05
"""The largest share of the run's time that saving takes while the notebook runs."""

SAVE_INTERVAL = 1.0
"""Seconds before the first save, and between two saves, at the least."""

SPEED = 40e6
"""Characters of new output per second; a conservative estimate of a save's speed on a core of 2020."""

_NO_ROOM = (*NO_SPACE, errno.EFBIG)

_encoder = BytesEncoder(indent=1, sort_keys=True, separators=(",", ": "), ensure_ascii=False)


class NotebookText:
    """The text of a notebook's file, byte for byte as nbformat writes it.

    The text of a cell is cached until the cell changes, so that 300 cells are not encoded 300 times.
    """

    def __init__(self, notebook: ExecutedNotebook, mask: Mask, prepare: Callable[[], None] = lambda: None) -> None:
        """``prepare`` is called before the cells are read."""
        self._notebook = notebook
        self._mask = mask
        self._prepare = prepare
        self._cells: dict[int, bytes] = {}

    def encode(self) -> list[bytes]:
        """The file's content, in pieces."""
        self._prepare()
        for index in self._notebook.changed:
            self._cells.pop(index, None)
        self._notebook.changed.clear()
        self._notebook.new_characters = 0
        node = self._notebook.node
        pieces: list[bytes] = []
        for key in sorted(node):
            pieces.append(b"{\n" if not pieces else b",\n")
            pieces += self._encode_cells() if key == "cells" else [self._encode_field(key, node[key])]
        return [*pieces, b"\n}\n"]

    def _encode_cells(self) -> list[bytes]:
        count = len(self._notebook.node.cells)
        if not count:
            return [b' "cells": []']
        pieces = [b' "cells": [\n']
        for index in range(count):
            if index not in self._cells:
                self._cells[index] = self._encode_cell(self._notebook.node.cells[index])
            pieces += [self._cells[index], b",\n"]
        return [*pieces[:-1], b"\n ]"]

    def _encode_cell(self, cell: NotebookNode) -> bytes:
        copied = self._mask.apply_to_cell(cell) if self._mask else _copy_for_splitting(cell)
        split_lines(NotebookNode(cells=[copied]))
        return _encode_json("  ", copied)

    def _encode_field(self, key: str, value: Any) -> bytes:
        return f' "{key}": '.encode() + _encode_json(" ", self._mask.apply_to_cell(value)).lstrip()


def _copy_for_splitting(cell: NotebookNode) -> NotebookNode:
    """A copy of a cell, only as deep as nbformat changes it when it splits its texts into lines."""
    copied = NotebookNode(cell)
    if "attachments" in cell:
        bundles = cell["attachments"].items()
        copied["attachments"] = NotebookNode({name: NotebookNode(bundle) for name, bundle in bundles})
    if "outputs" in cell:
        copied["outputs"] = [_copy_output(output) for output in cell["outputs"]]
    return copied


def _copy_output(output: NotebookNode) -> NotebookNode:
    copied = NotebookNode(output)
    if "data" in output:
        copied["data"] = NotebookNode(output["data"])
    return copied


def _encode_json(indent: str, value: Any) -> bytes:
    """The indented JSON text; its line breaks are all between values, never inside them."""
    text = indent + _encoder.encode(value).replace("\n", f"\n{indent}")
    return text.encode("utf-8", "replace")  # a lone surrogate, which cannot be encoded in UTF-8


class TimedSaves:
    """Calls ``save`` at intervals, for no more than 5 % of the time, and only if something has changed."""

    def __init__(
        self, notebook: ExecutedNotebook, save: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._notebook = notebook
        self._save = save
        self._clock = clock
        self._start = self._last_end = clock()
        self._spent = self._last_cost = 0.0

    def next_time(self) -> float:
        """When to save next, by the clock; infinity while there is nothing new."""
        if not self._notebook.changed:
            return math.inf
        cost = max(self._last_cost, self._notebook.new_characters / SPEED)
        return max(self._last_end + SAVE_INTERVAL, self._start + (self._spent + cost) / SHARE_OF_TIME)

    def do_if_due(self) -> None:
        """Save if it is due. A failure does not end the run: there may be space again when it ends."""
        start = self._clock()
        if start < self.next_time():
            return
        with suppress(OSError):
            self._save()
        self._last_end = self._clock()
        self._last_cost = self._last_end - start
        self._spent += self._last_cost


class NotebookFile:
    """The executed notebook on disk.

    ``keras.partial.ipynb`` exists while it runs, ``keras.ipynb`` once it has ended; both are complete at any time.
    """

    def __init__(self, text: NotebookText, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.stem}.partial.ipynb")
        self._text = text

    def save_partial(self) -> None:
        """Write the partial file. Raises OSError."""
        _replace(self.partial, self._text.encode())

    def finish(self) -> None:
        """Write the final file, then remove the partial one.

        Raises SaveError if the disk is full, or the folder is gone or not writable; any previous file is then intact.
        """
        content = b"".join(self._text.encode())
        try:
            self._write_final(content)
        except OSError as error:
            raise SaveError(
                f"{self.path} could not be written ({error.strerror or error}); fix that and run it again"
            ) from None
        self._remove_partial()

    def _write_final(self, content: bytes) -> None:
        try:
            write_whole(self.path, content)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._remove_partial()  # its space may be what is missing
            write_whole(self.path, content)

    def _remove_partial(self) -> None:
        with suppress(OSError):
            self.partial.unlink(missing_ok=True)


def _replace(path: Path, pieces: list[bytes]) -> None:
    """Replace the file by the content; without a sync to disk, for which a run would have to wait."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(open_itself(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            file.writelines(pieces)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
