"""What the kernel's messages put into the cells: outputs, their updates, widgets and metrics.

What a message means is nbclient's business. Four things are done otherwise: streams are put together
while they come; of the updates of a display, only the last is put into the cells; what belongs to a cell that is
over (its tasks go on) goes there, and is not lost; and where a notebook cannot keep an output, a note stands in its
place, and the run goes on. The work for a message does not grow with what came before it.
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
from nbformat.v4 import new_output

from colab_starter.run.kernels.error_hook import REPORT
from colab_starter.run.kernels.messages import UNREADABLE, keep_content, make_output
from colab_starter.run.worker.displays import Displays
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.output_widget import OutputWidget
from colab_starter.run.worker.streams import Stream

Message = dict[str, Any]

SCRAP_TYPE = "application/scrapbook.scrap.json+json"
"""The MIME type of a metric: scrapbook's, which the lessons write."""

# nbformat reads its schema with the first thing that it makes; here it happens once for all forks.
new_output("display_data")

_FRAME = 400
"""Characters; about what an output costs to be written, beside its text."""

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_log.propagate = False


@dataclass
class CellErrors:
    """What came about the errors of a cell."""

    shown: list[dict[str, Any]] = field(default_factory=list)
    """The contents of the error messages."""
    reports: list[dict[str, Any]] = field(default_factory=list)
    """The contents of the error hook's."""


class CellOutputs(NotebookClient):
    """Puts messages into the cells of a notebook."""

    def __init__(self, notebook: ExecutedNotebook) -> None:
        super().__init__(notebook.node, log=_log, record_timing=False)
        self.on_metric: Callable[[str, Any], None] = lambda name, value: None
        """Called with the name and the JSON value of each metric that a cell records."""
        self.on_output: Callable[[NotebookNode], None] = lambda output: None
        """Called with each output as it comes, a stream's in pieces."""
        self._errors: dict[int, CellErrors] = {}
        self.notebook = notebook
        self._cells: dict[str, int] = {}
        self._latest: int | None = None
        self._streams: dict[int, dict[str, tuple[NotebookNode, Stream]]] = {}
        """Those that go on, by their cell and their name."""
        self._printed: set[int] = set()
        """The cells whose streams have text that is not in them yet."""
        self._displays = Displays()
        self.changed_widgets: set[OutputWidget] = set()
        """Those of which the kernel may not know what they show."""
        self.widget_registry = {"@jupyter-widgets/output": {"OutputModel": OutputWidget}}

    def answer_by(self, send: Callable[[str, dict[str, Any]], object]) -> None:
        """Output widgets answer the kernel: by ``send``, with a message's type and its content."""
        session = SimpleNamespace(msg=lambda kind, content, **_: (kind, content))
        channel = SimpleNamespace(send=lambda message: send(*message))
        self.kc = SimpleNamespace(session=session, shell_channel=channel)  # type: ignore[assignment]

    def sync_widgets(self) -> None:
        """Tell the kernel what output widgets show, before it is asked to execute anything that may look at it."""
        for widget in self.changed_widgets:
            with suppress(Exception):  # as in take: whatever is in it
                widget.sync()
        self.changed_widgets.clear()

    def expect(self, request: str, index: int) -> None:
        """Messages that answer the request belong to the cell."""
        self._cells[request] = index
        self._latest = index
        self.clear_before_next_output = False

    def take_errors(self) -> "dict[int, CellErrors]":
        """What came since the last call about errors, by the index of their cell."""
        errors, self._errors = self._errors, {}
        return errors

    def take(self, message: Message) -> str:
        """Put one message in; returns the id of the request that is done by it, mostly empty.

        Whatever the message holds, it is no reason to end the run.
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
            return request
        except Exception as error:
            # Widgets say what they like; one that nbclient cannot follow is none that a reader would miss.
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
        """In the place of the output that is left out."""
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
        """All outputs with the id show this now; nbclient calls it."""
        self.notebook.changed.update(self._displays.update(display_id, msg["content"]))

    def clear_display_id_mapping(self, cell_index: int) -> None:
        """The cell has no outputs any more; nbclient calls it."""
        self._displays.forget_cell(cell_index)

    def output(
        self, outs: list[NotebookNode], msg: Message, display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """One output more for a cell; nbclient calls it."""
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
                outs[-2], outs[-1] = outs[-1], outs[-2]  # the two race; a file should not show who won
            streams[name] = (next(output for output in reversed(outs) if output.get("name") == name), Stream())
        node, stream = streams[name]
        stream.add(text)
        self._printed.add(index)
        self.on_output(NotebookNode(output_type="stream", name=name, text=text))
        return node

    def _note_metric(self, output: NotebookNode) -> None:
        scrap = output.get("data", {}).get(SCRAP_TYPE)
        if isinstance(scrap, dict) and scrap.get("encoder", "json") == "json" and "name" in scrap:
            self.on_metric(str(scrap["name"]), scrap.get("data"))

    def clear_output(self, outs: list[NotebookNode], msg: Message, cell_index: int) -> None:
        """The cell takes back what it has shown; nbclient calls it."""
        self._close_streams(cell_index)
        super().clear_output(outs, msg, cell_index)

    def bring_up_to_date(self) -> None:
        """Put what the streams and the displays show by now into the cells; until then it is kept beside them."""
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
