import math
import select
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import pytest

from colab_starter.run.job import CellStarted, Due, MetricRecorded, Point, PointsRecorded, Stop
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker import reporter as uplinks
from colab_starter.run.worker.reporter import Uplink

Ends = tuple["Connection[Any, Any]", "Connection[Any, Any]"]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, theirs


def test_a_coordinator_that_takes_nothing_does_not_hold_up_the_worker_and_hears_the_latest_later(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplinks, "REPORT_INTERVAL", 0.0)
    coordinator, worker = ends
    uplink = Uplink("run", worker)
    told = 0
    while select.select([], [worker], [], 0)[1]:
        told += 1
        uplink.report_cell(told, 9)
    for number in range(told, told + 5000):  # would wait for ever
        uplink.report_cell(number, 9)
        uplink.report_limit(number, "cause")
    heard = []
    while coordinator.poll():
        heard.append(coordinator.recv())
    uplink.do_if_due()
    assert heard == [CellStarted("run", number + 1, 9) for number in range(told)]
    assert [coordinator.recv(), coordinator.recv()] == [
        CellStarted("run", told + 4999, 9),
        Due("run", told + 4999, "cause"),
    ]


AFTER_CELLS, NOW, PRUNE = Stop(StopLevel.AFTER_CELLS), Stop(StopLevel.NOW), Stop.prune("bad")


@pytest.mark.parametrize(
    ("stops", "applies"),
    [
        ([], Stop()),
        ([AFTER_CELLS, NOW], NOW),
        ([NOW, AFTER_CELLS], NOW),
        ([PRUNE, Stop.prune("worse")], PRUNE),
        ([AFTER_CELLS, PRUNE], AFTER_CELLS),
        ([AFTER_CELLS, PRUNE, NOW], NOW),
        ([PRUNE, AFTER_CELLS, NOW], PRUNE),
        ([PRUNE, Stop(StopLevel.LEAVE)], Stop(StopLevel.LEAVE)),
    ],
)
def test_a_run_that_the_user_has_stopped_is_not_pruned_and_a_pruned_one_is_pruned_once(
    ends: Ends, stops: list[Stop], applies: Stop
) -> None:
    coordinator, worker = ends
    uplink = Uplink("run", worker)
    for stop in stops:
        coordinator.send(stop)
    assert uplink.read_stop() == applies
    assert uplink.read_stop() == applies


def hear(coordinator: "Connection[Any, Any]") -> list[Any]:
    heard = []
    while coordinator.poll():
        heard.append(coordinator.recv())
    return heard


def test_no_point_is_left_out_even_if_the_coordinator_takes_nothing_for_a_while(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplinks, "REPORT_INTERVAL", 0.0)
    coordinator, worker = ends
    uplink = Uplink("run", worker)
    points = [Point("loss", step, step / 7) for step in range(30_000)]
    for point in points:
        uplink.report_point(point)
        uplink.report_metric("loss", point.value)
    heard: list[Any] = []
    while uplink.next_time() < math.inf:
        heard += hear(coordinator)
        uplink.do_if_due()
    heard += hear(coordinator)
    batches = [event for event in heard if isinstance(event, PointsRecorded)]
    assert [point for batch in batches for point in batch.points] == points
    assert max(len(batch.points) for batch in batches) <= uplinks.MOST_POINTS
    assert [batch.anew for batch in batches] == [True] + [False] * (len(batches) - 1)
    assert sum(isinstance(event, MetricRecorded) for event in heard) < len(points)  # these are thinned out


def test_points_of_an_interval_are_sent_together_and_all_at_the_end(ends: Ends) -> None:
    coordinator, worker = ends
    uplink = Uplink("run", worker)
    points = tuple(Point("loss", step, 0.5) for step in range(3))
    for point in points:
        uplink.report_point(point)
    assert hear(coordinator) == [PointsRecorded("run", points[:1], anew=True)]
    uplink.flush()
    assert hear(coordinator) == [PointsRecorded("run", points[1:])]
    uplink.flush()
    assert hear(coordinator) == []


def test_points_that_do_not_count_are_not_sent_or_taken_back(ends: Ends) -> None:
    coordinator, worker = ends
    uplink = Uplink("run", worker)
    for name in ("loss", "acc", "loss"):
        uplink.report_point(Point(name, 1, 0.5))
    uplink.drop_points("loss")
    uplink.flush()
    assert hear(coordinator) == [
        PointsRecorded("run", (Point("loss", 1, 0.5),), anew=True),
        PointsRecorded("run", (Point("acc", 1, 0.5),), dropped=("loss",)),
    ]
    uplink.report_point(Point("acc", 2, 0.6))
    uplink.start_over()
    uplink.report_point(Point("acc", 1, 0.7))
    uplink.flush()
    assert hear(coordinator) == [PointsRecorded("run", (Point("acc", 1, 0.7),), anew=True)]
