"""Completing a ledger before a sweep resumes: runs that ended unrecorded, folders renamed or gone."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from colab_starter.run.ledger.finished import find_finished, read_moment
from colab_starter.run.ledger.ledger import GONE, Ledger, RunRecord
from colab_starter.run.ledger.names import find_revealing
from colab_starter.run.ledger.resume import find_open
from colab_starter.run.outcome import DONE, Status
from colab_starter.run.secrets import Mask
from colab_starter.sweep_folder import is_run

if TYPE_CHECKING:
    from colab_starter.run.storage.store import Store


def adopt_finished(ledger: Ledger, store: "Store") -> list[RunRecord]:
    """Record in the ledger what only the executed notebooks know, and return it; uninformative files are skipped.

    Raises OSError if the store cannot be reached, and LedgerWriteError.
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
    """Whether the notebook may be of the last attempt whose end the ledger knows, or of a later one."""
    if run.status is Status.RUNNING or run.status in DONE:
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


def note_gone(ledger: Ledger, store: "Store", runs: Iterable[str]) -> int:
    """Record which runs were ok but no longer have an executed notebook; returns how many. Raises OSError.

    A pruned run stays pruned without it: what the search needs to know of it is in the ledger.
    """
    known = [record for run in runs if (record := ledger.runs.get(run)) and record.status is Status.OK]
    missing = store.find_missing([record.notebook for record in known]) if known else set()
    gone = [record.run for record in known if record.notebook in missing]
    ledger.write_lost(*gone, cause=GONE)
    return len(gone)


def finish_renames(ledger: Ledger, store: "Store") -> None:
    """Finish interrupted renames: give folders the names that the ledger has for them. Raises OSError."""
    aliases = ledger.content.aliases
    if not aliases:
        return
    for folder in store.list_folders():
        current = aliases.get(folder, folder)
        if current != folder:
            store.rename(folder, current)


def settle(ledger: Ledger, store: "Store") -> list[RunRecord]:
    """Record what is missing, from the executed notebooks that are final; attempts without one are lost.

    Must be called while the lock is held, so that no worker is about to write one. Returns what was found.
    """
    finish_renames(ledger, store)
    left = find_open(ledger.runs)
    found = adopt_finished(ledger, store)
    ledger.write_lost(*(record.run for record in find_open(ledger.runs)))
    for record in left:
        store.remove_half_written(record.run)
    store.remove_half_written("")
    return found


def hide_secrets(ledger: Ledger, store: "Store", mask: Mask) -> list[str]:
    """Rename the folders whose names show a secret; returns their new names. Raises OSError."""
    names = find_revealing(ledger.runs, mask)
    if names:
        ledger.write_renames(names)
        finish_renames(ledger, store)
    return list(names.values())
