"""Make the tables of names that libraries have dropped: ``colab_starter/check/rules/data/gone/*.json``.

``gone_names.toml`` says which versions of which libraries are compared, and what to write instead of what is gone.
The names of the old versions are read from their wheels (``public_names``). A name is gone if the newest versions,
installed in an environment of their own, do not have it (``gone_probe``); since when, the wheels between tell.

    python -m tools.gone_names ENVIRONMENT [LIBRARY ...]

ENVIRONMENT is a Python with the packages of the latest Colab runtime: ``colab-starter runtimes show latest
--constraints`` lists their versions for pip. Of a library that it cannot import, only those names are taken that the
list has a replacement for, and its table says so. WHEELS is a folder in which the wheels (1.5 GB) are kept.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from tools.public_names import Names, read_names

HERE = Path(__file__).parent
TABLES = HERE.parent / "colab_starter" / "check" / "rules" / "data" / "gone"
_LINUX = "1 2010 2014 _2_5 _2_12 _2_17 _2_24 _2_27 _2_28"
_MACOS = "10_7_x86_64 10_9_x86_64 10_15_x86_64 11_0_arm64 12_0_arm64 14_0_arm64"
_PLATFORMS = {
    "linux": [f"manylinux{name}_x86_64" for name in _LINUX.split()],
    "macosx": [f"macosx_{name}" for name in _MACOS.split()],
}


class Library(NamedTuple):
    """What is compared of one library, as ``gone_names.toml`` says."""

    package: str
    """On PyPI."""
    versions: dict[str, str]
    """From the oldest to that of the latest runtime, each with a Python that it has a wheel for."""
    roots: dict[str, str]
    depth: int = 1
    """How many dots the modules have whose names are compared."""
    without: tuple[str, ...] = ()
    facades: tuple[str, ...] = ()
    """Modules of one file whose imports are meant for others."""
    classes: tuple[str, ...] = ()
    """Modules or classes whose methods are compared; ``*`` for all."""
    named: str = ""
    """How people call it; as the package, where it is empty."""
    wheel_of: str = ""
    """The package whose wheels are read, where they are smaller and say the same."""
    system: str = "linux"
    """The system whose wheels are read: ``linux`` or ``macosx``, where they are smaller."""
    signatures: tuple[str, ...] = ("*",)
    """Functions and classes whose arguments are compared; ``*`` for all."""
    instead: dict[str, str] = {}  # noqa: RUF012
    """A name -> what to write."""
    prefixes: dict[str, str] = {}  # noqa: RUF012
    """The beginning of names -> what to write, where ``instead`` says nothing."""
    added: dict[str, str] = {}  # noqa: RUF012
    """Names that no wheel shows -> the version they are gone since."""
    entries: Sequence[dict[str, Any]] = ()
    """Arguments and values that no signature shows; each with a ``proof``, Python that fails because of it."""


class Ladder(NamedTuple):
    """The names of each version, from the oldest to the newest."""

    versions: list[str]
    names: list[Names]

    def since(self, has: Iterable[bool]) -> str:
        """The first version after the last one that has something."""
        last = max((index for index, one in enumerate(has) if one), default=-1)
        return self.versions[min(last + 1, len(self.versions) - 1)]


def read_libraries(path: Path = HERE / "gone_names.toml") -> dict[str, Library]:
    """The libraries of the list, by the name of the module that is imported."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: Library(
            **{**entry, "roots": entry.get("roots") or {name: name}, **_tuples(entry)},
        )
        for name, entry in content.items()
    }


def _tuples(entry: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(value) for key, value in entry.items() if isinstance(value, list) and key != "entries"}


def download(library: Library, folder: Path) -> list[Path]:
    """The wheels of all versions, in their order; those that are in the folder already are kept."""
    return [_download(library, version, folder) for version in library.versions]


def _download(library: Library, version: str, folder: Path) -> Path:
    package, python = library.wheel_of or library.package, library.versions[version]
    if found := _find_wheel(folder, package, version):
        return found
    abis = [f"cp{python}", f"cp{python}m", "abi3", "none"]
    options = [word for abi in abis for word in ("--abi", abi)]
    options += [word for name in _PLATFORMS[library.system] for word in ("--platform", name)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *options]
    subprocess.run([*pip, "--dest", folder, "--python-version", python, f"{package}=={version}"], check=True)
    found = _find_wheel(folder, package, version)
    if not found:
        raise SystemExit(f"pip downloaded no wheel of {package} {version}")
    return found


def _find_wheel(folder: Path, package: str, version: str) -> Path | None:
    wanted = (canonicalize_name(package), Version(version))
    return next((path for path in folder.glob("*.whl") if parse_wheel_filename(path.name)[:2] == wanted), None)


def compare(library: Library, wheels: list[Path], python: Path) -> dict[str, Any]:
    """The table of one library, as the JSON file has it."""
    wanted = {*library.classes, *library.signatures}

    def looks_into(name: str) -> bool:
        return "*" in wanted or name in wanted

    read = [
        read_names(wheel, library.roots, library.depth, library.without, looks_into, library.facades)
        for wheel in wheels
    ]
    ladder = Ladder(list(library.versions), read)
    answer = ask(python, _questions(library, ladder))
    names, arguments = _agree(library, ladder, answer)
    table = {
        "package": library.package,
        "named": library.named or library.package,
        "compared": ladder.versions,
        "imported": not answer["unknown"],
        "names": _by_version(
            names, lambda name: library.added.get(name) or ladder.since(_has(one, name) for one in read)
        ),
        "arguments": _arguments_by_version(arguments, ladder, names),
    }
    return table | _curated(library, table, set(answer["proofs"]))


def _agree(library: Library, ladder: Ladder, answer: dict[str, Any]) -> tuple[set[str], dict[str, set[str]]]:
    """What is gone from the newest wheel and from the environment: each may lack something for reasons of its own."""
    names, arguments = _compare_wheels(ladder)
    if answer["unknown"]:  # modules that make their names as they run would fill the table with what is there
        names &= library.instead.keys()
        known = {
            path: {name for name in gone if f"{path}({name}=)" in library.instead} for path, gone in arguments.items()
        }
        arguments = {path: gone for path, gone in known.items() if gone}
    else:
        members = {name for one in ladder.names[:-1] for name in one.members if not _has(ladder.names[-1], name)}
        names = (names | members | library.added.keys()) & set(answer["names"])
        asked = {path: set(gone) for path, gone in answer["arguments"].items()}
        asked |= {path: arguments.get(path, set()) for path in answer["placeholders"]}
        newest = ladder.names[-1].arguments
        arguments = {path: gone - newest.get(path, frozenset()) for path, gone in asked.items()}
    return _topmost(names), arguments


def _has(names: Names, name: str) -> bool:
    return name in names.modules or name in names.names or name in names.members


def _questions(library: Library, ladder: Ladder) -> dict[str, Any]:
    """What the environment is asked: every name, method and argument that an old version had."""
    old = ladder.names[:-1]
    modules = {name for one in old for name in one.modules}
    names = {name for one in old for name in one.names}
    members = {name for one in old for name in one.members if _is_wanted(name, library.classes)}
    arguments: dict[str, set[str]] = {}
    for one in old:
        for path, taken in one.arguments.items():
            if path.rpartition(".")[2][:1] != "_":
                arguments.setdefault(path, set()).update(name for name in taken if name[0] not in "_*")
    return {
        "names": sorted(modules | names | members | library.added.keys()),
        "arguments": {path: sorted(taken) for path, taken in arguments.items() if taken},
        "proofs": [entry["proof"] for entry in library.entries],
    }


def _is_wanted(member: str, classes: tuple[str, ...]) -> bool:
    return "*" in classes or member.rpartition(".")[0] in classes


def ask(python: Path, questions: dict[str, Any]) -> dict[str, Any]:
    """What ``gone_probe`` answers in that environment."""
    done = subprocess.run(
        [python, HERE / "gone_probe.py"], input=json.dumps(questions), text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the probe failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _compare_wheels(ladder: Ladder) -> tuple[set[str], dict[str, set[str]]]:
    """What is in a wheel of an old version, and not in that of the newest."""
    *old, new = ladder.names
    names = {name for one in old for name in (one.modules | one.names) if not _has(new, name)}
    arguments: dict[str, set[str]] = {}
    for one in old:
        for path, taken in one.arguments.items():
            now = new.arguments.get(path)
            if now is not None and "**" not in now and (gone := {*taken} - {*now, "**"}):
                arguments.setdefault(path, set()).update(name for name in gone if name[0] != "_")
    return names, arguments


def _topmost(names: set[str]) -> set[str]:
    """Without what lies in something that is gone as a whole."""
    return {name for name in names if not any(parent in names for parent in _parents(name))}


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _by_version(names: Iterable[str], since: Any) -> dict[str, dict[str, str]]:
    """Version -> parent -> the names in it that are gone since, in one line."""
    tree: dict[str, dict[str, list[str]]] = {}
    for name in sorted(names):
        parent, _, last = name.rpartition(".")
        tree.setdefault(since(name), {}).setdefault(parent, []).append(last)
    return {
        version: {parent: " ".join(lasts) for parent, lasts in sorted(tree[version].items())}
        for version in sorted(tree, key=Version)
    }


def _arguments_by_version(arguments: dict[str, set[str]], ladder: Ladder, gone: set[str]) -> dict[str, dict[str, str]]:
    there = {path: names for path, names in arguments.items() if not gone & {path, *_parents(path)}}
    paths = {f"{path}.{name}" for path, names in there.items() for name in names}

    def since(full: str) -> str:
        path, _, name = full.rpartition(".")
        return ladder.since({name, "**"} & one.arguments.get(path, frozenset()) != set() for one in ladder.names)

    return _by_version(paths, since)


def _curated(library: Library, table: dict[str, Any], failed: set[str]) -> dict[str, Any]:
    """The replacements, and what only the list knows. Raises SystemExit for an entry about what is not gone."""
    known = {f"{parent}.{name}" for tree in table["names"].values() for parent in tree for name in tree[parent].split()}
    known |= {
        f"{parent}({name}=)" for tree in table["arguments"].values() for parent in tree for name in tree[parent].split()
    }
    wrong = [name for name in {*library.instead, *library.added} if not known & {name, *_parents(name)}]
    wrong += [entry["proof"] for entry in library.entries if entry["proof"] not in failed]
    if wrong:
        raise SystemExit(f"{library.package}: not gone from {table['compared'][-1]}:\n  " + "\n  ".join(sorted(wrong)))
    newest = {"since": table["compared"][-1]}
    entries = [{key: value for key, value in (newest | entry).items() if key != "proof"} for entry in library.entries]
    return {"entries": entries, "instead": library.instead, "prefixes": library.prefixes}


def _count(tree: dict[str, dict[str, str]]) -> int:
    return sum(len(line.split()) for parents in tree.values() for line in parents.values())


def main(arguments: list[str]) -> None:
    gc.disable()  # syntax trees are many objects without cycles
    python, *wanted = arguments
    libraries = read_libraries()
    TABLES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("WHEELS", temporary))
        for name in wanted or libraries:
            wheels = download(libraries[name], folder)
            table = compare(libraries[name], wheels, Path(python))
            text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
            (TABLES / f"{name}.json").write_text(text, encoding="utf-8")
            names, taken = (_count(table[key]) for key in ("names", "arguments"))
            print(f"{name}: {names} names, {taken} arguments, {len(text) / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
