"""What is written and said when a batch has ended."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from colab_starter.run.batch import Batch
from colab_starter.run.job import Status
from colab_starter.run.ledger import RunRecord
from colab_starter.run.results import FILE_NAME, format_results, make_table
from colab_starter.run.resume import is_to_do
from colab_starter.run.wording import count, list_counts

Records = Mapping[str, RunRecord]


def write_table(batch: Batch, records: Records) -> None:
    """Write ``results.csv``; where that fails, only a warning is said: the ledger has it all."""
    try:
        batch.store.write(FILE_NAME, format_results(batch.runs, records, batch.mask))
    except OSError as error:
        path = batch.store.show(FILE_NAME)
        print(f"colab-starter: warning: {path} could not be written ({error.strerror})", file=sys.stderr)


def conclude(batch: Batch, records: Records, stopped: int) -> int:
    """Say how the runs ended and what may be done next; returns the exit code, ``stopped`` unless that is 0."""
    counts = Counter(records[run.id].status if run.id in records else Status.PENDING for run in batch.runs)
    path = batch.store.show(FILE_NAME)
    if batch.options.as_json:
        facts = {str(status): counts[status] for status in Status if counts[status]}
        print(json.dumps({"event": "finished", "counts": facts, "results": path}), flush=True)
    elif not batch.options.quiet:
        _print_table(batch, records)
    batch.say(f"{list_counts(counts)}; {_shorten(path)} has it all")
    to_do = sum(is_to_do(records.get(run.id), retry_failed=False) for run in batch.runs)
    not_ok = len(batch.runs) - counts[Status.OK]
    if to_do:
        batch.say(f"{count(to_do, 'run')} to do: give the same command again to go on")
    elif not_ok:
        batch.say(f"{count(not_ok, 'run')} not ok: the same command with --retry-failed tries again")
    return stopped or int(not_ok > 0)


def _shorten(path: str) -> str:
    return path.removeprefix(f"{Path.cwd()}/")


def _print_table(batch: Batch, records: Records) -> None:
    from rich.console import Console

    console = Console()
    console.print(make_table(batch.runs, records, batch.wording, console.width))
