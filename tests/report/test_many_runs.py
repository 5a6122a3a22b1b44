"""Pages of many runs: counted is what the page does, which is the same on every machine, and not how long it takes."""

import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from colab_starter.run.outcome import Outcome, Status
from tests.report.browser import Browser
from tests.report.pages import READY, click_header, make_report, read_column, read_rows, search_for
from tests.report.sweeps import SampleRun

PARAMETERS = 4
METRICS = 12
PAGE = 25
"""Rows that are shown at once."""

MANY = 400

Count = Callable[[int], Counter[str]]


def varied_run(number: int) -> SampleRun:
    """A run that shares hardly a value with another."""
    parameters = {"note": f"try {number} of <many>", **{f"p{k}": math.sin(number + k) for k in range(PARAMETERS - 1)}}
    if number % 10 == 3:
        return SampleRun(parameters, Outcome(Status.FAILED, f"ValueError: bad '{number}' & worse (cell 2)", 2, 1.5))
    metrics = {f"m{k}": math.cos(number * (k + 1)) for k in range(METRICS)}
    return SampleRun(parameters, Outcome(Status.OK, "", None, 1.5 + number, metrics, 10**8 + number * 10**6, "ada"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages are."""
    return tmp_path_factory.mktemp("many")


def make_many(folder: Path, runs: int) -> Path:
    """The page of so many runs, unless it is there."""
    page = folder / str(runs) / "report.html"
    if not page.exists():
        make_report(page.parent, [varied_run(number) for number in range(runs)], notebooks=False)
    return page


@pytest.fixture(scope="module")
def count(folder: Path, shared_browser: Browser) -> Count:
    """The calls of the page's functions while the page of so many runs opens; each page is opened once."""

    @cache
    def count_calls(runs: int) -> Counter[str]:
        shared_browser.emulate()
        shared_browser.forget()
        shared_browser.open(_write_blank(folder))
        shared_browser.start_counting()
        shared_browser.open(make_many(folder, runs), READY)
        assert shared_browser.errors == []
        return shared_browser.count_calls()

    return count_calls


@pytest.fixture
def many(folder: Path, browser: Browser) -> Browser:
    """The page of many runs, which stays open."""
    page = make_many(folder, MANY)
    if browser.evaluate("location.href") != page.as_uri():
        browser.open(page, READY)
    return browser


def _write_blank(folder: Path) -> Path:
    (folder / "blank.html").write_text("<!DOCTYPE html><title>blank</title>")
    return folder / "blank.html"


def test_only_the_rows_in_view_are_made(count: Count) -> None:
    calls = count(100)
    columns = calls["drawCell"] / PAGE
    assert columns == round(columns)
    assert PARAMETERS + METRICS < columns < PARAMETERS + METRICS + 10
    assert calls["makeLinks"] == PAGE + 1  # and those of the best run


def test_each_column_is_rated_once_however_many_there_are(count: Count) -> None:
    calls = count(100)
    measures = METRICS + 2  # seconds and memory
    assert calls["rateMeasure"] == 2 * measures  # for the best run, and for the plot
    assert calls["explainVariance"] == PARAMETERS


def test_what_the_page_does_for_a_run_does_not_grow_with_their_number(count: Count) -> None:
    few, more, many = (count(runs).total() for runs in (100, 200, MANY))
    assert many - more < 2.5 * (more - few)  # twice as many runs more


def test_of_runs_out_of_view_only_what_the_plot_tells_of_them_is_written_out(count: Count) -> None:
    more = count(MANY)["formatValue"] - count(200)["formatValue"]
    assert 0 < more <= 200 * (PARAMETERS + 1)


def test_what_was_not_written_out_is_found_by_searching(many: Browser) -> None:
    many.start_counting()
    search_for(many, "'203' & worse")
    many.wait_until("document.querySelectorAll('#runs tbody tr').length === 1")
    assert many.count_calls()["formatValue"] > MANY * (PARAMETERS + METRICS)
    assert read_column(many, "cause") == ["ValueError: bad '203' & worse (cell 2)"]
    search_for(many, '"try 117 of <many>"')
    many.wait_until("document.querySelector('#runs tbody').innerText.includes('try 117 of <many>')")
    assert len(read_rows(many)) == 1
    search_for(many, "")
    many.wait_until(f"document.querySelectorAll('#runs tbody tr').length === {PAGE}")


def test_many_runs_are_sorted_by_text_and_by_number(many: Browser) -> None:
    click_header(many, "note")
    assert read_column(many, "note") == [f"try {number} of <many>" for number in range(PAGE)]
    click_header(many, "m0")
    values = [float(text) for text in read_column(many, "m0")]
    assert values == sorted(values)
