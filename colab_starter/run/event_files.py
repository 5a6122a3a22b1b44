"""TensorBoard's event files: the points of a run's attempt, its parameters and how it ended.

Written with the messages of the package ``tensorboard``, which neither needs nor imports TensorFlow.
"""

import io
import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from colab_starter.errors import ExportLibraryMissingError
from colab_starter.run.flat_metrics import FlatMetrics, encode_value, is_number
from colab_starter.run.outcome import BAD, Outcome, Status
from colab_starter.run.whole_steps import WholeSteps

FOLDER = "tensorboard"
"""In a sweep's folder: a folder of event files for each run."""
_OWN = re.compile(r"events\.out\.tfevents\.\d{6,}\.\d{3,}\.colab-starter")
_START, _END = "_hparams_/session_start_info", "_hparams_/session_end_info"
_BEFORE_ALL_STEPS = -(2**62)


def check_tensorboard(wanted_by: str) -> None:
    """Raise ExportLibraryMissingError if TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise ExportLibraryMissingError(f'{wanted_by} needs TensorBoard; run: pip install "colab-starter[tensorboard]"')


def name_event_file(attempt: int, execution: int = 0) -> str:
    """The name of the file for an attempt, and for how often it was started over.

    TensorBoard reads the files of a folder in the order of their names.
    """
    return f"events.out.tfevents.{attempt:06d}.{execution:03d}.colab-starter"


def find_event_file(folder: Path, attempt: int) -> Path:
    """The last file of an attempt in the folder of its run; the first one's path if there is none yet."""
    found = [path.name for path in _list_own(folder) if path.name.startswith(f"events.out.tfevents.{attempt:06d}.")]
    return folder / max(found, default=name_event_file(attempt))


def empty_other_files(path: Path) -> None:
    """Empty all files of ours beside this one, whose points would be shown as well. Raises OSError.

    They are not removed: a TensorBoard that is reading one would never go on to the next.
    """
    for other in _list_own(path.parent):
        if other.name != path.name:
            os.truncate(other, 0)


def _list_own(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if _OWN.fullmatch(path.name)]
    except FileNotFoundError:
        return []


class EventWriter:
    """Writes the events of one attempt to a binary file. Times are in seconds since 1970."""

    def __init__(self, file: BinaryIO | io.BytesIO, begun: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._file = file
        self._records = RecordWriter(file)
        self._event = Event
        self._steps = WholeSteps()
        self._write(Event(wall_time=begun, file_version="brain.Event:2"))
        # What readers have kept of an earlier attempt is no longer valid.
        restart = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=begun, step=_BEFORE_ALL_STEPS, session_log=restart))

    def write_parameters(self, parameters: Mapping[str, Any], run: str, begun: float) -> None:
        """Write the parameters for the HParams plugin, which shows one session per run."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        data = HParamsPluginData()
        data.session_start_info.group_name = run
        data.session_start_info.start_time_secs = begun
        for name, value in parameters.items():
            _set_value(data.session_start_info.hparams[name], value)
        self._write_session(_START, data, begun)

    def write_point(self, name: str, step: float, value: float, moment: float) -> None:
        """Write a value of a metric at a step."""
        event = self._event(wall_time=moment, step=self._steps.take(name, step))
        event.summary.value.add(tag=name or "metric", simple_value=value)
        self._write(event)

    def copy_points(self, path: Path, other: "EventWriter", without: Collection[str]) -> None:
        """Write the points of another writer, whose file is at ``path``, except those of some metrics; raises OSError.

        The other metrics go on as they were.
        """
        self._steps = other._steps.go_on(without)
        with path.open("rb") as file:
            for record in _read_records(file):
                event = self._event.FromString(record)
                names = {value.tag for value in event.summary.value}
                if names and not names & {*without, _START, _END}:
                    self._write(event)

    def write_metrics(self, metrics: FlatMetrics, series: Collection[str], moment: float) -> None:
        """Write the metrics other than the ``series``: numbers at step 0, the numbers of lists from step 1 on."""
        for name, value in metrics.numbers.items():
            if name not in series:
                self.write_point(name, 0, value, moment)
        for name, values in metrics.lists.items():
            for step, value in enumerate(values, 1):
                self.write_point(name, step, value, moment)

    def write_end(self, outcome: Outcome, moment: float) -> None:
        """Write how the attempt ended."""
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        data = HParamsPluginData()
        is_bad = outcome.status in {*BAD, Status.INTERRUPTED}
        data.session_end_info.status = STATUS_FAILURE if is_bad else STATUS_SUCCESS
        data.session_end_info.end_time_secs = moment
        self._write_session(_END, data, moment)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _write_session(self, tag: str, data: Any, moment: float) -> None:
        from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata

        event = self._event(wall_time=moment)
        event.summary.value.add(tag=tag, metadata=create_summary_metadata(data), tensor=NULL_TENSOR)
        self._write(event)

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())


def _read_records(file: BinaryIO) -> Iterator[bytes]:
    """The content of an event file: each record has its length before it (eight bytes and a checksum of four)."""
    while len(head := file.read(12)) == 12:
        yield file.read(int.from_bytes(head[:8], "little"))
        file.read(4)


def _set_value(slot: Any, value: Any) -> None:
    """The plugin knows numbers, texts, True and False."""
    if isinstance(value, bool):
        slot.bool_value = value
    elif is_number(value) and abs(value) <= 1e300 and math.isfinite(value):
        slot.number_value = value
    else:
        slot.string_value = encode_value(value).encode("utf-8", "replace").decode()
