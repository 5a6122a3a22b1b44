"""``colab-starter report``: the results of a sweep as one HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colab_starter.errors import WrongOptionError
from colab_starter.run.secrets import hide_password
from colab_starter.run.storage.address import is_address, read_path
from colab_starter.sweep_folder import LEDGER

if TYPE_CHECKING:
    from colab_starter.report.build import Built


def report(
    folder: Annotated[
        str, typer.Argument(help="The folder that colab-starter run wrote: runs/keras, s3://bucket/keras, ...")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write the page. [default: report.html in the folder]"
        ),
    ] = None,
    notebooks: Annotated[
        bool, typer.Option("--notebooks/--no-notebooks", help="Also make a page of each executed notebook, beside it.")
    ] = True,
    repeats: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A parameter whose values only repeat a setting, as those of seed, random_seed, random_state and fold "
            "do: the best setting is the one with the best mean over them. May be given again.",
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Serve the page on this machine, and follow the sweep while it runs.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the web browser.")] = False,
) -> None:
    """Show a sweep as an HTML page: a table, plots, the notebooks.

    The page is one file that works offline: all runs in a table, their metrics in plots, and a link to
    each executed notebook as a page of its own. Pages that are up to date are not made again.

    With --live, no file is written: the page is served to the browsers of this machine, shows the sweep as it goes on,
    and ends at Ctrl-C.

    \b
    Examples:
      colab-starter report runs/keras --open
      colab-starter report runs/keras --live --open
    """
    if live:
        _serve(folder, output, notebooks, repeats or [], open_)
        return
    if is_address(folder) and open_ and output is None:
        raise WrongOptionError("--open needs the page on this machine; add -o report.html")
    built = _build(folder, output, notebooks, repeats or [])
    for notebook, reason in built.unreadable.items():
        print(f"No page of {notebook}: {reason}")
    print(f"{hide_password(built.address) or built.page} ({built.runs:,} runs, {built.size / 1e6:.1f} MB)")
    if open_:
        from colab_starter.browser import show_in_browser

        show_in_browser(built.page.resolve().as_uri())


def _serve(folder: str, output: Path | None, with_notebooks: bool, repeats: Sequence[str], is_to_open: bool) -> None:
    if output is not None:
        raise WrongOptionError("--live writes no file; leave out -o, or --live")
    if is_address(folder):
        raise WrongOptionError(
            "--live follows folders of this machine; give the address without --live, again when there is news"
        )
    from colab_starter.report.live import LiveSweep, serve_live

    path = _find_folder(folder)

    def show(address: str) -> None:
        waiting = "" if (path / LEDGER).exists() else f"; waiting for colab-starter run to begin in {path}"
        print(f"{address} (Ctrl-C ends it{waiting})", flush=True)
        if is_to_open:
            from colab_starter.browser import show_in_browser

            show_in_browser(address)

    serve_live(LiveSweep(path, with_notebooks=with_notebooks, repeats=repeats), show)


def _find_folder(folder: str) -> Path:
    return read_path(folder) if "://" in folder else Path(folder)


def _build(folder: str, output: Path | None, with_notebooks: bool, repeats: Sequence[str]) -> "Built":
    if is_address(folder):
        from colab_starter.report.stored import build_stored_report

        return build_stored_report(folder, output, with_notebooks=with_notebooks, repeats=repeats)
    from colab_starter.report.build import build_report

    path = _find_folder(folder)
    return build_report(path, output or path / "report.html", with_notebooks=with_notebooks, repeats=repeats)
