"""The report of a sweep in a real browser. The page is opened once; each test leaves it as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser
from tests.report.pages import (
    READY,
    choose,
    click_header,
    make_report,
    read_choice,
    read_column,
    read_points,
    read_rows,
)
from tests.report.sweeps import keras_sweep


@pytest.fixture(scope="module")
def keras_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(tmp_path_factory.mktemp("keras"), keras_sweep())


@pytest.fixture
def page(keras_report: Path, browser: Browser) -> Iterator[Browser]:
    """The report of the keras sweep; nothing may go wrong in it."""
    if browser.evaluate("location.href") != keras_report.as_uri():
        browser.open(keras_report, READY)
    yield browser
    assert (browser.errors, browser.dialogs) == ([], [])
    assert browser.requests in ([], [keras_report.as_uri()])


def test_the_table_shows_all_runs_in_their_order(page: Browser) -> None:
    assert read_column(page, "epochs") == [*"1111", *"3333", *"5555"]
    assert read_column(page, "status") == [*["ok"] * 7, "failed", "ok", "ok", "timed out", "ok"]


def test_the_table_sorts_with_missing_values_last(page: Browser) -> None:
    click_header(page, "test_accuracy")
    rising = read_column(page, "test_accuracy")
    click_header(page, "test_accuracy")
    falling = read_column(page, "test_accuracy")
    click_header(page, "test_accuracy")
    assert rising[:10] == sorted(rising[:10])
    assert falling[:10] == rising[:10][::-1]
    assert rising[10:] == falling[10:] == ["", ""]


def test_searching_keeps_the_runs_that_hold_the_words(page: Browser) -> None:
    search = "(() => {{ const box = document.querySelector('.dt-search input'); box.value = '{}';"
    search += " box.dispatchEvent(new Event('input')); }})()"
    page.evaluate(search.format("sgd"))
    page.wait_until("document.querySelectorAll('#runs tbody tr').length === 6")
    assert set(read_column(page, "optimizer")) == {"sgd"}
    assert len(read_points(page)) == 5
    page.evaluate(search.format(""))
    page.wait_until("document.querySelectorAll('#runs tbody tr').length === 12")


def test_a_status_filters_the_table_and_the_plot(page: Browser) -> None:
    button = "document.querySelector('.statuses [data-status=timeout]')"
    page.evaluate(f"{button}.click()")
    assert read_column(page, "status") == ["timed out"]
    assert read_points(page) == []
    page.evaluate(f"{button}.click()")
    assert len(read_rows(page)) == 12


def test_a_cause_filters_the_table(page: Browser) -> None:
    page.evaluate("document.querySelectorAll('button.cause')[1].click()")
    assert read_column(page, "cause") == ["cell 9 took longer than 60 s"]
    page.evaluate("document.querySelector('.statuses [data-status=timeout]').click()")
    assert len(read_rows(page)) == 12


def test_the_best_run_is_shown_for_the_chosen_metric(page: Browser) -> None:
    assert read_choice(page, "best-metric") == "test_accuracy"
    best = "document.getElementById('best-value').innerText"
    assert page.evaluate(best) == max(filter(None, read_column(page, "test_accuracy")))
    choose(page, "best-metric", "test_loss")
    assert read_choice(page, "best-way") == "lowest"
    assert page.evaluate(best) == min(filter(None, read_column(page, "test_loss")))
    choose(page, "best-metric", "test_accuracy")


def test_the_plot_shows_what_tells_most_without_a_click(page: Browser) -> None:
    choices = [read_choice(page, select) for select in ("plot-y", "plot-x", "plot-colour")]
    assert choices == ["test_accuracy", "epochs", "optimizer"]
    points = read_points(page)
    assert len(points) == 10
    assert all(value > 0.8 for _, value in points)
    assert page.evaluate("document.querySelectorAll('#plot .point').length") == 11  # the best one has a ring
    assert "2 of 12 runs" in page.evaluate("document.getElementById('plot-note').innerText")


def test_a_series_is_drawn_over_its_steps(page: Browser) -> None:
    assert read_choice(page, "curves-metric") == "history.loss"
    lengths = page.evaluate(
        "document.getElementById('curves').data.filter((line) => line.customdata).map((line) => line.x.length)"
    )
    assert sorted(lengths) == [1, 1, 1, 1, 2, 3, 3, 3, 5, 5, 5]


def test_all_parameters_are_drawn_side_by_side(page: Browser) -> None:
    page.evaluate("document.getElementById('parallel').scrollIntoView()")
    page.wait_until("document.querySelectorAll('#parallel .axis-title').length === 4")
    names = page.evaluate("[...document.querySelectorAll('#parallel .axis-title')].map((title) => title.textContent)")
    assert names == ["epochs", "learning_rate", "optimizer", "test_accuracy"]


def test_clicking_a_point_shows_its_run(page: Browser) -> None:
    page.evaluate("document.getElementById('plot').emit('plotly_click', { points: [{ customdata: 9 }] })")
    assert page.evaluate("[...document.querySelectorAll('#runs tr.chosen')].map((row) => row.rowIndex)") == [10]


def test_no_button_uploads_anything(page: Browser) -> None:
    titles = page.evaluate("[...document.querySelectorAll('#plot .modebar-btn')].map((button) => button.dataset.title)")
    assert titles == ["Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes", "Download plot as a PNG"]


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1280, True)])
def test_the_page_fits_the_screen(width: int, dark: bool, page: Browser) -> None:
    page.emulate(width=width, dark=dark)
    page.wait_until(f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}")
    channels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(channels) < 128) is dark
