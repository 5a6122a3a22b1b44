"""What is written and printed when a batch has ended."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from colab_starter.run.batch import Batch
from colab_starter.run.display.results import FILE_NAME, UNLIMITED_WIDTH, format_results, make_table
from colab_starter.run.display.search import describe_best, explain_no_best, find_best, rank_runs
from colab_starter.run.formatting import list_counts
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.ledger.resume import is_to_do
from colab_starter.run.outcome import DONE, Status, encode_metric
from colab_starter.run.versions import find_defaults, list_versions, read_defaults
from colab_starter.sweep_folder import tell_version
from colab_starter.text import plural, warn

Records = Mapping[str, RunRecord]


def write_table(batch: Batch, records: Records, objectives: Mapping[str, Any] | None = None) -> bool:
    """Write ``results.csv``: all runs of the ledger, those of the batch first. ``objectives`` are those of a search.

    If that fails, only a warning is printed, because the ledger holds everything; returns whether it was written.
    """
    versions = {*list_versions(records.values())} - {tell_version(batch.source)}
    defaults = read_defaults(batch.store.read, versions) | {tell_version(batch.source): find_defaults(batch.notebook)}
    table = format_results(batch.runs, records, batch.mask, batch.source, defaults, objectives)
    try:
        batch.store.write(FILE_NAME, table)
    except OSError as error:
        path = batch.mask.apply(batch.store.show(FILE_NAME))
        warn(f"{path} could not be written ({error.strerror})")
        return False
    return True


def conclude(batch: Batch, records: Records, stopped: int, is_written: bool) -> int:
    """Print how the runs ended and what to do next; returns the exit code: ``stopped`` unless that is 0, then 0 if all
    runs are ok or pruned, otherwise 1.

    ``is_written`` says whether ``results.csv`` was.
    """
    known = [records[run.id] for run in batch.runs if run.id in records]
    counts = Counter([*(record.status for record in known), *[Status.PENDING] * (len(batch.runs) - len(known))])
    path = batch.mask.apply(batch.store.show(FILE_NAME))
    if batch.options.as_json:
        facts = {str(status): counts[status] for status in Status if counts[status]}
        best = {"best": encode_metric(find_best(batch.search, batch.runs, records))} if batch.search else {}
        ended = {"event": "finished", "counts": facts, **best, "results": path if is_written else None}
        print(json.dumps(ended), flush=True)
    elif not batch.options.quiet:
        _print_table(batch, records)
    if batch.search:
        for line in describe_best(batch.search, batch.runs, records, batch.wording):
            batch.say(line)
        if explanation := explain_no_best(batch.search, batch.runs, records, batch.wording):
            batch.say(explanation)
    batch.say(
        (list_counts(counts) or "no run was started")
        + (_describe_table(path, len(records) - len(known)) if is_written else "")
    )
    to_do = sum(is_to_do(record, retry_failed=False) for record in known) + counts[Status.PENDING]
    not_ok = sum(number for status, number in counts.items() if status not in DONE)
    if to_do:
        advice = "free some space, then give" if any(record.lacked_space for record in known) else "give"
        batch.say(f"{plural(to_do, 'run')} to do: {advice} the same command again to resume")
    elif stopped and batch.search:
        batch.say("the search was stopped before its end: give the same command again to go on")
    elif not_ok:
        batch.say(f"{plural(not_ok, 'run')} not ok: the same command with --retry-failed tries again")
    return stopped or int(not_ok > 0)


def _describe_table(path: str, others: int) -> str:
    more = f", with {plural(others, 'other run')} of this folder" if others else ""
    return f"; {_shorten(path)} has the details{more}"


def _shorten(path: str) -> str:
    return path.removeprefix(f"{Path.cwd()}/")


def _print_table(batch: Batch, records: Records) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=UNLIMITED_WIDTH)
    runs = rank_runs(batch.search, batch.runs, records) if batch.search else batch.runs
    console.print(make_table(runs, records, batch.wording, console.width))
