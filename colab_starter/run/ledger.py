"""The ledger of a sweep: what was started and how it ended, a line of JSON each, never changed afterwards.

It is the truth about a sweep; tables, reports and the decision what is still to do are worked out from it.
Only the process that holds the sweep's lock appends. Not made for many writers, nor for much data a record.
"""

import errno
import json
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from colab_starter.errors import LedgerVersionError, LedgerWriteError, UnwritableValueError
from colab_starter.run.job import Outcome, Status
from colab_starter.run.literals import from_json, to_json
from colab_starter.run.secrets import Mask

VERSION = 1
FILE_NAME = "ledger.jsonl"
ROOM = 256 * 1024
"""Bytes that must be free for an attempt to start: the ends of all that run are to be written too."""
LOST = "colab-starter itself was killed while this ran"
"""The cause of an attempt without an end."""

Record = dict[str, Any]


@dataclass
class RunRecord:
    """Where a run stands after all that the ledger says about it; ``running`` where its last attempt has no end."""

    run: str
    attempt: int
    """Number of the last attempt, from 1."""
    parameters: dict[str, Any]
    source: str
    """Hash of the notebook that it is a run of."""
    notebook: str
    """Path of the executed notebook, relative to the sweep's folder; it is there when the attempt has ended."""
    started: str
    """When the last attempt started: ISO 8601, UTC."""
    host: str = ""
    status: Status = Status.RUNNING
    cause: str = ""
    cell: int | None = None
    seconds: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)
    peak_memory: int | None = None
    """In bytes."""
    ended: str = ""
    """ISO 8601, UTC; empty while it runs."""


@dataclass
class LedgerContent:
    """A ledger, read."""

    runs: dict[str, RunRecord] = field(default_factory=dict)
    """By id, in the order of their first starts."""
    sweeps: list[Record] = field(default_factory=list)
    """What was asked for each time: notebook, source, number of runs, time."""
    damaged: list[int] = field(default_factory=list)
    """Numbers, from 1, of lines that cannot be read; they were passed over."""


class Journal(Protocol):
    """Lines, which are only ever added to."""

    @property
    def path(self) -> Path | str:
        """Where they are, for messages."""

    def read(self) -> list[bytes]:
        """All lines; none where there is no journal yet."""

    def append(self, line: bytes) -> None:
        """Add a line; it is safe when this returns. Raises OSError or LedgerWriteError where it was not added."""

    def check(self) -> None:
        """Raise LedgerWriteError where nothing may be added any more. Quick: it is called all the time."""

    def check_room(self) -> None:
        """Raise OSError where there is hardly any room left."""

    def close(self) -> None:
        """Nothing will be added any more. May be called twice."""


class JournalFile:
    """Lines in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    @property
    def path(self) -> Path:
        return self._path

    def check(self) -> None:
        """The sweep's lock cannot be lost."""

    def read(self) -> list[bytes]:
        """The lines, without those that a crash left without an end; none where there is no file yet."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        return content.split(b"\n")[:-1]

    def append(self, line: bytes) -> None:
        """Add a line. When this returns it is on the disk; when it raises OSError, nothing was added."""
        if self._handle is None:
            self._handle = _open_for_append(self._path)
        size = os.fstat(self._handle).st_size
        try:
            _write_all(self._handle, line + b"\n")
            os.fsync(self._handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, size)
            raise

    def check_room(self) -> None:
        """Raise OSError where the disk is nearly full."""
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _open_for_append(path: Path) -> int:
    """A descriptor at the end of the last whole line; what comes after that line is cut off."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    os.ftruncate(handle, path.read_bytes().rfind(b"\n") + 1)
    os.lseek(handle, 0, os.SEEK_END)
    return handle


def _write_all(handle: int, content: bytes) -> None:
    os.lseek(handle, 0, os.SEEK_END)
    while content:
        content = content[os.write(handle, content) :]


class Ledger:
    """What is known of the runs, and writing down what comes. Raises LedgerWriteError where that fails."""

    def __init__(self, journal: Journal, mask: Mask) -> None:
        """Read what is there. Raises LedgerVersionError."""
        self._journal = journal
        self._mask = mask
        content = replay(journal.read(), journal.path)
        self.runs = content.runs
        """By id; kept up to date."""
        self.damaged = content.damaged
        """See ``LedgerContent``."""

    def write_sweep(self, notebook: str, source: str, runs: int) -> None:
        """Write what was asked for: so many runs of a notebook, with its hash."""
        self._write("sweep", version=VERSION, notebook=self._mask.apply(notebook), source=source, runs=runs)

    def write_start(self, run: str, attempt: int, parameters: Mapping[str, Any], source: str, notebook: str) -> None:
        """Write that an attempt starts; its executed notebook will be in ``notebook``."""
        record = self._write(
            "start",
            run=run,
            attempt=attempt,
            parameters=self._mask.apply_to_value(to_json(dict(parameters))),
            source=source,
            notebook=notebook,
            pid=os.getpid(),
        )
        self.runs[run] = _read_start(record)

    def write_end(self, run: str, outcome: Outcome) -> RunRecord:
        """Write how the run's last attempt ended; returns what is known of the run now."""
        known = self.runs[run]
        metrics = {name: encode_metric(value) for name, value in outcome.metrics.items()}
        record = self._write(
            "end",
            run=run,
            attempt=known.attempt,
            status=str(outcome.status),
            cause=self._mask.apply(outcome.cause),
            cell=outcome.cell,
            seconds=round(outcome.seconds, 3),
            metrics=self._mask.apply_to_value(metrics),
            peak_memory=outcome.peak_memory,
            notebook=known.notebook,
            **({"host": outcome.host} if outcome.host else {}),
        )
        _note_end(known, record)
        return known

    def write_lost(self, run: str) -> None:
        """Write that the run's last attempt has no end, and nothing is left of it."""
        record = self._write("lost", run=run, attempt=self.runs[run].attempt)
        _note_loss(self.runs[run], record)

    def check(self) -> None:
        """Raise LedgerWriteError where nothing can be written any more, because the sweep is somebody else's now."""
        self._journal.check()

    def close(self) -> None:
        self._journal.close()

    def _write(self, kind: str, **values: Any) -> Record:
        record = {"record": kind, "time": _now(), "host": socket.gethostname(), **values}
        line = json.dumps(record, ensure_ascii=False)
        try:
            if kind == "start":
                self._journal.check_room()
            self._journal.append(line.encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise LedgerWriteError(
                f"{self._journal.path} cannot be written ({error.strerror}); "
                "free some space, then give the same command again: what has ended is kept"
            ) from error
        return record


def encode_metric(value: Any) -> Any:
    """Strict JSON for a metric, which may be any JSON; what ``to_json`` refuses is kept as text."""
    try:
        return to_json(value)
    except UnwritableValueError:
        return ascii(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def open_ledger(folder: Path, mask: Mask) -> Ledger:
    """The ledger in a sweep's folder, to read and to go on with. Raises LedgerVersionError."""
    return Ledger(JournalFile(folder / FILE_NAME), mask)


def read_runs(folder: Path) -> dict[str, RunRecord]:
    """The runs of a sweep's folder by id, in the order of their first starts; none where there is no ledger.

    Raises LedgerVersionError where a newer colab-starter wrote it.
    """
    return read_ledger(folder).runs


def read_ledger(folder: Path) -> LedgerContent:
    """Everything that the ledger of a sweep's folder says. Raises LedgerVersionError."""
    path = folder / FILE_NAME
    return replay(JournalFile(path).read(), path)


def replay(lines: Iterable[bytes], path: Path | str) -> LedgerContent:
    """Go through the lines from the first to the last; ``path`` is for the error's message."""
    content = LedgerContent()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            _take(record, content)
        except (ValueError, KeyError, TypeError):
            content.damaged.append(number)
        if content.sweeps and content.sweeps[-1]["version"] > VERSION:
            found = content.sweeps[-1]["version"]
            raise LedgerVersionError(
                f"{path} is of version {found}, and this colab-starter knows {VERSION} at most; "
                "upgrade it (pip install -U colab-starter), or choose another --out"
            )
    return content


def _take(record: Record, content: LedgerContent) -> None:
    """Kinds that are unknown say nothing. Raises KeyError, TypeError or ValueError where a record lacks something."""
    if record["record"] == "sweep":
        content.sweeps.append({**record, "version": int(record["version"])})
    elif record["record"] == "start":
        started = _read_start(record)
        content.runs[started.run] = started
    elif record["record"] in _NOTES:
        run = content.runs[record["run"]]
        if record["attempt"] == run.attempt:
            _NOTES[record["record"]](run, record)


def _read_start(record: Record) -> RunRecord:
    return RunRecord(
        run=record["run"],
        attempt=int(record["attempt"]),
        parameters=from_json(record["parameters"]),
        source=record["source"],
        notebook=record["notebook"],
        started=record["time"],
        host=record["host"],
    )


def _note_end(run: RunRecord, record: Record) -> None:
    run.status = Status(record["status"])
    run.cause = record["cause"]
    run.cell = record["cell"]
    run.seconds = record["seconds"]
    run.metrics = {name: from_json(value) for name, value in record["metrics"].items()}
    run.peak_memory = record["peak_memory"]
    run.ended = record["time"]
    run.host = record["host"]


def _note_loss(run: RunRecord, record: Record) -> None:
    run.status = Status.INTERRUPTED
    run.cause = LOST
    run.ended = record["time"]


_NOTES = {"end": _note_end, "lost": _note_loss}
"""What each kind of record says about a run."""
