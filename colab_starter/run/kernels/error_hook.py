"""Sent as text to an IPython kernel, where it reports every error that a cell shows, whatever its reply says.

IPython replies ``ok`` to a cell whose error was raised inside ``%%capture``, ``%run``, ``run_cell`` and the like, and
some of these errors (UsageError, exception groups) never reach the client at all. A message that the kernel cannot
encode (a lone surrogate, an exit code that is an object) is lost, along with the reply that the client waits for.

Works with IPython 7 (Colab's) and later and with Python 3.10 and later; needs nothing else. Also imported by the
client, for the names that both sides use.
"""

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

REPORT = "colab_starter_error"
"""The type of the iopub messages whose content is a Report."""

LONGEST_TEXT = 2000
"""How many characters of an error's text are reported."""
DEEPEST = 100
"""How many levels of a message are kept if it must be cleaned."""
LARGEST_INTEGER = 2**63

DISPLAYS = ("display_data", "execute_result", "update_display_data")
"""Messages with several forms of the same output; only the forms that can be encoded are sent."""

Report = dict[str, Any]
"""``ename`` and ``evalue`` of an error; ``line`` of the cell, or None; ``inner``, the line in the code that the cell
passed to IPython, or None; ``again``: it had been shown before, and is shown once more (``%tb``). ``call`` is empty for
an error, otherwise how the exit was written; ``success``: the exit's code means success."""


class ErrorHook:
    """Hooks into how IPython shows errors. ``tell`` gets a report of each."""

    def __init__(
        self, shell: Any, tell: "Callable[[Report], object] | None" = None, *, ends_kernel: bool = True
    ) -> None:
        """``ends_kernel``: whether a call of ``exit()`` ends the kernel, as it does without the hook."""
        self.shell = shell
        self._ends_kernel = ends_kernel
        self._tell = tell or self._send
        self._is_showing = False

    def install(self) -> None:
        for name in ("showtraceback", "showsyntaxerror"):
            setattr(self.shell, name, self._watch(getattr(self.shell, name)))
        self._ask_exit = self.shell.ask_exit
        self.shell.ask_exit = self.ask_exit

    def remove(self) -> None:
        for name in ("showtraceback", "showsyntaxerror", "ask_exit"):
            vars(self.shell).pop(name, None)

    def report(self, error: BaseException) -> None:
        """Report an error that IPython does not show."""
        self._tell(self.describe(error))

    def _send(self, report: Report) -> None:
        kernel = self.shell.kernel
        kernel.session.send(kernel.iopub_socket, REPORT, report, parent=self.shell.parent_header)

    def _watch(self, show: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(show)
        def watched(*args: Any, **options: Any) -> Any:
            if self._is_showing:  # showtraceback calls showsyntaxerror
                return show(*args, **options)
            self._is_showing = True
            try:
                with suppress(Exception):
                    self._report_shown(*args, **options)
                return show(*args, **options)
            finally:
                self._is_showing = False

        return watched

    def _report_shown(self, exc_tuple: Any = None, *_: Any, **__: Any) -> None:
        error = (exc_tuple if isinstance(exc_tuple, tuple) else sys.exc_info())[1]
        is_again = error is None
        error = getattr(sys, "last_value", None) if is_again else error
        if error is not None:
            self._tell({**self.describe(error), "again": is_again})

    def describe(self, error: BaseException) -> Report:
        """The report of an error, which need not have been shown."""
        is_exit = isinstance(error, SystemExit)
        line, inner = self._find_lines(error)
        return {
            "ename": type(error).__name__,
            "evalue": make_text(error),
            "line": line,
            "inner": inner,
            "again": False,
            "call": "sys.exit()" if is_exit else "",
            "success": is_exit and is_success(error.code),  # type: ignore[attr-defined]
        }

    def ask_exit(self, *args: Any, **options: Any) -> Any:
        """Handle ``exit(CODE)`` and ``quit(CODE)``, where IPython takes the code for whether to keep the kernel."""
        code = getattr(self.shell, "keepkernel_on_exit", None)
        with suppress(Exception):
            self._tell({**self.describe(SystemExit(code)), "call": "exit()", "evalue": make_text(code)})
        if not isinstance(code, (bool, str, type(None))):
            self.shell.keepkernel_on_exit = clean(code)
        return self._ask_exit(*args, **options) if self._ends_kernel else None

    def _find_lines(self, error: BaseException) -> "tuple[int | None, int | None]":
        """``line`` and ``inner`` of a report."""
        outer, called = self._find_running_cell()
        lines = self._list_lines(error.__traceback__)
        if not lines and isinstance(error, SyntaxError) and not os.path.exists(error.filename or ""):
            lines = [("" if outer else "cell", error.lineno or 1)]
        file = outer or (lines[0][0] if lines else "")
        own = [line for name, line in lines if name == file]
        inner_file = next((name for name, _ in lines if name != file), "")
        inner = [line for name, line in lines if name == inner_file != file]
        return (own[-1] if own else called), (inner[-1] if inner else None)

    def _find_running_cell(self) -> "tuple[str, int | None]":
        """The file and line of the cell from which this is called; empty if the cell's code has ended."""
        frame: Any = sys._getframe()
        found = []
        while frame is not None:
            if frame.f_globals is self.shell.user_global_ns:
                found.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        file = found[-1][0] if found else ""
        return file, next((line for name, line in found if name == file), None)

    def _list_lines(self, trace: "TracebackType | None") -> "list[tuple[str, int]]":
        """The file and line of the traceback frames that are the notebook's code."""
        found = []
        while trace is not None:
            if trace.tb_frame.f_globals is self.shell.user_global_ns:
                found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
            trace = trace.tb_next
        return found


def is_success(code: object) -> bool:
    """Whether Python would exit with status 0."""
    return code is None or (isinstance(code, int) and code == 0)


def is_good_exit(report: Report, source: str) -> bool:
    """Whether it is a successful exit rather than an error; ``source`` is the cell's.

    ``exit(True)`` means failure, as in Python; ``exit(keep_kernel=True)`` is IPython's, and means success.
    """
    is_ipythons = report.get("call") == "exit()" and report.get("evalue") == "True" and "keep_kernel" in source
    return report.get("success") is True or is_ipythons


def make_text(value: object) -> str:
    """The value as ``str``, fit for a message; if ``str`` raises an error, the text names it."""
    try:
        text = str(value)
    except Exception as error:
        text = f"its __str__ raised {type(error).__name__}"
        with suppress(Exception):
            text = f"{text}: {error}"
    return text[:LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


def clean(value: Any, level: int = 0) -> Any:
    """The value as JSON; parts that JSON cannot represent become strings."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < LARGEST_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, (dict, list, tuple)) and level == DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {make_text(key): clean(item, level + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item, level + 1) for item in value]
    return make_text(value)


def send_everything(session: Any) -> None:
    """Let the session also send what it cannot encode: as text, or with a note in place of an output.

    Nothing in the kernel would notice the loss of a reply, an error or a stream; and an output is no reason to stop.
    """
    send = session.send

    @functools.wraps(send)
    def send_surely(stream: Any, message: Any, content: Any = None, *args: Any, **options: Any) -> Any:
        with suppress(TypeError, ValueError, RecursionError):
            return send(stream, message, content, *args, **options)
        if isinstance(message, str):
            return send(stream, message, clean(content), *args, **options)
        if message["header"]["msg_type"] in DISPLAYS:
            forms, left_out = clean_forms(message["content"]["data"], session.pack)
            if left_out:
                note = {"name": "stderr", "text": f"colab-starter left out {left_out}.\n"}
                send(stream, "stream", note, message["parent_header"])
            if not forms:
                return None
            message["content"]["data"] = forms
        return send(stream, {**message, "content": clean(message["content"])}, content, *args, **options)

    session.send = send_surely


def clean_forms(data: "dict[str, Any]", pack: Callable[[Any], bytes]) -> "tuple[dict[str, Any], str]":
    """The forms of an output that can be encoded, and a description of what is left out."""
    forms, left_out = {}, []
    for mime, form in data.items():
        form = clean(form) if isinstance(form, str) else form
        try:
            pack(form)
            forms[mime] = form
        except (TypeError, ValueError, RecursionError) as error:
            left_out.append(f"{mime} ({type(error).__name__}: {error})")
    return forms, ", ".join(left_out)


def answer_everything(kernel: Any) -> None:
    """Make the kernel reply even if it fails itself, for example when it flushes a notebook's own ``sys.stdout``.

    Otherwise the client would wait forever.
    """
    execute = kernel.shell_handlers["execute_request"]

    @functools.wraps(execute)
    def execute_surely(stream: Any, ident: Any, parent: Any) -> Any:
        result = execute(stream, ident, parent)
        return wait_for(result, stream, ident, parent) if inspect.iscoroutine(result) else result

    async def wait_for(result: Any, stream: Any, ident: Any, parent: Any) -> None:
        try:
            await result
        except Exception as error:
            content = {
                "status": "error",
                "ename": type(error).__name__,
                "evalue": make_text(error),
                "traceback": [],
                "execution_count": kernel.execution_count,
                "user_expressions": {},
                "payload": [],
            }
            kernel.session.send(stream, "execute_reply", content, parent, ident=ident)
            # It would fail in the same way before sending this.
            kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent)
            raise

    kernel.shell_handlers["execute_request"] = execute_surely


def install_error_hook() -> None:
    """Install the hook; called once in a kernel, before its first cell."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    send_everything(shell.kernel.session)
    answer_everything(shell.kernel)
    ErrorHook(shell).install()
