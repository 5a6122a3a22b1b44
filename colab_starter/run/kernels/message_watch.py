"""Detecting from a remote kernel's messages whether it is still the same kernel, and whether any were lost."""

import ast
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from colab_starter.errors import OutputError
from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.error_hook import REPORT

NOT_TOLD = "the server does not say why"


class MessageWatch:
    """Watches a kernel's messages for signs of another kernel and of lost messages."""

    def __init__(self, own_session: str) -> None:
        self.pending: list[str] = []
        """The execution requests without a reply."""
        self.resync = ""
        """The request after a lost connection whose reply shows that all earlier ones have been answered."""
        self.end: KernelDiedError | None = None
        self.expects_successor = False
        """Whether the server has said that it is replacing this kernel."""
        self.has_successor = False
        """Whether a message of the replacement has arrived."""
        self._own_session = own_session
        self._kernel_session = ""
        self._number = self._number_before = -1
        """The highest message number, and the highest before the connection was lost."""
        self._first_after: int | None = None
        self._was_pending = ""
        self._gap_in = ""
        """The request that has messages missing."""
        self._away = 0.0
        self._held: list[Message] = []
        """A reply and what follows it, held until it is known what is missing from the cell's output."""
        self._reports: Counter[str] = Counter()
        """How many error reports arrived on iopub per request; negative if they came first with its reply."""

    def begin_resync(self, request: str, away: float) -> None:
        """Note that the connection is back after ``away`` seconds, and that ``request`` is the first request."""
        self._note_gap()
        self.resync = request
        self._away += away
        self._number_before, self._first_after = self._number, None
        self._was_pending = self.pending[-1] if self.pending else ""

    def _note_gap(self) -> None:
        """Note whether messages from the last interruption are missing; a cell may have several interruptions."""
        if self._was_pending and self._first_after is not None and self._first_after > self._number_before + 1:
            self._gap_in = self._was_pending

    def take(self, message: Message, *, is_ipython: bool) -> list[Message]:
        """Take a message; returns the messages to pass on."""
        if self._tells_end(message, is_ipython):
            return []
        if message.channel == "shell" and message.parent in self.pending:
            self.pending.remove(message.parent)
        if is_ipython:
            self._note_number(message)
        if self.resync and message.channel == "shell" and message.parent == self.resync:
            return self._end_resync()
        handed_out = self._complete(message)
        if self._held or (self.resync and message.kind == "execute_reply"):
            self._held += handed_out
            return []
        return handed_out

    def _complete(self, message: Message) -> list[Message]:
        """The message, with each error report exactly once: they may come twice, or only with the reply."""
        if message.kind == REPORT:
            self._reports[message.parent] += 1
            return [message] if self._reports[message.parent] > 0 else []
        if message.kind == "execute_reply":
            return [*self._find_lost_reports(message), message]
        return [message]

    def _find_lost_reports(self, reply: Message) -> list[Message]:
        """The error reports that came with the reply but not separately."""
        try:
            reports = json.loads(read_value(reply.content))
        except (OutputError, TypeError, ValueError):
            return []
        lost = reports[self._reports[reply.parent] :]
        self._reports[reply.parent] -= len(lost)
        return [_make_message(REPORT, reply.parent, content) for content in lost]

    def _tells_end(self, message: Message, is_ipython: bool) -> bool:
        """Whether it shows that the kernel has been replaced or is gone.

        Code in the kernel can send similar messages, so the sender and the request are checked as well.
        """
        sender = str(message.data["header"].get("session", ""))
        asked_by = str(message.data["parent_header"].get("session", ""))
        is_foreign = is_ipython and sender != self._own_session
        state = message.content.get("execution_state") if message.kind == "status" else None
        if is_foreign and (state or asked_by == self._own_session):
            self._kernel_session = self._kernel_session or sender
        if state and is_foreign and asked_by != self._own_session:
            self.has_successor = sender != self._kernel_session
        if self.end:
            self.has_successor |= is_foreign and sender not in ("", self._kernel_session)
            return True
        if state in ("restarting", "dead") and not is_foreign:
            self.expects_successor = state == "restarting"
            self.end = KernelDiedError("the kernel died", hint=NOT_TOLD)
        elif message.kind == "shutdown_reply" and asked_by != self._own_session:
            self.expects_successor = is_restart = bool(message.content.get("restart"))
            self.end = KernelDiedError(f"the kernel was {'restarted' if is_restart else 'shut down'} by someone else")
        elif self.has_successor:
            self.end = KernelDiedError("the kernel was restarted by someone else, or died")
        return self.end is not None

    def _note_number(self, message: Message) -> None:
        number = str(message.data["header"].get("msg_id", "")).rpartition("_")[2]
        if not number.isdecimal():
            return
        self._number = max(self._number, int(number))
        if self.resync and message.parent != self.resync:
            self._first_after = min(int(number), self._number if self._first_after is None else self._first_after)

    def _end_resync(self) -> list[Message]:
        """End the resync: everything that the server had kept has arrived."""
        self._note_gap()
        gap_in, away, held = self._gap_in, self._away, self._held
        self.resync = self._was_pending = self._gap_in = ""
        self._away, self._held = 0.0, []
        if self.pending:
            self.end = KernelDiedError("the kernel's reply was lost with the connection", hint=f"{away:.0f} s")
            return held
        return [_make_remark(gap_in, away), *held] if gap_in else held


def _make_remark(request: str, away: float) -> Message:
    text = f"colab-starter: the connection was lost for {away:.0f} s, and some of the output with it.\n"
    return _make_message("stream", request, {"name": "stderr", "text": text})


def _make_message(kind: str, request: str, content: dict[str, Any]) -> Message:
    parts = {"header": {"msg_type": kind}, "parent_header": {"msg_id": request}, "metadata": {}, "buffers": []}
    return Message("iopub", {**parts, "msg_type": kind, "content": content})


def read_value(reply: Mapping[str, Any]) -> Any:
    """The literal value of the request's user expression ``value``. Raises OutputError."""
    found = reply.get("user_expressions", {}).get("value", {})
    if found.get("status") == "ok":
        with suppress(KeyError, ValueError, SyntaxError):
            return ast.literal_eval(found["data"]["text/plain"])
    raise OutputError(f"{found.get('ename', 'no value')}: {found.get('evalue', '')}".rstrip(": "))
