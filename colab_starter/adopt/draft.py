"""A notebook that is being adopted: whose cells are whose, and what is to become of the user's lines."""

import ast
import copy
from pathlib import Path
from typing import NamedTuple

from colab_starter.adopt.phrases import MOVED, Phrases
from colab_starter.check.rule import ignores
from colab_starter.check.source import replace_lines
from colab_starter.errors import BrokenNotebookError, CannotAdoptError
from colab_starter.notebook.json_text import rewrite_json
from colab_starter.notebook.model import INJECTED_TAG, PARAMETERS_TAG, Cell, Json, Notebook, read_notebook
from colab_starter.notebook.repair import mend_notebook
from colab_starter.sweep_folder import tells_of_run

PREFIX = "adopted-"
"""What the ids of the cells that ``adopt`` has put into a notebook begin with."""
FORM = f"{PREFIX}parameters-0"
"""The id of the one among them that holds the parameters; its lines belong to the user."""
NUMBERS = f"{PREFIX}record-numbers"
"""The id of the one that says which numbers to record; it belongs to the user, too."""


class Note(NamedTuple):
    """Something that was done to a line of the user's, or was not."""

    cell: int
    """Counted from 1 over all cells; 0 where none is meant."""
    line: int
    """Counted from 1; 0 where the whole cell is meant."""
    what: str
    why: str = ""
    """Why it was not done; empty if it was."""
    to: str = ""
    """Into which of the new cells it went."""

    def __str__(self) -> str:
        place = f"cell {self.cell}" if self.cell else "the notebook"
        place += f", line {self.line}" if self.line else ""
        return f"{place}: {self.what}{f' ({self.why})' if self.why else ''}"


def lines_of(statement: ast.stmt) -> range:
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def statements_of(cell: Cell) -> list[ast.stmt]:
    """The statements at the cell's top level."""
    return cell.tree.body if isinstance(cell.tree, ast.Module) else []


def statements_on(cell: Cell, lines: range) -> list[ast.stmt]:
    """The statements of the top level that these lines hold.

    None where they hold only a part of one, and where the lines are not Python as they stand in the cell.
    """
    raw, python = cell.source.split("\n"), cell.code.python.split("\n")
    if len(raw) != len(python) or any(raw[line - 1] != python[line - 1] for line in lines):
        return []
    found = [one for one in statements_of(cell) if one.lineno <= lines[-1] and lines_of(one)[-1] >= lines[0]]
    whole = all(one.lineno >= lines[0] and lines_of(one)[-1] <= lines[-1] for one in found)
    return found if whole else []


class Draft:
    """The notebook in memory.

    ``theirs`` is the notebook without the cells that an earlier ``adopt`` has added, which are in ``ours`` by id.
    Nothing changes in ``data`` before ``apply_edits``.
    """

    def __init__(self, path: Path) -> None:
        notebook = read_notebook(path)
        mend_notebook(notebook.data)  # raises for what cannot be meant
        self.path = path
        self.text = notebook.text
        self.data = copy.deepcopy(notebook.data)
        self.original = notebook.data
        cells = Notebook(path, notebook.text, self.data).cells
        raw = [cell for container in self.containers for cell in container if isinstance(cell, dict)]
        self.raw: dict[int, Json] = {cell.number: data for cell, data in zip(cells, raw, strict=True)}
        self.cells = cells
        self.ours = {cell.id: self.raw[cell.number] for cell in cells if cell.id.startswith(PREFIX)}
        self.theirs = Notebook(path, notebook.text, self.data)
        self.theirs.cells = [cell for cell in cells if not cell.id.startswith(PREFIX)]
        self.edits: dict[int, dict[int, str]] = {}
        """Number of the cell -> line -> its new text."""
        self.untagged: list[Cell] = []
        """Cells that are to lose the tag ``parameters``."""
        self.moved: list[Note] = []
        self.followed: list[Note] = []
        """Lines whose paths on Drive follow ``drive_folder`` now."""
        self.left: list[Note] = []
        self.phrases = Phrases()
        """What is written into the user's cells, in the language of the new ones."""

    @property
    def format(self) -> tuple[int, int]:
        """The version of nbformat, such as (4, 5)."""
        minor = self.data.get("nbformat_minor")
        return int(self.data.get("nbformat") or 4), minor if isinstance(minor, int) else 0

    @property
    def containers(self) -> list[list[Json]]:
        """The lists that hold the cells: one, or one for each worksheet of format 3."""
        if isinstance(self.data.get("cells"), list):
            return [self.data["cells"]]
        sheets = self.data.get("worksheets") or []
        return [one["cells"] for one in sheets if isinstance(one, dict) and isinstance(one.get("cells"), list)]

    def is_closed(self, cell: Cell) -> bool:
        """Whether a comment in the cell, ``# colab-starter: ignore``, asks to leave it alone."""
        return ignores(cell, "")

    def line(self, cell: Cell, number: int) -> str:
        """A line of the user's as it will be."""
        return self.edits.get(cell.number, {}).get(number, cell.source.split("\n")[number - 1])

    def set_lines(self, cell: Cell, lines: dict[int, str]) -> None:
        self.edits.setdefault(cell.number, {}).update(lines)

    def move(self, cell: Cell, lines: range, where: str) -> None:
        """Turn lines into comments that say in which of the new cells, a key of MOVED, their content is now."""
        for number in lines:
            line = self.line(cell, number)
            text = self.phrases.say(MOVED[where], code=line) if number == lines.start else f"  {line}"
            self.set_lines(cell, {number: f"# {text}"})
        self.moved.append(Note(cell.number, lines.start, cell.source.split("\n")[lines.start - 1].strip(), to=where))

    def follow(self, cell: Cell, line: int) -> None:
        """Note that a path in a line follows ``drive_folder`` now."""
        self.followed.append(Note(cell.number, line, self.line(cell, line).strip()))

    def leave(self, cell: Cell, line: int, why: str) -> None:
        """Note that a line stays as it is, and why."""
        text = cell.source.split("\n")[line - 1].strip() if line else ""
        note = Note(cell.number, line, text if len(text) <= 70 else f"{text[:69]}…", why)
        if note not in self.left:
            self.left.append(note)

    def apply_edits(self) -> None:
        """Write the edits into ``data``; everything else in it stays the same object."""
        for cell in self.theirs.cells:
            raw = self.raw[cell.number]
            if lines := self.edits.get(cell.number):
                replace_lines(cell, "", lines)
                key = "source" if cell.data is raw else "input" if "input" in raw else "source"
                raw[key] = cell.data["source"]
            if cell in self.untagged:
                raw["metadata"]["tags"] = [tag for tag in cell.tags if tag != PARAMETERS_TAG]

    def write_text(self, first: list[Json], last: list[Json]) -> str:
        """The text of the file, with these cells around the user's; where nothing changes, the same bytes.

        ``last`` goes where the cell NUMBERS is, or to the end. Step by step, because ``rewrite_json`` keeps the bytes
        of list items only where it can tell which is which.
        """
        text = rewrite_json(self.text, self.data)
        start, place = self.find_start(), self._find_end()
        for container in self.containers:
            container[:] = [cell for cell in container if not self._is_ours(cell)]
        bare = rewrite_json(text, self.data)
        if self.containers:
            self.containers[-1][place:place] = last
            self.containers[0][start:start] = first
        return self.text if self.data == self.original else rewrite_json(bare, self.data)

    def _is_ours(self, cell: Json) -> bool:
        return any(cell is ours for ours in self.ours.values())

    def find_start(self) -> int:
        """Where the first cells go in the first list of the user's cells."""
        first = self.containers[0] if self.containers else []
        places = [index for index, cell in enumerate(first) if any(cell is ours for ours in self._first_of_ours())]
        return min(places) if places else self._count_introduction()

    def _find_end(self) -> int:
        """Where the last cells go in the last list of the user's cells."""
        last = self.containers[-1] if self.containers else []
        numbers = [index for index, cell in enumerate(last) if cell is self.ours.get(NUMBERS)]
        before = last[: numbers[0]] if numbers else last
        return sum(not self._is_ours(cell) for cell in before)

    def _first_of_ours(self) -> list[Json]:
        return [cell for name, cell in self.ours.items() if not name.startswith(f"{PREFIX}record-")]

    def _count_introduction(self) -> int:
        """How many cells introduce the notebook: its title, a license, badges, but no section yet."""
        count = 0
        for cell in self.theirs.cells:
            text = cell.source.strip()
            is_comment = cell.kind == "code" and all(
                line.lstrip().startswith("#") for line in text.splitlines() if line
            )
            if (cell.kind == "code" and not (is_comment and text)) or (count and text.startswith("##")):
                break
            count += 1
        return count if count < len(self.theirs.cells) else min(count, 1)


def read_draft(path: Path) -> Draft:
    """Read a notebook that can be adopted.

    Raises CannotAdoptError for one that cannot: not a notebook, of another language, a cell that is not valid Python.
    """
    try:
        draft = Draft(path)
    except FileNotFoundError:
        raise CannotAdoptError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise CannotAdoptError(f"{path} is a folder; give one of the notebooks in it") from None
    except OSError as error:
        raise CannotAdoptError(f"{path} cannot be read: {error.strerror}") from None
    except BrokenNotebookError as error:
        if path.suffix == ".py":
            raise CannotAdoptError(
                f"{path.name} is a script, not a notebook; jupytext --to notebook {path.name} makes one of it"
            ) from None
        raise CannotAdoptError(f"{path.name} {error}") from None
    if problem := _find_obstacle(draft):
        raise CannotAdoptError(f"{path.name} {problem}")
    return draft


def _find_obstacle(draft: Draft) -> str:
    """Why the notebook cannot be adopted; empty if it can."""
    theirs = draft.theirs
    kernel = theirs.metadata.get("kernelspec")
    if tells_of_run(theirs.metadata):
        return "is the record of a run; adopt the notebook that it was made from"
    if not theirs.is_python:
        language = theirs.metadata.get("language_info")
        named = [*map(kernel.get, ("display_name", "name"))] if isinstance(kernel, dict) else []
        named += [language.get("name")] if isinstance(language, dict) else []
        name = next(filter(None, named), "unknown")
        return f"is not a Python notebook (kernel {name}), and the first cells are Python"
    if draft.format < (3, 0):
        return f"is of nbformat {draft.format[0]}, of 2011; open it in Jupyter, save it, and adopt that"
    if any(cell.id in ("machine-0", "storage-0") for cell in theirs.cells):
        return "was made by colab-starter, so it has the first cells; to renew them: colab-starter update"
    for cell in draft.cells:
        if INJECTED_TAG in cell.tags:
            return (
                f"was executed by papermill, and cell {cell.number} sets the parameters of that run; "
                "adopt the notebook that it was made from, or delete that cell"
            )
        if isinstance(cell.tree, SyntaxError):
            line = cell.source.split("\n")[(cell.tree.lineno or 1) - 1 :][:1]
            shown = f" ({line[0].strip()[:60]})" if line else ""
            return (
                f"has a cell that is not valid Python: cell {cell.number}, line {cell.tree.lineno or 1}{shown}: "
                f"{cell.tree.msg}; fix it there, then adopt it"
            )
        for command in cell.commands:
            if command.kind == "%" and command.text.split(" ")[0] in ("reset", "reset_selective"):
                return (
                    f"deletes its variables in cell {cell.number}, line {command.line} (%{command.text[:40]}), "
                    "and those of the first cells with them; delete that line, then adopt it"
                )
    return ""
