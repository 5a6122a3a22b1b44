"""The Output widget of ipywidgets: outputs shown inside it go to the widget, and back to the kernel."""

from typing import Any

from nbclient.output_widget import OutputWidget as NbclientWidget
from nbformat import NotebookNode

from colab_starter.run.kernels.messages import make_output
from colab_starter.run.worker.streams import Stream

Message = dict[str, Any]


class OutputWidget(NbclientWidget):
    """Like nbclient's, except that it does not send the widget's whole content to the kernel after each output.

    It sends the content after 1, 2, 4, 8 ... outputs, and on ``sync``. The state kept for the notebook is always up to
    date, except for the text of the last stream, which ``write`` adds.
    """

    def __init__(self, comm_id: str, state: Message, kernel_client: Any, executor: Any) -> None:
        """``executor`` is a ``CellOutputs``, which calls ``write`` and ``sync`` after a change."""
        super().__init__(comm_id, state, kernel_client, executor)
        self._stream: Stream | None = None
        """The text of the last output, if it is a stream being assembled."""
        self._changes = 0
        self._next_sync = 1

    def output(self, outs: list[NotebookNode], msg: Message, display_id: str | None, cell_index: int) -> None:
        """Add an output; called by nbclient."""
        output = make_output(msg["msg_type"], msg["content"])
        if output is None:
            return
        if self.clear_before_next_output:
            self._clear()
            self.clear_before_next_output = False
        if output.output_type == "stream":
            self._add_to_stream(output)
        else:
            self.write()
            self._stream = None
            self.outputs.append(output)
        self._note_change(msg)

    def _add_to_stream(self, output: NotebookNode) -> None:
        last = self.outputs[-1] if self.outputs else {}
        if (last.get("output_type"), last.get("name")) != ("stream", output.name):
            self.write()
            self._stream = Stream()
            self.outputs.append(output)
        elif self._stream is None:
            self._stream = Stream()
            self._stream.add(last["text"])
        self._stream.add(output.text)

    def clear_output(self, outs: list[NotebookNode], msg: Message, cell_index: int) -> None:
        """Clear what is shown; called by nbclient."""
        if msg["content"].get("wait"):
            self.clear_before_next_output = True
        else:
            self._clear()
            self._note_change(msg)

    def _clear(self) -> None:
        self._stream = None
        self.outputs = []

    def _note_change(self, msg: Message) -> None:
        self.parent_header = msg["parent_header"]
        self.executor.widget_state[self.comm_id]["outputs"] = self.outputs
        self.executor.changed_widgets.add(self)
        self._changes += 1
        if self._changes >= self._next_sync:
            self._next_sync *= 2
            self.sync()

    def write(self) -> None:
        """Write the text of the last stream into the state."""
        if self._stream is not None:
            self.outputs[-1]["text"] = self._stream.text()

    def sync(self) -> None:
        """Send what is shown to the kernel."""
        self.write()
        self.sync_state()
