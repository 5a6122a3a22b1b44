"""Precision and recall of the rules on generated notebooks; ``tools/check_corpus.py`` does the same with more."""

from pathlib import Path

import pytest

from colab_starter.check.rules import RULES
from colab_starter.runtimes import load_runtime
from tools.corpus.damage import KINDS as DAMAGE
from tools.corpus.damage import DamageKind
from tools.corpus.measure import PRECISION, RECALL, Said, Scores, find_shortfalls, measure, run_check, write_all
from tools.corpus.notebooks import COLAB, KAGGLE, Expected, Planted, generate
from tools.corpus.templates import Kind, read_kinds

COUNT, SEED = 170, 1
COUNT_KAGGLE = 40
VERSIONS = load_runtime("latest").packages
KINDS: list[Kind | DamageKind] = [*(kind for area in (*COLAB, *KAGGLE) for kind in read_kinds(area)), *DAMAGE]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    folder = tmp_path_factory.mktemp("corpus")
    return measure(write_all(list(generate(COUNT, SEED, VERSIONS)), folder), run_check(folder))


@pytest.fixture(scope="module")
def kaggle_scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    folder = tmp_path_factory.mktemp("kaggle")
    return measure(write_all(list(generate(COUNT_KAGGLE, SEED, VERSIONS, KAGGLE)), folder), run_check(folder, "kaggle"))


def test_what_each_rule_says_is_true(scores: Scores) -> None:
    false = [wrong.what for wrong in scores.wrong if "missed" not in wrong.what]
    assert {code: one.precision for code, one in scores.rules.items() if one.precision < PRECISION} == {}, false


def test_each_kind_of_fault_is_found(scores: Scores) -> None:
    missed = [wrong.what for wrong in scores.wrong if "missed" in wrong.what]
    assert {kind: one.recall for kind, one in scores.kinds.items() if one.recall < RECALL} == {}, missed


def test_rules_of_kaggle_are_right_and_find_their_faults(kaggle_scores: Scores) -> None:
    assert find_shortfalls(kaggle_scores) == [], [wrong.what for wrong in kaggle_scores.wrong]


def test_every_kind_of_fault_is_planted(scores: Scores, kaggle_scores: Scores) -> None:
    assert {kind.name for kind in KINDS} <= scores.kinds.keys() | kaggle_scores.kinds.keys()


def test_every_rule_is_put_to_the_test() -> None:
    planted = {code for kind in KINDS for code in kind.codes} | {"CS105"}
    assert [rule.code for rule in RULES if not rule.opt_in and rule.code not in planted] == []


def test_a_seed_gives_the_same_notebooks_again() -> None:
    first, second, other = (list(generate(8, seed, VERSIONS)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_findings_count_by_rule_and_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    faults = (
        Expected("mount", ("CS301",), 2),
        Expected("apt", ("CS307", "CS316"), 0),
        Expected("upload", ("CS302",), 3),
    )
    said = [
        Said(str(path), 2, 1, "CS301", "the planted one"),
        Said(str(path), 4, 1, "CS301", "another cell"),
        Said(str(path), 9, 1, "CS316", "any cell will do"),
    ]
    scores = measure({path: Planted("", faults, ("ids",), ())}, said)
    assert {code: (one.right, one.wrong) for code, one in scores.rules.items()} == {"CS301": (1, 1), "CS316": (1, 0)}
    assert {kind: one.recall for kind, one in scores.kinds.items()} == {"mount": 1, "apt": 1, "upload": 0}
    assert find_shortfalls(scores) == ["CS301: precision 50.0%", "upload: recall 0%"]
