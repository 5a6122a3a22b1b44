"""Runs that have ended without their ledger knowing: their executed notebooks tell how."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from colab_starter.run.facts import read_count, read_text, read_values
from colab_starter.run.job import Job
from colab_starter.run.ledger.ledger import GONE, Ledger, RunRecord
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.sweep.parameters import OUTPUT_DIR
from colab_starter.sweep_folder import KEY, is_run, is_same_run, read_version

if TYPE_CHECKING:
    from colab_starter.run.storage.store import Store


def adopt_finished(ledger: Ledger, store: "Store") -> list[RunRecord]:
    """Write into the ledger what only the executed notebooks know, and return it; files that say nothing are left.

    Raises OSError where the store cannot be reached, and LedgerWriteError.
    """
    found = list(_find_unknown(ledger.runs, store))
    if found:
        ledger.write_found(found)
    return found


def _find_unknown(runs: Mapping[str, RunRecord], store: "Store") -> Iterator[RunRecord]:
    for folder in store.list_folders():
        known = runs.get(folder)
        if not (_may_have_gone_on(known, store) if known else is_run(folder)):
            continue
        names = [known.notebook] if known else store.list_notebooks(folder)
        attempts = [attempt for name in names if (attempt := _read(store, name)) and _is_news(attempt, known)]
        if attempts:
            yield max(attempts, key=lambda attempt: attempt.attempt)


def _may_have_gone_on(run: RunRecord, store: "Store") -> bool:
    """Whether the notebook can be of a later attempt than the last whose end the ledger knows, or of that attempt."""
    if run.status in {Status.RUNNING, Status.OK}:
        return run.status is Status.RUNNING
    ended = read_moment(run.ended)
    return ended is None or store.is_newer(run.notebook, ended)


def _is_news(found: RunRecord, known: RunRecord | None) -> bool:
    if known is None:
        return True
    return found.attempt > known.attempt or (found.attempt == known.attempt and known.status is Status.RUNNING)


def _read(store: "Store", name: str) -> RunRecord | None:
    try:
        content = store.read(name)
    except (FileNotFoundError, IsADirectoryError):
        return None
    folder, _, file = name.rpartition("/")
    return find_finished(content, folder, file)


def find_finished(content: bytes, run: str, name: str) -> RunRecord | None:
    """The last attempt of a run, as its executed notebook tells it; None where that tells of no end, or another run."""
    try:
        metadata = json.loads(content)["metadata"]
        return _describe(metadata[KEY], metadata.get("papermill"), run, name)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _describe(told: Any, papermill: Any, run: str, name: str) -> RunRecord | None:
    if not is_same_run(read_text(told, "run"), run):
        return None
    about = papermill if isinstance(papermill, dict) else {}
    parameters = read_values(about, "parameters", {})
    record = RunRecord(
        run=run,
        attempt=read_count(told, "attempt"),
        parameters={key: value for key, value in parameters.items() if key != OUTPUT_DIR},
        source=read_version(read_text(told, "source", "")),
        notebook=f"{run}/{name}",
        started=_read_time(about, "start_time"),
    )
    record.end(Outcome.from_record(told), _read_time(about, "end_time"))
    return record


def read_outcome(path: Path, job: Job) -> Outcome | None:
    """How a job ended, as its executed notebook says; None where it is not there, or is of another attempt."""
    try:
        return find_outcome(path.read_bytes(), job)
    except OSError:
        return None


def find_outcome(notebook: bytes, job: Job) -> Outcome | None:
    """The same, from the content of the executed notebook."""
    found = find_finished(notebook, job.run, PurePath(job.output).name)
    return found.outcome if found and found.attempt == job.attempt else None


def _read_time(facts: Mapping[str, Any], name: str) -> str:
    text = facts.get(name)
    return text if isinstance(text, str) and read_moment(text) else ""


def read_moment(text: str) -> datetime | None:
    """The moment that a text in ISO 8601 names, UTC where it names no zone; None where it names none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def note_gone(ledger: Ledger, store: "Store", runs: Iterable[str]) -> int:
    """Write which of the runs were ok, but have no executed notebook any more; returns how many. Raises OSError."""
    known = [record for run in runs if (record := ledger.runs.get(run)) and record.status is Status.OK]
    missing = store.find_missing([record.notebook for record in known]) if known else set()
    gone = [record.run for record in known if record.notebook in missing]
    ledger.write_lost(*gone, cause=GONE)
    return len(gone)


def finish_renames(ledger: Ledger, store: "Store") -> None:
    """Give folders the names that the ledger has for them, where that was cut off. Raises OSError."""
    aliases = ledger.content.aliases
    if not aliases:
        return
    for folder in store.list_folders():
        current = aliases.get(folder, folder)
        if current != folder:
            store.rename(folder, current)
