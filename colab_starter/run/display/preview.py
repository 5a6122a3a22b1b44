"""``--dry-run``: the runs, and what would happen to each; starts and writes nothing."""

import json
from dataclasses import replace

from colab_starter.run.batch import Batch, Options, prepare_batch
from colab_starter.run.display.search import describe_search
from colab_starter.run.ledger.journal import Copy
from colab_starter.run.ledger.ledger import Ledger, RunRecord
from colab_starter.run.ledger.names import find_revealing, recognise_runs
from colab_starter.run.ledger.resume import find_open, is_to_do
from colab_starter.run.literals import to_json
from colab_starter.run.outcome import Status
from colab_starter.run.overlays.need import describe_need
from colab_starter.run.recovery import adopt_finished, note_gone
from colab_starter.run.request import check_request
from colab_starter.run.search.request import Search
from colab_starter.run.storage.choice import reach
from colab_starter.run.sweep.runs import Run
from colab_starter.text import plural


def preview_batch(options: Options) -> int:
    """Print the runs and what would happen to each; starts and writes nothing."""
    batch = prepare_batch(options)
    check_request(batch)
    with reach(batch.store):
        ledger = Ledger(Copy(batch.store.open_journal()), batch.mask)
        adopt_finished(ledger, batch.store)
        ledger.write_lost(*(left.run for left in find_open(ledger.runs)))
        if batch.search:
            return _preview_search(batch, batch.search, ledger)
        batch = replace(batch, runs=recognise_runs(batch.runs, ledger.runs, batch.mask))
        note_gone(ledger, batch.store, [run.id for run in batch.runs])
    names = find_revealing(ledger.runs, batch.mask)
    todo = 0
    for run in batch.runs:
        record = ledger.runs.get(run.id)
        is_next = is_to_do(record, options.retry_failed)
        todo += is_next
        _print_preview(batch, replace(run, id=names.get(run.id, run.id)), record, is_next)
    is_here = options.backend.runs_here
    for line in describe_need(batch.need, batch.kept_environment, is_here=is_here) if todo else ():
        batch.say(line)
    batch.say(f"{plural(len(batch.runs), 'run')}, {todo} to do, in {batch.store.name}")
    return 0


def _preview_search(batch: Batch, search: Search, ledger: Ledger) -> int:
    """Print what a search draws from, and how far it is."""
    trials = [
        trial
        for trial in ledger.content.trials
        if trial.source == batch.source and search.covers(search.unmask(trial.parameters, batch.mask))
    ]
    if batch.options.as_json:
        facts = {"event": "planned", "search": batch.mask.apply_to_value(search.to_record()), "trials": search.trials}
        print(json.dumps({**facts, "done": len(trials)}, ensure_ascii=False))
    elif not batch.options.quiet:
        print("\n".join(describe_search(search, batch.wording)))
    if trials:
        batch.say(f"{plural(len(trials), 'trial')} of earlier commands, in {batch.store.name}")
    return 0


def _print_preview(batch: Batch, run: Run, record: RunRecord | None, is_next: bool) -> None:
    status = record.status if record else Status.PENDING
    if batch.options.as_json:
        parameters = to_json(batch.mask.apply_to_value(run.parameters))
        facts = {"event": "planned", "run": run.id, "parameters": parameters, "status": status, "to_do": is_next}
        print(json.dumps(facts, ensure_ascii=False))
    elif not batch.options.quiet:
        state = "to do" if is_next else f"{status}, stays"
        print(f"{state:<15} {run.id}  {batch.wording.name_run('', run.parameters)}".rstrip())
