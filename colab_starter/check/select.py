"""Which rules run."""

from collections.abc import Iterable, Sequence

from colab_starter.check.rule import COLAB, Rule
from colab_starter.errors import UnknownRuleError
from colab_starter.text import suggest


def select_rules(
    rules: Sequence[Rule], select: Iterable[str], ignore: Iterable[str], platform: str = COLAB
) -> list[Rule]:
    """The rules for the platform whose code begins with one of ``select`` (or whose name it is), none of ``ignore``.

    With nothing to select: all that are not opt-in. Raises UnknownRuleError for what fits no rule.
    """
    chosen = _split(select)
    dropped = _split(ignore)
    for wanted in (*chosen, *dropped):
        if not any(_fits(rule, wanted) for rule in rules):
            raise UnknownRuleError(f"no rule is called {wanted!r}{_nearest(rules, wanted)}")
    picked = [rule for rule in rules if any(_fits(rule, code) for code in chosen) or (not chosen and not rule.opt_in)]
    picked = [rule for rule in picked if platform in rule.platforms]
    return [rule for rule in picked if not any(_fits(rule, code) for code in dropped)]


def find_rule(rules: Sequence[Rule], wanted: str) -> Rule:
    """The rule with that code or name; raises UnknownRuleError."""
    for rule in rules:
        if wanted.upper() == rule.code or wanted.lower() == rule.name:
            return rule
    raise UnknownRuleError(f"no rule is called {wanted!r}{_nearest(rules, wanted)}")


def _split(values: Iterable[str]) -> list[str]:
    """Codes may be separated by commas: ``CS1,CS203``."""
    return [code.strip() for value in values for code in value.split(",") if code.strip()]


def _fits(rule: Rule, wanted: str) -> bool:
    return rule.code.startswith(wanted.upper()) or rule.name == wanted.lower()


def _nearest(rules: Sequence[Rule], wanted: str) -> str:
    near = suggest(wanted, [name for rule in rules for name in (rule.code, rule.name)])
    known = f"{rules[0].code} to {rules[-1].code}"
    return f"; did you mean {near}?" if near else f"; codes are {known}, or their beginnings such as CS3"
