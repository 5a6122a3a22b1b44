"""The command ``colab-starter check``."""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from colab_starter.check.findings import Finding
    from colab_starter.check.rules import Rule


class Format(StrEnum):
    """What a report may be; ``reports.REPORTS`` has the functions."""

    TEXT = "text"
    GITHUB = "github"
    JSON = "json"
    SARIF = "sarif"


class Platform(StrEnum):
    """Where a notebook may be meant to run; ``rules.PLATFORMS`` are the same."""

    COLAB = "colab"
    KAGGLE = "kaggle"


def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Notebooks and folders. [default: this folder]")] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Only these rules: CS301, or CS3 for all that begin with it."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="All rules but these.")] = None,
    runtime: Annotated[
        str | None, typer.Option(help="The Colab runtime to check against: 2026.07, ... [default: latest]")
    ] = None,
    platform: Annotated[Platform, typer.Option(help="Where the notebooks are to run.")] = Platform.COLAB,
    format: Annotated[Format, typer.Option(help="How to print the findings.")] = Format.TEXT,
    fix: Annotated[bool, typer.Option("--fix", help="Fix what can be fixed, then check again.")] = False,
    explain: Annotated[str | None, typer.Option(help="Explain a rule, and stop.", metavar="CODE")] = None,
) -> None:
    """Find what will fail on Colab, in any notebook.

    Exit status: 0 if nothing is found, 1 if errors or warnings remain, 2 if there is nothing to check.
    A comment in a cell turns rules off there: # colab-starter: ignore CS301

    \b
    Example:
      colab-starter check notebooks/ --ignore CS105
    """
    from colab_starter.check.all_rules import RULES
    from colab_starter.check.findings import check_files, search_notebooks
    from colab_starter.check.fixes import fix_file
    from colab_starter.check.reports import REPORTS
    from colab_starter.check.select import find_rule, select_rules
    from colab_starter.runtimes import LATEST, load_kaggle, load_runtime
    from colab_starter.sweep_folder import is_executed

    if explain is not None:
        typer.echo(explain_rule(find_rule(RULES, explain)))
        return
    rules = select_rules(RULES, select or [], ignore or [], platform.value)
    machine = load_kaggle() if platform is Platform.KAGGLE and runtime is None else load_runtime(runtime or LATEST)
    notebooks, records = search_notebooks(paths or [Path()])
    tell_records(records)
    if fix:
        for path in notebooks:
            if is_executed(path):
                typer.echo(f"not fixed: {path} is the record of a run; fix the notebook it was made from", err=True)
            elif fix_file(path, rules, machine):
                typer.echo(f"fixed {path}", err=True)
    findings = check_files(notebooks, rules, machine)
    report = REPORTS[format.value](findings, len(notebooks), rules)
    print_report(report, findings if format is Format.TEXT else [])
    if findings:
        raise typer.Exit(1)


def tell_records(records: Sequence[Path]) -> None:
    """Print which notebooks were skipped because ``colab-starter run`` wrote them: they are records, not sources."""
    if records:
        more = f" and {len(records) - 1:,} more" if len(records) > 1 else ""
        typer.echo(f"not checked: {records[0]}{more} (runs of colab-starter; name a notebook to check it)", err=True)


def explain_rule(rule: "Rule") -> str:
    """The rule's documentation, for the terminal."""
    import textwrap

    notes = ["--fix fixes it." * rule.fixable, f"It runs only with --select {rule.code}." * rule.opt_in]
    evidence = f"Evidence: {rule.evidence}" if rule.evidence else ""
    paragraphs = [rule.summary, rule.reason, evidence, " ".join(filter(None, notes))]
    text = "\n\n".join(textwrap.fill(paragraph, 88) for paragraph in paragraphs if paragraph)
    return f"{rule.code} {rule.name} ({rule.severity})\n\n{text}"


def print_report(report: str, findings: Sequence["Finding"]) -> None:
    """Print the report; in colour if stdout is a terminal."""
    if findings and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.text import Text

        text = Text(report)
        text.highlight_regex(r"(?m)^\S.*?(?=: CS\d)", "bold")
        text.highlight_regex(r"\bCS\d{3}\b", "red")
        Console(soft_wrap=True).print(text)
    else:
        typer.echo(report)
