"""Deciding whether and why a cell failed, from every error it raised or showed, not from its reply alone.

This is the same for every backend. The sources are the kernel's reply, the ``error`` messages before it, and the
reports of ``kernels.error_hook`` from inside an IPython kernel; any of the three may be missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from colab_starter.run.kernels.error_hook import LONGEST_TEXT, is_good_exit, is_success
from colab_starter.run.outcome import Status
from colab_starter.run.worker.causes import describe_error

NO_REPLY = "the kernel moved on without a reply; kernel.log may say why"
"""The cause if a kernel did not say how the cell ended, and showed no error."""

_CODES_OF_SUCCESS = ("", "0", "None", "False")
"""Texts of a SystemExit that means success, if only the text is known."""

Facts = Mapping[str, Any]


class End(NamedTuple):
    """How an execution ended."""

    status: Status
    cause: str = ""
    at: int | None = None
    """The index of the cell in which it ended; None after the last."""
    error: "CellError | None" = None
    """The error that it ended with."""

    def with_farewell(self, farewell: str) -> "End":
        """A copy that adds the kernel's farewell if all went well; otherwise the cause is enough."""
        if self.status != Status.OK:
            return self
        return self._replace(cause="; ".join(filter(None, [self.cause, farewell])))


@dataclass(frozen=True)
class CellError:
    """An error that a cell raised or showed, or a call of ``exit``."""

    name: str
    text: str
    traceback: tuple[str, ...] = ()
    line: int | None = None
    """The line in the cell, counted from 1; None if only the traceback may have it."""
    exit_call: str = ""
    """``sys.exit()`` or ``exit()``; empty for an error."""
    is_success: bool = False
    """Whether it is an exit whose code means success."""

    @property
    def key(self) -> tuple[str, str]:
        """A key that is the same for every source of the same error; the error hook cuts long texts."""
        return self.name, self.text[:LONGEST_TEXT]

    def describe(self, cell: str, execution_count: int | None) -> str:
        """The cause in one line; ``cell`` is the cell's name."""
        facts = {"ename": self.name, "evalue": self.text, "traceback": self.traceback}
        return describe_error(facts, execution_count, cell, None if self.exit_call else self.line)


@dataclass(frozen=True)
class CellFacts:
    """Everything known about how a cell ended."""

    source: str
    reply: Facts | None
    """The content of the kernel's execute_reply; None if it was lost."""
    shown: Sequence[Facts] = ()
    """The contents of its ``error`` messages."""
    reports: Sequence[Facts] = ()
    """The reports of the error hook."""

    def list_errors(self) -> list[CellError]:
        """All errors of the cell in order, so that the first is the cause of the others."""
        shown = {error.key: error for error in map(_read_message, self.shown)}
        reported = [(report, self._read_report(report, shown)) for report in self.reports]
        known = {error.key: error for _, error in reported}
        replied = [known.get(error.key, error) for error in self._read_reply(is_hooked=bool(reported))]
        new = [error for report, error in reported if not report.get("again")]
        return [*new, *replied, *(error for key, error in shown.items() if key not in known)]

    def _read_report(self, report: Facts, shown: Mapping[tuple[str, str], CellError]) -> CellError:
        error = CellError(
            name=str(report.get("ename")),
            text=str(report.get("evalue")),
            line=self._find_line(report),
            exit_call=str(report.get("call") or ""),
            is_success=is_good_exit(dict(report), self.source),
        )
        return replace(error, traceback=shown[error.key].traceback) if error.key in shown else error

    def _find_line(self, report: Facts) -> int | None:
        """The line in the cell. As in IPython, the code of a cell magic begins at its first non-empty line."""
        line, inner = report.get("line"), report.get("inner")
        filled = [(number, text) for number, text in enumerate(self.source.split("\n"), 1) if text.strip()]
        if isinstance(inner, int) and len(filled) > 1 and filled[0][1].startswith("%%"):
            return filled[1][0] + inner - 1
        return line if isinstance(line, int) else None

    def _read_reply(self, *, is_hooked: bool) -> list[CellError]:
        if self.reply is None:
            return [] if self.shown or self.reports else [CellError("", NO_REPLY)]
        found = [] if is_hooked else list(self._read_exits(self.reply))
        is_of_display = self.reply.get("ename") == "NoneType" and (self.shown or self.reports)
        if self.reply.get("status") != "ok" and not is_of_display:
            found.append(_read_message(self.reply))
        return found

    def _read_exits(self, reply: Facts) -> Iterable[CellError]:
        """Read exits from the reply, where IPython passes the code of ``exit(CODE)`` as whether to keep the kernel."""
        payload = reply.get("payload")
        for part in payload if isinstance(payload, list) else []:
            if not isinstance(part, dict) or part.get("source") != "ask_exit":
                continue
            code = part.get("keepkernel")
            keeps_kernel = code is True and "keep_kernel" in self.source
            yield CellError("SystemExit", str(code), (), None, "exit()", is_success(code) or keeps_kernel)


def judge_cell(facts: CellFacts, index: int, name: str, *, may_fail: bool) -> End | None:
    """How the run ends because of a cell's errors; None if it continues.

    ``name`` is the cell's name; ``may_fail`` says that it is tagged so. A call of ``exit`` with a success code ends the
    run well, unless the cell also showed an error.
    """
    errors = facts.list_errors()
    failure = next((error for error in errors if not error.is_success), None)
    if failure and not may_fail:
        count = (facts.reply or {}).get("execution_count")
        return End(Status.FAILED, failure.describe(name, count), index, failure)
    good_exit = next((error for error in errors if error.is_success), None)
    return End(Status.OK, f"ended early by {good_exit.exit_call} in {name}", index, good_exit) if good_exit else None


def _read_message(content: Facts) -> CellError:
    """An error from a Jupyter message; an exit is recognised by its name alone."""
    name, text = str(content.get("ename") or ""), str(content.get("evalue") or "")
    trace = content.get("traceback")
    lines = tuple(map(str, trace)) if isinstance(trace, list) else ()
    is_exit = name == "SystemExit"
    return CellError(name, text, lines, None, "sys.exit()" if is_exit else "", is_exit and text in _CODES_OF_SUCCESS)
