"""``colab-starter report``: what came out of a sweep, as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="The folder that colab-starter run wrote, such as runs/keras.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page. [default: report.html in the folder]"),
    ] = None,
    notebooks: Annotated[
        bool, typer.Option("--notebooks/--no-notebooks", help="Make a page of each executed notebook too, beside it.")
    ] = True,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the web browser.")] = False,
) -> None:
    """Make a page of a sweep: all runs in a table, the metrics in plots, and the executed notebooks.

    One HTML file that works offline. Notebooks whose pages are up to date are left alone.

    \b
    Example:
      colab-starter report runs/keras --open
    """
    from colab_starter.report.build import build_report

    built = build_report(folder, output or folder / "report.html", with_notebooks=notebooks)
    for notebook, reason in built.unreadable.items():
        print(f"No page of {notebook}: {reason}")
    print(f"{built.page} ({built.runs:,} runs, {built.size / 1e6:.1f} MB)")
    if open_:
        from colab_starter.browser import show_in_browser

        show_in_browser(built.page.resolve().as_uri())
