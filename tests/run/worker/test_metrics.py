"""What becomes of scraps and printed lines: values, series and reports."""

import math
from typing import Any

import pytest

from colab_starter.run.job import Point
from colab_starter.run.outcome import SeriesSummary
from colab_starter.run.secrets import Mask
from colab_starter.run.worker.metrics import MetricRecorder
from tests.run.worker.test_outputs import make_outputs, message, printed, scrap


class Reports:
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def report_metric(self, name: str, value: Any) -> None:
        self.said.append((name, value))

    def report_point(self, point: Point) -> None:
        self.said.append(point)

    def drop_points(self, name: str) -> None:
        self.said.append(f"without {name}")

    def start_over(self) -> None:
        self.said.append("anew")


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def recorder(reports: Reports) -> MetricRecorder:
    return MetricRecorder(reports, Mask(["hunter22"]), ["own=([0-9.]+)"])


def test_a_number_with_a_step_is_a_point_and_the_last_is_the_value(recorder: MetricRecorder, reports: Reports) -> None:
    for step, value in [(1, 0.5), (2, 0.9), (3, math.nan), (4, 0.9), (5, 0.1)]:
        recorder.record_scrap("acc", value, step)
    recorder.record_scrap("acc-final", 0.1)
    recorder.record_scrap("hunter22", 1, 0.5)
    assert recorder.values == {"acc": 0.1, "acc-final": 0.1, "***": 1}
    assert recorder.summarise() == {"acc": SeriesSummary(5, 0.1, 5, 0.9, 2), "***": SeriesSummary(1, 1, 0.5, 1, 0.5)}
    assert reports.said[-2:] == [("acc-final", 0.1), ("***", 0.5, 1)]
    assert len(reports.said) == 7


@pytest.mark.parametrize(
    ("value", "step"),
    [("0.5", 1), (True, 1), ([1], 1), (None, 1), (10**400, 1), (0.5, "1"), (0.5, True), (0.5, math.nan), (0.5, None)],
)
def test_what_is_no_number_with_a_step_is_a_plain_metric(
    recorder: MetricRecorder, reports: Reports, value: Any, step: Any
) -> None:
    recorder.record_scrap("it", value, step)
    assert (recorder.values, recorder.summarise(), reports.said) == ({"it": value}, {}, [("it", value)])


def test_a_series_of_no_numbers_at_all_has_no_best(recorder: MetricRecorder) -> None:
    recorder.record_scrap("loss", math.nan, 1)
    recorder.record_scrap("loss", math.nan, 2)
    (summary,) = recorder.summarise().values()
    assert (summary.count, summary.lowest_step, summary.highest_step) == (2, 1, 1)
    assert math.isnan(summary.lowest)
    assert math.isnan(summary.highest)


def test_the_name_of_a_scrap_is_no_longer_taken_from_lines(recorder: MetricRecorder, reports: Reports) -> None:
    line = Point("acc", 1, 0.3)
    recorder.record_line(line)
    recorder.record_scrap("acc", 0.5, 1)
    recorder.record_line(Point("acc", 2, 0.4))
    assert reports.said == [line, "without acc", Point("acc", 1, 0.5)]
    assert recorder.summarise() == {"acc": SeriesSummary(1, 0.5, 1, 0.5, 1)}
    recorder.record_line(Point("loss", 1, 0.3))
    recorder.record_scrap("loss", 0.7)  # a result at the end: what the lines said of it was another thing
    assert recorder.values == {"acc": 0.5, "loss": 0.7}
    assert list(recorder.summarise()) == ["acc"]


def test_an_attempt_that_starts_anew_knows_nothing(recorder: MetricRecorder, reports: Reports) -> None:
    recorder.record_scrap("acc", 0.5, 1)
    recorder.start_over()
    assert (recorder.values, recorder.summarise(), reports.said[-1]) == ({}, {}, "anew")
    recorder.record_line(Point("acc", 1, 0.4))
    assert recorder.values == {"acc": 0.4}


def test_it_hears_scraps_and_lines_of_a_notebooks_outputs(recorder: MetricRecorder) -> None:
    outputs = make_outputs(2)
    recorder.listen_to(outputs)
    with_step = scrap(1)
    next(iter(with_step["content"]["data"].values()))["step"] = 3
    for each in (scrap(0), with_step, printed("epoch 3: loss 0.5\nown=0.7"), printed("epoch 9: no", "stderr")):
        outputs.take(each)
    assert recorder.values == {"s0": 0, "s1": 1, "loss": 0.5}
    outputs.take(message("status", execution_state="idle"))
    assert recorder.values == {"s0": 0, "s1": 1, "loss": 0.5, "own": 0.7}
    assert recorder.summarise()["s1"] == SeriesSummary(1, 1, 3, 1, 3)
