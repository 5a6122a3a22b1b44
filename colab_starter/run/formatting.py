"""One-line descriptions of values, runs and metrics, without secrets or control characters."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from colab_starter.run.literals import to_source
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import Mask
from colab_starter.text import printable, shorten

LONGEST_VALUE = 30
LONGEST_NUMBER = 10
"""In characters; a float with more was drawn by a search or computed, and is shown with SHOWN_DIGITS digits."""
SHOWN_DIGITS = 6
STYLES = {
    Status.OK: "green",
    Status.FAILED: "red",
    Status.TIMEOUT: "red",
    Status.KILLED: "red",
    Status.PRUNED: "cyan",
    Status.INTERRUPTED: "yellow",
}
"""The Rich style of each status; the others are shown plain."""


class Wording:
    """Names runs by the parameters that differ between them."""

    def __init__(self, varying: Iterable[str], mask: Mask) -> None:
        self.varying = list(varying)
        self._mask = mask

    def name_run(self, run: str, parameters: Mapping[str, Any]) -> str:
        """A name such as ``lr=0.01 epochs=2``; the run's id if its parameters do not identify it."""
        parts = [f"{name}={self.show(parameters[name])}" for name in self.varying if name in parameters]
        return " ".join(parts) or self.clean(run)

    def show(self, value: Any) -> str:
        """A parameter's value, shortened."""
        value = self._mask.apply_to_value(value)
        if isinstance(value, float) and len(repr(value)) > LONGEST_NUMBER:
            return f"{value:.{SHOWN_DIGITS}g}"
        return shorten(self.clean(value if isinstance(value, str) else to_source(value)), LONGEST_VALUE)

    def show_metric(self, name: str, value: Any) -> str:
        """Such as ``accuracy=0.9312``."""
        value = format_metric(self._mask.apply_to_value(value))
        return f"{self.clean(name)}={shorten(self.clean(value), LONGEST_VALUE)}"

    def clean(self, text: str) -> str:
        """The text in one line, without secrets and control characters."""
        return printable(self._mask.apply(" ".join(self._mask.apply(text).split())))


def format_metric(value: Any) -> str:
    """Format numbers with four significant digits, anything else as JSON."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def list_counts(counts: Mapping[Status, int]) -> str:
    """A summary such as ``3 ok, 1 failed``; statuses with no runs are left out."""
    return ", ".join(f"{counts[status]:,} {status}" for status in Status if counts.get(status))
