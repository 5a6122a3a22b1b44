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

Count = Callable[[int], Counter[str]]


def varied_run(number: int) -> SampleRun:
    """A run that shares hardly a value with another."""
    parameters = {"note": f"try {number} of <many>", **{f"p{k}": math.sin(number + k) for k in range(PARAMETERS - 1)}}
    if number % 10 == 3:
        return SampleRun(parameters, Outcome(Status.FAILED, f"ValueError: bad '{number}' & worse (cell 2)", 2, 1.5))
    metrics = {f"m{k}": math.cos(number * (k + 1)) for k in range(METRICS)}
    return SampleRun(parameters, Outcome(Status.OK, "", None, 1.5 + number, metrics, 10**8 + number * 10**6, "ada"))


def open_many(runs: int, folder: Path, browser: Browser) -> None:
    page = make_report(folder / str(runs), [varied_run(number) for number in range(runs)], notebooks=False)
    browser.open(page, READY)


@pytest.fixture(scope="module")
def count(tmp_path_factory: pytest.TempPathFactory, shared_browser: Browser) -> Count:
    """The calls of the page's functions while the page of so many runs opens; each page is opened once."""
    folder = tmp_path_factory.mktemp("many")

    @cache
    def count_calls(runs: int) -> Counter[str]:
        shared_browser.emulate()
        shared_browser.forget()
        shared_browser.open(_write_blank(folder))
        shared_browser.start_counting()
        open_many(runs, folder, shared_browser)
        assert shared_browser.errors == []
        return shared_browser.count_calls()

    return count_calls


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
    few, more, many = (count(runs).total() for runs in (100, 200, 400))
    assert many - more < 2.5 * (more - few)  # twice as many runs more


def test_of_runs_out_of_view_only_what_the_plot_tells_of_them_is_written_out(count: Count) -> None:
    more = count(400)["formatValue"] - count(200)["formatValue"]
    assert 0 < more <= 200 * (PARAMETERS + 1)


def test_what_was_not_written_out_is_found_by_searching(tmp_path: Path, browser: Browser) -> None:
    open_many(300, tmp_path, browser)
    browser.start_counting()
    search_for(browser, "'203' & worse")
    browser.wait_until("document.querySelectorAll('#runs tbody tr').length === 1")
    assert browser.count_calls()["formatValue"] > 300 * (PARAMETERS + METRICS)
    assert read_column(browser, "cause") == ["ValueError: bad '203' & worse (cell 2)"]
    search_for(browser, '"try 117 of <many>"')
    browser.wait_until("document.querySelector('#runs tbody').innerText.includes('try 117 of <many>')")
    assert len(read_rows(browser)) == 1


def test_many_runs_are_sorted_by_text_and_by_number(tmp_path: Path, browser: Browser) -> None:
    open_many(300, tmp_path, browser)
    click_header(browser, "note")
    assert read_column(browser, "note") == [f"try {number} of <many>" for number in range(PAGE)]
    click_header(browser, "m0")
    values = [float(text) for text in read_column(browser, "m0")]
    assert values == sorted(values)
