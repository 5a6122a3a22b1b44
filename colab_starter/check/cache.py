"""The findings of notebooks that have not changed, kept from one ``check`` to the next.

An entry is a small file, named after a hash of the notebook's content and of all that the verdict depends on; so two
commands may use the cache at the same time, and nothing in it is ever out of date. Whatever goes wrong with the cache
(a home that cannot be written, a full disk, a damaged entry) costs time and nothing else.
"""

import json
import os
import sys
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import colab_starter
from colab_starter.check.findings import Finding
from colab_starter.check.surroundings import SURROUNDINGS

MOST_ENTRIES = 20_000
"""Of a few hundred bytes each, mostly less than a block of the disk."""
LONGEST_UNUSED = 30 * 24 * 3600.0
"""Seconds after which an entry that nobody asked for is removed."""
_PRUNED_EVERY = 24 * 3600.0
_USED_AGAIN = 24 * 3600.0
"""An entry's time of use is only written down if the last one is longer ago than that."""


class Entry(NamedTuple):
    """What is known about a notebook."""

    findings: list[Finding]
    lines: list[int] | None
    """The line of the file for each finding; None if that was not worked out."""


class Cache:
    """Entries for one set of rules, one runtime and one version of colab-starter."""

    def __init__(self, folder: Path, settings: Iterable[str]) -> None:
        """``settings`` are all choices of the user's that findings depend on."""
        self._folder = folder
        self._settings = "\0".join((describe_program(), *settings)).encode()

    def name_entry(self, content: bytes) -> str:
        """The key for a notebook with this content."""
        key = blake2b(content, digest_size=20)
        key.update(self._settings)
        return key.hexdigest()

    def read(self, key: str, path: Path) -> Entry | None:
        """What is known about the notebook; None if it is not known, or if its surroundings have changed."""
        place = self._place(key)
        try:
            with open(place, "rb") as file:
                changed = os.fstat(file.fileno()).st_mtime
                content = _parse(file.read())
            looks, findings, lines = content
            if any(self._describe(name, path) != state for name, state in looks.items()):
                return None
            entry = Entry([Finding(str(path), *values) for values in findings], lines)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if time.time() - changed > _USED_AGAIN:
            with suppress(OSError):
                os.utime(place)
        return entry

    def write(self, key: str, path: Path, entry: Entry, looks: Iterable[str]) -> None:
        """Remember what the rules said."""
        states = {name: self._describe(name, path) for name in looks}
        findings = [finding[1:] for finding in entry.findings]
        raw = json.dumps([states, findings, entry.lines]).encode()
        place = self._place(key)
        temporary = f"{place}.{token_hex(4)}"
        with suppress(OSError):
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)  # messages quote the notebook
            with open(temporary, "wb") as file:
                file.write(b"%08x" % zlib.crc32(raw) + raw)
            os.replace(temporary, place)

    def prune(self) -> None:
        """Remove what has not been used for a month, and the oldest of too many entries; at most once a day."""
        now = time.time()
        stamp = self._folder / "pruned"
        with suppress(OSError):
            if stamp.exists() and now - stamp.stat().st_mtime < _PRUNED_EVERY:
                return
            stamp.touch()
            entries = sorted(
                ((entry.stat().st_mtime, entry.path) for entry in _list_entries(self._folder)), reverse=True
            )
            for number, (used, path) in enumerate(entries):
                if number >= MOST_ENTRIES or now - used > LONGEST_UNUSED:
                    with suppress(OSError):
                        os.unlink(path)

    def _place(self, key: str) -> str:
        return os.path.join(self._folder, key[:2], key[2:])

    @staticmethod
    def _describe(name: str, path: Path) -> str:
        """A hash of what a rule sees around the notebook."""
        return blake2b(repr(SURROUNDINGS[name](path)).encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def _parse(raw: bytes) -> tuple[dict[str, str], list[list[Any]], list[int] | None]:
    if int(raw[:8], 16) != zlib.crc32(raw[8:]):
        raise ValueError("a damaged entry")
    looks, findings, lines = json.loads(raw[8:])
    return looks, findings, lines


def _list_entries(folder: Path) -> list["os.DirEntry[str]"]:
    folders = [entry.path for entry in os.scandir(folder) if entry.is_dir() and len(entry.name) == 2]
    return [entry for inner in folders for entry in os.scandir(inner)]


def describe_program() -> str:
    """Changes with the version of colab-starter, with any of its files that make findings, and with Python."""
    package = Path(colab_starter.__file__).parent
    files = [
        f"{path} {(status := os.stat(path)).st_size} {status.st_mtime_ns}"
        for top in ("check", "notebook", "runtimes")
        for folder, _, names in os.walk(package / top)
        for path in (os.path.join(folder, name) for name in names if not name.endswith(".pyc"))
    ]
    files += [f"{path.name} {path.stat().st_mtime_ns}" for path in package.glob("*.py")]
    return "\n".join((colab_starter.__version__, sys.version, *sorted(files)))
