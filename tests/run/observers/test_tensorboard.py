"""``run --also tensorboard``: what TensorBoard reads while the sweep runs, and when it has ended."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import WrongOptionError
from colab_starter.run.batch import Options
from colab_starter.run.coordinator import run_batch
from colab_starter.run.display.progress import Progress
from colab_starter.run.event_files import name_event_file
from colab_starter.run.job import Ended, Event, Job, Point, PointsRecorded
from colab_starter.run.ledger.ledger import Ledger, open_ledger
from colab_starter.run.observers.observed import Observed
from colab_starter.run.observers.tensorboard import TensorBoardWriter
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.request import check_also
from colab_starter.run.runner import Plan, Runner
from colab_starter.run.secrets import Mask
from colab_starter.run.source import ListedRuns
from colab_starter.run.stopping import StopSignals
from colab_starter.run.storage.choice import open_store
from colab_starter.run.sweep.runs import Run
from tests.run.finished import write_source
from tests.run.scripted import Listener, ScriptedBackend
from tests.run.test_runner import Jobs
from tests.support.events import list_scalars, open_events, read_scalars


def record(run: str, *values: float, first: int = 1) -> PointsRecorded:
    return PointsRecorded(run, tuple(Point("accuracy", step, value) for step, value in enumerate(values, first)))


class TalkingBackend(ScriptedBackend):
    """Its jobs record points before they end as the script says."""

    def __init__(self, points: dict[tuple[str, int], list[PointsRecorded]], **ends: Status) -> None:
        super().__init__(lambda job: Outcome(ends.get(f"{job.run}{job.attempt}", Status.OK), metrics={"score": 3}))
        self._points = points
        self._told: list[Event] = []

    def submit(self, job: Job) -> None:
        super().submit(job)
        at = next(
            place for place, event in enumerate(self._events) if event.run == job.run and isinstance(event, Ended)
        )
        for event in reversed(self._points.get((job.run, job.attempt), [])):
            self._events.insert(at, event)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path, Mask())
    yield ledger
    ledger.close()


def sweep(folder: Path, ledger: Ledger, backend: ScriptedBackend, *names: str, retries: int = 0) -> Listener:
    """Run the jobs with a display, and with TensorBoard's files in a folder."""
    listener = Listener()
    progress = Observed(listener, TensorBoardWriter(folder / "tensorboard", Mask()), str)
    plan = Plan(ListedRuns([Run(name, {"n": name}) for name in names]), Jobs(), "source", retries)
    try:
        Runner(plan, ledger, backend, progress).run(StopSignals())
    finally:
        progress.close()
    return listener


def test_all_points_and_the_other_metrics_are_there_when_the_sweep_has_ended(tmp_path: Path, ledger: Ledger) -> None:
    backend = TalkingBackend(
        {("a", 1): [record("a", 0.1, 0.2), record("a", 0.3, first=3)], ("b", 1): [record("b", 0.7)]}
    )
    listener = sweep(tmp_path, ledger, backend, "a", "b")
    assert listener.said == [("ok", False), ("ok", False)]
    assert read_scalars(tmp_path / "tensorboard/a") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert read_scalars(tmp_path / "tensorboard/b") == [(1, 0.7)]
    assert read_scalars(tmp_path / "tensorboard/a", "score") == [(0, 3.0)]


def test_points_can_be_read_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TensorBoardWriter(tmp_path, Mask(), {"units": 32})
    clock = 100.0
    monkeypatch.setattr("colab_starter.run.observers.tensorboard.time.monotonic", lambda: clock)
    writer.started(Run("a", {"n": 1, "output_dir": "x"}), 1, "")
    events = open_events(tmp_path / "a")
    assert "_hparams_/session_start_info" in events.summary_metadata
    writer.points_recorded(record("a", 0.1))
    clock += 1.5
    writer.tick()
    assert read_scalars(tmp_path / "a") == [(1, 0.1)]
    writer.points_recorded(record("a", 0.2, first=2))
    clock += 1.5
    writer.tick()
    events.Reload()
    assert list_scalars(events) == [(1, 0.1), (2, 0.2)]
    writer.close()


def test_the_points_of_a_run_that_is_tried_again_replace_those_of_the_first_attempt(
    tmp_path: Path, ledger: Ledger
) -> None:
    points = {("a", 1): [record("a", 0.1, 0.2, 0.3)], ("a", 2): [record("a", 0.5, 0.6)]}
    backend = TalkingBackend(points, a1=Status.FAILED)
    listener = sweep(tmp_path, ledger, backend, "a", retries=1)
    assert listener.said == [("failed", True), ("ok", False)]
    assert read_scalars(tmp_path / "tensorboard/a") == [(1, 0.5), (2, 0.6)]
    assert [path.stat().st_size > 0 for path in sorted((tmp_path / "tensorboard/a").iterdir())] == [False, True]


def test_a_reader_that_has_seen_the_first_attempt_forgets_it(tmp_path: Path) -> None:
    writer = TensorBoardWriter(tmp_path, Mask())
    writer.started(Run("a", {}), 1, "")
    writer.points_recorded(record("a", 0.1, 0.2, 0.3))
    writer.close()
    reader = open_events(tmp_path / "a")
    assert len(list_scalars(reader)) == 3
    writer.started(Run("a", {}), 2, "")
    writer.points_recorded(record("a", 0.5))
    writer.close()
    assert list_scalars(reader.Reload()) == [(1, 0.5)]


def test_points_that_do_not_count_any_more_are_gone(tmp_path: Path) -> None:
    writer = TensorBoardWriter(tmp_path, Mask())
    writer.started(Run("a", {"n": 1}), 1, "")
    writer.points_recorded(PointsRecorded("a", (Point("loss", 1, 0.5), Point("accuracy", 1, 0.1)), anew=True))
    writer.points_recorded(PointsRecorded("a", (Point("accuracy", 1, 0.2),), dropped=("accuracy",)))
    writer.points_recorded(PointsRecorded("a", (Point("loss", 2, 0.4), Point("accuracy", 2, 0.3)), dropped=("other",)))
    writer.close()
    events = open_events(tmp_path / "a")
    assert list_scalars(events) == [(1, 0.2), (2, 0.3)]
    assert list_scalars(events, "loss") == [(1, 0.5), (2, 0.4)]
    assert "_hparams_/session_start_info" in events.summary_metadata


def test_a_run_that_is_started_over_has_the_points_of_its_last_execution(tmp_path: Path) -> None:
    writer = TensorBoardWriter(tmp_path, Mask())
    writer.started(Run("a", {"n": 1}), 1, "")
    writer.points_recorded(PointsRecorded("a", (Point("loss", 1, 0.5), Point("accuracy", 0.5, 0.1)), anew=True))
    reader = open_events(tmp_path / "a")
    writer.points_recorded(PointsRecorded("a", (Point("accuracy", 0.5, 0.2),), anew=True))
    writer.points_recorded(record("a", 0.3, first=1))
    writer.close()
    for events in (open_events(tmp_path / "a"), reader.Reload()):
        assert list_scalars(events) == [(0, 0.2), (1, 0.3)]
        assert events.Tags()["scalars"] in (["accuracy"], ["loss", "accuracy"])
    assert open_events(tmp_path / "a").Tags()["scalars"] == ["accuracy"]


def test_a_second_command_adds_its_runs(tmp_path: Path, ledger: Ledger) -> None:
    sweep(tmp_path, ledger, TalkingBackend({("a", 1): [record("a", 0.1)]}), "a")
    sweep(tmp_path, ledger, TalkingBackend({("b", 1): [record("b", 0.2)]}), "b")
    assert read_scalars(tmp_path / "tensorboard/a") == [(1, 0.1)]
    assert read_scalars(tmp_path / "tensorboard/b") == [(1, 0.2)]


def test_secrets_are_masked_in_parameters_and_names(tmp_path: Path) -> None:
    writer = TensorBoardWriter(tmp_path, Mask(["hunter22"]), {"login": "hunter22"})
    run = Run("a", {"key": "hunter22"})
    writer.started(run, 1, "")
    writer.points_recorded(PointsRecorded("a", (Point("of hunter22", 1, 0.5),)))
    writer.close()
    [file] = (tmp_path / "a").iterdir()
    content = file.read_bytes()
    assert b"hunter22" not in content
    assert content.count(b"***") == 3


def test_the_observer_is_told_everything_that_the_display_is_told() -> None:
    told = {name for name in vars(Progress) if not name.startswith("_")}
    assert told == {name for name in vars(Observed) if not name.startswith("_")}


class Full(Progress):
    """An observer whose disk is full."""

    def __init__(self) -> None:
        self.calls = 0

    def __str__(self) -> str:
        return "runs/x/tensorboard"

    def started(self, run: Run, attempt: int, place: str) -> None:
        self.calls += 1
        raise OSError(errno.ENOSPC, "No space left on device", "x")


def test_an_observer_that_fails_is_told_of_once_and_the_sweep_goes_on(
    tmp_path: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    listener, full = Listener(), Full()
    plan = Plan(ListedRuns([Run(name, {}) for name in "abc"]), Jobs(), "source")
    Runner(plan, ledger, TalkingBackend({}), Observed(listener, full, str)).run(StopSignals())
    assert (len(listener.said), full.calls) == (3, 1)
    assert capsys.readouterr().err == (
        "colab-starter: warning: runs/x/tensorboard is no longer written (No space left on device); "
        "colab-starter export makes it afterwards\n"
    )


def test_a_file_that_breaks_while_it_is_written_does_not_end_the_sweep(
    tmp_path: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tensorboard/b").mkdir(parents=True)
    (tmp_path / "tensorboard/b" / name_event_file(1)).symlink_to("/dev/full")
    listener = Listener()
    observed = Observed(listener, TensorBoardWriter(tmp_path / "tensorboard", Mask()), str)
    plan = Plan(ListedRuns([Run(name, {}) for name in "abc"]), Jobs(), "source")
    Runner(plan, ledger, TalkingBackend({("a", 1): [record("a", 0.1)]}), observed).run(StopSignals())
    observed.close()
    assert [status for status, _ in listener.said] == ["ok", "ok", "ok"]
    assert read_scalars(tmp_path / "tensorboard/a") == [(1, 0.1)]
    assert capsys.readouterr().err.count("is no longer written (No space left on device)") == 1


@pytest.mark.parametrize(
    ("formats", "out", "message"),
    [
        (["tensorbord"], "runs/x", "--also tensorbord is not known; give tensorboard"),
        (["csv"], "runs/x", "--also csv is not known; give tensorboard"),
        (["tensorboard"], "memory://x/y", "--also tensorboard needs --out in a folder of this machine; afterwards,"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_starts(formats: list[str], out: str, message: str) -> None:
    with pytest.raises(WrongOptionError) as caught:
        check_also(formats, open_store(out))
    assert str(caught.value).startswith(message)


def test_a_real_sweep_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    scrap = "{'application/scrapbook.scrap.json+json': {'name': 'double', 'data': 2 * n}}"
    code = "for epoch in (1, 2, 3):\n    print(f'epoch {epoch}: loss {n / epoch}')"
    notebook = write_source(tmp_path, f"from IPython.display import display\n{code}\ndisplay({scrap}, raw=True)")
    options: dict[str, Any] = {
        "parameters": ["n=1,2"],
        "out": tmp_path / "runs",
        "quiet": True,
        "also": ["tensorboard"],
    }
    assert run_batch(Options(notebook, **options)) == 0
    runs = sorted((tmp_path / "runs/tensorboard").iterdir())
    assert [run.name.partition("-")[0] for run in runs] == ["n=1", "n=2"]
    for number, run in enumerate(runs, 1):
        assert read_scalars(run, "double") == [(0, 2.0 * number)]
        assert read_scalars(run, "loss") == [(epoch, round(number / epoch, 6)) for epoch in (1, 2, 3)]
        events = open_events(run)
        assert b"plain" in events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
