"""Putting the kernel's messages into the cells: outputs, their updates, widgets and metrics.

nbclient interprets the messages. Four things are done differently: streams are assembled as they arrive; of the updates
of a display, only the last is put into the cells; output of an ended cell (whose tasks continue) goes to that cell
instead of being lost; and an output that a notebook cannot keep is replaced by a note, and the run continues. The work
for a message does not grow with what came before it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from colab_starter.run.kernels.error_hook import REPORT
from colab_starter.run.kernels.messages import UNREADABLE, keep_content, make_output
from colab_starter.run.worker.displays import Displays
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.output_widget import OutputWidget
from colab_starter.run.worker.streams import Stream

Message = dict[str, Any]

SCRAP_TYPE = "application/scrapbook.scrap.json+json"
"""The MIME type of a metric: scrapbook's, which the lessons write."""

_FRAME = 400
"""In characters; roughly the cost of writing an output in addition to its text."""

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_log.propagate = False


@dataclass
class CellErrors:
    """The messages about a cell's errors."""

    shown: list[dict[str, Any]] = field(default_factory=list)
    """The contents of the error messages."""
    reports: list[dict[str, Any]] = field(default_factory=list)
    """The contents of the error hook's reports."""


class CellOutputs(NotebookClient):
    """Puts messages into the cells of a notebook."""

    def __init__(self, notebook: ExecutedNotebook) -> None:
        super().__init__(notebook.node, log=_log, record_timing=False)
        self.on_metric: Callable[[str, Any, Any], None] = lambda name, value, step: None
        """Called with the name, the JSON value and the step of each metric that a cell records; None for no step."""
        self.on_text: Callable[[int, str, str], None] = lambda index, name, text: None
        """Called with the cell, the stream and the text of each piece that a cell prints."""
        self.on_idle: Callable[[int], None] = lambda index: None
        """Called with a cell that has ended: it will print nothing more, unless it has left something running."""
        self.on_output: Callable[[NotebookNode], None] = lambda output: None
        """Called with each output as it arrives, and with streams in pieces."""
        self._errors: dict[int, CellErrors] = {}
        self.notebook = notebook
        self._cells: dict[str, int] = {}
        self._latest: int | None = None
        self._streams: dict[int, dict[str, tuple[NotebookNode, Stream]]] = {}
        """The open streams, by cell and name."""
        self._printed: set[int] = set()
        """The cells whose streams have text that is not in the cells yet."""
        self._displays = Displays()
        self.changed_widgets: set[OutputWidget] = set()
        """The widgets whose current content the kernel may not know."""
        self.widget_registry = {"@jupyter-widgets/output": {"OutputModel": OutputWidget}}

    def answer_by(self, send: Callable[[str, dict[str, Any]], object]) -> None:
        """Let output widgets answer the kernel by ``send``, which takes a message's type and content."""
        session = SimpleNamespace(msg=lambda kind, content, **_: (kind, content))
        channel = SimpleNamespace(send=lambda message: send(*message))
        self.kc = SimpleNamespace(session=session, shell_channel=channel)  # type: ignore[assignment]

    def sync_widgets(self) -> None:
        """Tell the kernel what output widgets show, before it executes anything that may read it."""
        for widget in self.changed_widgets:
            with suppress(Exception):  # as in take: whatever it contains
                widget.sync()
        self.changed_widgets.clear()

    def expect(self, request: str, index: int) -> None:
        """Assign messages that answer the request to the cell."""
        self._cells[request] = index
        self._latest = index
        self.clear_before_next_output = False

    def take_errors(self) -> "dict[int, CellErrors]":
        """The errors since the last call, by the index of their cell."""
        errors, self._errors = self._errors, {}
        return errors

    def take(self, message: Message) -> str:
        """Process one message; returns the ID of the request that it completes, usually empty.

        No message, whatever it contains, ends the run.
        """
        kind, request = message["msg_type"], str(message["parent_header"].get("msg_id", ""))
        index = self._latest if kind == UNREADABLE and not request else self._cells.get(request)
        if index is None:
            return ""
        kept = keep_content(kind, message["content"])
        try:
            if kept.content is not None:
                self._put(message | {"content": kept.content}, index)
        except CellExecutionComplete:
            self.on_idle(index)
            return request
        except Exception as error:
            # Widgets may send anything; a reader will not miss one that nbclient cannot follow.
            if not kind.startswith(("comm", "status")):
                kept.remarks.append(f"{kind}: {type(error).__name__}: {error}")
        for remark in kept.remarks:
            self._put_remark(remark, index)
        return ""

    def _put(self, message: Message, index: int) -> None:
        if message["msg_type"] == REPORT:
            self._errors.setdefault(index, CellErrors()).reports.append(message["content"])
            return
        if message["msg_type"] == "error":
            self._errors.setdefault(index, CellErrors()).shown.append(message["content"])
        self._note_change(message, index)
        self.process_message(message, self.nb.cells[index], index)

    def _put_remark(self, remark: str, index: int) -> None:
        """Put a note in place of an output that is left out."""
        self._close_streams(index)
        note = NotebookNode(output_type="stream", name="stderr", text=f"colab-starter left out {remark}.\n")
        self.nb.cells[index].outputs.append(note)
        self.notebook.changed.add(index)
        self.on_output(note)

    def _note_change(self, message: Message, index: int) -> None:
        if message["msg_type"] in ("status", "execute_input", "update_display_data"):
            return
        self.notebook.changed.add(index)
        self.notebook.new_characters += _FRAME + _count_characters(message["content"])

    def _update_display_id(self, display_id: str, msg: Message) -> None:
        """Update all outputs with the ID; called by nbclient."""
        self.notebook.changed.update(self._displays.update(display_id, msg["content"]))

    def clear_display_id_mapping(self, cell_index: int) -> None:
        """Forget the display IDs of a cell whose outputs were cleared; called by nbclient."""
        self._displays.forget_cell(cell_index)

    def output(
        self, outs: list[NotebookNode], msg: Message, display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Add an output to a cell; called by nbclient."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        if msg["msg_type"] == "stream" and not self.clear_before_next_output:
            return self._add_to_stream(outs, msg, cell_index)
        output = make_output(msg["msg_type"], msg["content"])
        if output is None:
            return None
        self._close_streams(cell_index)
        if self.clear_before_next_output:
            outs.clear()
            self.clear_display_id_mapping(cell_index)
            self.clear_before_next_output = False
        if msg["msg_type"] == "stream":
            return self._add_to_stream(outs, msg, cell_index)
        if display_id:
            self._displays.add(display_id, cell_index, output)
        outs.append(output)
        self._note_metric(output)
        self.on_output(output)
        return output

    def _add_to_stream(self, outs: list[NotebookNode], msg: Message, index: int) -> NotebookNode:
        name, text = msg["content"]["name"], msg["content"]["text"]
        streams = self._streams.setdefault(index, {})
        if name not in streams:
            outs.append(NotebookNode(output_type="stream", name=name, text=""))
            if name == "stdout" and "stderr" in streams:
                outs[-2], outs[-1] = outs[-1], outs[-2]  # the two race; the file should not depend on which won
            streams[name] = (next(output for output in reversed(outs) if output.get("name") == name), Stream())
        node, stream = streams[name]
        stream.add(text)
        self._printed.add(index)
        self.on_text(index, name, text)
        self.on_output(NotebookNode(output_type="stream", name=name, text=text))
        return node

    def _note_metric(self, output: NotebookNode) -> None:
        scrap = output.get("data", {}).get(SCRAP_TYPE)
        if isinstance(scrap, dict) and scrap.get("encoder", "json") == "json" and "name" in scrap:
            self.on_metric(str(scrap["name"]), scrap.get("data"), scrap.get("step"))

    def clear_output(self, outs: list[NotebookNode], msg: Message, cell_index: int) -> None:
        """Clear the outputs of a cell; called by nbclient."""
        self._close_streams(cell_index)
        super().clear_output(outs, msg, cell_index)

    def bring_up_to_date(self) -> None:
        """Write the current content of streams and displays into the cells; until then, it is kept separately."""
        for index in self._printed:
            for node, stream in self._streams.get(index, {}).values():
                node["text"] = stream.text()
        self._printed.clear()
        self._displays.write()
        for widget in self.changed_widgets:
            widget.write()

    def _close_streams(self, index: int) -> None:
        for node, stream in self._streams.pop(index, {}).values():
            node["text"] = stream.text()


def _count_characters(content: dict[str, Any]) -> int:
    data = content.get("data")
    parts = [content.get("text"), *(data.values() if isinstance(data, dict) else ())]
    return sum(len(part) for part in parts if isinstance(part, str))
