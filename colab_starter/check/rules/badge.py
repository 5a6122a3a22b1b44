"""CS3: the Open in Colab badge of a notebook leads to that notebook."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from colab_starter.check.checkout import Checkout, find_checkout
from colab_starter.check.rule import COLAB, WARNING, Problem, rule
from colab_starter.notebook.model import Cell, Notebook

_BADGE = re.compile(
    r"colab\.research\.google\.com/github/(?P<repository>[^/\s]+/[^/\s]+)/blob/(?P<rest>[^)\s\"'>]+\.ipynb)",
    re.IGNORECASE,
)
_FILLED_IN = re.compile(
    r"[{}<$]|%7B|%7D|/(?:your|my)?[-_]?(?:repo|repository|project)(?:[-_]?name)?/blob", re.IGNORECASE
)
"""Parts of an address that somebody or some program completes: ``{{colabname}}``, ``$NAME``, ``YOUR_REPO``."""
_ROW = re.compile(r"[ \t]*(?:\||[-*+][ \t]|\d+[.)][ \t])")
_BUTTON = re.compile(
    r"\[?!\[[^\]]*\]\([^)]*\)(?:\]\([^)]*\))?|\[[^\]]*\]\([^)]*\)|<[^>]*>|^[ \t]*(?:[-*+]|\d+[.)])|[|:\s]"
)
_ROWS_IN_HTML = re.compile(r"<(?:tr|li)\b", re.IGNORECASE)
_LIST_IN_HTML = re.compile(r"<(table|ul|ol)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_TOP = 3
"""Cells; a badge for the notebook itself is one of these, or above the first code."""


@rule(
    "CS310",
    "wrong-badge",
    WARNING,
    platforms=(COLAB,),
    evidence="197 of 448 published notebooks with a badge open another file; read one by one, 24 of 26 were wrong, and "
    "the other two (a list of badges, a template) are left alone now.",
)
def find_wrong_badge(notebook: Notebook) -> Iterator[Problem]:
    """The Open in Colab badge opens this file.

    A badge that was copied from another notebook, or dates from before the file was renamed, opens another notebook
    or ends with "Notebook not found". It is compared with the path below the root of the git repository, and with the
    repository's name; another owner is assumed to be a fork. Badges further down, and in a table or list
    with text beside them, are of other notebooks.
    """
    badges = [found for cell in _cells_at_the_top(notebook) if _has_badge(cell) for found in _find_badges(cell)]
    if len({badge["rest"] for _, badge in badges}) != 1:
        return
    cell, badge = badges[0]
    line = cell.source.count("\n", 0, badge.start()) + 1
    opened = unquote(badge["rest"])
    notebook.looks.add("checkout")
    place = find_checkout(notebook.path.parent)
    if place and place.repository.partition("/")[2].lower() != badge["repository"].partition("/")[2].lower():
        yield Problem(
            f"the badge opens a notebook of {badge['repository']}, and this is {place.repository}", cell, line
        )
        return
    wanted = _wanted_path(notebook.path, opened, place)
    if not f"/{opened}".endswith(f"/{wanted}"):
        path = opened.partition("/")[2]
        yield Problem(f"the badge opens {path}, and this is {wanted}; write {wanted} into its address", cell, line)


def _has_badge(cell: Cell) -> bool:
    return cell.kind == "markdown" and "colab-badge" in cell.source


def _find_badges(cell: Cell) -> Iterator[tuple[Cell, re.Match[str]]]:
    for badge in _BADGE.finditer(cell.source):
        if not _FILLED_IN.search(badge[0]) and not _is_in_list(cell.source, badge.start()):
            yield cell, badge


def _cells_at_the_top(notebook: Notebook) -> list[Cell]:
    first_code = next((cell.number for cell in notebook.cells if cell.kind == "code" and cell.source.strip()), 0)
    return notebook.cells[: max(_TOP, first_code)]


def _is_in_list(text: str, place: int) -> bool:
    """Is a badge one of several rows, or in a row that says more than buttons do?"""
    for found in _LIST_IN_HTML.finditer(text):
        if found.start() < place < found.end():
            return len(_ROWS_IN_HTML.findall(found[0])) > 1
    row = text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0]
    return _ROW.match(row) is not None and _BUTTON.sub("", row) != ""


def _wanted_path(path: Path, opened: str, place: Checkout | None) -> str:
    """The notebook's path as a badge should have it.

    Outside a GitHub checkout, only a file in a folder like the badge's can be judged.
    """
    if place:
        return f"{place.folder}{path.name}"
    *folders, _ = opened.split("/")
    in_same_folder = len(folders) > 1 and path.absolute().parent.name == folders[-1]
    return f"{folders[-1]}/{path.name}" if in_same_folder else opened
