"""Findings as text, GitHub's workflow commands, JSON and SARIF."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import colab_starter
from colab_starter.check.findings import Finding
from colab_starter.check.places import FilePlaces
from colab_starter.check.rules import Rule
from colab_starter.text import plural, printable

HELP = "https://github.com/org/colab-starter"
Report = Callable[[Sequence[Finding], int, Sequence[Rule]], str]
"""Makes a report of the findings, the number of notebooks and the rules that ran."""


def report_text(findings: Sequence[Finding], notebooks: int, rules: Sequence[Rule]) -> str:
    """A line a finding, such as ``notebooks/x.ipynb:cell 5:3: CS301 waits ...``, and a last line that sums up."""
    lines = [f"{_place(finding)}: {finding.code} {finding.message}" for finding in findings]
    return "\n".join([*lines, summarise(findings, notebooks)])


def _place(finding: Finding) -> str:
    cell = f":cell {finding.cell}" if finding.cell else ""
    return f"{printable(finding.path)}{cell}{f':{finding.line}' if finding.line else ''}"


def summarise(findings: Sequence[Finding], notebooks: int) -> str:
    """Such as ``2 errors and 1 warning in 1 of 8 notebooks.``"""
    checked = plural(notebooks, "notebook")
    if not findings:
        return f"{checked} checked, nothing found."
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    counts = [plural(errors, "error")] * bool(errors) + [plural(warnings, "warning")] * bool(warnings)
    return f"{' and '.join(counts)} in {len({finding.path for finding in findings})} of {checked}. Why? --explain CODE"


def report_github(findings: Sequence[Finding], notebooks: int, rules: Sequence[Rule]) -> str:
    """GitHub's workflow commands, which show the findings at their lines of a pull request."""
    places = _places(findings)
    lines = []
    for finding in findings:
        line = places[finding.path].line_of(finding)
        head = f"file={_escape(_posix(finding.path), True)},line={line},title={finding.code} {finding.name}"
        cell = f"cell {finding.cell}: " if finding.cell else ""
        lines.append(f"::{finding.severity} {head}::{_escape(cell + finding.message, False)}")
    return "\n".join([*lines, summarise(findings, notebooks)])


def _escape(text: str, in_property: bool) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text


def report_json(findings: Sequence[Finding], notebooks: int, rules: Sequence[Rule]) -> str:
    """A list of objects with the fields of Finding."""
    return json.dumps([finding._asdict() for finding in findings], indent=1)


def report_sarif(findings: Sequence[Finding], notebooks: int, rules: Sequence[Rule]) -> str:
    """SARIF 2.1.0, which GitHub's code scanning reads."""
    places = _places(findings)
    driver = {
        "name": "colab-starter",
        "version": colab_starter.__version__,
        "informationUri": HELP,
        "rules": [_sarif_rule(rule) for rule in rules],
    }
    results = [_sarif_result(finding, places[finding.path].line_of(finding)) for finding in findings]
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=1)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.reason},
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


def _places(findings: Sequence[Finding]) -> dict[str, FilePlaces]:
    return {path: FilePlaces(Path(path)) for path in {finding.path for finding in findings}}


REPORTS: Mapping[str, Report] = {
    "text": report_text,
    "github": report_github,
    "json": report_json,
    "sarif": report_sarif,
}
"""What ``--format`` may be."""
