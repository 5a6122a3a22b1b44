"""Finding the runtime in which a notebook began to fail, and the package that is to blame."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from colab_starter.errors import RuntimeUnavailableError, StoppedError
from colab_starter.run.batch import Options, read_source
from colab_starter.run.matrix.changes import (
    PYTHON,
    Change,
    find_changes,
    find_rollback,
    find_suspects,
    order_changes,
)
from colab_starter.run.matrix.trials import Trial, try_one_of_many, try_runtime
from colab_starter.runtimes.environments import Say
from colab_starter.runtimes.table import Runtime

MOST_SUSPECTS = 3
"""How many packages are put back, one at a time, to see which of them is to blame."""

Try = Callable[[Runtime], Trial]


@dataclass(frozen=True)
class Verdict:
    """What a bisection found."""

    notebook: Path
    trials: Sequence[Trial]
    """All that were made, the oldest runtime first."""
    good: Trial | None = None
    """The last runtime in which it ran before ``bad``; None if it runs in the newest, or in none."""
    bad: Trial | None = None
    """The first in which it fails since then; None if it runs in the newest that could be tried."""
    changes: Sequence[Change] = field(default_factory=list)
    """What changed between the two, the most suspicious first."""
    culprit: Change | None = None
    """The change that is to blame: with the old version of this package it runs; or Python, if the error says so."""
    rollback: Mapping[str, str] = field(default_factory=dict)
    """The versions with which that was tried: the culprit's, and of what it requires. Empty for Python."""


def bisect(options: Options, runtimes: Sequence[Runtime], say: Say) -> Verdict:
    """Find where the notebook began to fail among ``runtimes``, the oldest first.

    The newest is tried first: if the notebook runs there, that is the answer. Otherwise the oldest, and then always the
    middle of what is left; if it does not run in the oldest either, one runtime after another towards the past.
    ``say`` gets a line about each step. Raises StoppedError after Ctrl-C.
    """
    trials: dict[str, Trial] = {}
    bad, good = search(runtimes, lambda runtime: _try_once(options, runtime, trials, say))
    made = [trials[runtime.name] for runtime in runtimes if runtime.name in trials]
    if not bad or not good:
        return Verdict(options.notebook, made, bad=bad)
    changes = find_changes(good, bad)
    suspects = find_suspects(changes, bad, read_source(options.notebook))
    found = Verdict(options.notebook, made, good, bad, order_changes(changes, suspects))
    for suspect in suspects[:MOST_SUSPECTS]:
        if suspect.name == PYTHON:
            return replace(found, culprit=suspect)
        rollback = find_rollback(suspect, good, bad) if suspect.old and suspect.new else {}
        if rollback and _runs_with(options, bad.runtime, rollback, say):
            return replace(found, culprit=suspect, rollback=rollback)
    return found


def _try_once(options: Options, runtime: Runtime, trials: dict[str, Trial], say: Say) -> Trial:
    """The trial of a runtime, which is made once."""
    if runtime.name not in trials:
        trials[runtime.name] = try_one_of_many(options, runtime, say)
        if trials[runtime.name].exit_code > 128:
            raise _stopped()
    return trials[runtime.name]


def search(runtimes: Sequence[Runtime], attempt: Try) -> tuple[Trial | None, Trial | None]:
    """The first bad trial since the last good one, and that good one; the bad one is None if the newest is good."""
    left = list(runtimes)
    bad = _pop_tried(left, -1, attempt)
    if bad is None or bad.is_ok:
        return None, bad
    oldest = _pop_tried(left, 0, attempt)
    if oldest is None or oldest.is_bad:
        return _search_backwards(left, bad, oldest, attempt)
    good = oldest
    while left:
        middle = len(left) // 2
        trial = attempt(left[middle])
        if trial.is_ok:
            good, left = trial, left[middle + 1 :]
        elif trial.is_bad:
            bad, left = trial, left[:middle]
        else:
            del left[middle]
    return bad, good


def _search_backwards(
    left: list[Runtime], bad: Trial, oldest: Trial | None, attempt: Try
) -> tuple[Trial | None, Trial | None]:
    while left:
        trial = attempt(left.pop())
        if trial.is_ok:
            return bad, trial
        if trial.is_bad:
            bad = trial
    return oldest or bad, None


def _pop_tried(left: list[Runtime], end: int, attempt: Try) -> Trial | None:
    """The trial of the runtime at one end of the list, or of the next that can be had; None if none can."""
    while left:
        trial = attempt(left.pop(end))
        if trial.status is not None:
            return trial
    return None


def _runs_with(options: Options, runtime: Runtime, versions: Mapping[str, str], say: Say) -> bool:
    """Whether the notebook runs in the runtime with these versions of some packages."""
    say(f"Colab's runtime {runtime.name} with {', '.join(map(' '.join, versions.items()))}")
    with tempfile.TemporaryDirectory(prefix="colab-starter-") as folder:
        try:
            trial = try_runtime(replace(options, out=folder), runtime, say, versions)
        except RuntimeUnavailableError as error:
            say(f"cannot be tried: {error}")
            return False
    if trial.exit_code > 128:
        raise _stopped()
    return trial.is_ok


def _stopped() -> StoppedError:
    return StoppedError("stopped; the same command goes on")
