"""CS1: is the file a notebook, clean enough to be kept in git, and is its Python Python?"""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from colab_starter.check.rule import ERROR, NOTE, WARNING, Problem, ignores, rule
from colab_starter.notebook.model import Cell, Json, Notebook
from colab_starter.sweep_folder import tells_of_run

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OUTPUTS = ("stream", "display_data", "execute_result", "error")


@rule(
    "CS101",
    "readable-file",
    ERROR,
    evidence="19 of 6,940 published notebooks are empty, cut off or no JSON; Colab, nbformat and papermill refuse "
    "each of them.",
)
def find_unreadable_file(notebook: Notebook) -> Iterator[Problem]:
    """The file is JSON in UTF-8.

    Colab and every other program refuse a notebook that is empty, cut off, saved in another encoding, contains the
    markers of a git merge, or has NaN, which is not a JSON number. Restore it from git or from Colab's revision
    history, or fix the place that the message names.
    """
    # What cannot be read never becomes a Notebook; ``findings.check_file`` reports it under this rule.
    return iter(())


def add_missing_parts(notebook: Notebook) -> None:
    """Give cells the empty parts that the format demands."""
    if not isinstance(notebook.data.get("metadata"), dict):
        notebook.data["metadata"] = {}
    if notebook.data.get("nbformat") == 4:
        notebook.data.setdefault("nbformat_minor", 0)
    for cell in notebook.cells:
        cell.data.setdefault("metadata", {})
        cell.data.setdefault("source", [])
        if cell.kind == "code":
            cell.data.setdefault("execution_count", None)
            cell.data.setdefault("outputs", [])


@rule(
    "CS102",
    "valid-notebook",
    ERROR,
    fix=add_missing_parts,
    evidence="nbformat's schema of version 4 requires these parts; nbformat.validate and papermill stop where one "
    "is missing.",
)
def find_invalid_structure(notebook: Notebook) -> Iterator[Problem]:
    """The file is what the notebook format calls a notebook.

    A part is missing or of the wrong type, so that Colab shows an empty notebook, or papermill and nbconvert stop
    before the first cell. --fix adds parts that are missing and may be empty; what is of the wrong type has to be
    fixed by hand.
    """
    data = notebook.data
    if data.get("nbformat") in (1, 2, 3) and isinstance(data.get("worksheets"), list):
        return
    if not isinstance(data.get("cells"), list):
        yield Problem("there is no list of cells: this is some other JSON, or a damaged notebook; restore it")
        return
    if data.get("nbformat") != 4:
        yield Problem(f"nbformat is {data.get('nbformat')!r:.30}, and Colab reads 4; set it to 4")
    for key, kind in (("nbformat_minor", int), ("metadata", dict)):
        if not isinstance(data.get(key), kind) or isinstance(data.get(key), bool):
            yield Problem(f"{key} is missing or of the wrong type; --fix adds it where it is missing")
    for number, cell in enumerate(data["cells"], 1):
        if not isinstance(cell, dict):
            yield Problem(f"entry {number} of the cells is not a cell; delete it")
    for shown in notebook.cells:
        yield from (Problem(fault, shown) for fault in _faults_of_cell(shown))


def _faults_of_cell(cell: Cell) -> Iterator[str]:
    data = cell.data
    if data.get("cell_type") not in ("code", "markdown", "raw"):
        yield f"cell_type is {data.get('cell_type')!r:.30}; it must be code, markdown or raw"
    if "source" not in data or not _is_text(data["source"]):
        yield "source is missing or not text, so the cell is lost; write a string or a list of strings"
    if not isinstance(data.get("metadata"), dict):
        yield "metadata is missing or not an object; --fix adds it where it is missing"
    elif not _is_tags(data["metadata"].get("tags", [])):
        yield "metadata.tags is not a list of words, so papermill stops; write a list of strings"
    if data.get("cell_type") == "code":
        yield from _faults_of_code(data)


def _faults_of_code(data: Json) -> Iterator[str]:
    count = data.get("execution_count", "")
    if not (count is None or (isinstance(count, int) and not isinstance(count, bool) and count >= 0)):
        yield "execution_count is missing or not a number, so papermill stops; --fix adds it where it is missing"
    outputs = data.get("outputs")
    if not isinstance(outputs, list):
        yield "outputs is missing or not a list, so papermill stops; --fix adds it where it is missing"
    elif not all(isinstance(output, dict) and output.get("output_type") in _OUTPUTS for output in outputs):
        yield f"an output is of no known type ({', '.join(_OUTPUTS)}); delete it"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _is_tags(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


def upgrade_format(notebook: Notebook) -> None:
    """Write the notebook as nbformat 4; one that nbformat cannot convert stays as it is."""
    import nbformat

    whole = {"metadata": {}, "nbformat_minor": 0, **notebook.data}
    try:
        upgraded = nbformat.convert(nbformat.from_dict(whole), 4)
    except Exception:  # nbformat takes every part of the file for what it should be
        return
    notebook.data.clear()
    notebook.data.update(upgraded)


@rule(
    "CS103",
    "current-format",
    WARNING,
    fix=upgrade_format,
    evidence="The formats before 4 are those of IPython 0.12 to 2; nbformat converts them.",
)
def find_old_format(notebook: Notebook) -> Iterator[Problem]:
    """The notebook is of nbformat 4.

    Formats 1 to 3 are from IPython before 2015. papermill refuses them, GitHub and git tools show them badly, and
    Colab saves an entirely different file. --fix writes it as nbformat 4.
    """
    version = notebook.data.get("nbformat")
    if version in (1, 2, 3) and isinstance(notebook.data.get("worksheets"), list):
        yield Problem(f"this is nbformat {version}, which papermill refuses; --fix writes it as nbformat 4")


def renew_ids(notebook: Notebook) -> None:
    """Give a new id to cells that have none, a bad one, or one that an earlier cell has."""
    needs_id = _needs_ids(notebook)
    seen: set[str] = set()
    for cell in notebook.cells:
        for holder in (cell.data, cell.metadata):
            wanted = needs_id and holder is cell.data
            if "id" in holder or wanted:
                found = holder.get("id")
                twice = f"{holder is cell.data}:{found}" in seen
                is_bad = holder is cell.data and not (isinstance(found, str) and _CELL_ID.fullmatch(found))
                if (is_bad or twice) and not ignores(cell, "CS104"):
                    holder["id"] = uuid.uuid4().hex[:12]
                seen.add(f"{holder is cell.data}:{holder.get('id')}")


@rule(
    "CS104",
    "unique-ids",
    NOTE,
    fix=renew_ids,
    evidence="Colab's own trouble with doubled ids (googlecolab/colabtools#581) is mended, and of 338 published "
    "notebooks with such ids all open; nbformat renews them with a warning. A malformed id fails its validation.",
)
def find_bad_ids(notebook: Notebook) -> Iterator[Problem]:
    """No two cells have the same id.

    nbdime and other tools recognise cells by their id (Colab keeps its own in the cell's metadata), and take one for
    the other where two are the same; nbformat 4.5 requires an id for each cell. Colab itself opens such a notebook.
    An id with other signs than letters, digits, - and _ is a warning: nbformat calls such a file invalid. The first
    place is told, with the number of others. --fix renews the ids.
    """
    found = [problem for problem in _bad_ids(notebook) if problem.cell and not ignores(problem.cell, "CS104")]
    first = min(found, key=lambda problem: problem.severity != WARNING, default=None)
    if first:
        more = f" ({len(found) - 1} more such cells)" if len(found) > 1 else ""
        yield first._replace(message=f"{first.message}; --fix renews it{more}")


def _bad_ids(notebook: Notebook) -> Iterator[Problem]:
    needs_id = _needs_ids(notebook)
    for place in ("id", "metadata.id"):
        seen: dict[str, Cell] = {}
        for cell in notebook.cells:
            holder = cell.data if place == "id" else cell.metadata
            if "id" not in holder:
                if needs_id and place == "id":
                    yield Problem("this cell has no id, which nbformat 4.5 demands", cell)
                continue
            found = holder["id"]
            if place == "id" and not (isinstance(found, str) and _CELL_ID.fullmatch(found)):
                what = f"{found!r:.40} is not a cell id (letters, digits, - and _, at most 64)"
                yield Problem(what, cell, severity=WARNING)
            elif str(found) in seen:
                yield Problem(f"cell {seen[str(found)].number} has the same {place} {found!r:.40}", cell)
            seen.setdefault(str(found), cell)


def _needs_ids(notebook: Notebook) -> bool:
    minor = notebook.data.get("nbformat_minor")
    return notebook.data.get("nbformat") == 4 and isinstance(minor, int) and minor >= 5


def _count(cells: list[Cell]) -> str:
    return "1 cell has" if len(cells) == 1 else f"{len(cells)} cells have"


def _cells_with_outputs(notebook: Notebook) -> list[Cell]:
    code = [cell for cell in notebook.cells if cell.kind == "code" and not ignores(cell, "CS105")]
    return [cell for cell in code if cell.data.get("outputs") or cell.data.get("execution_count") is not None]


def strip_outputs(notebook: Notebook) -> None:
    """Empty the outputs and the execution counts, but of cells that opt out."""
    for cell in _cells_with_outputs(notebook):
        cell.data["outputs"] = []
        cell.data["execution_count"] = None


@rule(
    "CS105",
    "no-outputs",
    NOTE,
    fix=strip_outputs,
    evidence="3,484 of 6,940 published notebooks contain outputs, mostly on purpose; Colab opens every one of them.",
)
def find_outputs(notebook: Notebook) -> Iterator[Problem]:
    """The file contains no outputs and no execution counts.

    Outputs make every run a change in git, collide when two versions are merged, may contain private data, and make a
    notebook look as if it worked. --fix empties them; in Colab, Edit > Notebook settings > Omit code cell output when
    saving keeps them out. A notebook that is meant to show its results can ignore this rule; those that colab-starter
    run wrote are meant to.
    """
    found = [] if tells_of_run(notebook.metadata) else _cells_with_outputs(notebook)
    if found:
        yield Problem(f"{_count(found)} outputs or execution counts of an earlier run; --fix empties them", found[0])


def strip_widgets(notebook: Notebook) -> None:
    """Take the state of widgets out of the notebook's metadata."""
    notebook.metadata.pop("widgets", None)


@rule(
    "CS106",
    "no-widget-state",
    WARNING,
    fix=strip_widgets,
    evidence="Of 753 published notebooks with metadata.widgets, 259 lack the key `state`, at which nbconvert stops and "
    "GitHub shows no notebook; the others render.",
)
def find_widget_state(notebook: Notebook) -> Iterator[Problem]:
    """The file contains no widget state.

    Progress bars and logins leave metadata.widgets behind. Some versions of Colab write it without the key "state",
    and then GitHub shows "Invalid Notebook" and nbconvert stops. With that key it renders, and is only a note: the
    file is larger, and every run changes it. --fix removes it.
    """
    if "widgets" in notebook.metadata:
        if _lacks_state(notebook.metadata["widgets"]):
            yield Problem(
                'metadata.widgets has no "state", so GitHub refuses to show the notebook and nbconvert stops; '
                "--fix removes it"
            )
        else:
            yield Problem("metadata.widgets is left from a run; --fix removes it", severity=NOTE)


def _lacks_state(widgets: Any) -> bool:
    """nbconvert takes the state of Jupyter's widgets for given wherever there is metadata.widgets."""
    kind = widgets.get("application/vnd.jupyter.widget-state+json") if isinstance(widgets, dict) else None
    return not isinstance(kind, dict) or "state" not in kind


def restore_ids(notebook: Notebook) -> None:
    """Move the ids from the cells' metadata to where nbformat 4.5 has them."""
    for cell in notebook.cells:
        found = cell.metadata.pop("id", None)
        if isinstance(found, str):
            cell.data["id"] = found
    notebook.data["nbformat_minor"] = 5
    renew_ids(notebook)


@rule(
    "CS108",
    "ids-in-metadata",
    WARNING,
    fix=restore_ids,
    opt_in=True,
    evidence="338 of 6,940 published notebooks have their ids in the metadata, as Colab saves them.",
)
def find_ids_in_metadata(notebook: Notebook) -> Iterator[Problem]:
    """Cell ids are where nbformat 4.5 has them, not in the metadata.

    Colab may save a notebook in format 4.0, with each cell's id in its metadata. It works there, but nbdime then
    recognises the cells only by their text, so a merge with a newer template stops more often. --fix moves the ids
    back; do that before a merge.
    """
    if any("id" in cell.metadata and "id" not in cell.data for cell in notebook.cells):
        yield Problem("the cell ids are in the metadata, as Colab saves them; before a merge, --fix moves them back")
