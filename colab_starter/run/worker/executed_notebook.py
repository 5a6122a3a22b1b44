"""The notebook being executed: its cells, its parameters, and the metadata about its run.

The cells and the notebook carry the metadata that papermill writes, so that programs which read papermill's notebooks
can read these: ``pending``, ``running``, ``completed`` or ``failed`` for each cell, with its times. A cell that never
ran stays ``pending``.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from colab_starter.errors import BrokenNotebookError, UnwritableValueError
from colab_starter.notebook.model import INJECTED_TAG, PARAMETERS_TAG, decode, find_tagged, parse_notebook
from colab_starter.notebook.repair import make_id, mend_language_info, mend_notebook
from colab_starter.run.job import Job
from colab_starter.run.kernels.messages import make_output
from colab_starter.run.literals import to_json, to_source
from colab_starter.run.outcome import DONE, Outcome
from colab_starter.run.this_python import DEFAULT_KERNEL
from colab_starter.run.worker.cell_errors import CellError
from colab_starter.text import shorten

SKIP_TAG = "skip-execution"
RAISES_TAG = "raises-exception"

_TITLE = re.compile(r"\s*#\s*@title[ \t]+(\S.*?)[ \t]*(?:\{.*\})?[ \t]*(?:\n|$)")
"""The title of a Colab form: ``# @title Train { display-mode: "form" }``."""
_LONGEST_TITLE = 40
_WRITTEN_ID = re.compile(r"[a-z]{2,}(?:[-_][a-z0-9]+)*")
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
"""Random IDs as Jupyter and nbformat make them; Colab's mix upper and lower case."""

_PAPERMILL_VERSION = metadata.version("papermill")


class ExecutedNotebook:
    """A notebook without outputs, which the execution fills in."""

    def __init__(self, node: NotebookNode) -> None:
        self.node = node
        self.changed: set[int] = set(range(len(node.cells)))
        """Indexes of the cells whose text must be encoded again before the next save."""
        self.new_characters = 0
        """Approximately how much output has arrived since the last save, in characters."""
        self._numbers: list[int | None] = list(range(1, len(node.cells) + 1))
        self.executable: set[int] = set()
        """Indexes of the cells to execute; known from ``start`` on."""
        self._places: dict[int, int] = {}
        self._started: dict[int, datetime] = {}
        self._start = _now()

    def number_of(self, index: int) -> int | None:
        """The cell's number in the source notebook, from 1; None for the injected cell."""
        return self._numbers[index]

    def name_of(self, index: int) -> str:
        """The name of an executed cell in messages: ``cell In[20] xgboost-folds``.

        The number is the one that Jupyter and the page of the run show beside the cell. It is followed by the title of
        the cell's form (``# @title``) or by an ID written by hand, if there is one.
        """
        if self._numbers[index] is None:
            return "the cell that sets the parameters"
        return " ".join(filter(None, (f"cell In[{self._places[index]}]", name_cell(self.node.cells[index]))))

    def place_of(self, index: int) -> tuple[int, int]:
        """The number that Jupyter gives to an executed cell, from 1, and the number of executed cells."""
        return self._places[index], len(self._places)

    @property
    def kernel_name(self) -> str | None:
        """The kernelspec that the notebook names."""
        name = self.node.metadata.get("kernelspec", {}).get("name")
        return name if isinstance(name, str) and name else None

    def note_kernel(self, named: str | None, info: Mapping[str, Any]) -> None:
        """Record the kernel in the metadata; ``named`` is the user's choice, ``info`` the kernel's own information."""
        with suppress(BrokenNotebookError):
            if language := mend_language_info(info.get("language_info")):
                self.node.metadata["language_info"] = _as_node(language)
        language = self.node.metadata.get("language_info", {})
        if named and named != self.kernel_name:
            spec = {"display_name": named, "language": language.get("name", ""), "name": named}
            self.node.metadata["kernelspec"] = _as_node(spec)

    @property
    def allows_errors(self) -> bool:
        """Whether the notebook says that it continues after any error."""
        found = self.node.metadata
        inner = found.get("execution")
        return any(part.get("allow_errors") is True for part in (found, inner) if isinstance(part, dict))

    def allows_error(self, index: int) -> bool:
        """Whether the run continues if the cell raises an error."""
        return self.allows_errors or RAISES_TAG in self.node.cells[index].metadata.get("tags", ())

    def inject(self, parameters: Mapping[str, Any], kernel: str | None = None) -> None:
        """Insert a cell that sets the parameters below the one that declares them, or as the first cell.

        It replaces those that earlier runs have injected, wherever they are. Raises UnwritableValueError for a value
        that cannot be written in the notebook's language.
        """
        source = _parameters_source(parameters, self.node, kernel)
        cells = self.node.cells
        old = self._find_injected()
        declared = find_tagged(cells, PARAMETERS_TAG)
        place = declared[0] + 1 if declared else 0
        number = self._numbers[place] if place in old else None
        for index in reversed(old):
            del cells[index], self._numbers[index]
        place -= sum(index < place for index in old)
        id_ = make_id(INJECTED_TAG, {cell.id for cell in cells})
        cell = {"cell_type": "code", "id": id_, "metadata": {"tags": [INJECTED_TAG]}, "source": source}
        # nbformat's new_code_cell would validate it, which takes 2 ms.
        cells.insert(place, _as_node({**cell, "outputs": [], "execution_count": None}))
        self._numbers.insert(place, number)
        self.changed = set(range(len(cells)))

    def move_injected(self) -> None:
        """Move papermill's injected cell below the one that declares the parameters, and remove older ones.

        papermill mistakes a tagged text cell for the parameters cell, and fills an old injected cell wherever it is.
        """
        injected, declared = self._find_injected(), find_tagged(self.node.cells, PARAMETERS_TAG)
        if not injected or not declared or not self.node.metadata.get("papermill", {}).get("parameters"):
            return
        cells = [cell for index, cell in enumerate(self.node.cells) if index not in injected]
        place = find_tagged(cells, PARAMETERS_TAG)[0] + 1
        cells.insert(place, self.node.cells[injected[0]])
        self.node.cells = cells
        self._numbers = list(range(1, len(cells) + 1))
        self.changed = set(range(len(cells)))

    def _find_injected(self) -> list[int]:
        """Indexes of the cells that earlier runs, or papermill, have injected."""
        declared = find_tagged(self.node.cells, PARAMETERS_TAG)
        return [index for index in find_tagged(self.node.cells, INJECTED_TAG) if index not in declared]

    def note_source(self, input_path: str, output_path: str, parameters: Mapping[str, Any]) -> None:
        """Record the source, the output and the parameters of the notebook in its metadata."""
        self.node.metadata["papermill"] = _as_node(
            {
                "default_parameters": {},
                "environment_variables": {},
                "input_path": input_path,
                "output_path": output_path,
                "parameters": {name: to_json(value) for name, value in parameters.items()},
                "version": _PAPERMILL_VERSION,
            }
        )

    def start(self) -> None:
        """Reset the notebook: no outputs, all cells pending."""
        self._start = _now()
        self.node.metadata.pop("widgets", None)
        if (spec := self.node.metadata.get("kernelspec")) is not None and not self.kernel_name:
            spec.update(name=DEFAULT_KERNEL, display_name=spec.get("display_name", DEFAULT_KERNEL))
        papermill = self.node.metadata.setdefault("papermill", NotebookNode())
        papermill.update(duration=None, end_time=None, exception=None, start_time=self._start.isoformat())
        for index, cell in enumerate(self.node.cells):
            self._reset_cell(index)
            if _is_executable(cell):
                self.executable.add(index)
                self._places[index] = len(self._places) + 1

    def _reset_cell(self, index: int) -> None:
        cell = self.node.cells[index]
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
        cell.metadata["papermill"] = _as_node(
            {"duration": None, "end_time": None, "exception": None, "start_time": None, "status": "pending"}
        )
        self.changed.add(index)

    def start_cell(self, index: int) -> None:
        self._started[index] = _now()
        self._note_cell(index, status="running", exception=False, start_time=self._started[index].isoformat())

    def end_cell(self, index: int, *, failed: bool) -> None:
        """Record that the cell has ended, on its own or with its kernel."""
        now = _now()
        duration = (now - self._started[index]).total_seconds()
        status = "failed" if failed else "completed"
        self._note_cell(index, status=status, exception=failed, end_time=now.isoformat(), duration=duration)

    def note_failure(self, index: int) -> None:
        """Record that an ended cell has failed after all: something that it started has shown an error."""
        self._note_cell(index, status="failed", exception=True)

    def show_error(self, index: int, error: CellError) -> None:
        """Give a failed cell the output that says why, unless it shows an error itself."""
        outputs = self.node.cells[index].outputs
        if any(output.output_type == "error" for output in outputs):
            return
        lines = [*error.traceback] or [": ".join(filter(None, (error.name, error.text)))]
        outputs.append(make_output("error", {"ename": error.name, "evalue": error.text, "traceback": lines}))
        self.changed.add(index)

    def show_pruning(self, index: int, cause: str) -> None:
        """Note at the end of a cell that the run was pruned there; this is no error output, for nothing has failed."""
        note = {"text/plain": f"colab-starter ended this run here: {cause}"}
        self.node.cells[index].outputs.append(make_output("display_data", {"data": note, "metadata": {}}))
        self.changed.add(index)

    def pass_cell(self, index: int) -> None:
        """Record that the run has passed a cell with nothing to execute."""
        if not _is_code_to_run(self.node.cells[index]):
            self.start_cell(index)
            self.end_cell(index, failed=False)

    def _note_cell(self, index: int, **facts: Any) -> None:
        self.node.cells[index].metadata["papermill"].update(facts)
        self.changed.add(index)

    def end(self, outcome: Outcome) -> None:
        """Record how the run ended, for programs that read papermill's metadata."""
        now = _now()
        self.node.metadata["papermill"].update(
            end_time=now.isoformat(),
            duration=(now - self._start).total_seconds(),
            exception=None if outcome.status in DONE else True,
        )

    def describe_attempt(self, job: Job, outcome: Outcome) -> None:
        """Record everything that the runner needs to know about an attempt; ``recovery`` reads it back."""
        self.describe(run=job.run, attempt=job.attempt, source=Path(job.notebook).name, **outcome.to_record())

    def describe(self, **facts: Any) -> None:
        """Set ``metadata.colab_starter``, on which the runner relies."""
        self.node.metadata["colab_starter"] = _as_node(facts)


def read_source(path: Path) -> NotebookNode:
    """The notebook in a file, as nbformat 4.5; minor omissions of its writer are tolerated.

    Raises BrokenNotebookError, whose message continues the file's name, and OSError.
    """
    return make_node(mend_notebook(parse_notebook(decode(path.read_bytes()))))


def make_node(data: dict[str, Any]) -> NotebookNode:
    """A notebook of nbformat 4.5 in nbformat's in-memory form."""
    node: NotebookNode = nbformat.v4.to_notebook(data)
    return node


def name_cell(cell: NotebookNode) -> str:
    """The title of a cell's form, in quotes, or the cell's ID; empty if a program made the ID."""
    if title := _TITLE.match(cell.source):
        return f'"{shorten(title[1], _LONGEST_TITLE)}"'
    id_ = str(cell.get("id", ""))
    return id_ if _WRITTEN_ID.fullmatch(id_) and not _RANDOM_ID.fullmatch(id_) else ""


def _is_code_to_run(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _is_executable(cell: NotebookNode) -> bool:
    return _is_code_to_run(cell) and SKIP_TAG not in cell.metadata.get("tags", ())


def _parameters_source(parameters: Mapping[str, Any], node: NotebookNode, kernel: str | None) -> str:
    """The source of the injected cell; for languages other than Python, papermill writes it."""
    spec = node.metadata.get("kernelspec", {})
    language = node.metadata.get("language_info", {}).get("name") or spec.get("language") or "python"
    if str(language).lower().startswith(("python", "ipython")):
        return "".join(["# Parameters\n", *(f"{name} = {to_source(value)}\n" for name, value in parameters.items())])
    return _translate(parameters, kernel or spec.get("name", ""), str(language))


def _translate(parameters: Mapping[str, Any], kernel: str, language: str) -> str:
    from papermill.exceptions import PapermillException
    from papermill.translators import translate_parameters

    plain = {name: to_json(value) for name, value in parameters.items()}
    for name, value in plain.items():
        if plain[name] != parameters[name]:
            raise UnwritableValueError(f"{name} = {value!r} has no form in {language}; give a number, a text or a list")
    try:
        return str(translate_parameters(kernel, language, dict(parameters), "Parameters"))
    except (PapermillException, NotImplementedError):
        raise UnwritableValueError(
            f"parameters cannot be written in {language}; give numbers and texts, or run it without -p"
        ) from None


def _as_node(value: dict[str, Any]) -> NotebookNode:
    node: NotebookNode = nbformat.from_dict(value)
    return node


def _now() -> datetime:
    return datetime.now(UTC)
