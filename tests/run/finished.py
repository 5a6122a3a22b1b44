"""Sweeps that have ended, made without running anything."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from colab_starter.run.batch import Batch, Options, prepare_batch
from colab_starter.run.ledger.ledger import Ledger, open_ledger
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import Run, write_snapshot

PARAMETERS = "n = 0\nname = 'plain'\noutput_dir = 'x'"


def write_source(folder: Path, code: str = "print(n)", parameters: str = PARAMETERS) -> Path:
    """The notebook that the runs are made of."""
    tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    nbformat.write(v4.new_notebook(cells=[tagged, v4.new_code_cell(code)]), folder / "nb.ipynb")
    return folder / "nb.ipynb"


def write_finished(notebook: Path, *parameters: str, out: Path, status: Status = Status.OK) -> Batch:
    """The folder of a sweep whose runs have all ended."""
    batch = prepare_batch(Options(notebook, parameters, out=out, quiet=True))
    out.mkdir(parents=True, exist_ok=True)
    source = write_snapshot(batch.notebook, out, batch.source)
    ledger = open_ledger(out, Mask())
    ledger.write_sweep("nb.ipynb", batch.source, len(batch.runs))
    for number, run in enumerate(batch.runs):
        write_run(ledger, out, run, batch.source, make_outcome(number, status), source.name)
    ledger.close()
    return batch


def make_outcome(number: int, status: Status) -> Outcome:
    cause = "" if status is Status.OK else "ValueError: bad (cell 2, line 1)"
    return Outcome(status, cause, None if status is Status.OK else 2, 1.5, {"double": 2 * number}, 50_000_000, "mill")


def write_run(ledger: Ledger, out: Path, run: Run, source: str, outcome: Outcome, source_name: str) -> None:
    ledger.write_start(run.id, 1, run.parameters, source, f"{run.id}/nb.ipynb")
    write_notebook(out / run.id / "nb.ipynb", outcome, run.id, run.parameters, source_name)
    ledger.write_end(run.id, outcome)


def write_notebook(
    path: Path, outcome: Outcome, run: str, parameters: dict[str, Any], source: str, attempt: int = 1
) -> None:
    """An executed notebook."""
    told = {
        "run": run,
        "attempt": attempt,
        "status": str(outcome.status),
        "cause": outcome.cause,
        "cell": outcome.cell,
        "seconds": outcome.seconds,
        "metrics": dict(outcome.metrics),
        "peak_memory": outcome.peak_memory,
        "host": outcome.host,
        "source": source,
    }
    papermill = {
        "parameters": {**parameters, "output_dir": f"{path.parent}/output"},
        "start_time": "2026-11-23T14:02:09.500000+00:00",
        "end_time": "2026-11-23T14:02:11.000000+00:00",
    }
    notebook = v4.new_notebook(metadata={"colab_starter": told, "papermill": papermill})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook))


def read_lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def count_starts(out: Path) -> int:
    """Attempts that were really started: what was only found in the notebooks does not count."""
    return sum(line["record"] == "start" and not line.get("found") for line in read_lines(out))


def list_statuses(ledger: Ledger) -> Iterable[tuple[str, int]]:
    return [(str(record.status), record.attempt) for record in ledger.runs.values()]
