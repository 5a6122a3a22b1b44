"""Random notebooks, changed at random by a user and by a newer template.

Whoever changes something is written into it, and every line is unique, so that a test knows what has to come out.
"""

import json
import random
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

Json = dict[str, Any]

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu".split()


def make_lines(chance: random.Random, most: int) -> list[str]:
    """Lines of code, with blank ones and with some that occur more than once."""
    lines = [f"{chance.choice(WORDS)} = {chance.randrange(10**6)}" for _ in range(chance.randint(1, most))]
    return [chance.choice(["", "    return x", line, line, line, line]) for line in lines]


def change_lines(chance: random.Random, lines: Sequence[str], who: str) -> list[str]:
    """The lines after one to three changes, insertions and deletions; what is new names its author."""
    changed = list(lines)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(changed) + 1)
        end = min(len(changed), place + chance.choice([0, 1, 1, 2]))
        new = [f"{who} = {chance.randrange(10**6)}" for _ in range(chance.choice([0, 1, 1, 2]))]
        changed[place:end] = new
    return changed


class LineEdits(NamedTuple):
    """What somebody does to the lines of a text, by their numbers."""

    replaced: Mapping[int, str]
    deleted: frozenset[int]
    inserted: Mapping[int, str]
    """After which line."""

    @property
    def touched(self) -> set[int]:
        return {*self.replaced, *self.deleted, *self.inserted}

    def apply_to(self, lines: Sequence[str]) -> list[str]:
        changed = []
        for number, line in enumerate(lines):
            if number not in self.deleted:
                changed.append(self.replaced.get(number, line))
            if number in self.inserted:
                changed.append(self.inserted[number])
        return changed


def make_edits(chance: random.Random, count: int, who: str) -> LineEdits:
    """Changes of about every fifth line, for a text of ``count`` lines; never all of them are deleted."""
    does = {number: chance.choice(["replace", "replace", "delete", "insert"]) for number in range(count)}
    does = {number: what for number, what in does.items() if chance.random() < 0.2}
    new = {number: f"{who}_{chance.choice(WORDS)}({chance.randrange(10**9)})" for number in does}
    return LineEdits(
        {number: new[number] for number, what in does.items() if what == "replace"},
        frozenset(number for number, what in does.items() if what == "delete" and number),
        {number: new[number] for number, what in does.items() if what == "insert"},
    )


def both(first: LineEdits, second: LineEdits) -> LineEdits:
    """The edits of two people who touch different lines."""
    return LineEdits(
        {**first.replaced, **second.replaced},
        first.deleted | second.deleted,
        {**first.inserted, **second.inserted},
    )


class Trial:
    """A notebook as the template wrote it, as its user left it, and as a newer template writes it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.lines: dict[str, list[str]] = {}
        self.base = self._make_notebook()
        self.my_edits = {name: make_edits(self.chance, len(lines), "mine") for name, lines in self.lines.items()}
        self.their_edits = {name: make_edits(self.chance, len(lines), "theirs") for name, lines in self.lines.items()}
        self.ours = self._edit_as_user()
        self.theirs = self._edit_as_template()

    def _make_notebook(self) -> Json:
        cells = []
        for number in range(self.chance.randint(2, 9)):
            name = f"{self.chance.choice(WORDS)}-{number}"
            size = self.chance.randint(1, 12)
            self.lines[name] = [f"{self.chance.choice(WORDS)} = {self.chance.randrange(10**9)}" for _ in range(size)]
            cells.append(make_cell(name, self.lines[name], self.chance.choice(["code", "code", "markdown"])))
        metadata = {"accelerator": "GPU", "colab": {"provenance": [], "toc_visible": True}}
        metadata |= {"kernelspec": {"display_name": "Python 3", "name": "python3"}}
        return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}

    def _edit_as_user(self) -> Json:
        notebook = self._edit(self.my_edits, "mine")
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and self.chance.random() < 0.5:
                cell["execution_count"] = self.chance.randint(1, 99)
                cell["outputs"] = [
                    {"name": "stdout", "output_type": "stream", "text": [f"printed {new_id(self.chance)}"]}
                ]
        self.saved_by_colab = self.chance.random() < 0.3
        if self.saved_by_colab:
            save_as_colab_does(notebook)
        return notebook

    def _edit_as_template(self) -> Json:
        notebook = self._edit(self.their_edits, "theirs")
        if self.chance.random() < 0.3:
            notebook["metadata"]["kaggle"] = {"accelerator": "none"}
            del notebook["metadata"]["accelerator"]
        return notebook

    def _edit(self, edits: Mapping[str, LineEdits], who: str) -> Json:
        notebook = deepcopy(self.base)
        cells = notebook["cells"]
        for cell in cells:
            if self.chance.random() < 0.6:
                cell["source"] = as_source(edits[cell["id"]].apply_to(self.lines[cell["id"]]))
            if self.chance.random() < 0.2:
                cell["metadata"]["tags"] = [f"tag-{who}"]
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            cells.pop(self.chance.randrange(len(cells)))
            if not cells:
                break
        if cells and self.chance.random() < 0.3:
            cells.insert(self.chance.randrange(len(cells)), cells.pop(self.chance.randrange(len(cells))))
        for _ in range(self.chance.choice([0, 1, 2])):
            lines = [f"{who}_added('{new_id(self.chance)}')" for _ in range(self.chance.randint(1, 3))]
            new = make_cell(f"{who}-{new_id(self.chance)}", lines, self.chance.choice(["code", "markdown"]))
            cells.insert(self.chance.randrange(len(cells) + 1), new)
        return notebook

    def write_ours(self) -> str:
        """The user's notebook as some program writes it: Jupyter, Colab, or one that escapes everything."""
        indent, is_ascii = (
            (2, False) if self.saved_by_colab else self.chance.choice([(1, False), (1, True), (None, True)])
        )
        return json.dumps(self.ours, indent=indent, ensure_ascii=is_ascii) + self.chance.choice(["", "\n"])


def new_id(chance: random.Random) -> str:
    return f"{chance.randrange(16**12):012x}"


def make_cell(cell_id: str, lines: Sequence[str], cell_type: str) -> Json:
    cell: Json = {"cell_type": cell_type, "id": cell_id, "metadata": {}, "source": as_source(lines)}
    return cell | ({"execution_count": None, "outputs": []} if cell_type == "code" else {})


def as_source(lines: Sequence[str]) -> list[str]:
    return "\n".join(lines).splitlines(keepends=True)


def save_as_colab_does(notebook: Json) -> None:
    """Format 4.0: the ids move into the metadata, where Colab also notes how each cell ran."""
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        if cell.get("outputs"):
            cell["metadata"]["executionInfo"] = {
                "elapsed": 12,
                "status": "ok",
                "timestamp": 1763900000000,
                "user_tz": 0,
            }
            cell["metadata"]["outputId"] = "5b0ce5d6-2f00-4c43-c2f1-000000000000"
            cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
    notebook["metadata"]["colab"]["name"] = "notebook.ipynb"
