"""``--fix``: writes back to the file what rules can fix."""

import copy
from collections.abc import Sequence
from pathlib import Path

from colab_starter.check.findings import check_notebook
from colab_starter.check.rule import Rule
from colab_starter.errors import BrokenNotebookError
from colab_starter.files import write_whole
from colab_starter.notebook.json_text import rewrite_json
from colab_starter.notebook.model import Notebook, read_notebook
from colab_starter.runtimes import Runtime

_MOST_ROUNDS = 8
"""A fix may show what another rule can fix; that ends soon, or two fixes undo each other."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def fix_file(path: Path, rules: Sequence[Rule], runtime: Runtime) -> bool:
    """Fix what the rules find and can fix; True if the file was changed. A second call changes nothing.

    What belongs to no finding stays as it was, byte for byte: the order of keys, the indent, the line ends of the
    file and of each cell, and how characters are escaped.
    """
    try:
        notebook = read_notebook(path)
    except (BrokenNotebookError, OSError):
        return False
    before = copy.deepcopy(notebook.data)
    for _ in range(_MOST_ROUNDS):
        notebook, is_changed = _fix_once(notebook, rules, runtime)
        if not is_changed:
            break
    if notebook.data == before:
        return False
    content = rewrite_json(notebook.text, notebook.data).encode()
    mark = _BYTE_ORDER_MARK if path.read_bytes().startswith(_BYTE_ORDER_MARK) else b""
    write_whole(path, mark + content, through_links=True)
    return True


def _fix_once(notebook: Notebook, rules: Sequence[Rule], runtime: Runtime) -> tuple[Notebook, bool]:
    """Let each rule fix what it finds, and tell whether any did."""
    is_changed = False
    for rule in rules:
        if rule.fix and check_notebook(notebook, [rule], runtime):
            old = copy.deepcopy(notebook.data)
            rule.fix(notebook, runtime)
            is_changed |= notebook.data != old
            notebook = Notebook(notebook.path, notebook.text, notebook.data)
    return notebook, is_changed
