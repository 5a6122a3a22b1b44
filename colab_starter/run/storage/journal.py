"""The ledger, or the series, in a store: one object per record, because objects cannot be appended to.

``ledger/00000003/00000412.json`` is the 412th record that the third holder of the lease wrote. Every so often, the
holder writes all of its records to ``ledger/00000003.jsonl`` and removes them one by one: a record that is in both
counts once, by its number. No holder ever writes to another holder's objects. ``ledger.jsonl`` is a copy of the whole
ledger, made at the end, for people and for copies of the folder on a disk.
"""

import re
from collections import defaultdict
from contextlib import suppress

from colab_starter.errors import LedgerWriteError
from colab_starter.run.ledger.ledger import FILE_NAME
from colab_starter.run.storage.lease import Lease
from colab_starter.run.storage.objects import Objects

FOLDER = "ledger"
SERIES_FOLDER = "metrics"
FOLD = 200
"""The number of records after which they are combined into one object."""
_NAME = re.compile(r"[a-z]+/(\d+)(?:\.jsonl|/(\d+)\.json)")
_LOOKS = 5
"""How often the objects are listed again if some were folded while they were read."""


class ObjectJournal:
    """The lines of a ledger in a store. Appending requires the lease."""

    def __init__(
        self, objects: Objects, lease: Lease | None = None, folder: str = FOLDER, copy: str = FILE_NAME
    ) -> None:
        """``folder`` holds the records; ``copy`` is the name of the copy for people."""
        self.path = f"{objects.address}/{folder}"
        self._objects = objects
        self._lease = lease
        self._folder = folder
        self._copy = copy
        self._before: list[bytes] | None = None
        self._own: list[bytes] = []
        self._folded = 0

    def read(self) -> list[bytes]:
        lines = read_lines(self._objects, self._folder, self._copy)
        if not self._own:
            self._before = list(lines)
        return lines

    def append(self, *lines: bytes) -> None:
        """Append lines, one after another. When this returns they are in the store. Raises LedgerWriteError."""
        for line in lines:
            self._append(line)

    append_soon = append

    def _append(self, line: bytes) -> None:
        self.check()
        assert self._lease
        name = f"{self._folder}/{self._lease.number:08}/{len(self._own) + 1:08}.json"
        try:
            if not self._own:
                self._keep_first(self.read() if self._before is None else self._before)
            self._objects.write(name, line)
        except OSError as error:
            raise LedgerWriteError(
                f"{self.path} cannot be written ({error.strerror}); fix that, then give the same command again: "
                "what has ended is kept"
            ) from error
        self._own.append(line)
        if len(self._own) >= self._folded + FOLD:
            self._fold()

    def check(self) -> None:
        """Raise LedgerWriteError if the lease is lost."""
        if self._lease:
            self._lease.check()

    def check_room(self) -> None:
        """Do nothing: stores have space."""

    def close(self) -> None:
        if not self._own:
            return
        with suppress(OSError, LedgerWriteError):  # all records are there, one by one
            self._fold()
            self.check()
            self._objects.write(self._copy, _join([*(self._before or ()), *self._own]))

    def _fold(self) -> None:
        assert self._lease
        with suppress(OSError):  # they are removed next time
            self._objects.write(f"{self._folder}/{self._lease.number:08}.jsonl", _join(self._own))
            first, self._folded = self._folded, len(self._own)
            numbers = range(first + 1, self._folded + 1)
            self._objects.remove([f"{self._folder}/{self._lease.number:08}/{number:08}.json" for number in numbers])

    def _keep_first(self, before: list[bytes]) -> None:
        """Make the ledger of a folder that was copied from a disk the first holder's."""
        if before and not self._objects.list(self._folder):
            self._objects.write(f"{self._folder}/{0:08}.jsonl", _join(before))


def read_lines(objects: Objects, folder: str = FOLDER, copy: str = FILE_NAME) -> list[bytes]:
    """All records, in the order of writing. Raises OSError."""
    for _ in range(_LOOKS):
        with suppress(FileNotFoundError):  # folded while they were read
            return _read_lines(objects, folder, copy)
    return _read_lines(objects, folder, copy)


def _read_lines(objects: Objects, folder: str, copy: str) -> list[bytes]:
    names = [name for name in objects.list(folder) if _NAME.fullmatch(name)]
    if not names:
        return _read_copy(objects, copy)
    folded = objects.read_all([name for name in names if name.endswith(".jsonl")])
    lines = defaultdict(list, {_parse(name)[0]: _split(content) for name, content in folded.items()})
    single = [name for name in names if (place := _parse(name))[1] > len(lines[place[0]])]
    contents = objects.read_all(single)
    for name in sorted(single):
        lines[_parse(name)[0]].append(contents[name])
    return [line for holder in sorted(lines) for line in lines[holder]]


def _read_copy(objects: Objects, copy: str) -> list[bytes]:
    try:
        return _split(objects.read(copy))
    except FileNotFoundError:
        return []


def _parse(name: str) -> tuple[int, int]:
    """The holder's number and the record's; 0 for a folded object."""
    found = _NAME.fullmatch(name)
    assert found
    return int(found[1]), int(found[2] or 0)


def _join(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _split(content: bytes) -> list[bytes]:
    return content.split(b"\n")[:-1]
