"""The one list of all rules."""

from colab_starter.check import badge, colab, format, install, parameters, runtime  # noqa: F401 - each registers its own
from colab_starter.check.rules import REGISTERED, Rule

RULES: tuple[Rule, ...] = tuple(sorted(REGISTERED, key=lambda rule: rule.code))
"""In the order of their codes."""
