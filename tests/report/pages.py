"""What the tests do with a report that is open in a browser."""

import json
from pathlib import Path
from typing import Any

from colab_starter.report.build import build_report
from tests.report.browser import Browser
from tests.report.sweeps import SampleRun, write_sweep

READY = "document.querySelector('html.ready, #trouble:not([hidden])')"
ROWS = "[...document.querySelectorAll('#runs tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText))"
TITLES = "[...document.querySelectorAll('.dt-scroll-head .dt-column-title')]"


def make_report(folder: Path, runs: list[SampleRun], *, notebooks: bool = True, search: Any = None) -> Path:
    """The page of a sweep of these runs; the notebooks are there, but have no pages."""
    write_sweep(folder, runs, notebooks=notebooks, search=search)
    return build_report(folder, folder / "report.html", with_notebooks=False).page


def read_rows(browser: Browser) -> list[list[str]]:
    """The table as it is shown, without its head."""
    rows: list[list[str]] = browser.evaluate(ROWS)
    return rows


def read_column(browser: Browser, name: str) -> list[str]:
    place = browser.evaluate(f"{TITLES}.map((title) => title.innerText)").index(name)
    return [row[place] for row in read_rows(browser)]


def click_header(browser: Browser, name: str) -> None:
    """Sort by a column: rising, then falling, then not at all."""
    browser.evaluate(f"{TITLES}.find((title) => title.innerText === {name!r}).click()")


def search_for(browser: Browser, words: str) -> None:
    """Type words into the search box of the table."""
    browser.evaluate(
        f"(() => {{ const box = document.querySelector('.dt-search input'); box.value = {json.dumps(words)};"
        " box.dispatchEvent(new Event('input')); })()"
    )


def choose(browser: Browser, select: str, text: str) -> None:
    """Choose an option of a select element."""
    browser.evaluate(
        f"(() => {{ const select = document.getElementById('{select}');"
        f" select.value = [...select.options].find((option) => option.text === {text!r}).value;"
        " select.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )


def read_choice(browser: Browser, select: str) -> str:
    chosen: str = browser.evaluate(f"document.getElementById('{select}').selectedOptions[0].text")
    return chosen


def read_points(browser: Browser) -> list[list[float]]:
    """The runs in the plot, from left to right."""
    points: list[list[float]] = browser.evaluate(
        "document.getElementById('plot').data.filter((trace) => trace.mode === 'markers' && trace.customdata)"
        ".flatMap((trace) => Array.from(trace.x, (x, place) => [x, trace.y[place]]))"
    )
    return sorted(points)
