"""The report of a folder that holds runs of several versions of a notebook."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.report.build import build_report
from colab_starter.run.ledger.ledger import FILE_NAME
from colab_starter.run.outcome import Outcome, Status
from tests.report.browser import Browser
from tests.report.pages import READY, choose, make_report, read_choice, read_column, read_points, read_rows
from tests.report.sweeps import SampleRun
from tests.report.test_command import read_data
from tests.run.finished import write_finished, write_source

OLD, NEW = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


def make_runs() -> list[SampleRun]:
    """Eight runs of an older version, three of them failed, and three of a newer one, one of them failed."""
    runs = []
    for number in range(8):
        good = Outcome(Status.OK, metrics={"accuracy": 0.9 - number / 100}, seconds=1)
        bad = Outcome(Status.FAILED, f"ValueError: bad (cell {2 + number % 2}, line 1)")
        parameters = {"lr": 0.1 * (1 + number % 4), "opt": "adam" if number < 4 else "sgd"}
        runs.append(SampleRun(parameters, good if number < 5 else bad, source=OLD))
    for number in range(2):
        good = Outcome(Status.OK, metrics={"accuracy": 0.5 + number / 10}, seconds=1)
        runs.append(SampleRun({"lr": 0.1 * (1 + number), "opt": "adam"}, good, source=NEW))
    runs.append(SampleRun({"lr": 0.3, "opt": "adam"}, Outcome(Status.KILLED, "the kernel died"), source=NEW))
    return runs


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(tmp_path_factory.mktemp("versions"), make_runs())


@pytest.fixture
def page(report: Path, browser: Browser) -> Iterator[Browser]:
    """The report of both versions, opened once; each test leaves it as it was."""
    if browser.evaluate("location.href") != report.as_uri():
        browser.open(report, READY)
    version, colour = (read_choice(browser, select) for select in ("version", "plot-colour"))
    yield browser
    choose(browser, "version", version)
    choose(browser, "plot-colour", colour)
    assert (browser.errors, browser.dialogs) == ([], [])


def read_head(page: Browser) -> list[str]:
    """The statuses and the causes that are shown, with their counts."""
    shown: list[str] = page.evaluate(
        "[...document.querySelectorAll('.statuses button, button.cause')]"
        ".filter((one) => one.checkVisibility()).map((one) => one.innerText.replace(/\\s+/g, ' ').trim())"
    )
    return shown


def read_text(page: Browser, element: str) -> str:
    text: str = page.evaluate(f"document.getElementById('{element}').innerText")
    return text


def test_the_newest_version_is_shown_alone(page: Browser) -> None:
    assert read_choice(page, "version") == "the newest version bbbbbbbb (3)"
    assert set(read_column(page, "notebook version")) == {"bbbbbbbb"}
    assert read_head(page) == ["2 ok", "1 killed", "1 × killed the kernel died"]
    assert read_text(page, "best-value") == "0.6"
    assert read_points(page) == [[0.1, 0.5], [0.2, 0.6]]


def test_another_version_or_all_of_them_can_be_chosen(page: Browser) -> None:
    choose(page, "version", "version aaaaaaaa (8)")
    assert set(read_column(page, "notebook version")) == {"aaaaaaaa"}
    assert read_head(page)[:2] == ["5 ok", "3 failed"]
    assert read_head(page)[2:] == [
        "2 × failed ValueError: bad (cell 3, line 1)",
        "1 × failed ValueError: bad (cell 2, line 1)",
    ]
    assert read_text(page, "best-value") == "0.9"
    choose(page, "version", "all versions (11)")
    assert len(read_rows(page)) == 11
    assert read_head(page)[:3] == ["7 ok", "3 failed", "1 killed"]
    assert len(read_points(page)) == 7


def test_the_line_of_means_is_of_what_is_shown(page: Browser) -> None:
    lines = (
        "document.getElementById('plot').data.filter((trace) => trace.mode === 'lines').map((trace) => [...trace.y])"
    )
    choose(page, "plot-colour", "nothing")
    choose(page, "version", "version aaaaaaaa (8)")
    [old] = page.evaluate(lines)
    choose(page, "version", "all versions (11)")
    [both] = page.evaluate(lines)
    assert old[0] == pytest.approx((0.9 + 0.86) / 2)
    assert both[0] == pytest.approx((0.9 + 0.86 + 0.5) / 3)


def test_a_filter_is_lifted_by_another_choice_and_the_best_run_is_one_of_those_shown(page: Browser) -> None:
    choose(page, "version", "version aaaaaaaa (8)")
    page.evaluate("document.querySelector('.statuses [data-status=failed]').click()")
    assert len(read_rows(page)) == 3
    assert read_text(page, "best-value") == "no run has a value"
    choose(page, "version", "the newest version bbbbbbbb (3)")
    assert len(read_rows(page)) == 3
    assert read_text(page, "best-value") == "0.6"


def test_one_version_alone_is_nothing_to_choose(tmp_path: Path, browser: Browser) -> None:
    browser.open(make_report(tmp_path, make_runs()[:8]), READY)
    assert browser.evaluate("document.getElementById('version')") is None
    assert browser.evaluate("document.querySelector('header .quiet').innerText").startswith("8 runs ·")
    assert read_head(browser)[:2] == ["5 ok", "3 failed"]


def test_parameters_that_no_run_set_are_columns_where_the_versions_differ(tmp_path: Path, browser: Browser) -> None:
    out = tmp_path / "out"
    write_finished(write_source(tmp_path, parameters="n = 0\nepochs = 5\nname = 'x'"), "n=1,2", out=out)
    write_finished(write_source(tmp_path, parameters="n = 0\nepochs = 2\nname = 'x'"), "n=1", out=out)
    browser.open(build_report(out, out / "report.html", with_notebooks=False).page, READY)
    choose(browser, "version", "all versions (3)")
    assert read_column(browser, "n") == ["1", "2", "1"]
    assert read_column(browser, "epochs") == ["5", "5", "2"]
    assert "name" in read_text(browser, "fixed")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"junk\n"])
def test_a_sweep_whose_ledger_is_lost_has_its_page(tmp_path: Path, content: bytes | None) -> None:
    out = tmp_path / "out"
    write_finished(write_source(tmp_path), "n=1,2", out=out)
    (out / FILE_NAME).unlink()
    if content is not None:
        (out / FILE_NAME).write_bytes(content)
    built = build_report(out, tmp_path / "report.html", with_notebooks=False)
    assert built.runs == 2
    assert read_data(built.page)["statuses"] == ["ok", "ok"]
    assert (out / FILE_NAME).exists() is (content is not None)


def test_a_notebook_that_is_gone_is_not_linked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch = write_finished(write_source(tmp_path), "n=1,2", out=out)
    shutil.rmtree(out / batch.runs[0].id)
    data = read_data(build_report(out, out / "report.html", with_notebooks=False).page)
    assert [link is None for link in data["notebooks"]] == [True, False]
