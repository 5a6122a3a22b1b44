"""Hook of MkDocs: writes the rules of ``colab-starter check`` into docs/rules.md, from the rules themselves."""

import html
import re
from collections.abc import Iterable
from typing import Any

from colab_starter.check.rule import Rule
from colab_starter.check.rules import RULES

PLACE = "<!-- rules -->"
"""The line of docs/rules.md that gives way to the rules."""

AREAS = {
    "CS1": "the file",
    "CS2": "parameters",
    "CS3": "Colab",
    "CS4": "installs and imports",
    "CS5": "the machine",
    "CS6": "secrets, and what travels with the notebook",
    "CS7": "Kaggle",
}
"""The beginnings of the rules' codes, and what such rules are about."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The text of a page, with the rules where it says PLACE; MkDocs calls this for every page."""
    return markdown.replace(PLACE, describe_rules(RULES))


def describe_rules(rules: Iterable[Rule]) -> str:
    """Markdown: for each area a table of its rules in the order of their codes, then a section for each."""
    ordered = sorted(rules, key=lambda rule: rule.code)
    parts = [
        _area(code, title, [rule for rule in ordered if rule.code.startswith(code)]) for code, title in AREAS.items()
    ]
    return "\n\n".join(filter(None, parts))


def _area(code: str, title: str, rules: list[Rule]) -> str:
    if not rules:
        return ""
    head = [
        f"## {code}: {title} {{ #{code.lower()} }}",
        "",
        "| Rule | What it asks for | Severity | `--fix` |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *map(_row, rules), "", *map(_section, rules)])


def _row(rule: Rule) -> str:
    summary = _as_markdown(rule.summary).replace("|", "\\|")
    return f"| [{rule.code}](#{rule.code.lower()}) | {summary} | {rule.severity} | {'yes' if rule.fixable else ''} |"


def _section(rule: Rule) -> str:
    title = f"### {rule.code}: {rule.name} {{ #{rule.code.lower()} }}"
    only = f" Only with `--select {rule.code}`." if rule.opt_in else ""
    evidence = f"\n*Evidence:* {_as_markdown(rule.evidence)}\n" if rule.evidence else ""
    return f"{title}\n\n**{_as_markdown(rule.summary)}**{only}\n\n{_as_markdown(rule.reason)}\n{evidence}"


def _as_markdown(text: str) -> str:
    """Plain text with code between backquotes; outside them nothing is markup."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_#\[\]])", r"\\\1", html.escape(part, quote=False))
        for part in parts
    )
