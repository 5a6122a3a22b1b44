"""Whether everybody can use the report's page: names, keyboard, contrast, small screens."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.report.page import read_asset
from colab_starter.report.summary import WORDS
from tests.report.browser import Browser
from tests.report.pages import READY, make_report
from tests.report.sweeps import SEARCH, searched_sweep

LEAST_CONTRAST = 4.5
"""Of text and its background, by WCAG 2, level AA."""
NAMES = """
[...document.querySelectorAll('button, select, input, a[href], [tabindex="0"], [role=group], [role=region]')]
  .filter((one) => one.checkVisibility() && !one.closest('.modebar'))
  .filter((one) => !one.labels?.length && !one.ariaLabel && !one.getAttribute('aria-labelledby'))
  .filter((one) => !one.innerText.trim())
  .map((one) => one.outerHTML.slice(0, 200))
"""
REFERENCES = """
[...document.querySelectorAll('[aria-labelledby]')]
  .flatMap((one) => one.getAttribute('aria-labelledby').split(' ')).filter((id) => !document.getElementById(id))
"""
DOUBLED = """
[...document.querySelectorAll('body [id]')].map((one) => one.id)
  .filter((id, place, all) => !/^(clip|legend|topdef)/.test(id) && all.indexOf(id) !== place)
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(tmp_path_factory.mktemp("searched"), [*searched_sweep(61, 12)], notebooks=False, search=SEARCH)


@pytest.fixture
def page(searched: Path, browser: Browser) -> Iterator[Browser]:
    """The report of a search, opened once, with runs side by side."""
    if browser.evaluate("location.href") != searched.as_uri():
        browser.open(searched, READY)
        for place in (0, 3):
            browser.evaluate(f"document.querySelectorAll('#runs input.choose')[{place}].click()")
        browser.wait_until("document.querySelector('#compare-curves .main-svg')")
    yield browser
    assert (browser.errors, browser.dialogs) == ([], [])


def test_everything_that_can_be_used_has_a_name(page: Browser) -> None:
    assert page.evaluate("document.querySelectorAll('button, select, input').length") > 60
    assert page.evaluate(NAMES) == []
    assert page.evaluate(REFERENCES) == []
    assert page.evaluate(DOUBLED) == []


def test_headings_and_parts_of_the_page_are_in_order(page: Browser) -> None:
    levels = (
        "[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.checkVisibility()).map((one) => one.tagName)"
    )
    assert page.evaluate(levels) == ["H1", *["H2"] * 9]
    assert page.evaluate("['header', 'main', 'footer'].map((tag) => document.querySelectorAll(tag).length)") == [
        1,
        1,
        1,
    ]
    assert page.evaluate("document.documentElement.lang") == "en"


def press(browser: Browser, key: str, text: str, code: int) -> None:
    """Press a key on what has the focus."""
    told = {"key": text if text == " " else key, "code": key, "windowsVirtualKeyCode": code}
    browser.call("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **told)


def test_runs_are_chosen_and_compared_with_the_keyboard_alone(page: Browser) -> None:
    page.evaluate("document.querySelectorAll('#runs input.choose')[6].focus()")
    press(page, "Space", " ", 32)
    page.wait_until("document.getElementById('chosen-count').innerText === '3 runs chosen'")
    assert page.evaluate("document.activeElement.className") == "choose"
    page.evaluate("document.getElementById('chosen-show').focus()")
    press(page, "Enter", "\r", 13)
    page.wait_until("document.activeElement.id === 'compare-title'")


@pytest.mark.parametrize(("width", "dark"), [(390, True), (320, False)])
def test_a_search_fits_a_phone(width: int, dark: bool, page: Browser) -> None:
    page.emulate(width=width, dark=dark)
    page.wait_until(f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}")


def read_colours() -> tuple[dict[str, str], dict[str, str]]:
    """The colours in the light and in the dark."""
    light, dark = read_asset("colours.css").split("@media")
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]
    return found[0], found[0] | found[1]


def shine(colour: str) -> float:
    """The relative luminance, by WCAG."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((shine(one), shine(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_told_from_its_background(mode: str) -> None:
    colours = read_colours()[mode == "dark"]
    for name in ("text", "quiet", "accent"):
        assert contrast(colours[name], colours["back"]) >= LEAST_CONTRAST, name
        assert contrast(colours[name], colours["card"]) >= LEAST_CONTRAST, name
    assert {str(status) for status in WORDS} <= colours.keys()
    for status in WORDS:
        assert contrast(colours[status], colours["card"]) >= LEAST_CONTRAST, status
