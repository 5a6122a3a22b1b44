"""Reading how a run ended from its executed notebook."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from colab_starter.run.facts import read_count, read_text, read_values
from colab_starter.run.job import OUTPUT_DIR, Job
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Outcome
from colab_starter.sweep_folder import KEY, is_same_run, read_version


def find_finished(content: bytes, run: str, name: str) -> RunRecord | None:
    """The last attempt of a run according to its executed notebook; None if it has no end or is of another run."""
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
    """How a job ended according to its executed notebook; None if it is missing or of another attempt."""
    try:
        return find_outcome(path.read_bytes(), job)
    except OSError:
        return None


def find_outcome(notebook: bytes, job: Job) -> Outcome | None:
    """Like ``read_outcome``, from the content of the executed notebook."""
    found = find_finished(notebook, job.run, PurePath(job.output).name)
    return found.outcome if found and found.attempt == job.attempt else None


def _read_time(facts: Mapping[str, Any], name: str) -> str:
    text = facts.get(name)
    return text if isinstance(text, str) and read_moment(text) else ""


def read_moment(text: str) -> datetime | None:
    """The moment given by an ISO 8601 text, in UTC if it has no time zone; None if it is not such a text."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
