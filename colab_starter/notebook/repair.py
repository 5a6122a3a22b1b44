"""From whatever a notebook's file holds to what nbformat 4.5 calls a notebook.

Programs and hands write notebooks that lack parts, or have null for them: null is the same as nothing, and what is
missing gets an empty part. A part on which the execution depends, and that cannot be what was meant, is an error. Other
odd parts (a scroll position that is a list) are left out.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from colab_starter.errors import BrokenNotebookError
from colab_starter.notebook.model import Json, make_heading, upgrade_cell
from colab_starter.notebook.nesting import DEEPEST, is_too_deep

_CELL_TYPES = ("code", "markdown", "raw")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NEWEST = 4
"""Of nbformat's major versions."""

_REMEDY = "open it in Jupyter and save it again"

_Test = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_FIELDS_OF_CELLS: dict[str, _Test] = {
    "name": lambda value: _is_text(value) and value != "",
    "jupyter": _is_object,
    "collapsed": lambda value: isinstance(value, bool),
    "scrolled": lambda value: isinstance(value, bool) or value == "auto",
    "format": _is_text,
    "execution": lambda value: _is_object(value) and all(map(_is_text, value.values())),
}
_FIELDS_OF_NOTEBOOKS: dict[str, _Test] = {
    "title": _is_text,
    "authors": lambda value: isinstance(value, list),
    "papermill": _is_object,
    "widgets": _is_object,
    "orig_nbformat": lambda value: False,
}
_FIELDS_OF_LANGUAGES: dict[str, _Test] = {
    "codemirror_mode": lambda value: isinstance(value, str | dict),
    "file_extension": _is_text,
    "mimetype": _is_text,
    "pygments_lexer": _is_text,
}
"""What nbformat's schema wants of fields that may be missing."""


def mend_notebook(data: Json) -> Json:
    """The notebook as nbformat 4.5 has it, its code cells without outputs; the given one is not changed.

    Raises BrokenNotebookError, whose message goes on after the file's name, for a part that cannot be meant.
    """
    _check_version(data)
    found = [cell for cell in _list_cells(data) if cell is not None]
    cells = [_mend_cell(cell, f"cell {number}") for number, cell in enumerate(found, 1)]
    for cell, id_ in zip(cells, _make_ids(found), strict=True):
        cell["id"] = id_
    metadata = _mend_object(data.get("metadata"), "its metadata", _FIELDS_OF_NOTEBOOKS)
    for key, mend in (("kernelspec", _mend_kernelspec), ("language_info", mend_language_info)):
        if mended := mend(metadata.pop(key, None)):
            metadata[key] = mended
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _check_version(data: Json) -> None:
    version = data.get("nbformat")
    if version is None or (version in range(1, NEWEST + 1) and not isinstance(version, bool)):
        return
    if isinstance(version, int) and version > NEWEST:
        raise BrokenNotebookError(f"is of nbformat {version}, and {NEWEST} is the newest that is known here; {_REMEDY}")
    raise BrokenNotebookError(f"has {_show(version)} for nbformat, which is a number from 1 to {NEWEST}; {_REMEDY}")


def _list_cells(data: Json) -> list[Any]:
    """The cells as nbformat 4 has them; those of older formats are in worksheets."""
    if data.get("cells") is not None:
        cells = _expect_list(data["cells"], "its cells")
        return _upgrade(cells) if (data.get("nbformat") or NEWEST) < NEWEST else cells
    if data.get("worksheets") is None:
        raise BrokenNotebookError("is not a notebook of a known version: it is JSON, but without a notebook's cells")
    cells = []
    for sheet in _expect_list(data["worksheets"], "its worksheets"):
        inner = _mend_object(sheet, "a worksheet", {})
        cells += _expect_list(inner.get("cells", []), "the cells of a worksheet")
    return _upgrade(cells)


def _upgrade(cells: list[Any]) -> list[Any]:
    return [upgrade_cell(cell) if isinstance(cell, dict) else cell for cell in cells]


def _expect_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: for {name} it has {_show(value)}, not a list; {_REMEDY}"
        )
    return value


def _mend_cell(cell: Any, name: str) -> Json:
    if not isinstance(cell, dict):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: {name} is {_show(cell)}, not an object; delete it there"
        )
    if cell.get("cell_type") == "heading":  # of nbformat 3, and in some files that say 4
        cell = make_heading(cell)
    kind = cell.get("cell_type")
    if kind not in _CELL_TYPES:
        what = "has no type" if kind is None else f"is of the type {_show(kind)}"
        raise BrokenNotebookError(f"is not a notebook that can be run: {name} {what}; it must be code, markdown or raw")
    mended: Json = {
        "cell_type": kind,
        "metadata": _mend_metadata(cell.get("metadata"), name),
        "source": _mend_source(cell.get("source"), name),
    }
    if kind == "code":
        _check_letters(mended["source"], name)
        return {**mended, "outputs": [], "execution_count": None}
    return mended | _mend_attachments(cell.get("attachments"))


def _mend_source(source: Any, name: str) -> str:
    lines = [line for line in (source if isinstance(source, list) else [source]) if line is not None]
    if not all(map(_is_text, lines)):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: the source of {name} is {_show(source)}, not a string"
        )
    return "".join(lines)


def _check_letters(source: str, name: str) -> None:
    try:
        source.encode()
    except UnicodeEncodeError as error:
        line = source.count("\n", 0, error.start) + 1
        raise BrokenNotebookError(
            f"is not a notebook that can be run: line {line} of {name} contains half a character (a lone surrogate)"
        ) from None


def _mend_metadata(metadata: Any, name: str) -> Json:
    mended = _mend_object(metadata, f"the metadata of {name}", _FIELDS_OF_CELLS)
    if "tags" in mended:
        mended["tags"] = _mend_tags(mended["tags"], name)
    return mended


def _mend_tags(tags: Any, name: str) -> list[str]:
    """Each tag once; a text is taken for a tag, and a comma stands between two, as in Jupyter's own form."""
    listed = [tag for tag in tags if tag is not None] if isinstance(tags, list) else [tags]
    if not all(map(_is_text, listed)):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: the tags of {name} are {_show(tags)}, not a list of strings"
        )
    parts = [part.strip() for tag in listed for part in tag.split(",")]
    return list(dict.fromkeys(filter(None, parts)))


def _mend_object(value: Any, name: str, fields: dict[str, _Test]) -> Json:
    """An object without its nulls, and without those of the fields that are not what they should be."""
    if value is not None and not isinstance(value, dict):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: {name} is {_show(value)}, not an object; {_REMEDY}"
        )
    if is_too_deep(value):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: {name} is nested more than {DEEPEST} levels deep; delete that part"
        )
    items = (value or {}).items()
    return {key: item for key, item in items if item is not None and fields.get(key, lambda _: True)(item)}


def _mend_attachments(attachments: Any) -> Json:
    if not isinstance(attachments, dict) or is_too_deep(attachments):
        return {}
    good = {name: forms for name, forms in attachments.items() if _is_bundle(forms)}
    return {"attachments": good} if good else {}


def _is_bundle(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_form, value.values()))


def _is_form(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _make_ids(cells: list[Json]) -> Iterator[str]:
    """An id for each cell: its own, if it is one, and the first of its kind."""
    own = [_read_id(cell) for cell in cells]
    taken, given = set(own), set[str]()
    for number, id_ in enumerate(own, 1):
        fresh = id_ if id_ and id_ not in given else make_id(f"cell-{number}", taken)
        taken.add(fresh)
        given.add(fresh)
        yield fresh


def _read_id(cell: Json) -> str:
    """Empty where it is none."""
    id_ = cell.get("id")
    return id_ if isinstance(id_, str) and _CELL_ID.fullmatch(id_) else ""


def make_id(wanted: str, taken: set[str]) -> str:
    """The id, or one that begins with it and is not taken."""
    id_, number = wanted, 1
    while id_ in taken:
        number += 1
        id_ = f"{wanted}-{number}"
    return id_


def _mend_kernelspec(spec: Any) -> Json:
    """A text is taken for the kernel's name. Without a name it may still tell the language."""
    mended = {"name": spec} if isinstance(spec, str) else _mend_object(spec, "its kernelspec", {})
    for key in ("name", "language"):
        if not isinstance(mended.get(key, ""), str):
            raise BrokenNotebookError(
                f"is not a notebook that can be run: its kernelspec has {_show(mended[key])} for {key}, not a string"
            )
    if not _is_text(mended.get("display_name")):
        mended.pop("display_name", None)
    return {"display_name": mended["name"], **mended} if mended.get("name") else mended


def mend_language_info(info: Any) -> Json:
    """What a notebook, or a kernel, says of its language. A text is taken for the language's name."""
    mended = {"name": info} if isinstance(info, str) else _mend_object(info, "its language_info", _FIELDS_OF_LANGUAGES)
    if not isinstance(mended.get("name", ""), str):
        raise BrokenNotebookError(
            f"is not a notebook that can be run: its language_info has {_show(mended['name'])} for name, not a string"
        )
    return mended if mended.get("name") else {}


def _show(value: Any) -> str:
    """A JSON value in a few letters."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
