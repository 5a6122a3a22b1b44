"""Examples with their words filled in, and which of them can be in one notebook."""

from random import Random
from typing import NamedTuple

from tools.corpus.damage import Json
from tools.corpus.templates import CellTemplate, Example, Filler, Options

_FOREIGN = ("swift", "xcpp", "ir")
"""Kernels of other languages."""


class Block(NamedTuple):
    """An example as cells of a notebook."""

    kind: str
    codes: tuple[str, ...]
    example: Example
    cells: list[Json]
    fault: int
    """The index of the cell that is at fault."""
    files: tuple[str, ...]
    """Names of the files beside the notebook."""

    @property
    def options(self) -> Options:
        return self.example.options


def fill_example(kind: str, codes: tuple[str, ...], example: Example, filler: Filler, random: Random) -> Block:
    """The example's cells, in words that no other example of the notebook uses."""
    filling = filler.start()
    cells = [_make_cell(cell, filling.fill(cell.source), example.options, random) for cell in example.cells]
    here = [index for index, cell in enumerate(example.cells) if "here" in cell.options]
    files = tuple(filling.fill(name) for name in example.options.words("files"))
    return Block(kind, codes, example, cells, here[0] if here else 0, files)


def _make_cell(template: CellTemplate, source: str, options: Options, random: Random) -> Json:
    if "text" in template.options:
        return {"cell_type": "markdown", "metadata": {}, "source": source}
    tags = [*template.options.words("tags"), *options.words("tags")]
    if not source.startswith("%%") and "alone" not in options:
        source = _vary(source, random)
    metadata = {"tags": tags} if tags else {}
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def _vary(source: str, random: Random) -> str:
    comment = random.choice(("# the next step", "# 第一步", "#@title Step", "# TODO: tidy up", "# ---"))
    return random.choice((source, source, source, f"{source}\n", f"{comment}\n{source}", f"\n{source}"))


def can_be_together(one: Options, other: Options) -> bool:
    """Whether neither hides or cures the fault of the other."""
    return _tolerates(one, other) and _tolerates(other, one)


def _tolerates(one: Options, other: Options) -> bool:
    if one.words("avoids") & other.words("traits") or ("gpu" in one.words("avoids") and "gpu" in other):
        return False
    if "badge" in other and ("badge" in one or "badge" in one.words("avoids")):
        return False
    return not is_foreign(one) and "plain" not in one


def is_foreign(options: Options) -> bool:
    """Whether the notebook is of another language than Python."""
    return options.get("kernel") in _FOREIGN
