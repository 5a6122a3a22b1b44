"""What a notebook says: its cells, their Python and commands, its parameters, imports and installs.

Reads notebooks of any origin: without ids, of nbformat 3, with source as a list or a string.
What is missing counts as empty; ``colab_starter.check`` is what complains about it.
"""

import ast
import json
import os
import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from colab_starter.errors import BrokenNotebookError
from colab_starter.notebook.installs import Install, Requirement, read_installs, read_needed, read_python_installs
from colab_starter.notebook.magics import CellCode, Command, split_magics
from colab_starter.notebook.python import Call, Import, PythonFacts, Text, read_facts
from colab_starter.notebook.syntax import parse_python

Json = dict[str, Any]

PARAMETERS_TAG = "parameters"
"""The tag by which papermill finds the cell whose values it overwrites."""
INJECTED_TAG = "injected-parameters"
"""The tag of the cell that sets a run's values."""

_NO_FACTS = PythonFacts([], [], [], [], set(), [], [])
_FOREIGN_KERNEL = re.compile(
    r"(?:ir|r|julia|sage|sagemath|bash|zsh|powershell|pwsh|scala|almond|spylon|apache_toree_scala|xcpp\d*|xc\d*|cling|"
    r"javascript|jslab|typescript|tslab|deno|nodejs|octave|xoctave|matlab|ruby|iruby|perl|iperl|php|go|gonb|gophernotes|"
    r"rust|evcxr|swift|kotlin|java|ijava|rapaio|haskell|ihaskell|ocaml|clojure|elixir|erlang|lua|xlua|ilua|racket|"
    r"scheme|prolog|sql|xsql|xsqlite|maxima|gap|coq|lean|sas|stata|wolframlanguage\d*|fortran|lfortran|csharp|fsharp|"
    r"raku|nim|zig|tcl|gnuplot|sos|\.?net)(?![a-z_])"
)
"""Names of kernels of other languages, which often stand without the language."""


class Cell:
    """One cell. ``python`` notebooks have code cells with facts; other cells have none."""

    def __init__(self, number: int, data: Json, is_python: bool) -> None:
        self.number = number
        """Counted from 1, text cells too."""
        self.data = data
        self.kind = str(data.get("cell_type", ""))
        self.metadata: Json = _dict(data.get("metadata"))
        self.source = join_source(data.get("source"))
        self.is_python = is_python and self.kind == "code"

    @property
    def id(self) -> str:
        """The cell's id, or the one that Colab keeps in the metadata; empty where there is none."""
        found = self.data.get("id") or self.metadata.get("id") or ""
        return found if isinstance(found, str) else ""

    @property
    def tags(self) -> list[str]:
        return read_tags(self.data)

    @cached_property
    def code(self) -> CellCode:
        """The cell's Python and its commands; nothing for text and for other languages."""
        return split_magics(self.source) if self.is_python else CellCode("", [])

    @property
    def commands(self) -> list[Command]:
        return self.code.commands

    @cached_property
    def tree(self) -> ast.Module | SyntaxError:
        """The cell's Python, or why it is none; of any version that Colab has or may get soon."""
        return parse_python(self.code.python)

    @cached_property
    def facts(self) -> PythonFacts:
        """What the Python says; nothing where it cannot be parsed."""
        return read_facts(self.tree) if isinstance(self.tree, ast.Module) else _NO_FACTS

    @cached_property
    def installs(self) -> list[Install]:
        shell = [command for command in self.commands if command.kind in "!%"]
        found = [install for command in shell for install in read_installs(command.text, command.line, command.nested)]
        return sorted([*found, *read_python_installs(self.facts)], key=lambda install: install.line)


class Notebook:
    """A notebook in memory; what is worked out from it is worked out once."""

    def __init__(self, path: Path, text: str, data: Json) -> None:
        self.path = path
        self.text = text
        """The file, decoded."""
        self.data = data
        self.metadata: Json = _dict(data.get("metadata"))
        self.looks: set[str] = set()
        """What was looked at besides the file, by the names in ``check.surroundings``: findings depend on it too."""

    @cached_property
    def cells(self) -> list[Cell]:
        cells = [cell for cell in find_cells(self.data) if isinstance(cell, dict)]
        return [Cell(number, cell, self.is_python) for number, cell in enumerate(cells, 1)]

    @cached_property
    def is_python(self) -> bool:
        """False only where the notebook says that it is of another language."""
        kernel = _dict(self.metadata.get("kernelspec"))
        if _FOREIGN_KERNEL.match(str(kernel.get("name", "")).lower()):
            return False
        named = (kernel.get("language"), _dict(self.metadata.get("language_info")).get("name"))
        jupytext = _dict(self.metadata.get("jupytext")).get("main_language")
        language = next(filter(None, (*named, jupytext)), "python")
        return str(language).lower().removeprefix("i").startswith("python")

    @cached_property
    def beside(self) -> frozenset[str]:
        """The names of the files and folders in the notebook's folder, its own among them; empty if unreadable.

        Whether this was asked for decides if a cached finding depends on the folder, so rules do not look themselves.
        """
        self.looks.add("beside")
        return list_names(self.path.parent)

    @property
    def accelerator(self) -> str:
        """``GPU``, ``TPU`` or empty, as Colab reads it."""
        found = self.metadata.get("accelerator")
        return found if isinstance(found, str) and found.lower() != "none" else ""

    @property
    def parameters_cells(self) -> list[Cell]:
        """The code cells tagged parameters; values are set below the first."""
        return [self.cells[index] for index in find_tagged([cell.data for cell in self.cells], PARAMETERS_TAG)]

    @cached_property
    def imports(self) -> list[tuple[Cell, Import]]:
        return [(cell, found) for cell in self.cells for found in cell.facts.imports]

    @cached_property
    def calls(self) -> list[tuple[Cell, Call]]:
        """Every call, with the name that it has where it comes from: ``google.colab.drive.mount``."""
        calls = [(cell, found, self.full_name(found.name)) for cell in self.cells for found in cell.facts.calls]
        return [(cell, found if found.name == name else found._replace(name=name)) for cell, found, name in calls]

    @cached_property
    def commands(self) -> list[tuple[Cell, Command]]:
        return [(cell, found) for cell in self.cells for found in cell.commands]

    @cached_property
    def texts(self) -> list[tuple[Cell, Text]]:
        return [(cell, found) for cell in self.cells for found in cell.facts.texts]

    @cached_property
    def installs(self) -> list[tuple[Cell, Install]]:
        return [(cell, found) for cell in self.cells for found in cell.installs]

    @cached_property
    def needed(self) -> list[tuple[Cell, list[Requirement]]]:
        """The packages in the install cells that colab-starter writes."""
        tables = [(cell, read_needed(cell.tree)) for cell in self.cells if isinstance(cell.tree, ast.Module)]
        return [(cell, list(table)) for cell, table in tables if table is not None]

    @cached_property
    def _origins(self) -> dict[str, str]:
        origins = {}
        for _, found in self.imports:
            if found.name:
                origins[found.alias] = f"{found.module}.{found.name}"
            elif found.alias != found.module.partition(".")[0]:
                origins[found.alias] = found.module
        return origins

    def full_name(self, name: str) -> str:
        """The name with what its first part was imported from: ``tf.test`` is ``tensorflow.test``."""
        first, dot, rest = name.partition(".")
        return f"{self._origins.get(first, first)}{dot}{rest}"


def list_names(folder: Path) -> frozenset[str]:
    """The names in a folder, which is read again only after a change; none where it cannot be read."""
    try:
        return _list_names(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return frozenset()


@lru_cache(maxsize=64)
def _list_names(folder: Path, changed: int) -> frozenset[str]:
    return frozenset(os.listdir(folder))


def read_notebook(path: Path) -> Notebook:
    """The notebook in a file.

    Raises BrokenNotebookError, with the reason, for a file that is no JSON object in UTF-8, and OSError.
    """
    text = decode(path.read_bytes())
    return Notebook(path, text, parse_notebook(text))


def decode(content: bytes) -> str:
    """The text of a notebook's file; a byte-order mark is skipped."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BrokenNotebookError("is UTF-16, and Colab reads UTF-8 only; save it again as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenNotebookError(f"is not UTF-8 (byte {error.start:,}); save it again as UTF-8") from None


def parse_notebook(text: str) -> Json:
    """The JSON object of a notebook's text; raises BrokenNotebookError with the reason."""
    if not text.strip():
        raise BrokenNotebookError("is empty; restore it, or make a new notebook")
    try:
        data = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = "it holds the marks of a git merge; " if re.search(r"^<{7} ", text, re.MULTILINE) else ""
        raise BrokenNotebookError(
            f"is not valid JSON ({where}: {error.msg}); {hint}restore it, or fix it there"
        ) from None
    except ValueError as error:
        raise BrokenNotebookError(f"is not valid JSON: {error}") from None
    except RecursionError:
        raise BrokenNotebookError("is nested too deeply to be read; restore it from a copy") from None
    if not isinstance(data, dict):
        raise BrokenNotebookError("holds JSON, but not that of a notebook: it must be an object with cells")
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value, and browsers refuse the file; write null or a string instead")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def find_cells(data: Json) -> list[Any]:
    """The list of cells; those of an nbformat 3 notebook as nbformat 4 writes them."""
    cells = data.get("cells")
    if isinstance(cells, list):
        return cells
    worksheets = data.get("worksheets")
    sheets = [sheet for sheet in worksheets if isinstance(sheet, dict)] if isinstance(worksheets, list) else []
    old = [cell for sheet in sheets if isinstance(sheet.get("cells"), list) for cell in sheet["cells"]]
    return [upgrade_cell(cell) for cell in old if isinstance(cell, dict)]


def upgrade_cell(cell: Json) -> Json:
    """A cell of nbformat 3 or older as nbformat 4 writes it."""
    kind = cell.get("cell_type")
    if kind == "code":
        return {**cell, "source": cell.get("input", cell.get("code", cell.get("source")))}
    if kind == "heading":
        return make_heading(cell)
    return {**cell, "cell_type": "raw" if kind == "raw" else "markdown"}


def make_heading(cell: Json) -> Json:
    """A cell of the type heading, which nbformat 4 has no more, as a text cell."""
    level, source = cell.get("level"), cell.get("source")
    mark = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
    lines = source if isinstance(source, list) else [source]
    return {**cell, "cell_type": "markdown", "source": [f"{mark} ", *lines]}


def find_tagged(cells: Iterable[Json], tag: str) -> list[int]:
    """The indexes of the code cells with a tag, such as ``parameters``; a text cell with the same tag is only text."""
    return [index for index, cell in enumerate(cells) if cell.get("cell_type") == "code" and tag in read_tags(cell)]


def read_tags(cell: Json) -> list[str]:
    """The tags of a cell, as far as they are texts."""
    tags = _dict(cell.get("metadata")).get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def join_source(source: Any) -> str:
    """A cell's source as one text, with ``\\n`` at the ends of lines."""
    if isinstance(source, list):
        try:
            source = "".join(source)
        except TypeError:  # a line that is none
            source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return ""
    return source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
