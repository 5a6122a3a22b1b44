"""Reports of sweeps that are not as one hopes: hostile text, strange numbers, hardly anything, very much."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from colab_starter.run.outcome import Outcome, Status
from tests.report.browser import Browser
from tests.report.pages import READY, click_header, make_report, read_column, read_points, read_rows
from tests.report.sweeps import SampleRun, big_sweep
from tests.support.marks import weekly

HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;img src=x onerror=alert(1)&gt;")
CARDS = "[...document.querySelectorAll('.card')].filter((card) => card.checkVisibility()).map((card) => card.id)"

Show = Callable[[list[SampleRun]], Browser]


@pytest.fixture
def show(tmp_path: Path, browser: Browser) -> Iterator[Show]:
    """Opens the report of a sweep; at the end nothing may have gone wrong in the page."""

    def open_report(runs: list[SampleRun]) -> Browser:
        browser.open(make_report(tmp_path / "50% of #1 é", runs), READY)
        return browser

    yield open_report
    assert (browser.errors, browser.dialogs) == ([], [])
    assert all(address.endswith("/report.html") for address in browser.requests)


def end(status: Status = Status.OK, cause: str = "", **metrics: object) -> Outcome:
    return Outcome(status, cause, None, 1.0, metrics)


def test_hostile_text_is_only_text(show: Show) -> None:
    one, two, three = HOSTILE
    runs = [
        SampleRun({one: f"{two}{n}", "kind": HOSTILE[n], "n": n}, Outcome(Status.OK, metrics={three: n, one: two}))
        for n in range(3)
    ]
    bad = SampleRun({one: two, "kind": "plain", "n": 3}, end(Status.FAILED, f"cell 1: {''.join(HOSTILE)}"))
    browser = show([*runs, bad])
    browser.evaluate("document.getElementById('parallel').scrollIntoView()")
    browser.wait_until("document.querySelector('#parallel .axis-title')")
    assert browser.evaluate("document.querySelectorAll('img, script:not([id]):not([type=module])').length") == 0
    assert read_column(browser, "cause") == ["", "", "", f"cell 1: {''.join(HOSTILE)}"]
    assert read_column(browser, one)[2] == f"{two}2"
    assert "".join(HOSTILE) in browser.evaluate("document.getElementById('failures').innerText")
    _filter_by_list(browser, "kind", three)
    assert read_column(browser, "kind") == [three]


def _filter_by_list(browser: Browser, column: str, value: str) -> None:
    """Open the filter of a column and tick a value in its list."""
    heads = "[...document.querySelectorAll('.dt-scroll-head th')]"
    browser.evaluate(
        f"{heads}.find((head) => head.innerText.includes({column!r})).querySelector('.dtcc-button_dropdown').click()"
    )
    buttons = "[...document.querySelectorAll('.dtcc-list')].at(-1).querySelectorAll('.dtcc-list-buttons button')"
    browser.evaluate(f"[...{buttons}].find((button) => button.innerText.trim() === {value!r}).click()")


def test_numbers_of_all_kinds_are_shown_sorted_and_drawn(show: Show) -> None:
    rates = [10, 9, 1e-5, 1e20, 0.30000000000000004]
    metrics = [0.5, float("nan"), float("inf"), 0.7, -1]
    browser = show([SampleRun({"lr": rate}, end(m=m)) for rate, m in zip(rates, metrics, strict=True)])
    assert read_column(browser, "m") == ["0.5", "nan", "inf", "0.7", "-1"]
    assert read_points(browser) == [[0.30000000000000004, -1], [10, 0.5], [1e20, 0.7]]
    assert browser.evaluate("document.getElementById('plot').layout.xaxis.type") == "log"
    assert browser.evaluate("document.getElementById('best-value').innerText") == "0.7"
    click_header(browser, "lr")
    assert read_column(browser, "lr") == ["1e-5", "0.3", "9", "10", "100000000000000000000"]
    click_header(browser, "m")
    assert read_column(browser, "m") == ["-1", "0.5", "0.7", "inf", "nan"]


def test_links_point_to_files_that_exist(show: Show) -> None:
    browser = show([SampleRun({}, end(), f"50% of #{n}? ä") for n in range(3)])
    address = browser.evaluate("location.href")
    links = browser.evaluate(
        "[...document.querySelectorAll('#runs a, footer a')].map((link) => link.getAttribute('href'))"
    )
    assert len(links) == 4
    assert all(Path(unquote(urlsplit(urljoin(address, link)).path)).is_file() for link in links)


SPARSE = {
    "no metrics": ([SampleRun({"n": n}, end()) for n in range(3)], ["best", "plot-card", "runs-card"]),
    "no parameters": ([SampleRun({}, end(loss=0.5))], ["best", "runs-card"]),
    "one run": ([SampleRun({"lr": 0.1}, end(loss=0.5))], ["best", "fixed", "runs-card"]),
    "only failures": (
        [SampleRun({"n": n}, end(Status.FAILED, "cell 1: no")) for n in range(3)],
        ["best", "failures", "plot-card", "runs-card"],
    ),
    "texts": (
        [SampleRun({"s": text}, end(loss=n)) for n, text in enumerate("abc")],
        ["best", "plot-card", "runs-card"],
    ),
}


@pytest.mark.parametrize("case", SPARSE)
def test_a_sweep_with_little_in_it_has_a_sensible_page(case: str, show: Show) -> None:
    runs, cards = SPARSE[case]
    browser = show(runs)
    assert browser.evaluate(CARDS) == cards
    assert len(read_rows(browser)) == len(runs)


def test_runs_that_have_only_started_are_shown_and_can_be_filtered(show: Show) -> None:
    browser = show([SampleRun({"n": n}, None) for n in range(3)])
    assert browser.evaluate(CARDS) == ["runs-card"]
    assert len(read_rows(browser)) == 3
    browser.evaluate("document.querySelector('.statuses button').click()")
    assert len(read_rows(browser)) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "largest"),
    [
        (2_500, 3_500_000),  # enough for WebGL, and for parallel coordinates of some runs only
        weekly(10_000, 6_000_000),
    ],
)
def test_thousands_of_runs_can_be_sorted_and_drawn(runs: int, largest: int, tmp_path: Path, browser: Browser) -> None:
    page = make_report(tmp_path, [*big_sweep(runs)], notebooks=False)
    assert page.stat().st_size < largest
    browser.open(page, READY)
    assert len(read_points(browser)) == 0.98 * runs
    click_header(browser, "accuracy")
    accuracies = [float(text) for text in read_column(browser, "accuracy")]
    assert len(accuracies) == 25
    assert accuracies == sorted(accuracies)
    assert browser.evaluate("document.querySelector('.dt-info').innerText") == f"1 to 25 of {runs:,} runs"
    assert browser.errors == []
