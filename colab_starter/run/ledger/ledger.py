"""The ledger of a sweep: what was started and how it ended, one line of JSON each, never changed afterwards.

It is the source of truth about a sweep; tables, reports and the list of remaining runs are derived from it. Only the
process that holds the sweep's lock appends. It is not designed for many writers or large records.
"""

import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from colab_starter.errors import LedgerVersionError, LedgerWriteError
from colab_starter.run.facts import (
    check_file_name,
    read_count,
    read_file_name,
    read_hash,
    read_optional_number,
    read_text,
    read_values,
)
from colab_starter.run.job import Point, PointsRecorded
from colab_starter.run.ledger.journal import Journal, JournalFile
from colab_starter.run.ledger.series import FILE_NAME as SERIES
from colab_starter.run.ledger.series import SeriesFile
from colab_starter.run.literals import to_json
from colab_starter.run.outcome import BAD, Outcome, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.space import NO_SPACE, tells_of_no_space
from colab_starter.sweep_folder import LEDGER

VERSION = 1
LARGEST_VERSION = 999
FILE_NAME = LEDGER
LOST = "colab-starter itself was killed while this ran"
"""The cause of an attempt without an end."""
GONE = "its executed notebook is gone"
"""The cause of an attempt that ended well, but of which nothing is left."""

Record = dict[str, Any]


@dataclass
class RunRecord:
    """The state of a run according to the ledger; ``running`` if its last attempt has no end."""

    run: str
    attempt: int
    """The number of the last attempt, from 1."""
    parameters: dict[str, Any]
    source: str
    """The hash of the source notebook."""
    notebook: str
    """The path of the executed notebook, relative to the sweep's folder; it exists once the attempt has ended."""
    started: str
    """When the last attempt started: ISO 8601, UTC."""
    outcome: Outcome = field(default_factory=partial(Outcome, Status.RUNNING))
    """How the last attempt ended; while it runs, only its host is set."""
    ended: str = ""
    """ISO 8601, UTC; empty while it runs."""
    pruned_at: int | None = None
    """The step at which the last attempt was told to end early; it may have ended otherwise just before."""

    @property
    def status(self) -> Status:
        return self.outcome.status

    @property
    def lacked_space(self) -> bool:
        """Whether it failed because a disk was full."""
        outcome = self.outcome
        return outcome.status in BAD and (outcome.no_space or tells_of_no_space(outcome.cause))

    def end(self, outcome: Outcome, ended: str) -> None:
        """Record how the last attempt ended."""
        self.outcome, self.ended = outcome, ended

    def move(self, run: str) -> None:
        """Give it another ID, which is also its folder's name."""
        self.run = run
        self.notebook = f"{run}/{self.notebook.rpartition('/')[2]}"


@dataclass(frozen=True)
class Trial:
    """A set of parameters that a search suggested; it is recorded before the run starts."""

    number: int
    """Counted from 0, as Optuna does."""
    run: str
    """The ID of the run with these parameters; two trials may have the same one."""
    parameters: Mapping[str, Any]
    source: str
    """The hash of the notebook that it is a trial of."""


@dataclass(frozen=True)
class RunEnded:
    """The end of an attempt, among the events of a search."""

    run: str
    attempt: int


@dataclass
class LedgerContent:
    """The content of a ledger."""

    runs: dict[str, RunRecord] = field(default_factory=dict)
    """The runs by ID, in the order of their first starts."""
    sweeps: list[Record] = field(default_factory=list)
    """What each command requested: notebook, source, number of runs, time, and ``search`` if it was one."""
    events: list[Trial | RunEnded] = field(default_factory=list)
    """What a search was told and has suggested, in order; the ends of all runs count."""
    damaged: list[int] = field(default_factory=list)
    """The numbers, from 1, of unreadable lines, which were skipped."""
    renamed: dict[str, str] = field(default_factory=dict)
    """New IDs of renamed runs -> the IDs of their first starts."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Former IDs of renamed runs -> their current IDs."""

    @property
    def trials(self) -> list[Trial]:
        """What searches suggested, in order."""
        return [event for event in self.events if isinstance(event, Trial)]

    @property
    def search(self) -> Mapping[str, Any]:
        """The facts of the last search, as ``write_sweep`` got them; empty if there was none."""
        found = [sweep["search"] for sweep in self.sweeps if isinstance(sweep.get("search"), dict)]
        return found[-1] if found else {}


class Ledger:
    """The state of the runs, and the recording of events. Raises LedgerWriteError if recording fails."""

    def __init__(self, journal: Journal, mask: Mask, series: SeriesFile | None = None) -> None:
        """Read the journal. ``series`` takes the values with steps; None if none will come.

        Raises LedgerVersionError.
        """
        self._journal = journal
        self._mask = mask
        self._series = series
        self.content = replay(journal.read(), journal.path)
        """Kept up to date."""

    @property
    def runs(self) -> dict[str, RunRecord]:
        """The runs by ID."""
        return self.content.runs

    def write_sweep(self, notebook: str, source: str, runs: int, search: Mapping[str, Any] | None = None) -> None:
        """Record a request: the notebook, its hash, the number of runs and, of a search, its facts as plain JSON."""
        facts = {"version": VERSION, "notebook": self._mask.apply(notebook), "source": source, "runs": runs}
        told = {"search": self._mask.apply_to_value(dict(search))} if search else {}
        record = self._describe("sweep", **facts, **told)
        self._append([record])
        self.content.sweeps.append(record)

    def write_trial(self, trial: Trial) -> None:
        """Record what a search suggested, before its run starts."""
        values = to_json(self._mask.apply_to_value(dict(trial.parameters)))
        facts = {"number": trial.number, "run": trial.run, "parameters": values, "source": trial.source}
        record = self._describe("trial", **facts)
        self._append([record])
        self.content.events.append(_read_trial(record))

    def write_start(self, run: str, attempt: int, parameters: Mapping[str, Any], source: str, notebook: str) -> None:
        """Record that an attempt starts; its executed notebook will be ``notebook``."""
        record = self._describe_start(run, attempt, parameters, source, notebook)
        self._append([record])
        self.runs[run] = _read_start(record)

    def write_pruning(self, run: str, step: int, cause: str) -> None:
        """Record that the run's last attempt is told to end early, because of its value at a step."""
        facts = {"run": run, "attempt": self.runs[run].attempt, "step": step, "cause": self._mask.apply(cause)}
        record = self._describe("pruning", **facts)
        self._append([record])
        _note_pruning(self.runs[run], record)

    def write_end(self, run: str, outcome: Outcome) -> RunRecord:
        """Record how the run's last attempt ended; returns the run's new state."""
        known = self.runs[run]
        if self._series:
            with self._explaining(self._series.path):
                self._series.settle(run)
        record = self._describe_end(known, outcome)
        self._append([record])
        _note_end(known, record)
        self.content.events.append(RunEnded(run, known.attempt))
        return known

    def write_points(self, event: PointsRecorded) -> None:
        """Take values with steps of a running run; they are written soon, and before the run's end at the latest."""
        if self._series:
            names = {point.name: self._mask.apply(point.name) for point in event.points}
            points = tuple(point._replace(name=names[point.name]) for point in event.points)
            dropped = tuple(map(self._mask.apply, event.dropped))
            self._series.add(replace(event, points=points, dropped=dropped), self.runs[event.run].attempt)

    def replace_points(self, run: str, points: Sequence[Point]) -> None:
        """Record all values with steps of a run's last attempt, instead of those that were written before."""
        if self._series:
            with self._explaining(self._series.path):
                self._series.replace(run, self.runs[run].attempt, points)

    def write_found(self, found: Sequence[RunRecord]) -> None:
        """Record ended attempts whose end, or whose existence, the ledger did not know."""
        records = [record for run in found for record in self._describe_found(run)]
        self._append(records)
        for record in records:
            if record["record"] == "start":
                self.runs[record["run"]] = _read_start(record)
            else:
                _note_end(self.runs[record["run"]], record)
                self.content.events.append(RunEnded(record["run"], record["attempt"]))

    def _describe_found(self, run: RunRecord) -> list[Record]:
        known = self.runs.get(run.run, run)
        start = self._describe_start(run.run, run.attempt, known.parameters, known.source, run.notebook)
        end = self._describe_end(run, run.outcome)
        records = [
            {**start, "time": run.started or start["time"], "found": True},
            {**end, "time": run.ended or end["time"], "found": True},
        ]
        is_started = known is not run and (known.attempt, known.status) == (run.attempt, Status.RUNNING)
        return records[1:] if is_started else records

    def write_lost(self, *runs: str, cause: str = LOST) -> None:
        """Record that nothing is left of the runs' last attempts, and why."""
        records = [self._describe("lost", run=run, attempt=self.runs[run].attempt, cause=cause) for run in runs]
        if records:
            self._append(records)
        for record in records:
            _note_loss(self.runs[record["run"]], record)
            self.content.events.append(RunEnded(record["run"], record["attempt"]))

    def write_renames(self, names: Mapping[str, str]) -> None:
        """Record the runs' new IDs, which are also their folders' names; the old ones are not written."""
        self._append([self._describe("renamed", runs={_hash_id(old): new for old, new in names.items()})])
        for old, new in names.items():
            self.runs[old].move(new)
        earlier = {name: names.get(current, current) for name, current in self.content.aliases.items()}
        self.content.aliases = earlier | dict(names) | {new: new for new in names.values()}
        self.content.runs = {run.run: run for run in self.runs.values()}

    def check(self) -> None:
        """Write points that are due. Raises LedgerWriteError if nothing may be written any more, because another
        process has the sweep now.
        """
        self._journal.check()
        if self._series:
            with self._explaining(self._series.path):
                self._series.write_if_due()

    def check_room(self) -> None:
        """Raise LedgerWriteError if there is hardly any space left for what runs would write."""
        with self._explaining(self._journal.path):
            self._journal.check_room()

    def close(self) -> None:
        if self._series:
            self._series.close()
        self._journal.close()

    def _describe_start(
        self, run: str, attempt: int, parameters: Mapping[str, Any], source: str, notebook: str
    ) -> Record:
        values = to_json(self._mask.apply_to_value(dict(parameters)))
        facts = {"run": run, "attempt": attempt, "parameters": values, "source": source, "notebook": notebook}
        return self._describe("start", **facts, pid=os.getpid())

    def _describe_end(self, run: RunRecord, outcome: Outcome) -> Record:
        facts = outcome.masked(self._mask).to_record()
        return self._describe("end", run=run.run, attempt=run.attempt, notebook=run.notebook, **facts)

    def _describe(self, kind: str, **facts: Any) -> Record:
        return {"record": kind, "time": _now(), "host": socket.gethostname(), **facts}

    def _append(self, records: Sequence[Record]) -> None:
        if any(record["record"] == "start" for record in records):
            self.check_room()
        lines = [json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") for record in records]
        with self._explaining(self._journal.path):
            self._journal.append(*lines)

    @contextmanager
    def _explaining(self, path: Path | str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = "free some space" if error.errno in NO_SPACE else "fix that"
            raise LedgerWriteError(
                f"{path} cannot be written ({error.strerror}); "
                f"{remedy}, then give the same command again: what has ended is kept"
            ) from error


def _hash_id(run: str) -> str:
    return hashlib.sha256(run.encode()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def open_ledger(folder: Path, mask: Mask) -> Ledger:
    """The ledger in a sweep's folder, to read and append to. Raises LedgerVersionError."""
    return Ledger(JournalFile(folder / FILE_NAME), mask, SeriesFile(JournalFile(folder / SERIES)))


def read_runs(folder: Path) -> dict[str, RunRecord]:
    """The runs of a sweep's folder by ID, in the order of their first starts; empty if there is no ledger.

    Raises LedgerVersionError if a newer colab-starter wrote it.
    """
    return read_ledger(folder).runs


def read_ledger(folder: Path) -> LedgerContent:
    """The content of the ledger in a sweep's folder. Raises LedgerVersionError."""
    path = folder / FILE_NAME
    return replay(JournalFile(path).read(), path)


def replay(lines: Iterable[bytes], path: Path | str) -> LedgerContent:
    """Apply the lines from first to last; ``path`` is for error messages."""
    content = LedgerContent()
    for number, line in enumerate(lines, 1):
        try:
            _take(json.loads(line), content)
        except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
            content.damaged.append(number)
        if content.sweeps and content.sweeps[-1]["version"] > VERSION:
            found = content.sweeps[-1]["version"]
            raise LedgerVersionError(
                f"{path} is of version {found}, and this colab-starter knows {VERSION} at most; "
                "upgrade it (pip install -U colab-starter), or choose another --out"
            )
    for later, first in content.renamed.items():
        content.aliases[later] = content.aliases[first] = content.runs[first].run
    content.runs = {run.run: run for run in content.runs.values()} if content.renamed else content.runs
    return content


def _take(record: Record, content: LedgerContent) -> None:
    """Apply a record; unknown kinds are ignored. Raises ValueError, LookupError or TypeError if it is damaged."""
    kind = record["record"]
    if kind == "sweep":
        if read_count(record, "version") > LARGEST_VERSION:
            raise ValueError("there will be no such version")
        content.sweeps.append(record)
    elif kind == "start":
        started = _read_start(record)
        content.runs[content.renamed.get(started.run, started.run)] = started
    elif kind == "trial":
        content.events.append(_read_trial(record))
    elif kind == "renamed":
        _take_renames(record["runs"], content)
    elif kind in _NOTES:
        name = read_text(record, "run")
        run = content.runs[content.renamed.get(name, name)]
        if record["attempt"] == run.attempt:
            _NOTES[kind](run, record)
            if kind != "pruning":
                content.events.append(RunEnded(name, run.attempt))


def _take_renames(names: Any, content: LedgerContent) -> None:
    """Apply renames; the runs stay in place under their first IDs until everything is read."""
    if not isinstance(names, dict):
        raise ValueError("runs has no names")
    known = {_hash_id(run.run): first for first, run in content.runs.items()}
    for old, new in names.items():
        if old in known:
            content.runs[known[old]].move(check_file_name(new))
            content.renamed[new] = known[old]


def _read_start(record: Record) -> RunRecord:
    run = read_file_name(record, "run")
    folder, _, name = read_text(record, "notebook").rpartition("/")
    if folder != run:
        raise ValueError("the notebook is not in the run's folder")
    return RunRecord(
        run=run,
        attempt=read_count(record, "attempt"),
        parameters=read_values(record, "parameters"),
        source=read_hash(record, "source"),
        notebook=f"{folder}/{check_file_name(name)}",
        started=read_text(record, "time", ""),
        outcome=Outcome(Status.RUNNING, host=read_text(record, "host", "")),
    )


def _read_trial(record: Record) -> Trial:
    number = read_optional_number(record, "number")
    if number is None:
        raise ValueError("the trial has no number")
    run, parameters = read_file_name(record, "run"), read_values(record, "parameters")
    return Trial(number, run, parameters, read_hash(record, "source"))


def _note_end(run: RunRecord, record: Record) -> None:
    run.end(Outcome.from_record(record), read_text(record, "time", ""))


def _note_loss(run: RunRecord, record: Record) -> None:
    cause = read_text(record, "cause", LOST)
    run.end(replace(run.outcome, status=Status.INTERRUPTED, cause=cause), read_text(record, "time", ""))


def _note_pruning(run: RunRecord, record: Record) -> None:
    run.pruned_at = read_optional_number(record, "step")


_NOTES = {"end": _note_end, "lost": _note_loss, "pruning": _note_pruning}
"""How each kind of record changes a run."""
