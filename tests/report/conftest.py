"""One browser for all tests of the pages."""

from collections.abc import Iterator

import pytest

from tests.report.browser import Browser, find_browser, open_browser


@pytest.fixture(scope="session")
def shared_browser() -> Iterator[Browser]:
    if find_browser() is None:
        pytest.skip("no Chromium here, so nobody looked at the pages: apt-get install chromium")
    with open_browser() as browser:
        yield browser


@pytest.fixture
def browser(shared_browser: Browser) -> Browser:
    """The browser, with nothing that happened in it before."""
    shared_browser.emulate()
    if shared_browser.evaluate("location.protocol") == "http:":  # a live page, which would go on asking for news
        shared_browser.call("Page.navigate", url="about:blank")
        shared_browser.wait_until("location.href === 'about:blank'")
    shared_browser.forget()
    return shared_browser
