"""``colab-starter check``: rules for notebooks that are to run on Colab."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colab_starter.check.all_rules import RULES

__all__ = ["RULES"]


def __getattr__(name: str) -> Any:
    """Load the rules when they are asked for: ``check.command`` is imported at every start of the command line."""
    if name == "RULES":
        from colab_starter.check.all_rules import RULES

        return RULES
    raise AttributeError(f"module {__name__} has no {name}")
