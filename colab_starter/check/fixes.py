"""``--fix``: writes back to the file what rules can fix."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from colab_starter.check.findings import check_notebook
from colab_starter.check.rules import Rule
from colab_starter.errors import BrokenNotebookError
from colab_starter.files import write_whole
from colab_starter.notebook.model import Notebook, read_notebook
from colab_starter.runtimes import Runtime


def fix_file(path: Path, rules: Sequence[Rule], runtime: Runtime) -> bool:
    """Fix what the rules find and can fix; True if the file was changed.

    What belongs to no finding stays as it was: the order of keys, the indent, the line ends.
    """
    try:
        notebook = read_notebook(path)
    except (BrokenNotebookError, OSError):
        return False
    before = json.dumps(notebook.data)
    for rule in rules:
        if rule.fix and check_notebook(notebook, [rule], runtime):
            rule.fix(notebook)
            notebook = Notebook(path, notebook.text, notebook.data)
    if json.dumps(notebook.data) == before:
        return False
    write_whole(path, _as_written_before(notebook).encode(), through_links=True)
    return True


def _as_written_before(notebook: Notebook) -> str:
    old = notebook.text
    indent = re.match(r"\s*\{\r?\n( *)", old)
    as_escapes = old.isascii() or re.search(r"\\u[dD][89a-fA-F]", old) is not None
    text = json.dumps(notebook.data, indent=len(indent[1]) if indent else None, ensure_ascii=as_escapes)
    if "\r\n" in old:
        text = text.replace("\n", "\r\n")
    return text + old[len(old.rstrip()) :]
