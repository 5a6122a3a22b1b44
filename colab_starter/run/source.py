"""Where the runner's runs come from: a list, or a search that thinks of the next one."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from colab_starter.run.job import Point
from colab_starter.run.outcome import Outcome
from colab_starter.run.sweep.runs import Run


class Pruning(NamedTuple):
    """Why a run is to be ended early."""

    step: int
    """The step of the value that decided it."""
    cause: str
    """One line."""


class RunSource(Protocol):
    """Gives the runner what to execute, and learns what became of it."""

    @property
    def asked(self) -> Sequence[Run]:
        """All runs that were asked for by now, with those that were done before."""

    @property
    def has_more(self) -> bool:
        """Whether ``take`` may return another run, now or after a running one has ended."""

    def take(self) -> Run | None:
        """The next run to start; None if there is none at present. Raises LedgerWriteError."""

    def put_back(self, run: Run) -> None:
        """A run that is to be tried again, after the others."""

    def note_points(self, run: str, points: Sequence[Point]) -> Pruning | None:
        """Learn of values that a run recorded; returns why it is to be pruned, if it is, and only once."""

    def note_end(self, run: str, outcome: Outcome) -> None:
        """Learn how a run ended that is not tried again now."""

    def close(self) -> None:
        """Give no more runs."""


class ListedRuns:
    """The runs of a list, in order."""

    def __init__(self, runs: Sequence[Run], asked: Sequence[Run] | None = None) -> None:
        """``asked`` are the runs with those that are done already, if there are any."""
        self._runs = deque(runs)
        self.asked = runs if asked is None else asked

    @property
    def has_more(self) -> bool:
        return bool(self._runs)

    def take(self) -> Run | None:
        return self._runs.popleft() if self._runs else None

    def put_back(self, run: Run) -> None:
        self._runs.append(run)

    def note_points(self, run: str, points: Sequence[Point]) -> Pruning | None:
        return None

    def note_end(self, run: str, outcome: Outcome) -> None:
        """Do nothing: the list does not depend on it."""

    def close(self) -> None:
        self._runs.clear()
