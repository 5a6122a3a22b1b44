"""CS120: the smaller parts of a notebook that nbformat's schema refuses; CS102 and CS104 tell of the larger ones."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from colab_starter.check.rule import WARNING, Problem, rule
from colab_starter.notebook.model import Cell, Json, Notebook

_NEWEST_MINOR = 5
"""Of a newer format, which may allow more, unknown parts are not judged."""
_CELL_KEYS = {
    "code": {"cell_type", "metadata", "source", "outputs", "execution_count"},
    "markdown": {"cell_type", "metadata", "source", "attachments"},
    "raw": {"cell_type", "metadata", "source", "attachments"},
}
_OUTPUT_KEYS = {
    "stream": {"output_type", "name", "text"},
    "display_data": {"output_type", "data", "metadata"},
    "execute_result": {"output_type", "data", "metadata", "execution_count"},
    "error": {"output_type", "ename", "evalue", "traceback"},
}
_JSON_TYPE = re.compile(r"^application/(.*\+)?json$")
_EMPTY: dict[str, Callable[[], Any]] = {"metadata": dict, "execution_count": lambda: None}
"""Parts that may be empty, so that a missing one can be added."""


def conform_to_schema(notebook: Notebook) -> None:
    """Take out what the format does not know, and add parts that may be empty."""
    minor = _minor_of(notebook)
    if minor is None:
        return
    kernel = notebook.metadata.get("kernelspec")
    if isinstance(kernel, dict) and isinstance(kernel.get("name"), str):
        kernel.setdefault("display_name", kernel["name"])
    for cell in notebook.cells:
        _keep(cell.data, _keys_of(cell, minor), minor)
        for output in _outputs_of(cell):
            allowed = _OUTPUT_KEYS.get(str(output.get("output_type")))
            if allowed:
                _keep(output, allowed, minor)
                for key, make in _EMPTY.items():
                    if key in allowed:
                        output.setdefault(key, make())


def _keep(data: Json, allowed: set[str] | None, minor: int) -> None:
    if allowed and minor <= _NEWEST_MINOR:
        for key in [key for key in data if key not in allowed]:
            del data[key]


def _minor_of(notebook: Notebook) -> int | None:
    """The minor version; None for what is not nbformat 4 or does not say."""
    minor = notebook.data.get("nbformat_minor")
    is_known = notebook.data.get("nbformat") == 4 and isinstance(minor, int) and not isinstance(minor, bool)
    return minor if is_known and isinstance(notebook.data.get("cells"), list) else None


def _keys_of(cell: Cell, minor: int) -> set[str] | None:
    allowed = _CELL_KEYS.get(cell.kind)
    return allowed | {"id"} if allowed and minor >= 5 else allowed


def _outputs_of(cell: Cell) -> list[Json]:
    outputs = cell.data.get("outputs") if cell.kind == "code" else None
    return [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []


@rule(
    "CS120",
    "schema",
    WARNING,
    fix=conform_to_schema,
    evidence="48 of 5,426 public notebooks fail nbformat.validate; this rule agrees with it on random notebooks.",
)
def find_schema_faults(notebook: Notebook) -> Iterator[Problem]:
    """All parts of the file are such as the notebook format describes them.

    Colab opens such a file all the same; GitHub shows "Invalid Notebook" in its place, and Jupyter complains. The
    usual faults are metadata in the output of a print, cell ids in a file that says it is older than 4.5, and parts
    of code cells in text cells. --fix takes out what the format does not know, and adds parts that may be empty.
    """
    minor = _minor_of(notebook)
    if minor is None:
        return
    found: list[tuple[str, Cell | None]] = [(fault, None) for fault in _faults_of_notebook(notebook, minor)]
    found += [(fault, cell) for cell in notebook.cells for fault in dict.fromkeys(_faults_of_cell(cell, minor))]
    if found:
        fault, cell = found[0]
        more = f"; {len(found) - 1} more such faults" if len(found) > 2 else "; one more such fault" * (len(found) - 1)
        yield Problem(f"{fault}, so GitHub shows an invalid notebook and Jupyter complains{more}", cell)


def _faults_of_notebook(notebook: Notebook, minor: int) -> Iterator[str]:
    data = notebook.data
    unknown = sorted(set(data) - {"metadata", "nbformat", "nbformat_minor", "cells"})
    if unknown and minor <= _NEWEST_MINOR:
        yield f"the file has {unknown[0]!r:.40}, which the format does not know"
    for name, keys in (("kernelspec", ("name", "display_name")), ("language_info", ("name",))):
        if name in notebook.metadata:
            found = notebook.metadata[name]
            if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in keys):
                yield f"metadata.{name} lacks {' or '.join(keys)}"
    language = notebook.metadata.get("language_info")
    if isinstance(language, dict):
        texts = [language.get(key, "") for key in ("file_extension", "mimetype", "pygments_lexer")]
        mode = language.get("codemirror_mode", "")
        if not all(isinstance(text, str) for text in texts) or not isinstance(mode, str | dict):
            yield "metadata.language_info has a part of the wrong type"
    original = notebook.metadata.get("orig_nbformat", 1)
    if not _is_count(original) or original < 1:
        yield "metadata.orig_nbformat is not a number above 0; delete it"
    if minor >= 2 and not isinstance(notebook.metadata.get("title", ""), str):
        yield "metadata.title is not a text"
    if minor >= 2 and not isinstance(notebook.metadata.get("authors", []), list):
        yield "metadata.authors is not a list"


def _faults_of_cell(cell: Cell, minor: int) -> Iterator[str]:
    allowed = _keys_of(cell, minor)
    if allowed is None:
        return  # CS102 tells of unknown kinds
    if minor <= _NEWEST_MINOR:
        for key in sorted(set(cell.data) - allowed):
            if key == "id":
                yield f"the cell has an id, and the file says nbformat 4.{minor}, which knows none (--fix takes it out)"
            else:
                yield f"a {cell.kind} cell has no part called {key!r:.40} (--fix takes it out)"
    if "attachments" in allowed and "attachments" in cell.data and not _is_attachments(cell.data["attachments"]):
        yield "attachments is not an object of files by their types"
    yield from _faults_of_metadata(cell, minor)
    for output in _outputs_of(cell):
        yield from _faults_of_output(output, minor)


def _faults_of_metadata(cell: Cell, minor: int) -> Iterator[str]:
    metadata = cell.metadata
    tags = metadata.get("tags")
    texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    # Of tags that are no texts, CS102 tells.
    if len(set(texts)) < len(texts) or not all(re.search(r"^[^,]+$", tag) for tag in texts):
        yield "metadata.tags has a tag twice, an empty one or one with a comma"
    name = metadata.get("name", "x")
    if not isinstance(name, str) or not re.search("^.+$", name):
        yield "metadata.name is not a text"
    if minor >= 3 and not isinstance(metadata.get("jupyter", {}), dict):
        yield "metadata.jupyter is not an object"
    if cell.kind == "raw" and not isinstance(metadata.get("format", ""), str):
        yield "metadata.format is not a text"
    if cell.kind != "code":
        return
    if not isinstance(metadata.get("collapsed", True), bool):
        yield "metadata.collapsed is neither true nor false"
    if metadata.get("scrolled", "auto") not in (True, False, "auto"):
        yield "metadata.scrolled is neither true, false nor auto"
    times = metadata.get("execution", {})
    if minor >= 4 and not (isinstance(times, dict) and all(isinstance(time, str) for time in times.values())):
        yield "metadata.execution is not an object of times"


def _faults_of_output(output: Json, minor: int) -> Iterator[str]:
    kind = output.get("output_type")
    allowed = _OUTPUT_KEYS.get(kind) if isinstance(kind, str) else None
    if allowed is None:
        return  # CS102 tells of unknown kinds
    if minor <= _NEWEST_MINOR and not output.keys() <= allowed:
        unknown = min(set(output) - allowed)
        yield f"an output of the kind {kind} has no part called {unknown!r:.40} (--fix takes it out)"
    for key in sorted(allowed - output.keys()):
        advice = " (--fix adds it)" if key in _EMPTY else ""
        yield f"an output of the kind {kind} lacks {key}{advice}"
    if any(key in output and not _FITS[key](output[key]) for key in allowed - {"output_type"}):
        yield f"an output of the kind {kind} has a part of the wrong type"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _is_bundle(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_text(content) or _JSON_TYPE.search(kind) is not None for kind, content in value.items()
    )


def _is_attachments(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_bundle, value.values()))


_FITS: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str),
    "text": _is_text,
    "data": _is_bundle,
    "metadata": lambda value: isinstance(value, dict),
    "execution_count": lambda value: value is None or _is_count(value),
    "ename": lambda value: isinstance(value, str),
    "evalue": lambda value: isinstance(value, str),
    "traceback": lambda value: isinstance(value, list) and all(isinstance(line, str) for line in value),
}
"""What the parts of outputs must be."""
