"""What ``check`` prints, while it checks."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from colab_starter.check.checker import Checked
from colab_starter.check.progress import Progress
from colab_starter.check.reports import REPORTS, count_rules, dump_counts, summarise
from colab_starter.check.rule import NOTE, Rule
from colab_starter.check.tally import Tally


class Choices(NamedTuple):
    """What the user wants to see."""

    format: str
    """One of ``reports.REPORTS``."""
    statistics: bool
    """Counts in place of findings."""
    quiet: bool
    """Findings and errors only."""
    show_notes: bool
    """In a text; the formats for programs have them in any case."""


class Output:
    """Prints findings as they come, the progress meanwhile, and a summary."""

    def __init__(self, choices: Choices, rules: Sequence[Rule], notebooks: int) -> None:
        self.tally = Tally()
        self._choices = choices
        self._rules = rules
        self._report = REPORTS[choices.format](rules)
        self._progress = Progress(notebooks, not choices.quiet)
        self._has_begun = False

    def add(self, checked: Checked) -> None:
        """Print what was found in a notebook."""
        self.tally.add(checked)
        if checked.failure:
            self._progress.clear()
            typer.echo(f"not checked: {checked.path}: check failed there: {checked.failure}", err=True)
        elif not self._choices.statistics:
            self._begin()
            self._print(self._report.add(self._select_shown(checked)))
        self._progress.update(self.tally)

    def end(self, records: Sequence[Path]) -> None:
        """Print what comes last; ``records`` are runs that were left alone."""
        self._progress.clear()
        tell_records([] if self._choices.quiet else records)
        if self._choices.statistics:
            dump = dump_counts if self._choices.format == "json" else count_rules
            self._print(dump(self.tally, self._rules))
        else:
            self._begin()
            self._print(self._report.end())
        if self._choices.format in ("text", "github") and not self._choices.quiet:
            self._print(summarise(self.tally, self._hides_notes() and not self._choices.statistics) + "\n")

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._print(self._report.begin())

    def _hides_notes(self) -> bool:
        return self._choices.format == "text" and not self._choices.show_notes

    def _select_shown(self, checked: Checked) -> Checked:
        if not self._hides_notes():
            return checked
        return checked._replace(findings=[finding for finding in checked.findings if finding.severity != NOTE])

    def _print(self, text: str) -> None:
        if text:
            self._progress.clear()
            print_text(text, with_colours=self._choices.format == "text")


def print_text(text: str, with_colours: bool) -> None:
    """Print it at once; in colour if that is wanted, and stdout is a terminal."""
    if with_colours and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.text import Text

        coloured = Text(text)
        coloured.highlight_regex(r"(?m)^\S.*?(?=: CS\d)", "bold")
        coloured.highlight_regex(r"\bCS\d{3}\b", "red")
        Console(soft_wrap=True).print(coloured, end="")
    else:
        typer.echo(text, nl=False)


def tell_records(records: Sequence[Path]) -> None:
    """Print which notebooks were skipped because ``colab-starter run`` wrote them: they are records, not sources."""
    if records:
        more = f" and {len(records) - 1:,} more" if len(records) > 1 else ""
        typer.echo(f"not checked: {min(records)}{more} (runs of colab-starter; name a notebook to check it)", err=True)
