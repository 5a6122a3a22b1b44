"""How long a finished sweep takes: to be recognised by the same command, to be reported, and its page to open.

Run: .venv/bin/python benchmarks/resume.py [RUNS...] [--notebooks] [--keep FOLDER]

One run is really executed; the others are copies of it with other values. The page is opened in Chromium, if there is
one, and is open when its table and its plot are drawn. With 1,000 and 20,000 runs, unless others are given; the aims
for 20,000: resume 4 s, report 8 s, page 4 s. The pages of executed notebooks are made once, and take as long as all
of them do: with ``--notebooks``, they are timed, too.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import v4

from colab_starter.run.batch import Options, prepare_batch
from colab_starter.run.sweep.runs import Run

COMMAND = str(Path(sys.executable).with_name("colab-starter"))
NOTEBOOK = "train.ipynb"
SWEEP = Path("runs/train")
OPENS = 3
"""Times that the page is opened; the shortest counts."""
SCRAP = "application/scrapbook.scrap.json+json"
CELLS = [
    "import math\nloss = abs(math.log10(learning_rate) + 2) + 1 / layers + seed / 1e6\nprint('loss', loss)",
    f"""
from IPython.display import display
for name, value in {{"loss": loss, "accuracy": 1 / (1 + loss)}}.items():
    display({{"{SCRAP}": {{"name": name, "data": value, "encoder": "json", "version": 1}}}}, raw=True)
""".strip(),
]


class Figures(NamedTuple):
    """What is measured of a sweep, in seconds; None for what is not."""

    resume: float
    report: float
    notebooks: float | None
    page: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", type=int, default=[1000, 20_000])
    parser.add_argument("--keep", type=Path, help="where the sweep is left, to look at it")
    parser.add_argument("--notebooks", action="store_true", help="time the pages of all executed notebooks too")
    options = parser.parse_args()
    measured = {runs: measure_sweep(runs, options.keep, notebooks=options.notebooks) for runs in sorted(options.runs)}
    first = min(measured)
    for runs, figures in measured.items():
        if runs != first:
            pairs = zip(Figures._fields, figures, measured[first], strict=True)
            ratios = [f"{name} {many / few:.1f}" for name, many, few in pairs if many and few]
            print(f"{runs / first:.0f} times as many runs take so many times as long: {', '.join(ratios)}")


def measure_sweep(runs: int, keep: Path | None, *, notebooks: bool) -> Figures:
    """Make a sweep, and print and return how long it takes."""
    with enter_folder(keep and keep / str(runs)):
        sweep = write_finished_sweep(runs)
        print(f"{runs:,} finished runs")
        resume = tell("the same command again", *time_command(["run", *sweep, "-q"]))
        report = tell("report --no-notebooks", *time_command(["report", str(SWEEP), "--no-notebooks"]))
        pages = (
            tell("report, with a page of each notebook", *time_command(["report", str(SWEEP)])) if notebooks else None
        )
        page = SWEEP / "report.html"
        opened = time_page(page)
        if opened is not None:
            print(f"  its page of {page.stat().st_size / 1e6:.1f} MB opens in {opened:.2f} s")
        return Figures(resume, report, pages, opened)


@contextmanager
def enter_folder(keep: Path | None) -> Iterator[None]:
    """Work in a folder that is removed at the end, or in one that stays."""
    before, folder = Path.cwd(), str(keep or tempfile.mkdtemp(prefix="colab-starter-resume-"))
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        if not keep:
            shutil.rmtree(folder)


def write_finished_sweep(runs: int) -> list[str]:
    """A sweep of ``runs`` runs (a multiple of 100) in this folder; returns the arguments that ask for it."""
    cells = [v4.new_code_cell("learning_rate = 0.1\nlayers = 2\nseed = 0", metadata={"tags": ["parameters"]})]
    cells += [v4.new_code_cell(source) for source in CELLS]
    nbformat.write(v4.new_notebook(cells=cells), NOTEBOOK)
    rates = ",".join(f"{10 ** -(1 + step / 3):.3g}" for step in range(10))
    asked = [f"learning_rate={rates}", "layers=range(1, 11)", f"seed=range({runs // 100})"]
    arguments = [NOTEBOOK, *(part for text in asked for part in ("-p", text))]
    if not SWEEP.exists():
        batch = prepare_batch(Options(Path(NOTEBOOK), asked))
        time_command(
            ["run", NOTEBOOK, "-q", *(f"-p{name}={value}" for name, value in batch.runs[0].parameters.items())]
        )
        copy_run(batch.runs)
    return arguments


def copy_run(runs: list[Run]) -> None:
    """Give the other runs what the first has: two lines of the ledger and an executed notebook, with other values."""
    first = runs[0]
    lines = (SWEEP / "ledger.jsonl").read_text().splitlines()
    pattern = [line for line in lines if json.loads(line)["record"] != "sweep"]
    notebook = (SWEEP / first.id / NOTEBOOK).read_text()
    facts = json.loads(pattern[-1])
    source = random.Random(0)
    with (SWEEP / "ledger.jsonl").open("a") as ledger:
        for run in runs[1:]:
            change = replace_values(first, run, facts, source)
            ledger.writelines(f"{change(line)}\n" for line in pattern)
            (SWEEP / run.id / "output").mkdir(parents=True)
            (SWEEP / run.id / NOTEBOOK).write_text(change(notebook))


def replace_values(first: Run, run: Run, facts: dict[str, object], source: random.Random) -> Callable[[str], str]:
    """What makes the text of a run of that of the first one."""
    pairs = [(first.id, run.id)]
    for name, value in run.parameters.items():
        before = first.parameters[name]
        pairs += [(f'"{name}": {before}', f'"{name}": {value}'), (f"{name} = {before}\\n", f"{name} = {value}\\n")]
    for before in (*facts["metrics"].values(), facts["seconds"]):  # type: ignore[attr-defined]
        pairs.append((str(before), str(round(source.random() * 2, 12))))
    pairs.append((str(facts["peak_memory"]), str(source.randrange(50_000_000, 60_000_000))))

    def change(text: str) -> str:
        for before, after in pairs:
            text = text.replace(before, after)
        return text

    return change


def time_command(arguments: list[str]) -> tuple[float, float]:
    """How long a command takes, in seconds, and its memory at most, in MB. Raises where it fails."""
    started = time.perf_counter()
    nowhere = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    child = os.posix_spawn(COMMAND, [COMMAND, *arguments], os.environ, file_actions=[nowhere])
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{arguments} ended with {status}")
    return time.perf_counter() - started, usage.ru_maxrss / 1000


def tell(what: str, seconds: float, memory: float) -> float:
    print(f"  {what}: {seconds:.2f} s, {memory:.0f} MB")
    return seconds


def time_page(page: Path) -> float | None:
    """Seconds until the page has drawn its table and its plot; None where there is no browser."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.report.browser import find_browser, open_browser
    from tests.report.pages import READY

    if not find_browser():
        return None
    times = []
    for _ in range(OPENS):
        with open_browser() as browser:
            started = time.perf_counter()
            browser.open(page, READY)
            browser.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
