"""A sweep as TensorBoard's event files: scalars by step, and the parameters for the HParams plugin."""

import heapq
import io
import os
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

from colab_starter.export.files import cannot_write, write_file
from colab_starter.export.sweep import ExportedRun, ExportedSweep
from colab_starter.run.event_files import EventWriter, empty_other_files, find_event_file
from colab_starter.run.outcome import Status


def export_tensorboard(sweep: ExportedSweep, folder: Path) -> str:
    """Write a folder of event files for each run, and return what to do with them. Raises ExportError."""
    for run in sweep.runs:
        try:
            path = find_event_file(folder / run.id, run.attempt)
            if run.status is Status.RUNNING and _is_being_written(path):
                continue
            write_file(path, _format_events(run, sweep))
            empty_other_files(path)
        except OSError as error:
            raise cannot_write(folder / run.id, error) from error
    return f"tensorboard --logdir {folder}"


def _format_events(run: ExportedRun, sweep: ExportedSweep) -> bytes:
    file = io.BytesIO()
    writer = EventWriter(file, run.started)
    writer.write_parameters(sweep.mask.apply_to_value(run.parameters), run.id, run.started)
    named = ([(name, *measurement) for measurement in measurements] for name, measurements in run.series.items())
    # In the order of their arrival: what a TensorBoard has read of a running sweep stays as it was.
    for name, step, value, moment in heapq.merge(*named, key=itemgetter(3)):
        writer.write_point(name, step, value, moment)
    if run.ended is not None:
        writer.write_metrics(run.metrics, (), run.ended)
        writer.write_end(run.outcome, run.ended)
    return file.getvalue()


def _is_being_written(path: Path) -> bool:
    """Whether ``run --also tensorboard`` has the file open: see ``TensorBoardWriter``."""
    with suppress(FileNotFoundError, ImportError):  # Windows runs no sweeps
        import fcntl

        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # some network drives have no locks
            return False
        finally:
            os.close(handle)
    return False
