"""Percent scripts to .ipynb, as a Jinja extension.

Plain cookiecutter loads this file from the template's own folder, so it uses only the
standard library, Jinja and cookiecutter itself. How a template becomes a notebook:

1. When Jinja loads a file of ``templates/cells`` or ``templates/lessons``, ``mark_cells``
   checks every ``# %%`` marker and replaces it by a record of the cell's type, id, metadata
   and origin. Nothing that is filled in later can be mistaken for a marker.
2. The skeleton ``templates/notebook.py`` pipes the rendered text through ``to_ipynb``.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import cookiecutter
from jinja2 import Environment, StrictUndefined, pass_context, pass_environment
from jinja2.ext import Extension
from jinja2.runtime import Context

from colab_starter.answers import check_answer, split_packages
from colab_starter.errors import TemplateFaultError
from colab_starter.lessons import colab_badge, lessons_table, select_lessons

OLDEST_COOKIECUTTER = (2, 7)
"""Older ones take ``use_drive=no`` on the command line for true."""

if tuple(map(int, cookiecutter.__version__.split(".")[:2])) < OLDEST_COOKIECUTTER:
    raise ImportError(
        f"colab-starter needs cookiecutter >= 2.7, this is {cookiecutter.__version__}: "
        "pip install --upgrade cookiecutter, or use uvx cookiecutter"
    )

ACCELERATORS: dict[str, dict[str, str]] = {
    "T4": {"accelerator": "GPU", "gpuType": "T4"},
    "L4": {"accelerator": "GPU", "gpuType": "L4"},
    "A100": {"accelerator": "GPU", "gpuType": "A100"},
    "TPU v5e": {"accelerator": "TPU", "gpuType": "V5E1"},
    "none": {},
}
"""What Colab reads from a notebook's metadata to choose the machine."""

_RECORD = "\x1e"
"""Starts a line that describes the cell below it; no text file holds this character."""

_MARKER = re.compile(r"# %%(?:[ \t]+(?P<options>.*))?")
_MARKDOWN = "[markdown]"
_OPTION = re.compile(r"([A-Za-z]+)=")
_OPTIONS = {"id": str, "tags": list, "cellView": str}
_STATEMENT = re.compile(r"[ \t]*#::[ \t]*(?P<keyword>\w+)[ \t]*(?P<rest>.*)")
# What jupytext takes for a commented magic; its ``_PYTHON_HELP_OR_BASH_CMD`` says what may follow a "!".
_MAGIC = re.compile(r"^([ \t]*)# ?(?=%{1,3}[A-Za-z]|!\s*[A-Za-z.~$\\/{}])", re.MULTILINE)
_MARKDOWN_SYMBOL = re.compile(r"([\\`*_<>\[\]#])")


class NotebookExtension(Extension):
    """Adds the filters and functions that the templates use, and checks the templates as they load."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.undefined = LocatedUndefined
        environment.filters.update(
            check_answer=check_answer_silently,
            markdown_text=markdown_text,
            python_dict=python_dict,
            python_literal=python_literal,
            split_packages=split_packages,
            to_ipynb=to_ipynb,
        )
        environment.globals.update(
            chosen=chosen,
            colab_badge=colab_badge,
            lessons_table=lessons_table,
            read_table=read_table,
            select_lessons=select_lessons,
        )

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Mark the cells of the files that notebooks are made of; leave others as they are."""
        if name and name.startswith(("cells/", "lessons/")):
            return mark_cells(source, name)
        return source


class LocatedUndefined(StrictUndefined):
    """An undefined name whose error tells the template's file and line."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return f"{super()._undefined_message}{_template_position()}"


def _template_position() -> str:
    frame = sys._getframe()
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            return f" (templates/{template.name}, line {template.get_corresponding_lineno(frame.f_lineno)})"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


@pass_context
def chosen(context: Context, file: str, lesson: str | None = None) -> str:
    """The name of a file that belongs to one lesson (by default, to the one of its own name).

    Empty, which makes cookiecutter leave the file out, where the preset is neither that lesson nor "all".
    """
    preset = context["cookiecutter"]["preset"]
    return file if preset in ("all", lesson or file.partition(".")[0]) else ""


@pass_environment
def read_table(environment: Environment, name: str) -> Any:
    """The content of a JSON file below ``templates/``."""
    assert environment.loader is not None
    return json.loads(environment.loader.get_source(environment, name)[0])


def check_answer_silently(answer: str, question: str) -> str:
    """check_answer for cookiecutter.json: nothing to render, an error where the answer is bad."""
    check_answer(answer, question)
    return ""


def markdown_text(text: str) -> str:
    """The text on one line, with the characters that Markdown would take for its own escaped."""
    return _MARKDOWN_SYMBOL.sub(r"\\\1", " ".join(text.split()))


def python_literal(value: Any) -> str:
    """A string, number, list or dict as Python source, in double quotes, not ASCII-escaped."""
    return json.dumps(value, ensure_ascii=False)


def python_dict(value: dict[str, str]) -> str:
    """A dict as Python source, in lines of at most 96 characters."""
    entries = ", ".join(f"{python_literal(key)}: {python_literal(item)}" for key, item in value.items())
    if len(entries) < 80:
        return f"{{{entries}}}"
    return "{\n" + textwrap.fill(entries, 96, initial_indent="    ", subsequent_indent="    ") + ",\n}"


def mark_cells(source: str, name: str) -> str:
    """Replace each cell marker of a percent script by a record line, and check the script.

    ``name`` is the file below ``templates/``; cell ids begin with its stem: the third cell
    of ``cells/runtime.py`` is ``runtime-2``, or ``runtime-gpu`` where it says ``id="gpu"``.
    The number of lines stays, so Jinja's own errors name the right one.

    Raises TemplateFaultError for text before a marker, an option that is not one of ``id``,
    ``tags`` and ``cellView``, and an id used twice.
    """
    extends = re.search(r"^#::[ \t]*extends\b", source, re.MULTILINE) is not None
    place = "outside" if extends else "before marker"
    ids: set[str] = set()
    lines = source.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        origin = f"templates/{name}, line {number + 1}"
        statement = _STATEMENT.fullmatch(line)
        if statement:
            place = _place_after(statement, place) if extends else place
        elif marker := _MARKER.fullmatch(line):
            lines[number] = _RECORD + _cell_record(marker["options"] or "", name, origin, ids)
            place = "in cell"
        elif line.strip() and place == "outside":
            raise TemplateFaultError(f"{origin}: text outside a block is lost: {line.strip()!r}")
        elif line.strip() and place == "before marker":
            raise TemplateFaultError(f"{origin}: text before the first '# %%' marker: {line.strip()!r}")
    return "\n".join(lines)


def _place_after(statement: re.Match[str], place: str) -> str:
    """Where the lines after a statement of a lesson stand."""
    keyword = statement["keyword"]
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
        raise TemplateFaultError(f"{origin}: {cell_id!r} is no cell id: use letters, digits, '-' and '_'")
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


def to_ipynb(text: str, accelerator: str) -> str:
    """The notebook, as nbformat.write would write it, of a script marked by ``mark_cells``.

    ``accelerator`` is a key of ACCELERATORS.
    """
    before, *cells = text.removeprefix("\n").split(_RECORD)
    if before.strip() or not cells:
        raise TemplateFaultError(f"templates/notebook.py: text before the first cell: {before.strip()[:60]!r}")
    notebook = {
        "cells": _build_cells(cells),
        "metadata": _notebook_metadata(accelerator),
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _build_cells(texts: list[str]) -> list[dict[str, Any]]:
    origins: dict[str, str] = {}
    cells = []
    for text in texts:
        head, _, body = text.partition("\n")
        cell = json.loads(head)
        origin = cell.pop("origin")
        if cell["id"] in origins:
            raise TemplateFaultError(f"{origin}: the id {cell['id']!r} is taken by {origins[cell['id']]}")
        origins[cell["id"]] = origin
        body = body.rstrip()
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": [], "source": _uncomment_magics(body)}
        else:
            cell["source"] = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        cell["source"] = cell["source"].splitlines(keepends=True)
        cells.append(cell)
    return cells


def _uncomment_magics(code: str) -> str:
    return _MAGIC.sub(r"\1", code)


def _notebook_metadata(accelerator: str) -> dict[str, Any]:
    if accelerator not in ACCELERATORS:
        raise TemplateFaultError(f"accelerator {accelerator!r} is none of {', '.join(ACCELERATORS)}")
    machine = dict(ACCELERATORS[accelerator])
    colab = {"provenance": [], "toc_visible": True}
    if gpu_type := machine.pop("gpuType", None):
        colab["gpuType"] = gpu_type
    return {
        **machine,
        "colab": colab,
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    }
