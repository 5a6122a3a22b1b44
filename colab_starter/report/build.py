"""Building the page of a sweep from its folder."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import isfile, relpath
from pathlib import Path
from urllib.parse import quote

from colab_starter.errors import NoSweepError, ReportFileError
from colab_starter.files import write_whole
from colab_starter.report.curves import gather_curves
from colab_starter.report.page import Links, Report, render_page
from colab_starter.report.pictures import gather_pictures
from colab_starter.report.summary import summarise
from colab_starter.report.table import Searched, build_table
from colab_starter.run.backends.cpus import count_cores
from colab_starter.run.goals import read_objectives
from colab_starter.run.ledger.journal import Copy, Journal
from colab_starter.run.ledger.ledger import Ledger, LedgerContent, RunRecord
from colab_starter.run.ledger.series import RunSeries, read_series
from colab_starter.run.outcome import Status
from colab_starter.run.recovery import adopt_finished
from colab_starter.run.secrets import Mask
from colab_starter.run.storage.store import LocalStore, Store
from colab_starter.run.versions import Defaults, list_versions, read_defaults
from colab_starter.sweep_folder import RESULTS, tell_version

MANY = 500
"""The number of notebook pages that take more than a few seconds to make."""


@dataclass(frozen=True)
class Built:
    """A report that was made."""

    page: Path
    size: int
    """In bytes."""
    runs: int
    unreadable: dict[Path, str]
    """Notebooks that could not be rendered, and why."""
    address: str = ""
    """The address of the page, if it is in a store."""


@dataclass(frozen=True)
class Sweep:
    """What is known about a sweep."""

    content: LedgerContent
    versions: Sequence[str]
    """The versions of its notebook, newest first."""
    defaults: Defaults
    series: Mapping[str, RunSeries] = field(default_factory=dict)
    """The metrics with steps of each run, by the run's ID."""


def read_sweep(journal: Journal, store: Store, *, is_begun: bool = True) -> Sweep:
    """Read the ledger and, for what it lacks, the executed notebooks; writes nothing.

    Raises LedgerVersionError, NoSweepError if there is neither though the sweep ``is_begun``, and OSError.
    """
    copy = Copy(journal)
    ledger = Ledger(copy, Mask())
    adopt_finished(ledger, store)
    if is_begun and not copy.lines:
        raise NoSweepError(f"{store.name} contains no runs; {_REMEDY}")
    versions = list_versions(ledger.runs.values())
    series = read_series(store.open_series().read(), ledger.content.aliases)
    return Sweep(ledger.content, versions, read_defaults(store.read, versions), series)


_REMEDY = "give the folder that colab-starter run wrote, such as runs/keras"


def build_report(
    folder: Path,
    page: Path,
    *,
    with_notebooks: bool,
    name: str | None = None,
    sweep: Sweep | None = None,
    repeats: Collection[str] = (),
) -> Built:
    """Make the page of a sweep and, if requested, those of its notebooks, to which it links.

    If there are many notebook pages to make, the page is written before them, and again when they are done. ``name`` is
    how the page calls the folder, by default its path; ``sweep`` is its content, by default read from the folder;
    ``repeats`` are parameters whose values repeat a setting, besides ``seed`` and the like.
    Raises NoSweepError for a folder without runs, ReportFileError if the page cannot be written.
    """
    sweep = sweep or read_folder(folder)
    runs = list(sweep.content.runs.values())
    report = describe_sweep(sweep, folder, name or str(folder.resolve()), repeats)
    report = replace(report, results=_link(folder / RESULTS, page.parent))
    stale = _find_stale(folder, runs) if with_notebooks else []
    unreadable: dict[Path, str] = {}
    if len(stale) >= MANY:
        _write_page(page, report, _link_runs(folder, runs, page.parent))
    if with_notebooks:
        report = replace(report, pictures=_gather_pictures(folder, sweep.content))
    try:
        if stale:
            unreadable = _renew_pages(stale, page)
    finally:  # after Ctrl-C as well: it links to those that have been made
        size = _write_page(page, report, _link_runs(folder, runs, page.parent))
    return Built(page, size, len(runs), unreadable)


def describe_sweep(sweep: Sweep, folder: Path, name: str, repeats: Collection[str] = ()) -> Report:
    """Everything that the page shows except the links and the pictures; ``name`` is how it calls the folder."""
    content = sweep.content
    runs = list(content.runs.values())
    places = {version: place for place, version in enumerate(sweep.versions)}
    return Report(
        summary=summarise(content, name),
        table=build_table(runs, sweep.defaults, _describe_search(content, repeats)),
        names=[run.run for run in runs],
        statuses=[run.status for run in runs],
        versions=sweep.versions,
        version_of=[places[tell_version(run.source)] for run in runs],
        objectives=read_objectives(content.search),
        curves=gather_curves(runs, sweep.series, folder),
    )


def _describe_search(content: LedgerContent, repeats: Collection[str]) -> Searched:
    trials: dict[str, int] = {}
    for trial in content.trials:
        trials.setdefault(content.aliases.get(trial.run, trial.run), trial.number)
    space = content.search.get("space")
    ranges = space.items() if isinstance(space, dict) else ()
    logarithmic = {name for name, told in ranges if isinstance(told, dict) and told.get("log") is True}
    return Searched(trials, logarithmic, repeats)


def _gather_pictures(folder: Path, content: LedgerContent) -> dict[int, list[str]]:
    """The pictures of the runs: first of those that were ok, by the values of the search's objective, if any."""
    runs = [*enumerate(content.runs.values())]
    for name, way in [*read_objectives(content.search).items()][:1]:
        runs.sort(key=lambda one: _rate(one[1], name, way), reverse=True)
    runs.sort(key=lambda one: one[1].status is not Status.OK)
    return gather_pictures((number, folder / run.notebook) for number, run in runs)


def _rate(run: RunRecord, objective: str, way: str) -> float:
    value = run.outcome.metrics.get(objective)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return -math.inf
    if math.isnan(number):
        return -math.inf
    return -number if way == "minimize" else number


def read_folder(folder: Path, *, is_begun: bool = True) -> Sweep:
    """Like ``read_sweep``, of a folder. Raises NoSweepError for one that cannot be read, too.

    With ``is_begun=False``, a folder without runs is a sweep that has not begun yet.
    """
    store = LocalStore(folder)
    try:
        return read_sweep(store.open_journal(), store, is_begun=is_begun)
    except OSError as error:
        raise NoSweepError(f"{error.filename or folder} cannot be read ({error.strerror}); {_REMEDY}") from None


def _find_stale(folder: Path, runs: Iterable[RunRecord]) -> list[Path]:
    """The executed notebooks that still exist and are newer than their pages."""
    from colab_starter.report.notebooks import is_stale

    paths = [f"{folder}/{run.notebook}" for run in runs if run.notebook]
    return [Path(path) for path in paths if isfile(path) and is_stale(path)]


def _renew_pages(stale: Sequence[Path], page: Path) -> dict[Path, str]:
    from rich.console import Console
    from rich.progress import Progress

    from colab_starter.report.notebooks import render_all

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        so_far = f" ({page.name} is already there)" if len(stale) >= MANY else ""
        task = progress.add_task(f"Making pages of the notebooks{so_far}", total=len(stale))
        return render_all(stale, page, lambda: progress.advance(task), count_cores())


def _link_runs(folder: Path, runs: Iterable[RunRecord], base: Path) -> Iterator[Links]:
    from colab_starter.report.notebooks import name_page

    relative = relpath(folder, base)
    prefix = "" if relative == "." else f"{quote(relative)}/"
    for run in runs:
        address = prefix + quote(run.notebook)
        has_notebook, has_page = (isfile(f"{folder}/{name}") for name in (run.notebook, name_page(run.notebook)))
        yield Links(address if has_notebook else None, name_page(address) if has_page else None)


def _link(path: Path, base: Path) -> str | None:
    """The percent-encoded address of a file relative to a folder; None if there is no such file."""
    return quote(relpath(path, base)) if path.is_file() else None


def _write_page(page: Path, report: Report, links: Iterable[Links]) -> int:
    """Write the page; returns its size in bytes."""
    text = render_page(replace(report, links=[*links])).encode("utf-8", errors="backslashreplace")
    try:
        write_whole(page, text)
    except OSError as error:
        raise ReportFileError(f"{page} cannot be written ({error.strerror}); choose another file with -o") from error
    return len(text)
