"""The page of all rules."""

from colab_starter.check.rule import SEVERITIES
from colab_starter.check.rules import RULES
from tools.rules_page import AREAS, describe_rules


def test_every_rule_has_an_area_and_a_severity() -> None:
    for rule in RULES:
        assert rule.code[:3] in AREAS
        assert rule.severity in SEVERITIES


def test_the_page_has_all_rules_by_area_each_with_its_evidence() -> None:
    page = describe_rules(RULES)
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert [line.split(":")[0].removeprefix("## ") for line in headings] == [
        code for code in AREAS if any(rule.code.startswith(code) for rule in RULES)
    ]
    for rule in RULES:
        assert f"### {rule.code}: {rule.name} {{ #{rule.code.lower()} }}" in page
    assert page.count("*Evidence:*") == sum(bool(rule.evidence) for rule in RULES) > 2


def test_every_rule_says_its_evidence() -> None:
    assert [rule.code for rule in RULES if not rule.evidence] == []
