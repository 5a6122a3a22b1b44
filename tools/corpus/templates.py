"""Text files of cells with placeholders: what faults and their harmless look-alikes can look like.

A file has kinds (``=== name: rules that should find it``), each with examples (``--- fault`` or ``--- right``, and
options), each with cells (``~~~`` and options between them). ``$name`` is replaced by a word from a pool, the same one
within an example; ``$$`` is a dollar sign; ``«a|b»`` is one of the choices.
"""

import re
import string
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

FOLDER = Path(__file__).parent / "kinds"
_CHOICE = re.compile("«([^«»]*)»")
_NAME = re.compile(r"\$(\$|now_\w+|[A-Za-z]+\d*)")
_POOLS = {
    "x": "x values a result items numbers xs arr out tmp",
    "y": "y target b second ys other res labels_",
    "X": "X features inputs data_X",
    "n": "2 3 5 7 10 12 20 32",
    "day": "1 9 17 28",
    "steps": "steps epochs n_steps rounds",
    "Optimizer": "Adam SGD RMSprop",
    "lr": "lr learning_rate rate eta",
    "float": "0.1 0.01 1e-3 0.5",
    "df": "df frame table sales data_df train_df",
    "data": "data dataset uploaded raw d",
    "name": "name fn item entry who f_name",
    "key": "key api_key token secret my_key",
    "width": "width w screen",
    "folder": "folder path_ root DATA_DIR base",
    "path": "path where target_dir",
    "image": "image img frame picture im",
    "model": "model net clf m estimator",
    "Model": "Model Net Encoder Player Account",
    "topic": "digits flowers weather prices reviews cats music galaxies proteins maps",
    "Topic": "Digits Flowers Weather Prices Setup Data",
    "p1": "catboost papermill py7zr rarfile kaleido",
    "p2": "seqeval pydicom rouge_score pyvista lifelines pingouin",
}
_SIGNS = {"letters": string.ascii_letters + string.digits, "capitals": string.ascii_uppercase + string.digits}
_SIGNS["hex"] = "0123456789abcdef"


_SHARED = frozenset(("n", "day", "Optimizer", "float", "topic", "Topic"))
"""Pools whose words may appear twice in a notebook."""


class Options(dict[str, str]):
    """``gpu``, ``traits=a,b`` and the like."""

    def words(self, name: str) -> frozenset[str]:
        return frozenset(filter(None, self.get(name, "").split(",")))


class CellTemplate(NamedTuple):
    """One cell; the options are ``text``, ``here`` (the fault) and ``tags``."""

    source: str
    options: Options


class Example(NamedTuple):
    """Cells that have a fault, or look as if they had."""

    cells: tuple[CellTemplate, ...]
    options: Options
    is_fault: bool


class Kind(NamedTuple):
    """A kind of fault."""

    name: str
    codes: tuple[str, ...]
    """The rules of which one should find it."""
    examples: tuple[Example, ...]


@cache
def read_kinds(name: str) -> tuple[Kind, ...]:
    """The kinds in a file of the folder ``kinds``."""
    blocks = re.split(r"^=== ", (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return tuple(_read_kind(block) for block in blocks[1:])


def _read_kind(block: str) -> Kind:
    title, *examples = re.split(r"^--- ", block, flags=re.MULTILINE)
    name, _, codes = title.strip().partition(": ")
    return Kind(name, tuple(codes.split()), tuple(_read_example(example) for example in examples))


def _read_example(text: str) -> Example:
    heading, _, body = text.partition("\n")
    sort, *options = heading.split()
    parts = re.split(r"^~~~(.*)\n", body, flags=re.MULTILINE)
    cells = [CellTemplate(parts[0].strip("\n"), Options())] if parts[0].strip() else []
    cells += [
        CellTemplate(source.strip("\n"), _read_options(line.split()))
        for line, source in zip(parts[1::2], parts[2::2], strict=True)
    ]
    found = _read_options(options)
    found["traits"] = ",".join([*found.words("traits"), *_traits_of(body, cells)])
    return Example(tuple(cells), found, sort == "fault")


def _traits_of(source: str, cells: list[CellTemplate]) -> list[str]:
    """What an example does to others that its options need not say."""
    imports_keras = re.search(r"^\s*(?:import|from) (?:tensorflow\.)?keras\b", source, re.MULTILINE)
    has_parameters = any("parameters" in cell.options.words("tags") for cell in cells)
    return ["keras"] * bool(imports_keras) + ["parameters"] * has_parameters


def _read_options(words: list[str]) -> Options:
    return Options((name, value) for name, _, value in (word.partition("=") for word in words))


class Filler:
    """Fills the placeholders of one notebook; names that it chose for one example are not given to another."""

    def __init__(self, random: Random, versions: Mapping[str, str]) -> None:
        self._random = random
        self._versions = versions
        self._taken: set[str] = set()

    def start(self) -> "Filling":
        return Filling(self._random, self._versions, self._taken)


class Filling:
    """Fills the placeholders of one example; a name means the same in all of its cells."""

    def __init__(self, random: Random, versions: Mapping[str, str], taken: set[str]) -> None:
        self._random = random
        self._versions = versions
        self._taken = taken
        self._chosen: dict[str, str] = {}

    def fill(self, text: str) -> str:
        chosen = _CHOICE.sub(lambda match: self._random.choice(match[1].split("|")), text)
        return _NAME.sub(lambda match: self._replace(match[1]), chosen)

    def _replace(self, name: str) -> str:
        if name == "$":
            return "$"
        if name.startswith("now_"):
            return self._versions[name.removeprefix("now_")]
        known = [prefix for prefix in (*_POOLS, "word", *_secret_names()) if name.startswith(prefix)]
        if not known:
            return f"${name}"
        longest = max(known, key=len)
        if longest not in self._chosen:
            self._chosen[longest] = self._choose(longest)
        return self._chosen[longest] + name.removeprefix(longest)

    def _choose(self, name: str) -> str:
        if name == "word":
            return "".join(self._random.choices(string.ascii_lowercase, k=5))
        signs = name.rstrip(string.digits)
        if signs in _SIGNS:
            return "".join(self._random.choices(_SIGNS[signs], k=int(name.removeprefix(signs))))
        words = _POOLS[name].split()
        if name in _SHARED:
            return self._random.choice(words)
        free = [word for word in words if word not in self._taken]
        word = self._random.choice(free or [f"{word}{number}" for word in words for number in range(2, 9)])
        self._taken.add(word)
        return word


def _secret_names() -> Iterator[str]:
    yield from (f"{signs}{length}" for signs in _SIGNS for length in (16, 20, 32, 34, 35, 36, 40, 48))
