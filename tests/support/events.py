"""Reading TensorBoard's event files as TensorBoard does."""

import sys
from pathlib import Path
from types import ModuleType

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

sys.modules["tensorboard.compat.notf"] = ModuleType("notf")
"""TensorBoard is not to read its files through TensorFlow, whose import takes seconds."""


def open_events(folder: Path) -> EventAccumulator:
    """A reader of a run's folder; its ``Reload`` reads what has been added."""
    return EventAccumulator(str(folder)).Reload()


def list_scalars(events: EventAccumulator, name: str = "accuracy") -> list[tuple[int, float]]:
    """The steps and values of a metric."""
    return [(event.step, round(event.value, 6)) for event in events.Scalars(name)]


def read_scalars(folder: Path, name: str = "accuracy") -> list[tuple[int, float]]:
    """The steps and values of a metric in a run's folder."""
    return list_scalars(open_events(folder), name)
