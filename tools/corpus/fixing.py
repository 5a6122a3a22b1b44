"""What ``check --fix`` does to notebooks: is it whole, are they still valid, does no code change without a reason?"""

import shutil
import subprocess
import sys
import warnings
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from colab_starter.check.rules import RULES
from colab_starter.errors import BrokenNotebookError
from colab_starter.notebook.model import Notebook, read_notebook
from tools.corpus.measure import run_check

_FIXABLE = frozenset(rule.code for rule in RULES if rule.fixable)


class Fixed(NamedTuple):
    """What was seen."""

    notebooks: int
    changed: int
    valid_before: int
    valid_after: int
    faults: list[str]
    """What must not happen, each in a line."""


def try_fixes(folder: Path, scratch: Path) -> Fixed:
    """Fix a copy of the folder twice; the folder itself stays as it is.

    ``scratch`` must not exist yet.
    """
    shutil.copytree(folder, scratch)
    paths = sorted(path for path in scratch.rglob("*.ipynb") if path.is_file())
    before = {path: path.read_bytes() for path in paths}
    read_before = {path: _read(path) for path in paths}
    valid_before = {path for path in paths if _is_valid(path)}
    promised: dict[Path, set[int]] = defaultdict(set)
    for found in run_check(scratch):
        if found.code in _FIXABLE:
            promised[Path(found.path)].add(found.cell)
    _fix(scratch)
    after = {path: path.read_bytes() for path in paths}
    valid_after = {path for path in paths if _is_valid(path)}
    faults = [f"{path}: not valid any more" for path in sorted(valid_before - valid_after)]
    for path in paths:
        faults += [f"{path}: {what}" for what in _compare(read_before[path], _read(path), promised[path])]
    _fix(scratch)
    faults += [f"{path}: the second --fix changes it again" for path in paths if path.read_bytes() != after[path]]
    changed = sum(before[path] != after[path] for path in paths)
    return Fixed(len(paths), changed, len(valid_before), len(valid_after), faults)


def _fix(folder: Path) -> None:
    command = [sys.executable, "-m", "colab_starter", "check", str(folder), "--fix", "--format", "json", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"check --fix ended with {done.returncode}: {done.stderr.strip()[-2000:]}")


def _read(path: Path) -> Notebook | None:
    try:
        return read_notebook(path)
    except BrokenNotebookError:
        return None


def _is_valid(path: Path) -> bool:
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))
    except Exception:  # nbformat takes every part of the file for what it should be
        return False
    return True


def _compare(old: Notebook | None, new: Notebook | None, promised: set[int]) -> list[str]:
    """What was lost, and which cells changed that no finding had named."""
    if old is None or new is None:
        return [] if old is new else ["cannot be read any more"]
    if len(old.cells) != len(new.cells):
        return [f"had {len(old.cells)} cells, and has {len(new.cells)}"]
    pairs = list(zip(old.cells, new.cells, strict=True))
    faults = [
        f"cell {one.number} changed without a finding"
        for one, two in pairs
        if one.source != two.source and one.number not in promised
    ]
    return faults + [f"cell {one.number} is of another kind" for one, two in pairs if one.kind != two.kind]


def describe_fixes(fixed: Fixed) -> str:
    """A line that sums up, and the faults."""
    summary = (
        f"{fixed.notebooks} notebooks, {fixed.changed} changed; "
        f"valid before {fixed.valid_before}, after {fixed.valid_after}; {len(fixed.faults)} faults"
    )
    return "\n".join([summary, *fixed.faults])
