"""One-line descriptions of why a run failed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colab_starter.text import LONGEST_LINE, shorten, strip_colours

_FAULT_REPORT = re.compile(r"^(Fatal Python error|Current thread|Thread 0x|Extension modules)", re.MULTILINE)
_NAME_OF_CELL = re.compile(r" \(\d+\.py, line \d+\)\Z")
"""How a SyntaxError names a cell."""
_END_OF_LOG = 65_536
"""How many bytes at the end of a kernel's log are read."""

_NOBODY_ANSWERS = "input() was called, but there is no one to answer; make it a parameter"
_NOBODY_TELLS = (
    "getpass() was called, but there is no one to answer; set an environment variable, and read it with os.environ"
)
"""It does not suggest a parameter: parameters are written into notebooks and tables."""


def describe_error(
    reply: Mapping[str, Any], execution_count: int | None, cell: str, line: int | str | None = None
) -> str:
    """A cause such as ``ValueError: bad (cell In[5], line 3)``, from the content of a kernel's reply.

    ``cell`` is the cell's name; ``line`` is the line that raised the error. If it is None, the traceback is searched
    for it.
    """
    line = line or _find_line(reply, execution_count)
    place = f" ({cell}, line {line})" if line else f" ({cell})"
    return shorten(_describe_exception(reply), LONGEST_LINE - len(place)) + place


def _describe_exception(reply: Mapping[str, Any]) -> str:
    name, value = str(reply.get("ename", "")), strip_colours(str(reply.get("evalue", "")))
    if name == "StdinNotImplementedError":
        return _NOBODY_TELLS if value.startswith("getpass") else _NOBODY_ANSWERS
    first = _NAME_OF_CELL.sub("", next((line for line in value.splitlines() if line.strip()), ""))
    return ": ".join(part for part in (name, first) if part) or "the kernel gave no reason"


def _find_line(reply: Mapping[str, Any], execution_count: int | None) -> str:
    text = strip_colours("\n".join(map(str, reply.get("traceback") or ())))
    lines = re.findall(rf"Cell In\[{execution_count}\], line (\d+)", text)
    return lines[-1] if lines else ""


def describe_cell_limit(cell: str, limit: float | None) -> str:
    """The cause for a cell that exceeded its limit in seconds; ``cell`` is its name."""
    return f"{cell} took longer than its limit, {_describe_seconds(limit)}"


def describe_run_limit(limit: float | None) -> str:
    """The cause for a run that exceeded its limit in seconds."""
    return f"the run took longer than its limit, {_describe_seconds(limit)}"


def _describe_seconds(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:g} s"


def describe_log(log: Path) -> str:
    """The last line that a kernel itself wrote before it died; empty if there is none.

    Python's fault report, with the stack of each thread, is skipped: it is long, and gives no reason.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _END_OF_LOG))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    if report := _FAULT_REPORT.search(text):
        text = text[: report.start()]
    lines = [line for line in text.splitlines() if line.strip()]
    return shorten(lines[-1], 120) if lines else ""
