"""``adopt`` on generated notebooks in the styles that people have: nothing of theirs is lost, and parameters arrive.

``WILD_NOTEBOOKS=200`` tries so many instead of a few.
"""

import json
import os
import sys
import types
from contextlib import redirect_stdout
from io import StringIO
from json import JSONDecoder
from pathlib import Path
from typing import Any

import nbformat
import pytest

from colab_starter.adopt.adopt import Adoption, Options, adopt
from colab_starter.adopt.draft import PREFIX
from colab_starter.check.findings import check_notebook
from colab_starter.check.rules import RULES
from colab_starter.errors import ColabStarterError
from colab_starter.notebook.model import Cell, Notebook, parse_notebook, read_notebook
from colab_starter.runtimes import LATEST, load_runtime
from tests.adopt.wild import Wild, make_wild
from tests.run.odd_notebooks import make_odd

SEEDS = range(int(os.environ.get("WILD_NOTEBOOKS", "40")))
PROMISED = ("CS301", "CS201", "CS316")
"""What adopt mends, unless it says that the line stays: mounts, second parameters cells, paths without Drive."""


class Case:
    """A notebook of the generator, and what adopt makes of it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.wild: Wild = make_wild(seed)
        self.path = folder / f"wild-{seed}.ipynb"
        self.path.write_bytes(self.wild.content)
        self.adoption: Adoption = adopt(self.path, Options())
        self.adopted = folder / f"wild-{seed}.adopted.ipynb"
        self.adopted.write_bytes(self.adoption.content)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return [Case(seed, tmp_path_factory.mktemp(f"wild-{seed}")) for seed in SEEDS]


def is_ours(cell: Cell) -> bool:
    return cell.id.startswith(PREFIX)


def test_the_notebooks_show_every_trait_that_they_are_made_for(cases: list[Case]) -> None:
    traits = set().union(*(case.wild.traits for case in cases))
    for wanted in (
        "mounts Drive",
        "installs",
        "unsafe install",
        "apt",
        "TensorFlow 1",
        "widgets",
        "outputs",
        "CRLF",
        "CRLF in cells",
    ):
        assert wanted in traits
    assert {"format 3.0", "format 4.0", "format 4.5", "byte-order mark", "constants: tagged", "star import"} <= traits


def test_what_comes_out_is_a_valid_notebook_of_the_same_format(cases: list[Case]) -> None:
    for case in cases:
        old, new = (json.loads(path.read_bytes().decode("utf-8-sig")) for path in (case.path, case.adopted))
        assert (old["nbformat"], old["nbformat_minor"]) == (new["nbformat"], new["nbformat_minor"])
        nbformat.validate(new, version=new["nbformat"], version_minor=new["nbformat_minor"])
        ids = [cell.id for cell in read_notebook(case.adopted).cells if cell.id]
        assert len(ids) == len(set(ids))


def test_cells_that_are_not_told_as_touched_stay_byte_for_byte(cases: list[Case]) -> None:
    for case in cases:
        told = {note.cell for note in [*case.adoption.moved, *case.adoption.followed]}
        tagged = {cell.number for cell in read_notebook(case.path).parameters_cells}
        old = split_cells(case.adoption.old)
        ours = [is_ours(cell) for cell in read_notebook(case.adopted).cells]
        new = [text for text, own in zip(split_cells(case.adoption.new), ours, strict=True) if not own]
        assert len(old) == len(new), case.path
        for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
            if number not in told | tagged:
                assert before == after, (case.path, number)
            else:
                assert without_source(before, number in tagged) == without_source(after, number in tagged)


def split_cells(text: str) -> list[str]:
    """The text of each cell in the file, as it stands there."""
    found = []
    position = 0
    while (start := text.find('"cells"', position)) >= 0:
        position = text.index("[", start) + 1
        while (begin := _skip(text, position)) is not None:
            _, position = JSONDecoder().raw_decode(text, begin)
            found.append(text[begin:position])
    return found


def _skip(text: str, position: int) -> int | None:
    while text[position] in " \t\r\n,":
        position += 1
    return None if text[position] == "]" else position


def without_source(text: str, without_tags: bool) -> Any:
    cell = json.loads(text)
    cell.pop("source", None)
    cell.pop("input", None)
    if without_tags:
        cell["metadata"].pop("tags", None)
    return cell


def test_every_line_that_moved_is_still_there_as_a_comment(cases: list[Case]) -> None:
    for case in cases:
        new = {cell.number: cell for cell in theirs(case.adopted)}
        for before, after in zip(theirs(case.path), new.values(), strict=True):
            lines = after.source.split("\n")
            followed = {note.line for note in case.adoption.followed if note.cell == before.number}
            assert len(lines) == before.source.count("\n") + 1
            for number, (old, now) in enumerate(zip(before.source.split("\n"), lines, strict=True), 1):
                assert old == now or number in followed or (now.startswith("#") and now.endswith(old)), (case.path, now)


def theirs(path: Path) -> list[Cell]:
    return [cell for cell in read_notebook(path).cells if not is_ours(cell)]


def test_a_second_adopt_changes_nothing(cases: list[Case]) -> None:
    for case in cases:
        again = adopt(case.adopted, Options())
        assert again.content == case.adoption.content, case.path
        assert not again.changed
        assert again.was_adopted


def test_check_finds_nothing_new_and_nothing_that_adopt_mends(cases: list[Case]) -> None:
    for case in cases:
        before, after = (find_codes(path) for path in (case.path, case.adopted))
        assert not {code: after.count(code) for code in after if after.count(code) > before.count(code)}, case.path
        left = " ".join(map(str, case.adoption.left))
        assert not {code for code in PROMISED if code in after and "mount" not in left}, case.path


def find_codes(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8-sig")
    notebook = Notebook(path, text, parse_notebook(text))
    rules = [rule for rule in RULES if not rule.opt_in]
    return [
        finding.code for finding in check_notebook(notebook, rules, load_runtime(LATEST)) if finding.severity != "note"
    ]


def test_the_same_numbers_come_out_and_a_changed_parameter_changes_them(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stand_in_for_colab(monkeypatch)
    ran = 0
    for case in [case for case in cases if case.wild.runs]:
        rate = case.wild.rate
        original = execute(case.path)
        same = execute(case.adopted)
        assert same["score"] == original["score"], case.path
        assert read_results(same) == {"score": original["score"]}
        if rate in case.adoption.form:
            changed = execute(case.adopted, **{rate: 0.6})
            assert read_results(changed) == {"score": execute(case.path, **{rate: 0.6})["score"]}
            assert changed["score"] != original["score"]
            ran += 1
        else:
            assert "star import" in case.wild.traits
            assert rate in case.adoption.doubtful
    assert ran > len(cases) // 3


def execute(path: Path, **parameters: Any) -> dict[str, Any]:
    """The variables at the end. Commands are left out: what they do is not the notebook's own computation.

    ``parameters`` are set as papermill does it in an adopted notebook, and by editing in one without a form.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    with redirect_stdout(StringIO()):
        for cell in read_notebook(path).cells:
            if cell.kind != "code" or "install" in cell.id or "machine" in cell.id:
                continue
            python = cell.code.python
            exec(compile(python, cell.id or "cell", "exec"), names)
            if any(name in python and name in names for name in parameters) and names.get("_set") is None:
                names |= {**parameters, "_set": True}
    return names


def read_results(names: dict[str, Any]) -> Any:
    return json.loads((Path(names["results_dir"]) / "results.json").read_text())


def stand_in_for_colab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's package, whose Drive nobody grants."""
    drive = types.ModuleType("google.colab.drive")
    drive.mount = lambda *arguments, **named: None  # type: ignore[attr-defined]
    colab = types.ModuleType("google.colab")
    colab.drive = drive  # type: ignore[attr-defined]
    google = types.ModuleType("google")
    google.colab = colab  # type: ignore[attr-defined]
    for name, module in {"google": google, "google.colab": colab, "google.colab.drive": drive}.items():
        monkeypatch.setitem(sys.modules, name, module)


def test_notebooks_with_odd_parts_are_adopted_or_refused_in_one_line(tmp_path: Path) -> None:
    """From the generator of ``run``: nulls, texts where lists belong, odd ids, outputs and metadata."""
    path = tmp_path / "odd.ipynb"
    refusals = []
    for seed in SEEDS:
        path.write_text(json.dumps(make_odd(seed).data), encoding="utf-8")
        refusals.append(adopt_twice(path))
    assert "" in refusals
    assert any(refusals)
    assert all("\n" not in refusal for refusal in refusals)


def adopt_twice(path: Path) -> str:
    """Why the notebook cannot be adopted; empty if it can, and then the second time changes nothing."""
    try:
        adoption = adopt(path, Options())
    except ColabStarterError as error:
        return str(error)
    path.write_bytes(adoption.content)
    assert not adopt(path, Options()).changed
    return ""
