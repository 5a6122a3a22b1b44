"""Notebooks in the styles that people write, with faults planted and harmless look-alikes beside them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from typing import NamedTuple

from tools.corpus.blocks import Block, can_be_together, fill_example, is_foreign
from tools.corpus.damage import KINDS as DAMAGE
from tools.corpus.damage import DamageKind, Json
from tools.corpus.styles import NAME, make_badge, make_notebook, write_json
from tools.corpus.templates import Example, Filler, Kind, read_kinds

COLAB = ("form", "colab", "installs", "names", "machine")
"""Files of the kinds of fault that notebooks for Colab have."""
KAGGLE = ("kaggle",)
"""Those of notebooks for Kaggle."""


class Expected(NamedTuple):
    """A planted fault."""

    kind: str
    codes: tuple[str, ...]
    """The rules of which one should find it."""
    cell: int
    """Counted from 1; 0 where any place in the notebook will do."""


class Planted(NamedTuple):
    """A notebook with what is wrong in it."""

    content: str
    faults: tuple[Expected, ...]
    look_alikes: tuple[str, ...]
    """Names of the kinds of fault that it seems to have, and has not."""
    files: tuple[str, ...]
    """Names of the empty files beside it."""

    def write(self, folder: Path) -> Path:
        """Write it into a folder ``notebooks`` in the folder."""
        place = folder / "notebooks"
        place.mkdir(parents=True)
        for name in self.files:
            (place / name).touch()
        (place / NAME).write_text(self.content, encoding="utf-8", newline="")
        return place / NAME


def generate(count: int, seed: int, versions: Mapping[str, str], areas: Sequence[str] = COLAB) -> Iterator[Planted]:
    """Notebooks that have every kind of fault, and every look-alike, about equally often.

    ``versions`` are those of the packages that the runtime has.
    """
    random = Random(seed)
    examples = [(kind, example) for area in areas for kind in read_kinds(area) for example in kind.examples]
    random.shuffle(examples)
    faults = cycle([pair for pair in examples if pair[1].is_fault])
    look_alikes = cycle([pair for pair in examples if not pair[1].is_fault])
    damages = cycle(DAMAGE)
    for number in range(count):
        wanted = [next(faults) for _ in range(random.randint(1, 3))]
        wanted += [next(look_alikes) for _ in range(random.randint(1, 4))]
        filler = Filler(random, versions)
        blocks = _choose_blocks(wanted, filler, random)
        cells, expected = _arrange(blocks, _write_fillers(blocks, filler, random), random)
        notebook = make_notebook(cells, [block.options for block in blocks], random)
        yield _finish(notebook, blocks, expected, next(damages) if number % 4 == 3 and areas is COLAB else None, random)


def _choose_blocks(wanted: list[tuple[Kind, Example]], filler: Filler, random: Random) -> list[Block]:
    """Those that can be in one notebook; of each kind one."""
    blocks: list[Block] = []
    for kind, example in wanted:
        if all(can_be_together(example.options, block.options) and kind.name != block.kind for block in blocks):
            blocks.append(fill_example(kind.name, kind.codes, example, filler, random))
    return random.sample(blocks, len(blocks))


def _write_fillers(blocks: list[Block], filler: Filler, random: Random) -> list[list[Json]]:
    """Groups of harmless cells, to stand between the blocks."""
    kinds = {kind.name: kind.examples for kind in read_kinds("fillers")}
    needs_plain = any("plain" in block.options for block in blocks)
    usable = [*kinds["plain"], *([] if needs_plain else kinds["other"])]
    if any(is_foreign(block.options) for block in blocks):
        usable = []
    with_prose = random.random() < 0.8
    groups: list[list[Json]] = []
    for example in random.sample(usable, random.randint(2, 6) if usable else 0):
        group = [random.choice(kinds["prose"])] if with_prose else []
        if not groups and not needs_plain and random.random() < 0.6:
            group.append(random.choice(kinds["first"]))
        if needs_plain or all(can_be_together(example.options, block.options) for block in blocks):
            group.append(example)
        groups.append([cell for one in group for cell in fill_example("", (), one, filler, random).cells])
    return groups


def _arrange(blocks: list[Block], fillers: list[list[Json]], random: Random) -> tuple[list[Json], list[Expected]]:
    """All cells in their order, and where the faults are."""
    places = sorted(random.choices(range(len(fillers) + 1), k=len(blocks)))
    badges = [block.options["badge"] for block in blocks if "badge" in block.options]
    cells = [make_badge(badges[0], random)] if badges else []
    expected = []
    for position in range(len(fillers) + 1):
        for block, place in zip(blocks, places, strict=True):
            if place == position:
                if block.example.is_fault:
                    expected.append(Expected(block.kind, block.codes, _place_of(block, len(cells))))
                cells += block.cells
        cells += fillers[position] if position < len(fillers) else []
    return cells, expected


def _place_of(block: Block, cells_above: int) -> int:
    if "anywhere" in block.options:
        return 0
    return cells_above + block.fault + 1 if block.cells else 1


def _finish(
    notebook: Json, blocks: list[Block], expected: list[Expected], damage: DamageKind | None, random: Random
) -> Planted:
    """The notebook as a file, with one of the faults that files can have."""
    look_alikes = [block.kind for block in blocks if not block.example.is_fault]
    files = tuple(name for block in blocks for name in block.files)
    content: Json | str = notebook
    if damage and not any(is_foreign(block.options) for block in blocks):
        way = random.choice(damage.ways)
        content = way.change(notebook, random)
        if not way.is_fault:
            look_alikes.append(damage.name)
        elif isinstance(content, str):  # nothing else is found in what cannot be read
            return Planted(content, (Expected(damage.name, damage.codes, 0),), (), files)
        else:
            expected = [*expected, Expected(damage.name, damage.codes, 0)]
    expected += _find_outputs(notebook if isinstance(content, str) else content)
    text = content if isinstance(content, str) else write_json(content, random)
    return Planted(text, tuple(expected), tuple(look_alikes), files)


def _find_outputs(notebook: Json) -> list[Expected]:
    cells = notebook.get("cells") or []
    has_outputs = any(cell.get("outputs") or cell.get("execution_count") is not None for cell in cells)
    return [Expected("saved outputs", ("CS105",), 0)] if has_outputs else []
