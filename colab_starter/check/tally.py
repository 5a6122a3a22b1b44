"""Counting findings."""

from collections import Counter

from colab_starter.check.checker import Checked
from colab_starter.check.rule import NOTE


class Tally:
    """How often each rule was broken."""

    def __init__(self) -> None:
        self.notebooks = 0
        """All that were checked."""
        self.faulty = 0
        """Those with errors or warnings."""
        self.failures = 0
        """Those at which ``check`` itself failed."""
        self.severities: Counter[str] = Counter()
        self.rules: Counter[tuple[str, str, str]] = Counter()
        """Code, name and severity -> findings."""

    def add(self, checked: Checked) -> None:
        """Count a notebook's findings."""
        self.notebooks += 1
        self.failures += bool(checked.failure)
        self.faulty += any(finding.severity != NOTE for finding in checked.findings)
        self.severities.update(finding.severity for finding in checked.findings)
        self.rules.update((finding.code, finding.name, finding.severity) for finding in checked.findings)
