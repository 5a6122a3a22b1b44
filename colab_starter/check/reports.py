"""Findings as text, GitHub's workflow commands, JSON and SARIF, written notebook by notebook."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import colab_starter
from colab_starter.check.checker import Checked
from colab_starter.check.findings import Finding
from colab_starter.check.rule import ERROR, NOTE, SEVERITIES, WARNING, Rule
from colab_starter.check.tally import Tally
from colab_starter.text import plural, printable

HELP = "https://github.com/org/colab-starter"


class Report(ABC):
    """Text to print: ``begin`` once, ``add`` for each notebook, ``end`` once; empty where there is nothing to say."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def begin(self) -> str:
        """What comes before the first notebook."""
        return ""

    @abstractmethod
    def add(self, checked: Checked) -> str:
        """A notebook's findings."""

    def end(self) -> str:
        """What comes after the last notebook, always."""
        return ""


class TextReport(Report):
    """A line a finding, such as ``notebooks/x.ipynb:cell 5:3: CS301 waits ...``."""

    def add(self, checked: Checked) -> str:
        return "".join(f"{_place(finding)}: {finding.code} {finding.message}\n" for finding in checked.findings)


def _place(finding: Finding) -> str:
    cell = f":cell {finding.cell}" if finding.cell else ""
    return f"{printable(finding.path)}{cell}{f':{finding.line}' if finding.line else ''}"


def summarise(tally: Tally, notes_hidden: bool) -> str:
    """Such as ``2 errors and 1 warning in 1 of 8 notebooks; 3 notes (no-outputs 3): --strict shows them.``"""
    checked = plural(tally.notebooks, "notebook")
    shown = [severity for severity in SEVERITIES if tally.severities[severity] and severity in (ERROR, WARNING)]
    counts = [plural(tally.severities[severity], severity) for severity in shown]
    notes = plural(tally.severities[NOTE], "note") if tally.severities[NOTE] else ""
    if not counts and not notes:
        return f"{checked} checked, nothing found."
    found = (
        f"{' and '.join(counts)} in {tally.faulty} of {checked}"
        if counts
        else f"{checked} checked, no errors or warnings"
    )
    if notes and notes_hidden:
        counted = [(name, count) for (_, name, severity), count in tally.rules.most_common() if severity == NOTE]
        rules = ", ".join(f"{name} {count:,}" for name, count in counted)
        found = f"{found}; {notes} ({rules}): --strict shows them"
    elif notes:
        found = f"{found}; {notes}"
    return f"{found}. Why? --explain CODE"


def count_rules(tally: Tally, rules: Sequence[Rule]) -> str:
    """A line a rule, the most frequent first: how many findings, the code, [*] if --fix fixes it, the name."""
    fixable = {rule.code for rule in rules if rule.fixable}
    width = max((len(f"{count:,}") for count in tally.rules.values()), default=0)
    return "".join(
        f"{f'{count:,}':>{width}}  {code} {'[*]' if code in fixable else '[ ]'} {name} ({severity})\n"
        for (code, name, severity), count in tally.rules.most_common()
    )


def dump_counts(tally: Tally, rules: Sequence[Rule]) -> str:
    """The same as JSON."""
    fixable = {rule.code for rule in rules if rule.fixable}
    counts = [
        {"code": code, "name": name, "severity": severity, "count": count, "fixable": code in fixable}
        for (code, name, severity), count in tally.rules.most_common()
    ]
    return json.dumps(counts, indent=1) + "\n"


class GitHubReport(Report):
    """GitHub's workflow commands, which show the findings at their lines of a pull request."""

    def add(self, checked: Checked) -> str:
        return "".join(map(self._format, checked.findings, checked.lines))

    @staticmethod
    def _format(finding: Finding, line: int) -> str:
        head = f"file={_escape(_posix(finding.path), True)},line={line},title={finding.code} {finding.name}"
        cell = f"cell {finding.cell}: " if finding.cell else ""
        command = "notice" if finding.severity == NOTE else finding.severity
        return f"::{command} {head}::{_escape(cell + finding.message, False)}\n"


def _escape(text: str, in_property: bool) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text


class JsonReport(Report):
    """A list of objects with the fields of Finding."""

    _separator = "\n"

    def begin(self) -> str:
        return "["

    def add(self, checked: Checked) -> str:
        return "".join(map(self._add_item, checked.findings))

    def _add_item(self, finding: Finding) -> str:
        separator, self._separator = self._separator, ",\n"
        return f"{separator}{_indent(finding._asdict(), 1)}"

    def end(self) -> str:
        return "\n]\n" if self._separator == ",\n" else "]\n"


def _indent(value: Any, depth: int) -> str:
    """JSON as ``json.dumps(..., indent=1)`` writes it inside of ``depth`` others."""
    blank = " " * depth
    return blank + json.dumps(value, indent=1).replace("\n", f"\n{blank}")


class SarifReport(Report):
    """SARIF 2.1.0, which GitHub's code scanning reads."""

    _separator = "\n"

    def begin(self) -> str:
        return self._frame()[0]

    def add(self, checked: Checked) -> str:
        return "".join(map(self._add_item, checked.findings, checked.lines))

    def _add_item(self, finding: Finding, line: int) -> str:
        separator, self._separator = self._separator, ",\n"
        return f"{separator}{_indent(_sarif_result(finding, line), 4)}"

    def end(self) -> str:
        return f"\n   {self._frame()[1]}\n" if self._separator == ",\n" else f"{self._frame()[1]}\n"

    def _frame(self) -> tuple[str, str]:
        """What comes before and after the results."""
        driver = {
            "name": "colab-starter",
            "version": colab_starter.__version__,
            "informationUri": HELP,
            "rules": [_sarif_rule(rule) for rule in self._rules],
        }
        run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": []}
        log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
        before, _, after = json.dumps(log, indent=1).rpartition("[]")
        return f"{before}[", f"]{after}"


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.reason},
        "help": {"text": f"{rule.reason} Evidence: {rule.evidence}" if rule.evidence else rule.reason},
        "defaultConfiguration": {"level": rule.severity},
    }


def _sarif_result(finding: Finding, line: int) -> dict[str, Any]:
    location = {"artifactLocation": {"uri": _uri(finding.path)}, "region": {"startLine": line}}
    cell = f"Cell {finding.cell}: " if finding.cell else ""
    return {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": cell + finding.message},
        "locations": [{"physicalLocation": location}],
    }


def _posix(path: str) -> str:
    return PurePath(path).as_posix()


def _uri(path: str) -> str:
    from urllib.parse import quote

    return Path(path).as_uri() if Path(path).is_absolute() else quote(_posix(path))


REPORTS: Mapping[str, type[Report]] = {
    "text": TextReport,
    "github": GitHubReport,
    "json": JsonReport,
    "sarif": SarifReport,
}
"""What ``--format`` may be."""
WITH_LINES = ("github", "sarif")
"""The formats that say lines of files."""
