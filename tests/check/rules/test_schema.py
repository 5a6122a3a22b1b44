"""CS120 and its neighbours refuse what nbformat refuses, on notebooks with random faults."""

import copy
import json
import random
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.warnings import MissingIDFieldWarning

from colab_starter.check.findings import check_file
from colab_starter.check.fixes import fix_file
from tests.check.conftest import ALL_RULES, LATEST
from tests.support.marks import seeds

STRUCTURE = [rule for rule in ALL_RULES if rule.code in ("CS101", "CS102", "CS103", "CS104", "CS120")]
ODD_VALUES: tuple[Any, ...] = (
    None,
    1,
    -1,
    True,
    "a",
    "",
    [],
    ["a"],
    [1],
    ["a", "a"],
    {},
    {"a": 1},
    {"a": "b"},
    "a,b",
    1.5,
)
KEYS = (
    "id metadata source outputs execution_count attachments collapsed language tags name jupyter execution scrolled "
    "format data text output_type ename evalue traceback title authors orig_nbformat kernelspec language_info"
).split()


def make_notebook(chance: random.Random) -> dict[str, Any]:
    """A valid notebook of any minor version, with cells and outputs of all kinds."""
    minor = chance.randint(0, 5)
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n"]},
        {"output_type": "display_data", "data": {"text/plain": "a", "application/x+json": {"a": [1]}}, "metadata": {}},
        {"output_type": "execute_result", "data": {"image/png": "a"}, "metadata": {"a": 1}, "execution_count": 1},
        {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["a"]},
    ]
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "metadata": {"tags": ["a"]}, "source": ["a\n", "b"]},
        {"cell_type": "markdown", "metadata": {}, "source": "a", "attachments": {"a.png": {"image/png": "a"}}},
        {"cell_type": "raw", "metadata": {"format": "text/plain"}, "source": ""},
        {"cell_type": "code", "metadata": {"collapsed": True, "scrolled": "auto"}, "source": "x", "execution_count": 1},
    ]
    cells[3]["outputs"] = chance.sample(outputs, chance.randint(0, 4))
    chosen = copy.deepcopy(chance.sample(cells, chance.randint(1, 4)))
    if minor >= 5:
        for number, cell in enumerate(chosen):
            cell["id"] = f"cell-{number}"
    metadata = chance.choice(
        (
            {},
            {"kernelspec": {"name": "python3", "display_name": "P"}, "language_info": {"name": "python"}, "title": "t"},
        )
    )
    return {"cells": chosen, "metadata": dict(metadata), "nbformat": 4, "nbformat_minor": minor}


def spoil(notebook: dict[str, Any], chance: random.Random) -> None:
    """Change one part somewhere: take it out, add one that is not known, or give it an odd value."""
    places: list[dict[str, Any]] = [notebook, notebook["metadata"]]
    places += [part for part in notebook["metadata"].values() if isinstance(part, dict)]
    for cell in notebook["cells"]:
        places += [cell, cell["metadata"], *cell.get("outputs", [])]
        places += [output["data"] for output in cell.get("outputs", []) if "data" in output]
    place = chance.choice(places)
    known = [key for key in place if key not in ("cells", "nbformat", "nbformat_minor", "cell_type", "output_type")]
    key = chance.choice(known) if known and chance.random() < 0.5 else chance.choice(KEYS)
    if key in place and chance.random() < 0.4:
        del place[key]
    elif not (key in ("output_type", "metadata") and place is notebook):
        place[key] = chance.choice(ODD_VALUES)


def is_valid(notebook: dict[str, Any]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error", MissingIDFieldWarning)  # which is to become an error
        try:
            nbformat.validate(copy.deepcopy(notebook))
        except (nbformat.ValidationError, MissingIDFieldWarning, TypeError):  # nbformat trips over ids that are lists
            return False
    return True


@pytest.mark.parametrize("seed", seeds(3, 10))
def test_the_rules_refuse_exactly_what_nbformat_refuses(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    path = tmp_path / "a.ipynb"
    judged = {True: 0, False: 0}
    for _ in range(100):
        notebook = make_notebook(chance)
        assert is_valid(notebook)
        if chance.random() < 0.9:
            spoil(notebook, chance)
        path.write_text(json.dumps(notebook))
        valid = is_valid(notebook)
        judged[valid] += 1
        findings = check_file(path, STRUCTURE, LATEST)
        assert (findings == []) == valid, (notebook, findings)
    assert min(judged.values()) > 10


@pytest.mark.parametrize("seed", seeds(2, 5))
def test_a_fix_makes_no_notebook_worse_and_stops_after_the_first_time(seed: int, tmp_path: Path) -> None:
    chance = random.Random(1000 + seed)
    path = tmp_path / "a.ipynb"
    for _ in range(40):
        notebook = make_notebook(chance)
        spoil(notebook, chance)
        path.write_text(json.dumps(notebook))
        fix_file(path, STRUCTURE, LATEST)
        after = json.loads(path.read_text())
        assert is_valid(after) or not is_valid(notebook)
        assert [cell.get("source") for cell in after["cells"]] == [cell.get("source", []) for cell in notebook["cells"]]
        assert not fix_file(path, STRUCTURE, LATEST)


def test_what_is_wrong_in_many_cells_is_told_once(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "a", "id": f"a{number}"} for number in range(9)]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}))
    (finding,) = check_file(path, STRUCTURE, LATEST)
    assert (finding.code, finding.cell) == ("CS120", 1)
    assert "8 more such faults" in finding.message
