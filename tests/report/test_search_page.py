"""The report of a search in a real browser: what is best, why runs ended, curves, importance, runs side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output

from colab_starter.report.build import build_report
from colab_starter.run.outcome import Outcome, Status
from tests.report.browser import Browser
from tests.report.pages import READY, choose, make_report, read_choice, read_column, read_points, read_rows
from tests.report.sweeps import SEARCH, SampleRun, searched_sweep, write_sweep

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
ACCURACIES = {
    (0.01, 1): [0.90, 0.91, 0.89, 0.90],
    (0.1, 2): [0.99, 0.60, 0.61, 0.60],
    (0.1, 1): [0.80, 0.81, 0.79, 0.80],
    (0.001, 1): [0.98],
}
"""By the learning rate and the depth, for some seeds. A seed of the second setting and that of the last are lucky."""


def seeded_sweep() -> list[SampleRun]:
    """Thirteen runs that were ok, and six that ended before, each in its way."""
    picture = new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})
    runs = []
    for (rate, depth), accuracies in ACCURACIES.items():
        for seed, accuracy in enumerate(accuracies):
            outcome = Outcome(Status.OK, seconds=1, metrics={"accuracy": accuracy, "loss": 1 - accuracy})
            points = [(float(step), accuracy * step / 5) for step in range(1, 6)]
            parameters = {"learning_rate": rate, "depth": depth, "seed": seed}
            runs.append(SampleRun(parameters, outcome, outputs=[picture], series={"accuracy": points}))
    causes = {
        Status.FAILED: "cell In[4] fit: ValueError: no",
        Status.KILLED: "the kernel was killed by SIGKILL, out of memory",
        Status.TIMEOUT: "cell In[4] fit took longer than 60 s",
    }
    for step, value in ((2, 0.3), (2, 0.25), (4, 0.6)):
        cause = f"pruned at step {step}: accuracy {value} is below the median 0.81 of 5 trials"
        outcome = Outcome(Status.PRUNED, cause, 4, 0.4, {"accuracy": value, "loss": 1 - value})
        points = [(float(place), value) for place in range(1, step + 1)]
        runs.append(SampleRun({"learning_rate": 1.0, "depth": 1, "seed": 0}, outcome, series={"accuracy": points}))
    for status, cause in causes.items():
        runs.append(SampleRun({"learning_rate": 1.0, "depth": 2, "seed": 0}, Outcome(status, cause, 4, 2.0)))
    return runs


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_sweep(tmp_path_factory.mktemp("seeded"), seeded_sweep())
    return build_report(folder, folder / "report.html", with_notebooks=True).page


@pytest.fixture
def page(seeded: Path, browser: Browser) -> Iterator[Browser]:
    """The report of the sweep with seeds, opened once; nothing may go wrong in it."""
    if browser.evaluate("location.href") != seeded.as_uri():
        browser.open(seeded, READY)
    yield browser
    assert (browser.errors, browser.dialogs) == ([], [])
    assert browser.requests in ([], [seeded.as_uri()])


def read_text(browser: Browser, element: str) -> str:
    text: str = browser.evaluate(f"document.getElementById('{element}').innerText")
    return text


def read_plot(browser: Browser, expression: str, plot: str = "plot") -> Any:
    """The value of an expression of ``plot``, the element with a plot."""
    return browser.evaluate(f"((plot) => {expression})(document.getElementById('{plot}'))")


def test_the_best_is_a_mean_over_seeds_and_not_a_lucky_one(page: Browser) -> None:
    assert read_text(page, "best-title") == "Best setting"
    assert read_text(page, "best-value") == "0.9000 ± 0.0082"
    told = "The mean of 4 runs that differ only in seed, and their standard deviation."
    assert (
        read_text(page, "best-spread")
        == f"{told} 1 setting with fewer runs does not count: what they reach may be luck."
    )


def test_why_runs_ended_is_told_by_kind_and_filters_the_table(page: Browser) -> None:
    causes = "[...document.querySelectorAll('#CARD button.cause')].map((one) => one.innerText.trim())"
    assert page.evaluate(causes.replace("CARD", "pruned")) == ["2 × pruned at step 2", "1 × pruned at step 4"]
    assert sorted(page.evaluate(causes.replace("CARD", "failures"))) == [
        "1 × failed cell In[4] fit: ValueError: no",
        "1 × killed the kernel was killed by SIGKILL, out of memory",
        "1 × timed out cell In[4] fit took longer than 60 s",
    ]
    button = "document.querySelector('#pruned button.cause')"
    page.evaluate(f"{button}.click()")
    assert read_column(page, "cause") == [
        f"pruned at step 2: accuracy {value} is below the median 0.81 of 5 trials" for value in (0.3, 0.25)
    ]
    assert page.evaluate(f"{button}.getAttribute('aria-pressed')") == "true"
    page.evaluate(f"{button}.click()")
    assert len(read_rows(page)) == 19


def test_curves_end_where_their_runs_ended(page: Browser) -> None:
    assert read_choice(page, "curves-metric") == "accuracy"
    assert read_choice(page, "curves-colour") == "status"
    lines = "plot.data.filter((line) => line.customdata).map((line) => [line.customdata[0], line.x.length])"
    lengths = dict(read_plot(page, lines, "curves"))
    assert lengths == {**dict.fromkeys(range(13), 5), 13: 2, 14: 2, 15: 4}
    thick = "plot.data.filter((line) => line.customdata && line.line.width > 2).map((line) => line.customdata[0])"
    assert sorted(read_plot(page, thick, "curves")) == [0, 1, 2, 3]
    symbols = "plot.data.find((trace) => Array.isArray(trace.marker?.symbol)).marker.symbol"
    assert read_plot(page, symbols, "curves") == ["triangle-down"] * 3


def test_an_axis_over_decades_is_logarithmic_everywhere(page: Browser) -> None:
    choose(page, "plot-x", "learning_rate")
    assert read_plot(page, "plot.layout.xaxis.type") == "log"
    choose(page, "plot-view", "Every parameter")
    types = "Object.keys(plot.layout).filter((key) => key.startsWith('xaxis')).map((key) => plot.layout[key])"
    named = dict(read_plot(page, f"{types}.map((axis) => [axis.title.text, axis.type])"))
    assert named == {"learning_rate": "log", "depth": "linear", "seed": "linear"}
    assert len(read_plot(page, "plot.data.map((trace) => trace.x.length)")) == 3
    choose(page, "plot-view", "One parameter")
    choose(page, "plot-x", "depth")
    assert read_plot(page, "plot.layout.xaxis.type") == "linear"


def test_a_map_shows_the_means_over_two_parameters(page: Browser) -> None:
    choose(page, "plot-x", "learning_rate")
    choose(page, "plot-view", "Two parameters")
    choose(page, "plot-colour", "depth")
    assert read_plot(page, "plot.data[0].type") == "heatmap"
    rows = read_plot(page, "plot.data[0].z")
    assert [[value and round(value, 4) for value in row] for row in rows] == [
        [0.98, 0.9, 0.8],
        [None, None, 0.7],
    ]
    edges = read_plot(page, "plot.data[0].x")
    assert edges == pytest.approx([10**-3.5, 10**-2.5, 10**-1.5, 10**-0.5])
    assert read_plot(page, "plot.layout.xaxis.type") == "log"
    choose(page, "plot-view", "One parameter")


def test_importance_is_the_share_of_variance_beyond_chance(page: Browser) -> None:
    rows = "[...document.querySelectorAll('#importance-bars tr')].map((row) => row.innerText.split(/\\s+/))"
    shares = {name: int(share) for name, share, _ in page.evaluate(rows)}
    expected = {name: round(100 * epsilon_squared(name)) for name in ("learning_rate", "depth", "seed")}
    assert shares == expected
    assert shares["learning_rate"] > 20
    assert "13 runs that were ok" in read_text(page, "importance-note")


def epsilon_squared(parameter: str) -> float:
    """As statisticians write it, for parameters of few values."""
    done = [run for run in seeded_sweep() if run.outcome and run.outcome.status is Status.OK]
    pairs = [(run.parameters[parameter], float(run.outcome.metrics["accuracy"])) for run in done if run.outcome]
    values = [value for _, value in pairs]
    mean = sum(values) / len(values)
    groups = [[value for one, value in pairs if one == key] for key in {key for key, _ in pairs}]
    within = sum(sum((value - sum(group) / len(group)) ** 2 for value in group) for group in groups)
    total = sum((value - mean) ** 2 for value in values)
    share: float = (total - within - (len(groups) - 1) * within / (len(values) - len(groups))) / total
    return max(0.0, share)


def test_chosen_runs_stand_side_by_side(page: Browser) -> None:
    page.evaluate(
        "[...document.querySelectorAll('#best-links button')].find((one) => one.innerText === 'side by side').click()"
    )
    assert read_text(page, "chosen-count") == "4 runs chosen"
    row = "[...document.querySelectorAll('#compare tbody tr')].find((row) => row.cells[0].innerText === '{}')"
    rate, seed = (f"{row.format(name)}.classList.contains('differs')" for name in ("learning_rate", "seed"))
    assert (page.evaluate(rate), page.evaluate(seed)) == (False, True)
    assert (
        page.evaluate("[...document.querySelectorAll('#compare img')].map((one) => one.complete && one.naturalWidth)")
        == [1] * 4
    )
    curves = "plot.data.filter((line) => line.customdata).map((line) => line.customdata[0])"
    assert sorted(read_plot(page, curves, "compare-curves")) == [0, 1, 2, 3]
    bottoms = (
        "['compare-curves', 'compare-card'].map((id) => document.getElementById(id).getBoundingClientRect().bottom)"
    )
    plot, card = page.evaluate(bottoms)
    assert plot < card
    page.evaluate("document.getElementById('compare-differing').click()")
    names = page.evaluate("[...document.querySelectorAll('#compare tbody th')].map((head) => head.innerText)")
    assert names == ["seed", "accuracy", "loss", "pictures"]
    page.evaluate("document.querySelector('#compare .drop').click()")
    assert read_text(page, "chosen-count") == "3 runs chosen"
    page.evaluate("document.getElementById('chosen-clear').click()")
    assert (
        page.evaluate("[...document.querySelectorAll('#chosen, #compare-card')].map((one) => one.hidden)") == [True] * 2
    )


def test_no_more_runs_can_be_chosen_than_fit_side_by_side(page: Browser) -> None:
    page.evaluate("[...document.querySelectorAll('#runs input.choose')].slice(0, 8).forEach((box) => box.click())")
    assert read_text(page, "chosen-count") == "8 runs chosen, which is the most"
    assert page.evaluate("document.querySelectorAll('#runs input.choose:not(:checked):disabled').length") == 11
    page.evaluate("document.getElementById('chosen-clear').click()")


def test_an_axis_has_a_tick_at_each_chosen_value_but_not_at_the_long_numbers_of_a_search(
    tmp_path: Path, browser: Browser
) -> None:
    runs = [
        SampleRun({"rate": 10 ** (-4 + number / 3.3), "units": 16 * number}, Outcome(Status.OK, metrics={"a": number}))
        for number in range(1, 9)
    ]
    browser.open(make_report(tmp_path, runs, notebooks=False), READY)
    choose(browser, "plot-x", "units")
    assert read_plot(browser, "plot.layout.xaxis.ticktext") == [str(16 * number) for number in range(1, 9)]
    choose(browser, "plot-x", "rate")
    assert read_plot(browser, "plot.layout.xaxis.ticktext ?? null") is None
    assert browser.errors == []


OBJECTIVES = {**SEARCH, "objectives": {"error": "minimize", "speed": "maximize"}}
PAIRS = [(0.1, 1), (0.2, 5), (0.3, 4), (0.4, 9), (0.1, 0.5), (0.5, 9), (0.05, 0.2), (0.3, 6)]


def test_two_objectives_have_a_pareto_front(tmp_path: Path, browser: Browser) -> None:
    runs = [
        SampleRun({"n": number, "k": number % 3}, Outcome(Status.OK, metrics={"error": error, "speed": speed}))
        for number, (error, speed) in enumerate(PAIRS)
    ]
    browser.open(make_report(tmp_path, runs, notebooks=False, search=OBJECTIVES), READY)
    assert (read_choice(browser, "best-metric"), read_choice(browser, "best-way")) == ("error", "lowest")
    cells = browser.evaluate("[...document.querySelectorAll('#front tbody tr')].map((row) => row.cells[0].innerText)")
    assert [float(cell) for cell in cells] == [0.05, 0.1, 0.2, 0.3, 0.4]
    assert (read_choice(browser, "plot-x"), read_choice(browser, "plot-y")) == ("error", "speed")
    assert len(read_points(browser)) == len(PAIRS)
    rings = "plot.data.at(-1).x.map((x, place) => [x, plot.data.at(-1).y[place]])"
    assert sorted(read_plot(browser, rings)) == [[0.05, 0.2], [0.1, 1], [0.2, 5], [0.3, 6], [0.4, 9]]
    assert browser.errors == []


def test_many_curves_are_faint_and_the_one_under_the_mouse_is_told_and_chosen(tmp_path: Path, browser: Browser) -> None:
    runs = [*searched_sweep(150, 12)]
    browser.open(make_report(tmp_path, runs, notebooks=False, search=SEARCH), READY)
    drawn = read_plot(browser, "plot.data.filter((line) => line.customdata).length", "curves")
    assert drawn == 1
    assert read_plot(browser, "plot.layout.images.length", "curves") == 1
    assert read_plot(browser, "plot.layout.images[0].source.startsWith('data:image/png')", "curves")
    choose(browser, "curves-colour", "units")
    bar = "plot.data.find((trace) => trace.marker?.showscale).marker.colorbar.title.text"
    assert read_plot(browser, bar, "curves") == "units"
    browser.evaluate("document.getElementById('curves').scrollIntoView()")
    (_, before), (_, after) = runs[4].series["val_accuracy"][10:]
    x, y = read_plot(
        browser,
        "((box, { xaxis, yaxis }) => [box.left + xaxis._offset + xaxis.d2p(11.5), box.top + yaxis._offset + yaxis.d2p("
        f"{(before + after) / 2})])"
        "(plot.getBoundingClientRect(), plot._fullLayout)",
        "curves",
    )
    browser.click(round(x), round(y))
    browser.wait_until("document.getElementById('curves-hint').innerText.includes('at step 12')")
    browser.wait_until("document.getElementById('chosen-count').innerText.startsWith('1 run chosen')")
    chosen = browser.evaluate("document.querySelector('#runs tr.ticked input').ariaLabel")
    hint = read_text(browser, "curves-hint")
    assert f"learning_rate={hint.split()[1][:5]}" in chosen
    assert read_plot(browser, "plot.data.filter((line) => line.customdata).length", "curves") == 2
    assert browser.errors == []
