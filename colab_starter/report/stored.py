"""The report of a sweep in a store: made from a local copy of what it needs, and put beside the runs."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from colab_starter.errors import ReportFileError
from colab_starter.report.build import Built, build_report, read_sweep
from colab_starter.report.notebooks import is_stale, page_of
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.secrets import hide_password
from colab_starter.run.storage.choice import reach
from colab_starter.run.storage.objects import Objects
from colab_starter.run.storage.remote import RemoteStore
from colab_starter.sweep_folder import RESULTS

PAGE = "report.html"


def build_stored_report(
    address: str, output: Path | None, *, with_notebooks: bool, repeats: Collection[str] = ()
) -> Built:
    """Make the page of a sweep and put it into the store, with its notebooks' pages, or into a file, without links.

    Raises NoSweepError, StoreAddressError, NoRunsFolderError if the store cannot be read, and ReportFileError.
    """
    store = RemoteStore(address)
    objects = store.objects
    with TemporaryDirectory(prefix="colab-starter-report-") as scratch, reach(store):
        folder = Path(scratch)
        sweep = read_sweep(store.open_journal(), store)
        if output:
            return build_report(
                folder, output, with_notebooks=False, name=hide_password(objects.address), sweep=sweep, repeats=repeats
            )
        _copy(objects, folder, sweep.content.runs.values(), with_notebooks)
        page, name = folder / PAGE, hide_password(objects.address)
        built = build_report(folder, page, with_notebooks=with_notebooks, name=name, sweep=sweep, repeats=repeats)
        _send_pages(objects, folder)
        unreadable = {path.relative_to(folder): reason for path, reason in built.unreadable.items()}
        return replace(built, address=f"{objects.address}/{PAGE}", unreadable=unreadable)


def _copy(objects: Objects, folder: Path, runs: Iterable[RunRecord], with_notebooks: bool) -> None:
    """Make a file for each notebook, its page and the results; only those that will be read have content."""
    times = objects.list()
    notebooks = [folder / run.notebook for run in runs if run.notebook in times]
    pages = [page_of(notebook) for notebook in notebooks]
    _touch(folder, [folder / RESULTS, *notebooks, *pages], times)
    if with_notebooks:
        stale = [notebook for notebook in notebooks if is_stale(notebook)]
        objects.get({notebook.relative_to(folder).as_posix(): notebook for notebook in stale})
        for path in stale:  # the pages are out of date and will be made again
            page_of(path).unlink(missing_ok=True)


def _touch(folder: Path, paths: Iterable[Path], times: Mapping[str, float]) -> None:
    for path in paths:
        changed = times.get(path.relative_to(folder).as_posix())
        if changed is not None:
            path.parent.mkdir(exist_ok=True)
            path.touch()
            os.utime(path, (changed, changed))


def _send_pages(objects: Objects, folder: Path) -> None:
    """Upload the pages, the report last, when its links work."""
    pages = [path for path in folder.glob("*/*.html") if path.stat().st_size]
    try:
        objects.put({path.relative_to(folder).as_posix(): path for path in [*pages, folder / PAGE]})
    except OSError as error:
        raise ReportFileError(
            f"{objects.address}/{PAGE} cannot be written ({error.strerror}); choose a file of this machine with -o"
        ) from error
