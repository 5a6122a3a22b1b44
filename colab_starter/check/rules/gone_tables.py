"""The tables of names that libraries have dropped: one JSON file a library, made by ``tools/gone_names.py``."""

import json
import re
from collections.abc import Mapping, Set
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from packaging.version import Version

_FOLDER = Path(__file__).with_name("data") / "gone"


class Entry(NamedTuple):
    """A call, an argument or a value that fails, though no name or signature shows it."""

    call: re.Pattern[str]
    """What the whole name of the called function looks like."""
    argument: str
    """Empty where every call fails."""
    values: frozenset[str]
    """Empty where any value fails."""
    position: int
    """Of the argument among those without a name; -1 where it always has one."""
    instead: str


class Table(NamedTuple):
    """What one version of a library no longer has."""

    package: str
    named: str
    """The library as people call it: ``NumPy``."""
    version: str
    names: Set[str]
    arguments: Mapping[str, Set[str]]
    """A function or class -> the arguments that it no longer takes."""
    methods: Mapping[str, Set[str]]
    """The name of a method -> the classes that had it."""
    argument_names: Set[str]
    """The names of all arguments that some function no longer takes."""
    entries: tuple[Entry, ...]
    instead: Mapping[str, str]
    """A name, or ``name(argument=)`` -> what to write in its place, where that is known."""
    prefixes: Mapping[str, str]
    """The beginning of names -> the same for all of them."""

    def instead_of(self, name: str) -> str:
        """What to write for a name; empty where that is not known."""
        known = [advice for prefix, advice in self.prefixes.items() if name.startswith(prefix)]
        return self.instead.get(name) or next(iter(known), "")


@cache
def libraries() -> frozenset[str]:
    """The modules of which there is a table."""
    return frozenset(path.stem for path in _FOLDER.glob("*.json"))


@cache
def package_of(library: str) -> str:
    """The package on PyPI that the library is installed by."""
    return str(_read(library)["package"])


@cache
def load_table(library: str, version: str) -> Table:
    """What that version of a library no longer has, for a library out of ``libraries()``."""
    content = _read(library)
    names = _gone_by(content["names"], version)
    arguments: dict[str, set[str]] = {}
    for path in _gone_by(content.get("arguments", {}), version):
        function, _, argument = path.rpartition(".")
        arguments.setdefault(function, set()).add(argument)
    methods: dict[str, set[str]] = {}
    for name in names:
        owner, _, last = name.rpartition(".")
        if owner.rpartition(".")[2][:1].isupper():
            methods.setdefault(last, set()).add(owner)
    entries = tuple(_read_entry(one) for one in content["entries"] if Version(one["since"]) <= Version(version))
    taken = {argument for gone in arguments.values() for argument in gone}
    taken |= {entry.argument for entry in entries if not entry.values}
    advice = content["instead"], content["prefixes"]
    return Table(content["package"], content["named"], version, names, arguments, methods, taken, entries, *advice)


@cache
def _read(library: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_FOLDER / f"{library}.json").read_text(encoding="utf-8"))
    return content


def _gone_by(since: Mapping[str, Mapping[str, str]], version: str) -> set[str]:
    return {
        f"{parent}.{name}"
        for first, parents in since.items()
        if Version(first) <= Version(version)
        for parent, names in parents.items()
        for name in names.split()
    }


def _read_entry(one: Mapping[str, Any]) -> Entry:
    values = frozenset(one.get("values", ()))
    return Entry(re.compile(one["call"]), one["argument"], values, one.get("position", -1), one.get("instead", ""))
