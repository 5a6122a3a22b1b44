"""The one list of all rules."""

from colab_starter.check.colab import COLAB_RULES
from colab_starter.check.format import FORMAT_RULES
from colab_starter.check.install import INSTALL_RULES
from colab_starter.check.parameters import PARAMETERS_RULES
from colab_starter.check.rules import Rule
from colab_starter.check.runtime import RUNTIME_RULES

RULES: tuple[Rule, ...] = (*FORMAT_RULES, *PARAMETERS_RULES, *COLAB_RULES, *INSTALL_RULES, *RUNTIME_RULES)
"""In the order of their codes."""
