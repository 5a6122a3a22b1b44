"""What came back from Colab: the cells' outputs, and what our own cells told about the run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from colab_starter.run.backends.colab.sent import RECORD_TYPE
from colab_starter.run.job import Limits
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import Mask
from colab_starter.run.worker.causes import describe_cell_limit, describe_run_limit
from colab_starter.run.worker.cell_errors import CellFacts, End, judge_cell
from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.outputs import CellOutputs

Record = dict[str, Any]


class ReadBack:
    """Puts outputs and times into the executed notebook. ``mark`` is that of the run's own cells."""

    def __init__(self, notebook: ExecutedNotebook, mark: str, limits: Limits, mask: Mask | None = None) -> None:
        self.outputs = CellOutputs(notebook)
        self.outputs.on_metric = self._note_metric
        self.metrics: dict[str, Any] = {}
        self.start: Record = {}
        self.finish: Record = {}
        """Empty while the run's own first and last cell have told nothing."""
        self._notebook = notebook
        self._mark = mark
        self._limits = limits
        self._mask = mask or Mask()
        self._records: dict[int, Record] = {}

    def read(self, path: Path) -> None:
        """Take in the notebook that ``colab exec`` has written; there is none if it was killed."""
        try:
            node = nbformat.read(path, as_version=4)
        except (OSError, ValueError):
            return
        for cell in node.cells:
            for output in cell.outputs:
                self._take_output(cell.id, output)
        self.outputs.bring_up_to_date()
        for index, record in self._records.items():
            self._note_times(index, record)

    def read_records(self, path: Path) -> None:
        """Take in the file of records, for those that did not come with the outputs."""
        executable = sorted(self._notebook.executable)
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            index = executable[record["number"] - 1] if record["record"] == "cell" else None
            if index is None:
                self._take_record("", record)
            elif index not in self._records:
                self._take_record(str(index), record)
                self._note_times(index, record)

    def _take_output(self, cell: str, output: NotebookNode) -> None:
        record = output.get("data", {}).get(RECORD_TYPE)
        if isinstance(record, dict) and record.get("mark") == self._mark:
            self._take_record(cell, record)
        elif cell.isdecimal():
            self._take_message(int(cell), output)

    def _take_record(self, cell: str, record: Record) -> None:
        if record["record"] == "cell":
            self._records[int(cell)] = record
        elif record["record"] == "finish":
            self.finish = record
        else:
            self.start = record

    def _take_message(self, index: int, output: NotebookNode) -> None:
        """To the cell's outputs, as if the message came from a kernel here."""
        content = {key: value for key, value in output.items() if key != "output_type"}
        message = {"msg_type": output.output_type, "parent_header": {"msg_id": str(index)}, "content": content}
        self.outputs.expect(str(index), index)
        self.outputs.take({**message, "header": {"msg_type": output.output_type}})

    def _note_metric(self, name: str, value: Any) -> None:
        self.metrics[name] = value

    def _note_times(self, index: int, record: Record) -> None:
        if record["state"] == "passed over":
            return
        cell = self._notebook.node.cells[index]
        cell.execution_count = record["count"]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = record["count"]
        end = self._judge(index, record)
        self._note_cell(index, record["started"], record["ended"], failed=end is not None and end.status != Status.OK)

    def _note_cell(self, index: int, started: float, ended: float, failed: bool) -> None:
        facts = {
            "start_time": datetime.fromtimestamp(started, UTC).isoformat(),
            "end_time": datetime.fromtimestamp(ended, UTC).isoformat(),
            "duration": round(ended - started, 6),
            "status": "failed" if failed else "completed",
            "exception": failed,
        }
        self._notebook.node.cells[index].metadata["papermill"].update(facts)
        self._notebook.changed.add(index)

    def note_lost_cell(self, index: int, started: float, ended: float, text: str) -> None:
        """A cell whose outputs did not come back: what it printed so far stands for them."""
        cell = self._notebook.node.cells[index]
        if text and not cell.outputs:
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
        self._note_cell(index, started, ended, failed=True)

    @property
    def peak_memory(self) -> int | None:
        return max((record["peak_memory"] for record in self._records.values()), default=None)

    def find_end(self) -> End | None:
        """How the run ended, as the kernel saw it; None if it did not see the end."""
        for index in sorted(self._notebook.executable):
            record = self._records.get(index)
            if record is None:
                return None
            if end := self._judge(index, record):
                return end
        return End(Status.OK) if self.finish else None

    def find_unfinished(self) -> int | None:
        """The first cell of which the kernel did not tell that it ended; None if it told of all."""
        return next((index for index in sorted(self._notebook.executable) if index not in self._records), None)

    def _judge(self, index: int, record: Record) -> End | None:
        """What the cell's end means for the run; None to go on."""
        name = self._notebook.name_of(index)
        if record["state"] == "passed over":
            if record["stopped"] == "run":
                return End(Status.TIMEOUT, f"{describe_run_limit(self._limits.run)}, before {name}", index)
            return End(Status.INTERRUPTED, f"stopped before {name}", index)
        if record["state"] == "limit":
            return End(Status.TIMEOUT, describe_limit(record["stopped"], self._limits, name), index)
        cell = self._notebook.node.cells[index]
        shown = [output for output in cell.outputs if output.output_type == "error"]
        reply = {"status": "ok", "execution_count": record["count"]}
        facts = CellFacts(cell.source, reply, *self._mask.apply_to_value((shown, record["errors"])))
        return judge_cell(facts, index, name, may_fail=self._notebook.allows_error(index))


def describe_limit(limit: str, limits: Limits, name: str) -> str:
    """What to say of a cell that was over one of the limits, ``cell`` or ``run``."""
    if limit == "cell":
        return describe_cell_limit(name, limits.cell)
    return f"{describe_run_limit(limits.run)}, in {name}"
