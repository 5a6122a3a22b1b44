"""How long the report of a large search takes: to make, to open, and to use in a browser.

Run: .venv/bin/python benchmarks/report.py [RUNS [STEPS]]

The sweep is made here: RUNS trials (10,000) of three parameters with two curves of STEPS (50) points each. The browser
is Chromium without a window and without a GPU. Opening is timed from the navigation until table and plots are drawn.

Measured on 2026-11-29 (AMD EPYC, 2 cores, nothing else running), with the defaults: read in 1.4 s and made in 0.9 s,
9.0 MB; open in 2.1 to 2.4 s; filters, searches and other curves within 0.3 s, a choice of runs within 0.03 s; a frame
takes 17 ms while scrolling, but the first one past the parallel coordinates 1.1 s, without a GPU.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from colab_starter.report.build import build_report, read_folder
from tests.report.browser import Browser, open_browser
from tests.report.pages import READY
from tests.report.sweeps import SEARCH, searched_sweep, write_sweep

ROUNDS = 3

FRAME = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
ACTIONS = {
    "show the pruned runs": "document.querySelector('.statuses [data-status=pruned]').click()",
    "show all again": "document.querySelector('.statuses [data-status=pruned]').click()",
    "sort by a metric": "[...document.querySelectorAll('.dt-scroll-head .dt-column-title')]"
    ".find((title) => title.innerText === 'val_accuracy').click()",
    "search for a word": "(() => { const box = document.querySelector('.dt-search input'); box.value = 'adam';"
    " box.dispatchEvent(new Event('input')); })()",
    "end the search": "(() => { const box = document.querySelector('.dt-search input'); box.value = '';"
    " box.dispatchEvent(new Event('input')); })()",
    "draw the other curves": "(() => { const select = document.getElementById('curves-metric');"
    " select.selectedIndex = 1; select.dispatchEvent(new Event('change', { bubbles: true })); })()",
    "choose a run": "document.querySelector('#runs input.choose').click()",
    "find the curve under the mouse": "document.getElementById('curves').dispatchEvent(new MouseEvent('mousemove', {"
    " clientX: 500, clientY: document.getElementById('curves').getBoundingClientRect().y + 120, bubbles: true }))",
}
SCROLL = """
(async () => {
  const frames = [];
  let last = performance.now();
  for (let step = 0; step < 60; step += 1) {
    scrollTo(0, (document.documentElement.scrollHeight * step) / 60);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  scrollTo(0, 0);
  frames.sort((left, right) => left - right);
  return [frames[30], frames.at(-1)];
})()
"""


def main() -> None:
    """Print a line for each measurement."""
    runs, steps = map(int, [*sys.argv[1:], *("10000", "50")[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_sweep(Path(scratch), searched_sweep(runs, steps), notebooks=False, search=SEARCH)
        print(f"{runs:,} runs of {steps} steps, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        page = make_page(folder)
        with open_browser() as browser:
            browser.emulate()
            browser.call("Performance.enable", timeDomain="threadTicks")
            opened = [open_page(browser, page) for _ in range(ROUNDS)]
            print(f"open: {min(opened):.0f} ms at best, {max(opened):.0f} ms at worst of {ROUNDS}")
            print(f"{read_busy(browser):.0f} ms of CPU in the page's thread at the last")
            for name, action in ACTIONS.items():
                busy = read_busy(browser)
                took = time_action(browser, action)
                print(f"{name}: {took:.0f} ms, {read_busy(browser) - busy:.0f} ms of CPU")
            middle, most = browser.evaluate(SCROLL)
            print(f"scroll: {middle:.0f} ms a frame, {most:.0f} ms at most")


def make_page(folder: Path) -> Path:
    began = time.perf_counter()
    sweep = read_folder(folder)
    read = time.perf_counter()
    built = build_report(folder, folder / "report.html", with_notebooks=False, sweep=sweep)
    ended = time.perf_counter()
    print(f"read: {read - began:.1f} s; make: {ended - read:.1f} s; {built.size / 1e6:.1f} MB")
    return built.page


def open_page(browser: Browser, page: Path) -> float:
    """Milliseconds from the navigation until the page is ready."""
    browser.call("Page.navigate", url="about:blank")
    browser.open(page, READY)
    ready: float = browser.evaluate("performance.getEntriesByName('ready')[0].startTime")
    return ready


def read_busy(browser: Browser) -> float:
    """Milliseconds for which the page's thread has been computing since the navigation."""
    metrics = {metric["name"]: metric["value"] for metric in browser.call("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def time_action(browser: Browser, action: str) -> float:
    """Milliseconds until the next frame after an action has been drawn."""
    timed = f"const began = performance.now(); {action}; await {FRAME}; return performance.now() - began;"
    took: float = browser.evaluate(f"(async () => {{ {timed} }})()")
    return took


if __name__ == "__main__":
    main()
