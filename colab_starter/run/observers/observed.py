"""The display of a running sweep together with the observers that ``--also`` asks for."""

from collections.abc import Callable
from contextlib import suppress

from colab_starter.run.batch import Batch
from colab_starter.run.display.progress import Progress
from colab_starter.run.event_files import FOLDER
from colab_starter.run.job import CellStarted, MetricRecorded, PointsRecorded
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.stopping import StopLevel
from colab_starter.run.sweep.runs import Run
from colab_starter.run.versions import find_defaults
from colab_starter.text import warn


def add_observers(progress: Progress, batch: Batch) -> Progress:
    """The display together with the observers that the options ask for."""
    if not batch.options.also:
        return progress
    from colab_starter.run.observers.tensorboard import TensorBoardWriter

    writer = TensorBoardWriter(batch.folder / FOLDER, batch.mask, find_defaults(batch.notebook))
    return Observed(progress, writer, batch.mask.apply)


class Observed(Progress):
    """Tells an observer everything that it tells the display.

    If the observer fails, because its disk is full for instance, the user is told once, and the sweep goes on without
    it.
    """

    def __init__(self, display: Progress, observer: Progress, mask: Callable[[str], str]) -> None:
        self._display = display
        self._observer: Progress | None = observer
        self._mask = mask

    def started(self, run: Run, attempt: int, place: str) -> None:
        self._display.started(run, attempt, place)
        self._tell(lambda observer: observer.started(run, attempt, place))

    def cell_started(self, event: CellStarted) -> None:
        self._display.cell_started(event)
        self._tell(lambda observer: observer.cell_started(event))

    def metric_recorded(self, event: MetricRecorded) -> None:
        self._display.metric_recorded(event)
        self._tell(lambda observer: observer.metric_recorded(event))

    def points_recorded(self, event: PointsRecorded) -> None:
        self._display.points_recorded(event)
        self._tell(lambda observer: observer.points_recorded(event))

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        self._display.ended(run, record, again)
        self._tell(lambda observer: observer.ended(run, record, again))

    def stopping(self, level: StopLevel, running: int) -> None:
        self._display.stopping(level, running)
        self._tell(lambda observer: observer.stopping(level, running))

    def tick(self) -> None:
        self._display.tick()
        self._tell(lambda observer: observer.tick())

    def close(self) -> None:
        self._display.close()
        self._tell(lambda observer: observer.close())

    def _tell(self, call: Callable[[Progress], None]) -> None:
        if self._observer is None:
            return
        try:
            call(self._observer)
        except Exception as error:  # whatever it is, it must not end the sweep
            observer, self._observer = self._observer, None
            with suppress(Exception):
                observer.close()
            reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            warn(self._mask(f"{observer} is no longer written ({reason}); colab-starter export makes it afterwards"))
