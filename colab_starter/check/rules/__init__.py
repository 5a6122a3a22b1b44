"""The one list of all rules."""

from colab_starter.check.rule import REGISTERED, Rule
from colab_starter.check.rules import (  # noqa: F401 - each registers its own
    badge,
    colab,
    files,
    format,
    gone,
    install,
    kaggle,
    kernel,
    parameters,
    pins,
    runtime,
    schema,
    secrets,
    shell,
    syntax,
    undefined,
    waiting,
)

RULES: tuple[Rule, ...] = tuple(sorted(REGISTERED, key=lambda rule: rule.code))
"""In the order of their codes."""
