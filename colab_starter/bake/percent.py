"""Converting percent scripts (``# %%``) to .ipynb, in two steps around a template engine.

1. ``mark_cells`` checks a script's markers and replaces each by a record of the cell's type,
   id, metadata and origin. It runs when a template is loaded, so an error names the file and the line, and nothing
   substituted later can be mistaken for a marker.
2. ``to_ipynb`` turns the rendered script into the text of a notebook.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from colab_starter.bake.errors import TemplateFaultError
from colab_starter.bake.languages import Catalog, translate_cells

ACCELERATORS: dict[str, dict[str, str]] = {
    "T4": {"accelerator": "GPU", "gpuType": "T4"},
    "L4": {"accelerator": "GPU", "gpuType": "L4"},
    "A100": {"accelerator": "GPU", "gpuType": "A100"},
    "TPU v5e": {"accelerator": "TPU", "gpuType": "V5E1"},
    "none": {},
}
"""What Colab reads from a notebook's metadata to choose the machine."""

KAGGLE_ACCELERATORS = {
    "T4": "nvidiaTeslaT4",
    "L4": "nvidiaTeslaT4",
    "A100": "nvidiaTeslaT4",
    "TPU v5e": "tpuV5e8",
    "none": "none",
}
"""Kaggle's words for it. Its L4 and A100 are for some competitions only; what everybody may have is a pair of T4."""

_RECORD = "\x1e"
"""Starts a line that describes the cell below it; text files do not contain this character."""

_MARKER = re.compile(r"# %%(?:[ \t]+(?P<options>.*))?")
_MARKDOWN = "[markdown]"
_OPTION = re.compile(r"([A-Za-z]+)=")
_OPTIONS = {"id": str, "tags": list, "cellView": str}
_STATEMENT = re.compile(r"[ \t]*#::[ \t]*(?P<keyword>\w+)[ \t]*(?P<rest>.*)")
# What jupytext takes for a commented magic; its ``_PYTHON_HELP_OR_BASH_CMD`` defines what may follow a "!".
_MAGIC = re.compile(r"^([ \t]*)# ?(?=%{1,3}[A-Za-z]|!\s*[A-Za-z.~$\\/{}])", re.MULTILINE)


def mark_cells(source: str, name: str) -> str:
    """Replace each cell marker of a percent script by a record line, and check the script.

    ``name`` is the file under ``templates/``; cell IDs begin with its stem: the third cell of ``cells/machine.py`` is
    ``machine-2``, or ``machine-gpu`` if it says ``id="gpu"``. The number of lines is unchanged, so Jinja's own errors
    name the right one.

    Raises TemplateFaultError for text before a marker, an option that is not one of ``id``,
    ``tags`` and ``cellView``, and an ID used twice.
    """
    extends = re.search(r"^#::[ \t]*extends\b", source, re.MULTILINE) is not None
    place = "outside" if extends else "before marker"
    ids: set[str] = set()
    lines = source.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        origin = f"templates/{name}, line {number + 1}"
        statement = _STATEMENT.fullmatch(line)
        if statement:
            place = _place_after(statement, place, extends)
        elif marker := _MARKER.fullmatch(line):
            lines[number] = _RECORD + _cell_record(marker["options"] or "", name, origin, ids)
            place = "in cell"
        elif line.strip() and place == "outside":
            raise TemplateFaultError(f"{origin}: text outside a block is lost: {line.strip()!r}")
        elif line.strip() and place == "before marker":
            raise TemplateFaultError(f"{origin}: text before the first '# %%' marker: {line.strip()!r}")
    return "\n".join(lines)


def _place_after(statement: re.Match[str], place: str, extends: bool) -> str:
    """The kind of place that follows a statement; only a script that extends another has an outside."""
    keyword = statement["keyword"]
    if keyword == "include" and '"cells/' in statement["rest"]:
        return "before marker"
    if not extends:
        return place
    if keyword == "block":
        return "before marker"
    if keyword == "set" and "=" not in statement["rest"]:
        return "in a variable"
    return "outside" if keyword in ("endblock", "endset") else place


def _cell_record(options: str, name: str, origin: str, ids: set[str]) -> str:
    kind = "code"
    if options.startswith(_MARKDOWN):
        kind, options = "markdown", options.removeprefix(_MARKDOWN).lstrip()
    metadata = dict(_read_options(options, origin))
    stem = name.rpartition("/")[2].removesuffix(".py")
    cell_id = f"{stem}-{metadata.pop('id', len(ids))}"
    if cell_id in ids:
        raise TemplateFaultError(f"{origin}: a second cell with the id {cell_id!r}")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell_id):
        raise TemplateFaultError(f"{origin}: {cell_id!r} is not a cell id: use letters, digits, '-' and '_'")
    ids.add(cell_id)
    return json.dumps({"cell_type": kind, "id": cell_id, "metadata": metadata, "origin": origin})


def _read_options(text: str, origin: str) -> Iterator[tuple[str, Any]]:
    """The ``key=value`` pairs of a marker; a value is JSON."""
    while text:
        key = _OPTION.match(text)
        if not key or key[1] not in _OPTIONS:
            raise TemplateFaultError(f"{origin}: unknown option {text!r}; known are {', '.join(_OPTIONS)}")
        try:
            value, end = json.JSONDecoder().raw_decode(text, key.end())
        except ValueError:
            raise TemplateFaultError(f"{origin}: the value of {key[1]} is not JSON: {text!r}") from None
        if not isinstance(value, _OPTIONS[key[1]]):
            raise TemplateFaultError(f"{origin}: {key[1]} must be a {_OPTIONS[key[1]].__name__}: {text!r}")
        yield key[1], value
        text = text[end:].lstrip()


def to_ipynb(text: str, accelerator: str, catalog: Catalog | None = None) -> str:
    """The notebook made from a script marked by ``mark_cells``, as nbformat.write would write it.

    ``accelerator`` is a key of ACCELERATORS. ``catalog`` translates the notebook; None leaves it in English.
    """
    before, *cells = text.removeprefix("\n").split(_RECORD)
    if before.strip() or not cells:
        raise TemplateFaultError(f"templates/notebook.py: text before the first cell: {before.strip()[:60]!r}")
    notebook = {
        "cells": _build_cells(cells, catalog),
        "metadata": _notebook_metadata(accelerator),
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _build_cells(texts: list[str], catalog: Catalog | None) -> list[dict[str, Any]]:
    cells = list(_read_cells(texts))
    if catalog:
        translate_cells(cells, catalog)
    for cell in cells:
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": [], "source": _uncomment_magics(cell["source"])}
        cell["source"] = cell["source"].splitlines(keepends=True)
    return cells


def _read_cells(texts: list[str]) -> Iterator[dict[str, Any]]:
    """The cells with their sources as text; magics are still comments."""
    origins: dict[str, str] = {}
    for text in texts:
        head, _, body = text.partition("\n")
        cell = json.loads(head)
        origin = cell.pop("origin")
        if cell["id"] in origins:
            raise TemplateFaultError(f"{origin}: the id {cell['id']!r} is taken by {origins[cell['id']]}")
        origins[cell["id"]] = origin
        body = body.rstrip()
        is_code = cell["cell_type"] == "code"
        cell["source"] = body if is_code else re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        yield cell


def _uncomment_magics(code: str) -> str:
    return _MAGIC.sub(r"\1", code)


def _notebook_metadata(accelerator: str) -> dict[str, Any]:
    if accelerator not in ACCELERATORS:
        raise TemplateFaultError(f"accelerator {accelerator!r} is not one of {', '.join(ACCELERATORS)}")
    machine = dict(ACCELERATORS[accelerator])
    colab = {"provenance": [], "toc_visible": True}
    if gpu_type := machine.pop("gpuType", None):
        colab["gpuType"] = gpu_type
    return {
        **machine,
        "colab": colab,
        "kaggle": _kaggle_settings(accelerator),
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    }


def _kaggle_settings(accelerator: str) -> dict[str, Any]:
    """What Kaggle's editor keeps in a notebook's metadata: the settings that a session begins with."""
    chosen = KAGGLE_ACCELERATORS[accelerator]
    return {
        "accelerator": chosen,
        "isGpuEnabled": chosen.startswith("nvidia"),
        "isInternetEnabled": True,
        "language": "python",
        "sourceType": "notebook",
    }
