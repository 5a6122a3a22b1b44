"""Print how much of each notebook's code is its lesson: ``python tools/lesson_share.py [NOTEBOOK ...]``.

Without arguments, every preset is baked with the default answers. Counted are lines of code, without blank lines
and comments. The lesson is what comes after the framework's cell, without the cell that keeps the results. A cell in
a form view, such as a stand-in for a download, is part of the lesson, but does not teach.
"""

import io
import json
import sys
import tokenize
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tools.renew_gallery import bake_notebooks

FIRST_CELLS = ("parameters", "machine", "storage", "install", "framework")
_NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


class Share(NamedTuple):
    """Counts for one notebook."""

    lesson: int
    """Lines of code of the lesson."""
    all: int
    """Lines of code of the notebook."""
    first_place: int
    """Which of the code cells is the first that teaches, from 1."""


def main(arguments: Sequence[str]) -> None:
    if arguments:
        print_shares(list(map(Path, arguments)))
        return
    with TemporaryDirectory() as folder:
        print_shares(bake_notebooks(Path(folder)))


def print_shares(notebooks: Sequence[Path]) -> None:
    print(f"{'notebook':12} {'lesson':>7} {'of lines':>9} {'share':>6}  first teaching code cell")
    for path in notebooks:
        share = measure_share(json.loads(path.read_text(encoding="utf-8")))
        part = share.lesson / max(share.all, 1)
        print(f"{path.stem:12} {share.lesson:7} {share.all:9} {part:6.1%}  {share.first_place}")


def measure_share(notebook: dict[str, Any]) -> Share:
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    lesson = [cell for cell in code if not _is_frame(cell["id"])]
    teaching = [cell for cell in lesson if cell["metadata"].get("cellView") != "form"]
    place = code.index(teaching[0]) + 1 if teaching else 0
    return Share(_count_lines(lesson), _count_lines(code), place)


def _is_frame(cell_id: str) -> bool:
    """Whether a cell is one of the first, or the last, that every notebook has."""
    stem, _, rest = cell_id.partition("-")
    return stem in FIRST_CELLS or rest == "framework" or (stem == "results" and rest.isdigit())


def _count_lines(cells: Sequence[dict[str, Any]]) -> int:
    return sum(_count_code_lines("".join(cell["source"])) for cell in cells)


def _count_code_lines(source: str) -> int:
    """Lines with code on them; of a cell that is not Python, those that are not blank."""
    if source.startswith("%%"):
        return sum(bool(line.strip()) for line in source.splitlines())
    python = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    tokens = tokenize.generate_tokens(io.StringIO(python).readline)
    lines = [range(token.start[0], token.end[0] + 1) for token in tokens if token.type not in _NO_CODE]
    return len({number for span in lines for number in span})


if __name__ == "__main__":
    main(sys.argv[1:])
