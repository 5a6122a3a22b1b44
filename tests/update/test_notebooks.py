"""Merging notebooks cell by cell: every result opens, nothing of the user's is lost, few conflicts."""

import json
import os
import random
from pathlib import Path
from typing import Any

import nbformat
import pytest

from colab_starter.update.cells import read_id, read_source
from colab_starter.update.notebooks import merge_notebooks, order_cells, read_cells
from tests.support.marks import weekly
from tests.update.trials import Json, LineEdits, Trial, as_source, both, make_cell, make_edits, save_as_colab_does

TRIALS = int(os.environ.get("UPDATES", "400"))


def notebook(*cells: Json) -> Json:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def merge(base: Json, ours: Json, theirs: Json) -> tuple[Json, list[tuple[str, str]]]:
    """The merged notebook, which is valid, and what was done with which cell."""
    merged = merge_notebooks(*map(json.dumps, (base, ours, theirs)))
    result = json.loads(merged.text)
    nbformat.validate(result)
    return result, [(change.what, change.cell.partition(" ")[0]) for change in merged.changes]


def cell(cell_id: str, *lines: str, **more: Any) -> Json:
    return make_cell(cell_id, lines, "code") | more


def ids(result: Json) -> list[str]:
    return [read_id(cell) for cell in result["cells"]]


OUTPUT = {"name": "stdout", "output_type": "stream", "text": ["7\n"]}


@pytest.mark.parametrize("seeds", [range(TRIALS), weekly(range(TRIALS, 10 * TRIALS))], ids=["some", "many"])
def test_random_updates_lose_nothing_and_every_result_opens(seeds: range) -> None:
    conflicts = sum(map(check_trial, seeds))
    assert conflicts > len(seeds) / 20  # or the trials would show nothing about conflicts


def check_trial(seed: int) -> int:
    """One random update; returns in how many cells it had a conflict."""
    trial = Trial(seed)
    merged = merge_notebooks(json.dumps(trial.base), trial.write_ours(), json.dumps(trial.theirs))
    result = json.loads(merged.text)
    nbformat.validate(result)
    assert len(set(ids(result))) == len(result["cells"]), seed
    cells = {read_id(cell): cell for cell in result["cells"]}
    base, ours, theirs = ({read_id(c): c for c in side["cells"]} for side in (trial.base, trial.ours, trial.theirs))
    for name, mine in ours.items():
        if name in base and name not in theirs and read_source(mine) == read_source(base[name]):
            assert name not in cells, seed
        else:
            check_kept(mine, cells[name], seed)
    assert cells.keys() == {*theirs} - ({*base} - {*ours}) | {name for name in ours if name in cells}, seed
    check_order(trial, ids(result), seed)
    marked = {name for name, cell in cells.items() if "<<<<<<< yours" in read_source(cell).splitlines()}
    for name in base.keys() & ours.keys() & theirs.keys():
        check_text(trial, name, read_source(cells[name]), name in marked, seed)
    assert {change.cell.split(" ")[0] for change in merged.changes if change.what == "CONFLICT"} == marked, seed
    return len(marked)


def check_kept(mine: Json, merged: Json, seed: int) -> None:
    """All that the user has in a cell is still there: lines in their order, outputs, counts, metadata."""
    lines = [line for line in read_source(mine).splitlines() if line.startswith("mine")]
    assert [line for line in read_source(merged).splitlines() if line.startswith("mine")] == lines, seed
    assert merged.get("outputs") == mine.get("outputs"), seed
    assert merged.get("execution_count") == mine.get("execution_count"), seed
    for key, value in mine["metadata"].items():
        kept = merged["metadata"][key]
        assert set(value) <= set(kept) if key == "tags" else kept == value, seed


def check_order(trial: Trial, order: list[str], seed: int) -> None:
    """The template's order, unless the user has moved cells; then the user's."""
    known, mine, theirs = ([read_id(c) for c in side["cells"]] for side in (trial.base, trial.ours, trial.theirs))
    common = set(known) & set(mine) & set(theirs)
    was_moved = [name for name in mine if name in common] != [name for name in known if name in common]
    leading = mine if was_moved else theirs
    assert [name for name in order if name in leading] == [name for name in leading if name in order], seed
    own = [name for name in mine if name not in known]
    assert [name for name in order if name in own] == own or not was_moved, seed


def check_text(trial: Trial, name: str, merged: str, is_marked: bool, seed: int) -> None:
    """Conflicts only where both changed the same lines; elsewhere, the changes of both."""
    lines = trial.lines[name]
    mine, theirs = trial.my_edits[name], trial.their_edits[name]
    sources = (
        {read_id(c): read_source(c) for c in trial.ours["cells"]},
        {read_id(c): read_source(c) for c in trial.theirs["cells"]},
    )
    original = "\n".join(lines)
    if original in (sources[0][name], sources[1][name]):
        changed = [source[name] for source in sources if source[name] != original]
        assert merged == (changed or [original])[0], seed
    elif not mine.touched & theirs.touched:
        assert merged == "\n".join(both(mine, theirs).apply_to(lines)), seed
        assert not is_marked, seed
    elif any(number in theirs.replaced for number in mine.replaced) or inserted_alone(mine) & inserted_alone(theirs):
        assert is_marked, seed


def inserted_alone(edits: LineEdits) -> set[int]:
    """After which lines somebody inserted one, without a change of the line below."""
    return {number for number in edits.inserted if number + 1 not in edits.touched}


def test_a_cell_keeps_the_users_outputs_when_the_template_changes_it() -> None:
    base = notebook(cell("a", "x = 1", "y = 2"))
    ours = notebook(cell("a", "x = 1", "y = 3", outputs=[OUTPUT], execution_count=4))
    result, changes = merge(base, ours, notebook(cell("a", "x = 7", "y = 2")))
    assert result["cells"] == [cell("a", "x = 7", "y = 3", outputs=[OUTPUT], execution_count=4)]
    assert changes == [("changed", "a")]


def test_a_byte_order_mark_stays_where_it_is() -> None:
    base, theirs = (json.dumps(notebook(cell("a", line))) for line in ("1", "2"))
    merged = merge_notebooks(base, f"\ufeff{base}", theirs)
    assert merged.text == f"\ufeff{theirs}"
    assert merge_notebooks(base, f"\ufeff{base}", base).text == f"\ufeff{base}"


def test_what_the_user_deleted_stays_deleted_and_a_change_of_it_is_told() -> None:
    base = notebook(cell("a", "x"), cell("b", "y"))
    result, changes = merge(base, notebook(cell("a", "x")), notebook(cell("a", "x"), cell("b", "z")))
    assert (ids(result), changes) == (["a"], [("kept", "b")])


def test_a_cell_that_the_template_dropped_goes_unless_the_user_changed_it() -> None:
    base = notebook(cell("a", "x"), cell("b", "y"), cell("c", "z"))
    result, changes = merge(base, notebook(cell("a", "x"), cell("b", "mine"), cell("c", "z")), notebook(cell("a", "x")))
    assert (ids(result), changes) == (["a", "b"], [("removed", "c"), ("kept", "b")])


def test_a_new_cell_of_a_notebook_that_colab_saved_has_its_id_in_the_metadata() -> None:
    ours = notebook(cell("a", "x"))
    ours["metadata"]["colab"] = {}
    save_as_colab_does(ours)
    result, _ = merge(notebook(cell("a", "x")), ours, notebook(cell("a", "y"), cell("new", "z")))
    assert [("id" in c, c["metadata"]["id"], c["source"]) for c in result["cells"]] == [
        (False, "a", ["y"]),
        (False, "new", ["z"]),
    ]


def test_cells_that_lost_their_ids_are_known_by_their_text() -> None:
    long = ["first = 'a line that says something'", "second = 'another line'"]
    base = notebook(cell("a", *long), cell("b", "print(long_enough_to_know)"))
    ours = notebook(cell("b", "print(long_enough_to_know)"), cell("a", *long, "mine = 1"))
    for number, changed in enumerate(ours["cells"]):
        changed["id"] = f"other-{number}"
    theirs = notebook(cell("a", "zeroth = 0", *long), cell("b", "print(long_enough_to_know, 2)"))
    result, _ = merge(base, ours, theirs)
    assert [read_source(c) for c in result["cells"]] == [
        "print(long_enough_to_know, 2)",
        "\n".join(["zeroth = 0", *long, "mine = 1"]),
    ]


def test_a_cell_to_which_the_template_gave_another_id_keeps_its_outputs() -> None:
    base = notebook(cell("machine-3", "print('how many processors there are')"))
    ours = notebook(cell("machine-3", "print('how many processors there are')", outputs=[OUTPUT]))
    result, _ = merge(base, ours, notebook(cell("machine-cpu", "print('how many processors there are?')")))
    assert result["cells"] == [cell("machine-cpu", "print('how many processors there are?')", outputs=[OUTPUT])]


def test_metadata_are_merged_and_the_users_win() -> None:
    base, ours, theirs = (notebook(cell("a", "x")) for _ in range(3))
    base["metadata"] = {"accelerator": "GPU", "colab": {"gpuType": "T4", "toc_visible": True}}
    ours["metadata"] = {"accelerator": "GPU", "colab": {"gpuType": "A100", "toc_visible": True, "name": "mine"}}
    theirs["metadata"] = {"accelerator": "TPU", "colab": {"gpuType": "L4"}, "kaggle": {}}
    result, changes = merge(base, ours, theirs)
    assert result["metadata"] == {"accelerator": "TPU", "colab": {"gpuType": "A100", "name": "mine"}, "kaggle": {}}
    assert changes == [("kept", "metadata")]


def test_a_cell_that_became_text_has_no_outputs() -> None:
    ours = notebook(cell("a", "x", outputs=[OUTPUT]))
    result, _ = merge(notebook(cell("a", "x")), ours, notebook(make_cell("a", ["x"], "markdown")))
    assert result["cells"] == [make_cell("a", ["x"], "markdown")]


def test_without_the_templates_old_cells_nothing_is_lost_and_only_what_differs_is_marked() -> None:
    ours = notebook(cell("a", "same", "mine", "end"), cell("own", "x"))
    result, changes = merge(notebook(), ours, notebook(cell("a", "same", "theirs", "end"), cell("new", "y")))
    assert ids(result) == ["a", "own", "new"]
    assert read_source(result["cells"][0]) == "same\n<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> template\nend"
    assert changes == [("CONFLICT", "a"), ("new", "new")]


def test_a_cell_of_the_user_stays_behind_the_cell_that_it_followed() -> None:
    assert order_cells("abc", "aXbYc", "cabn", "abcXYn") == list("caXbYn")


def test_cells_that_the_user_moved_stay_where_they_are() -> None:
    assert order_cells("abc", "cab", "abnc", "abcn") == list("cabn")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "not a notebook"),
        ('{"cells": [], "nbformat": 3}', "of format 4"),
        ('{"cells": [1], "nbformat": 4, "nbformat_minor": 5}', "cell 1 has no text"),
    ],
)
def test_what_is_no_notebook_of_format_4_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_cells(text)


def test_the_real_notebooks_can_be_updated_after_random_changes(all_lessons: Path) -> None:
    """Both sides change lines all over every lesson; each cell has what both wrote, in a notebook that opens."""
    for path in sorted(all_lessons.glob("notebooks/*.ipynb")):
        text = path.read_text(encoding="utf-8")
        sides = {}
        for who in ("mine", "theirs"):
            chance = random.Random(f"{who} {path.name}")
            sides[who] = json.loads(text)
            for changed in sides[who]["cells"]:
                lines = read_source(changed).split("\n")
                changed["source"] = as_source(make_edits(chance, len(lines), who).apply_to(lines))
        merged = json.loads(merge_notebooks(text, json.dumps(sides["mine"]), json.dumps(sides["theirs"])).text)
        nbformat.validate(merged)
        assert ids(merged) == ids(sides["mine"])
        for who, side in sides.items():
            for cell, own in zip(merged["cells"], side["cells"], strict=True):
                written = [line for line in read_source(own).split("\n") if line.startswith(who)]
                assert [line for line in read_source(cell).split("\n") if line.startswith(who)] == written
