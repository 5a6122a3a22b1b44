"""``colab-starter report``: the results of a sweep as one HTML page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colab_starter.errors import WrongOptionError
from colab_starter.run.secrets import hide_password
from colab_starter.run.storage.address import is_address, read_path

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
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the web browser.")] = False,
) -> None:
    """Show a sweep as an HTML page: a table, plots, the notebooks.

    The page is one file that works offline: all runs in a table, their metrics in plots, and a link to
    each executed notebook as a page of its own. Pages that are up to date are not made again.

    \b
    Example:
      colab-starter report runs/keras --open
    """
    if is_address(folder) and open_ and output is None:
        raise WrongOptionError("--open needs the page on this machine; add -o report.html")
    built = _build(folder, output, notebooks)
    for notebook, reason in built.unreadable.items():
        print(f"No page of {notebook}: {reason}")
    print(f"{hide_password(built.address) or built.page} ({built.runs:,} runs, {built.size / 1e6:.1f} MB)")
    if open_:
        from colab_starter.browser import show_in_browser

        show_in_browser(built.page.resolve().as_uri())


def _build(folder: str, output: Path | None, with_notebooks: bool) -> "Built":
    if is_address(folder):
        from colab_starter.report.stored import build_stored_report

        return build_stored_report(folder, output, with_notebooks=with_notebooks)
    from colab_starter.report.build import build_report

    path = read_path(folder) if "://" in folder else Path(folder)
    return build_report(path, output or path / "report.html", with_notebooks=with_notebooks)
