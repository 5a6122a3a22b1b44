import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.errors import LedgerWriteError
from colab_starter.run import runner as runners
from colab_starter.run.job import Job, MetricRecorded, Point, PointsRecorded, StartedCold
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import Ledger, open_ledger, read_runs
from colab_starter.run.ledger.series import read_series
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.runner import Plan, Runner
from colab_starter.run.secrets import Mask
from colab_starter.run.source import ListedRuns
from colab_starter.run.stopping import StopLevel, StopSignals
from colab_starter.run.sweep.runs import Run
from tests.run.scripted import Listener, Script, ScriptedBackend, end_with, runs_of


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path, Mask())
    yield ledger
    ledger.close()


@pytest.fixture
def signals() -> StopSignals:
    return StopSignals()


class Jobs:
    """Makes jobs that nobody executes."""

    def make_job(self, run: Run, attempt: int) -> Job:
        return Job(run.id, attempt, "/in.ipynb", f"/out/{run.id}/nb.ipynb", run.parameters, "/")

    def note_cold(self, event: StartedCold) -> None:
        """No kernel is started."""


def make_plan(*names: str, retries: int = 0) -> Plan:
    return Plan(ListedRuns([Run(name, {"n": name}) for name in names]), Jobs(), "source", retries)


def statuses(folder: Path) -> dict[str, str]:
    return {run: str(record.status) for run, record in read_runs(folder).items()}


def test_all_runs_are_executed_no_more_at_once_than_there_is_room(
    ledger: Ledger, signals: StopSignals, tmp_path: Path
) -> None:
    backend = ScriptedBackend(end_with(Status.OK), capacity=3)
    Runner(make_plan(*"abcdefgh"), ledger, backend, Listener()).run(signals)
    assert runs_of(backend.jobs) == [(name, 1) for name in "abcdefgh"]
    assert backend.most_running == 3
    assert statuses(tmp_path) == dict.fromkeys("abcdefgh", "ok")
    assert read_runs(tmp_path)["a"].notebook == "a/nb.ipynb"


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.KILLED])
def test_a_run_that_did_not_end_well_is_tried_again(
    ledger: Ledger, signals: StopSignals, tmp_path: Path, status: Status
) -> None:
    backend, listener = ScriptedBackend(end_with(status, status, Status.OK)), Listener()
    Runner(make_plan("a", retries=2), ledger, backend, listener).run(signals)
    assert runs_of(backend.jobs) == [("a", 1), ("a", 2), ("a", 3)]
    assert listener.said == [(status, True), (status, True), ("ok", False)]
    assert statuses(tmp_path) == {"a": "ok"}


def test_a_pruned_run_is_not_tried_again(ledger: Ledger, signals: StopSignals, tmp_path: Path) -> None:
    backend, listener = ScriptedBackend(end_with(Status.PRUNED)), Listener()
    Runner(make_plan("a", retries=2), ledger, backend, listener).run(signals)
    assert runs_of(backend.jobs) == [("a", 1)]
    assert listener.said == [("pruned", False)]
    assert statuses(tmp_path) == {"a": "pruned"}


def test_retries_have_an_end_and_others_come_first(ledger: Ledger, signals: StopSignals) -> None:
    def fail_a(job: Job) -> Outcome:
        return Outcome(Status.FAILED if job.run == "a" else Status.OK)

    backend = ScriptedBackend(fail_a, capacity=1)
    Runner(make_plan("a", "b", retries=1), ledger, backend, Listener()).run(signals)
    assert runs_of(backend.jobs) == [("a", 1), ("b", 1), ("a", 2)]


def test_attempts_are_counted_over_all_sweeps(ledger: Ledger, signals: StopSignals) -> None:
    for _ in range(2):
        backend = ScriptedBackend(end_with(Status.FAILED))
        Runner(make_plan("a", retries=1), ledger, backend, Listener()).run(signals)
    assert runs_of(backend.jobs) == [("a", 3), ("a", 4)]


def stopping_script(signals: StopSignals, level: StopLevel) -> Script:
    def script(job: Job) -> Outcome | None:
        signals.level = level
        return None

    return script


def test_a_stop_leaves_the_rest_and_waits_for_the_cells(
    ledger: Ledger, signals: StopSignals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = ScriptedBackend(stopping_script(signals, StopLevel.AFTER_CELLS))
    cancel = backend.cancel

    def cancel_when_patience_is_over(run: str, level: StopLevel) -> None:
        cancel(run, level)
        if len(backend.cancelled) == 2:
            signals.level = StopLevel.NOW

    monkeypatch.setattr(backend, "cancel", cancel_when_patience_is_over)
    Runner(make_plan(*"abcd", retries=3), ledger, backend, Listener()).run(signals)
    levels = (StopLevel.AFTER_CELLS, StopLevel.NOW)
    assert sorted(backend.cancelled) == [(run, level) for run in "ab" for level in levels]
    assert statuses(tmp_path) == {"a": "interrupted", "b": "interrupted"}


def test_runs_that_do_not_end_are_given_up(
    ledger: Ledger, signals: StopSignals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "PATIENCE", 0.0)
    backend = ScriptedBackend(stopping_script(signals, StopLevel.NOW))
    backend.is_deaf = True
    Runner(make_plan("a"), ledger, backend, Listener()).run(signals)
    assert backend.is_closed
    assert read_runs(tmp_path)["a"].outcome.cause == "did not end in time, and was killed"


def test_a_full_disk_ends_what_runs_and_starts_no_more(
    ledger: Ledger, signals: StopSignals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(job: Job) -> Outcome | None:
        if job.run == "a":
            return Outcome(Status.OK)
        monkeypatch.setattr(os, "write", refuse)
        return None

    def refuse(handle: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    backend = ScriptedBackend(script)
    with pytest.raises(LedgerWriteError):
        Runner(make_plan(*"abcd"), ledger, backend, Listener()).run(signals)
    monkeypatch.undo()
    assert runs_of(backend.jobs) == [("a", 1), ("b", 1)]
    assert backend.cancelled == [("b", StopLevel.NOW)]
    assert statuses(tmp_path) == {"a": "running", "b": "running"}


def test_values_with_steps_are_kept_before_the_end_and_the_last_of_each_is_shown(
    ledger: Ledger, signals: StopSignals, tmp_path: Path
) -> None:
    backend = ScriptedBackend(end_with(Status.FAILED, Status.OK))
    points = (Point("loss", 1, 0.5), Point("acc", 1, 0.1), Point("loss", 2, 0.4))
    submit = backend.submit

    def submit_with_points(job: Job) -> None:
        submit(job)
        backend._events.insert(1, PointsRecorded(job.run, points[: job.attempt + 1], anew=True))

    backend.submit = submit_with_points  # type: ignore[method-assign]
    listener = Listener()
    Runner(make_plan("a", retries=1), ledger, backend, listener).run(signals)
    series = read_series(JournalFile(tmp_path / "metrics.jsonl").read())
    assert series == {"a": {"loss": [(1, 0.5), (2, 0.4)], "acc": [(1, 0.1)]}}
    shown = [MetricRecorded("a", "loss", 0.5, 1), MetricRecorded("a", "acc", 0.1, 1)]
    assert listener.metrics == [*shown, MetricRecorded("a", "loss", 0.4, 2), shown[1]]
