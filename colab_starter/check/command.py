"""The command ``colab-starter check``."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from colab_starter.check.checker import Settings
    from colab_starter.check.output import Output
    from colab_starter.check.rule import Rule
    from colab_starter.check.search import Found
    from colab_starter.runtimes import Runtime


class Format(StrEnum):
    """What a report may be; ``reports.REPORTS`` has the classes."""

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
    strict: Annotated[bool, typer.Option("--strict", help="Print notes too, and fail if there are any.")] = False,
    statistics: Annotated[bool, typer.Option("--statistics", help="Only count the findings of each rule.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the findings and nothing else.")] = False,
    force_exclude: Annotated[
        bool, typer.Option("--force-exclude", help="Leave out the records of runs even if they are named.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Processes. [default: one a core, if there is enough to do]"),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the cache of findings.")] = False,
    explain: Annotated[str | None, typer.Option(help="Explain a rule, and stop.", metavar="CODE")] = None,
) -> None:
    """Find what will fail on Colab, in any notebook.

    Exit status: 0 if nothing is found, or only notes; 1 if errors or warnings remain, and with --strict notes too;
    2 if there is nothing to check, or check itself failed at a notebook.
    A comment in a cell turns rules off there: # colab-starter: ignore CS301

    \b
    Example:
      colab-starter check notebooks/ --ignore CS502
      colab-starter check . --statistics
    """
    from colab_starter.check.checker import Settings
    from colab_starter.check.output import Choices, Output
    from colab_starter.check.reports import WITH_LINES
    from colab_starter.check.rules import RULES
    from colab_starter.check.search import nothing_to_check, search_notebooks
    from colab_starter.check.select import find_rule, select_rules
    from colab_starter.errors import UsageError
    from colab_starter.files import cache_folder
    from colab_starter.runtimes import LATEST, load_kaggle, load_runtime

    if explain is not None:
        typer.echo(explain_rule(find_rule(RULES, explain)))
        return
    if statistics and format in (Format.GITHUB, Format.SARIF):
        raise UsageError(f"--statistics has no form for --format {format.value}; take text or json")
    rules = select_rules(RULES, select or [], ignore or [], platform.value)
    machine = load_kaggle() if platform is Platform.KAGGLE and runtime is None else load_runtime(runtime or LATEST)
    found = search_notebooks(paths or [Path()], none_named=force_exclude)
    if fix:
        fix_notebooks(found.notebooks, rules, machine, quiet)
    codes = tuple(rule.code for rule in rules)
    settings = Settings(codes, machine, format.value in WITH_LINES, None if no_cache else cache_folder("check"))
    choices = Choices(format.value, statistics, quiet, show_notes=strict or bool(select))
    output = Output(choices, rules, len(found.notebooks))
    check_notebooks(settings, found, output, jobs)
    if not output.tally.notebooks and not force_exclude:
        raise nothing_to_check(found.paths, found.records)
    if output.tally.failures:
        raise typer.Exit(2)
    if output.tally.severities.total() > (0 if strict else output.tally.severities["note"]):
        raise typer.Exit(1)


def fix_notebooks(notebooks: Mapping[Path, bool], rules: "Sequence[Rule]", runtime: "Runtime", quiet: bool) -> None:
    """Fix what can be fixed, and say what was."""
    from colab_starter.check.fixes import fix_file
    from colab_starter.sweep_folder import is_executed

    for path, named in notebooks.items():
        if is_executed(path):
            if named:
                typer.echo(f"not fixed: {path} is the record of a run; fix the notebook it was made from", err=True)
        elif fix_file(path, rules, runtime) and not quiet:
            typer.echo(f"fixed {path}", err=True)


def check_notebooks(settings: "Settings", found: "Found", output: "Output", jobs: int | None) -> None:
    """Check the notebooks, and print what is found as it is found; records of runs are added to ``found.records``."""
    from colab_starter.check.workers import check_all

    with closing(check_all(settings, found.notebooks.items(), jobs)) as verdicts:
        for checked in verdicts:
            if checked.is_record:
                found.records.append(checked.path)
            else:
                output.add(checked)
    if output.tally.notebooks:
        output.end(found.records)


def explain_rule(rule: "Rule") -> str:
    """The rule's documentation, for the terminal."""
    import textwrap

    notes = ["--fix fixes it." * rule.fixable, f"It runs only with --select {rule.code}." * rule.opt_in]
    evidence = f"Evidence: {rule.evidence}" if rule.evidence else ""
    paragraphs = [rule.summary, rule.reason, evidence, " ".join(filter(None, notes))]
    text = "\n\n".join(textwrap.fill(paragraph, 88) for paragraph in paragraphs if paragraph)
    return f"{rule.code} {rule.name} ({rule.severity})\n\n{text}"
