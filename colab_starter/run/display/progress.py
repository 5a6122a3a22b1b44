"""Progress displays of a running sweep: a live table, plain lines, JSON lines, or nothing."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from colab_starter.run.batch import Batch
from colab_starter.run.display.search import BestSoFar
from colab_starter.run.durations import format_duration
from colab_starter.run.formatting import STYLES, Wording
from colab_starter.run.job import CellStarted, MetricRecorded, PointsRecorded
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.literals import to_json
from colab_starter.run.outcome import Status, encode_metric
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopLevel
from colab_starter.run.sweep.runs import Run
from colab_starter.text import plural

_REFRESH = 0.25
"""Seconds between two updates of the table."""


class Progress:
    """Shows nothing; subclasses do. The runner calls the methods as things happen."""

    def started(self, run: Run, attempt: int, place: str) -> None:
        """A run's attempt has begun."""

    def cell_started(self, event: CellStarted) -> None:
        """A run has reached a cell."""

    def metric_recorded(self, event: MetricRecorded) -> None:
        """A run has recorded a metric."""

    def points_recorded(self, event: PointsRecorded) -> None:
        """A run has recorded values with steps."""

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        """An attempt has ended; ``again`` if another one follows."""

    def stopping(self, level: StopLevel, running: int) -> None:
        """The user has asked to stop; ``running`` runs continue until their cells have ended."""

    def tick(self) -> None:
        """Some time has passed."""

    def close(self) -> None:
        """No more events will follow. May be called twice."""


class PlainProgress(Progress):
    """Prints a line when a run starts, and one when it ends."""

    def __init__(
        self, total: int | None, wording: Wording, out: TextIO | None = None, best: BestSoFar | None = None
    ) -> None:
        self._best = best
        self._total = total
        self._done = 0
        self._wording = wording
        self._out = out or sys.stdout

    def started(self, run: Run, attempt: int, place: str) -> None:
        name = self._wording.name_run(run.id, run.parameters)
        details = [f"attempt {attempt}"] * (attempt > 1) + [place] * bool(place)
        self._say("started", " ".join([name, *[f"({', '.join(details)})"] * bool(details)]))

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        self._done += not again
        name = self._wording.name_run(run.id, run.parameters)
        is_best = self._best is not None and self._best.note(record)
        end = describe_end(record, again, self._wording, self._best.objectives if self._best else ())
        self._say(str(record.status), f"{name}, {end}{', the best' * is_best}")

    def stopping(self, level: StopLevel, running: int) -> None:
        self._say("stopping", describe_stopping(level, running))

    def _say(self, what: str, text: str) -> None:
        width = len(str(self._total))
        count = f"{self._done}" if self._total is None else f"{self._done:>{width}}/{self._total}"
        print(f"[{count}] {what:<11} {text}", file=self._out, flush=True)


class JsonProgress(Progress):
    """Prints a line of JSON for each event; its ``event`` is the kind."""

    def __init__(self, mask: Mask, out: TextIO | None = None) -> None:
        self._mask = mask
        self._out = out or sys.stdout

    def started(self, run: Run, attempt: int, place: str) -> None:
        parameters = to_json(self._mask.apply_to_value(run.parameters))
        self.write("started", {"run": run.id, "attempt": attempt, "place": place}, {"parameters": parameters})

    def cell_started(self, event: CellStarted) -> None:
        self.write("cell", asdict(event), {})

    def metric_recorded(self, event: MetricRecorded) -> None:
        told = {"name": event.name, "value": encode_metric(event.value)}
        self.write("metric", {"run": event.run}, told if event.step is None else told | {"step": event.step})

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        outcome = record.outcome.to_record()
        told = {"metrics": outcome.pop("metrics")}
        facts = {name: getattr(record, name) for name in ("run", "attempt", "notebook", "started", "ended")}
        self.write("ended", {**facts, **outcome, "again": again}, told)

    def stopping(self, level: StopLevel, running: int) -> None:
        self.write("stopping", {"now": level is StopLevel.NOW, "running": running}, {})

    def write(self, event: str, facts: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Print a line; ``told`` comes from the user or the notebook and may contain secrets."""
        line = {"event": event, **facts, **self._mask.apply_to_value(dict(told))}
        print(json.dumps(line, ensure_ascii=False), file=self._out, flush=True)


@dataclass
class _Line:
    """A running run in the table."""

    name: str
    place: str
    begun: float = field(default_factory=time.monotonic)
    cell: str = ""
    metric: str = ""


class LiveProgress(Progress):
    """Redraws a table in place, with a line per running run; runs that end with a cause are printed above it."""

    def __init__(self, total: int | None, wording: Wording, console: Console, best: BestSoFar | None = None) -> None:
        self._best = best
        self._total = total
        self._wording = wording
        self._console = console
        self._lines: dict[str, _Line] = {}
        self._ends: Counter[Status] = Counter()
        self._taken: list[float] = []
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._notice = ""
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def started(self, run: Run, attempt: int, place: str) -> None:
        self._lines[run.id] = _Line(self._wording.name_run(run.id, run.parameters), place)

    def cell_started(self, event: CellStarted) -> None:
        self._lines[event.run].cell = f"{event.number}/{event.total}"

    def metric_recorded(self, event: MetricRecorded) -> None:
        self._lines[event.run].metric = self._wording.show_metric(event.name, event.value)

    def ended(self, run: Run, record: RunRecord, again: bool) -> None:
        self._lines.pop(run.id, None)
        self._ends[record.status] += not again
        self._taken.append(record.outcome.seconds)
        if self._best:
            self._best.note(record)
        if record.status is not Status.OK or record.outcome.cause:
            name = self._wording.name_run(run.id, run.parameters)
            self._print(f"{record.status}: {name}, {describe_end(record, again, self._wording)}", record.status)

    def stopping(self, level: StopLevel, running: int) -> None:
        self._notice = describe_stopping(level, running)
        self._draw()

    def tick(self) -> None:
        if time.monotonic() - self._drawn >= _REFRESH:
            self._draw()

    def close(self) -> None:
        self._live.stop()

    def _print(self, text: str, status: Status) -> None:
        self._console.print(Text(text, style=STYLES[status]))

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._live.update(self._picture(), refresh=True)

    def _picture(self) -> RenderableType:
        room = max(1, self._console.height - 4)
        hidden = len(self._lines) - room
        more = [Text(f"and {plural(hidden, 'run')} more")] if hidden > 0 else []
        notice = [Text(self._notice, style="yellow")] if self._notice else []
        return Group(Text(self._sum_up(), style="bold"), self._table(room), *more, *notice)

    def _table(self, room: int) -> RenderableType:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for column in ("name", "cell", "metric", "time", "place"):
            table.add_column(column, no_wrap=True, overflow="ellipsis", justify="right" if column == "time" else "left")
        now = time.monotonic()
        for line in list(self._lines.values())[:room]:
            cell = f"cell {line.cell}" if line.cell else "starting"
            texts = (line.name, cell, line.metric, format_duration(now - line.begun), line.place)
            table.add_row(*(Text(text) for text in texts))
        return table

    def _sum_up(self) -> str:
        done = self._ends.total()
        parts = [f"{done} done" if self._total is None else f"{done} of {self._total} done"]
        if pruned := self._ends[Status.PRUNED]:
            parts.append(f"{pruned} pruned")
        if bad := done - pruned - self._ends[Status.OK]:
            parts.append(f"{bad} not ok")
        if self._best and (best := self._best.describe(self._wording)):
            parts.append(best)
        parts.append(format_duration(time.monotonic() - self._begun))
        if self._taken and not self._notice and self._total is not None:
            parts.append(f"about {format_duration(self._estimate_left(self._total))} left")
        if not (self._lines or self._taken):
            parts.append("getting ready")
        return ", ".join(parts)

    def _estimate_left(self, total: int) -> float:
        """The estimated seconds left, if the other runs take as long as the finished ones and as many run at once."""
        mean = sum(self._taken) / len(self._taken)
        now = time.monotonic()
        running = [max(0.0, mean - (now - line.begun)) for line in self._lines.values()]
        waiting = total - self._ends.total() - len(running)
        return (sum(running) + waiting * mean) / max(1, len(running))


def describe_end(record: RunRecord, again: bool, wording: Wording, objectives: Iterable[str] = ()) -> str:
    """A phrase such as ``12 s, accuracy=0.98`` or ``3.1 s: ValueError: bad (cell In[5], line 3); trying again``.

    Three metrics at most; those that a search is for, the ``objectives``, come first.
    """
    outcome = record.outcome
    names = dict.fromkeys([*(name for name in objectives if name in outcome.metrics), *outcome.metrics])
    metrics = [wording.show_metric(name, outcome.metrics[name]) for name in list(names)[:3]]
    cause = f": {wording.clean(outcome.cause)}" if outcome.cause else ""
    return f"{', '.join([format_duration(outcome.seconds), *metrics])}{cause}{'; trying again' if again else ''}"


def describe_stopping(level: StopLevel, running: int) -> str:
    """What happens after Ctrl-C, and what the user can do next."""
    if level is StopLevel.NOW:
        return f"ending {plural(running, 'run')} now"
    return f"waiting for the running cells to end ({plural(running, 'run')}); Ctrl-C again ends them now"


def choose_progress(batch: Batch, total: int | None, records: Mapping[str, RunRecord]) -> Progress:
    """The progress display that suits the options and stdout; ``total`` is the number of runs, if it is known.

    ``records`` are those of the batch's earlier runs.
    """
    if batch.options.as_json:
        return JsonProgress(batch.mask)
    if batch.options.quiet:
        return Progress()
    known = [records[run.id] for run in batch.runs if run.id in records]
    best = BestSoFar(batch.search, known) if batch.search else None
    if sys.stdout.isatty():
        console = Console()
        if not console.is_dumb_terminal:
            return LiveProgress(total, batch.wording, console, best)
    return PlainProgress(total, batch.wording, best=best)
