"""Trials side by side, and the verdict of a bisection, as text and as JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from colab_starter.run.batch import read_source
from colab_starter.run.matrix.bisect import Verdict
from colab_starter.run.matrix.changes import PYTHON, Change, find_changes, find_suspects, order_changes
from colab_starter.run.matrix.trials import Trial, describe_runs
from colab_starter.text import printable, shorten

_MOST_CHANGES = 8
"""How many changes are printed; --json has them all."""
_HEADER = ("runtime", "python", "notebook", "result", "where and why")


def format_trials(notebook: Path, trials: Sequence[Trial]) -> list[str]:
    """A table with a line for each runtime, and what changed before the first that failed after one that did not."""
    lines = format_table([(notebook, trial) for trial in trials])
    if turn := _find_turn(trials):
        good, bad = turn
        changes = find_changes(good, bad)
        changes = order_changes(changes, find_suspects(changes, bad, read_source(notebook)))
        lines += ["", f"Between {good.runtime.name} and {bad.runtime.name}, of what it uses: {_list_changes(changes)}"]
    return lines


def format_table(rows: Sequence[tuple[Path, Trial]]) -> list[str]:
    """A line for each notebook in each runtime."""
    texts = [_HEADER, *(_format_row(notebook, trial) for notebook, trial in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def _format_row(notebook: Path, trial: Trial) -> tuple[str, ...]:
    python = trial.runtime.minor
    return trial.runtime.name, python, notebook.name, describe_runs(trial), printable(shorten(trial.cause))


def _find_turn(trials: Sequence[Trial]) -> tuple[Trial, Trial] | None:
    """The first bad trial after a good one, and the last good one before it."""
    good: Trial | None = None
    for trial in trials:
        if trial.is_bad and good:
            return good, trial
        good = trial if trial.is_ok else good
    return None


def _list_changes(changes: Sequence[Change]) -> str:
    shown = ", ".join(map(str, changes[:_MOST_CHANGES])) or "nothing"
    return f"{shown} and {len(changes) - _MOST_CHANGES} more" if len(changes) > _MOST_CHANGES else shown


def format_verdict(verdict: Verdict) -> list[str]:
    """The verdict in a few lines."""
    return [*format_table([(verdict.notebook, trial) for trial in verdict.trials]), "", *_conclude(verdict)]


def _conclude(verdict: Verdict) -> Iterator[str]:
    tried = [trial for trial in verdict.trials if trial.status is not None]
    name = verdict.notebook.name
    if not tried:
        yield f"{name} could be tried in no runtime"
    elif not verdict.bad:
        yield f"{name} runs in {tried[-1].runtime.name}, the newest runtime that could be tried"
    elif not verdict.good:
        yield f"{name} fails in every runtime that was tried, so no change of Colab is known to be to blame"
    else:
        bad, good = verdict.bad.runtime.name, verdict.good.runtime.name
        yield f"{name} ran in {good} and fails in {bad}: {printable(shorten(verdict.bad.cause))}"
        yield f"changed between them, of what it uses: {_list_changes(verdict.changes)}"
        yield from _name_culprit(verdict, bad)


def _name_culprit(verdict: Verdict, bad: str) -> Iterator[str]:
    culprit = verdict.culprit
    if culprit is None:
        if verdict.changes:
            yield "none of the likeliest packages alone is to blame: with its old version it fails as well"
    elif culprit.name == PYTHON:
        yield f"to blame: {culprit}"
    else:
        others = [f"{name} {version}" for name, version in verdict.rollback.items() if name != culprit.name]
        brings = f", which brings {', '.join(others)}," if others else ""
        yield f"to blame: {culprit}; in {bad} with {culprit.name} {culprit.old}{brings} it runs"
        yield f"until the notebook is mended: %pip install {culprit.name}=={culprit.old}"


def trial_to_json(notebook: Path, trial: Trial) -> dict[str, Any]:
    return {
        "runtime": trial.runtime.name,
        "python": trial.runtime.python,
        "notebook": str(notebook),
        "status": trial.status and str(trial.status),
        "runs": trial.runs,
        "not_ok": trial.bad,
        "cell": trial.cell,
        "cause": trial.cause,
        "executed": trial.executed and str(trial.executed),
    }


def trials_to_json(notebook: Path, trials: Sequence[Trial]) -> str:
    """One line, which ends the events of the runs."""
    turn = _find_turn(trials)
    changes = [change._asdict() for change in find_changes(*turn)] if turn else []
    facts = {"event": "runtimes", "trials": [trial_to_json(notebook, trial) for trial in trials], "changes": changes}
    return json.dumps(facts, ensure_ascii=False)


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "notebook": str(verdict.notebook),
        "trials": [trial_to_json(verdict.notebook, trial) for trial in verdict.trials],
        "good": verdict.good and verdict.good.runtime.name,
        "bad": verdict.bad and verdict.bad.runtime.name,
        "cell": verdict.bad and verdict.bad.cell,
        "cause": verdict.bad and verdict.bad.cause,
        "changes": [change._asdict() for change in verdict.changes],
        "culprit": verdict.culprit and verdict.culprit._asdict(),
        "rollback": dict(verdict.rollback),
    }
