"""The lines of a ledger in a file: append-only, and only while nothing else changes the file."""

import codecs
import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from colab_starter.errors import SweepLostError
from colab_starter.files import open_itself, write_whole
from colab_starter.run.space import check_room

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
"""The byte order marks that editors write, longest first, and their encodings."""


class Journal(Protocol):
    """An append-only sequence of lines."""

    @property
    def path(self) -> Path | str:
        """Where the lines are, for messages."""

    def read(self) -> list[bytes]:
        """All lines; empty if there is no journal yet."""

    def append(self, *lines: bytes) -> None:
        """Append lines; they are safe when this returns. Raises OSError or LedgerWriteError if they were not added."""

    def check(self) -> None:
        """Raise LedgerWriteError if nothing may be added any more. Must be quick: it is called all the time."""

    def check_room(self) -> None:
        """Raise OSError if there is hardly any space left."""

    def close(self) -> None:
        """Close the journal; nothing will be added any more. May be called twice."""


class JournalFile:
    """Lines in a file."""

    def __init__(self, path: Path, check_lock: Callable[[], None] = lambda: None) -> None:
        """``check_lock`` raises LedgerWriteError if this process no longer holds the sweep."""
        self._path = path
        self._check_lock = check_lock
        self._handle: int | None = None
        self._size: int | None = None
        """The size of the file when we last wrote to it."""
        self._read: int | None = None
        """The hash of what we read before we first wrote to it."""
        self._has_inodes = True
        """Whether inode numbers are stable; on some network drives they change every time."""

    @property
    def path(self) -> Path:
        return self._path

    def read(self) -> list[bytes]:
        """The lines, without one that a crash left incomplete; empty if there is no file yet."""
        content = self._read_file()
        self._read = hash(content)
        return split_lines(content)

    def check(self) -> None:
        """Raise SweepLostError if the file is not the same, or not as long, as we left it."""
        self._check_lock()
        if self._handle is None:
            return
        ours = os.fstat(self._handle)
        try:
            found = self._path.stat()
        except OSError:
            self._give_up()
        is_other = self._has_inodes and not os.path.samestat(found, ours)
        if is_other or not found.st_size == ours.st_size == self._size:
            self._give_up()

    def append(self, *lines: bytes) -> None:
        """Append lines. When this returns they are on the disk; if it raises, none of them is in the file."""
        self._append(lines, is_urgent=True)

    def append_soon(self, *lines: bytes) -> None:
        """Append lines that are on the disk when ``append`` returns the next time, with or without lines of its own.

        Until then a crash of the machine may take them, but the death of this process does not.
        """
        self._append(lines, is_urgent=False)

    def _append(self, lines: Sequence[bytes], *, is_urgent: bool) -> None:
        if self._handle is None:
            self._check_lock()
            self._handle = self._open()
        self.check()
        assert self._size is not None
        content = b"".join(line + b"\n" for line in lines)
        try:
            _write_all(self._handle, content)
            if is_urgent:
                os.fsync(self._handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, self._size)
            raise
        self._size += len(content)
        self.check()

    def check_room(self) -> None:
        check_room(self._path.parent)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle = self._size = self._read = None

    def _read_file(self) -> bytes:
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise OSError(errno.EINVAL, "it is not a file", str(self._path))
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def _open(self) -> int:
        """A descriptor at the end of the last complete line; the rest of the file is cut off."""
        content = self._read_file()
        if self._read not in (None, hash(content)):
            self._give_up()
        if _find_encoding(content):
            content = self._convert(content)
        handle = open_itself(self._path, os.O_RDWR | os.O_CREAT)
        self._size = content.rfind(b"\n") + 1
        os.ftruncate(handle, self._size)
        self._has_inodes = os.path.samestat(os.fstat(handle), self._path.stat())
        return handle

    def _convert(self, content: bytes) -> bytes:
        """Rewrite the file in UTF-8, so that it can be appended to; the original is kept beside it."""
        write_whole(self._path.with_name(f"{self._path.name}.damaged"), content)
        converted = b"".join(line + b"\n" for line in split_lines(content))
        write_whole(self._path, converted)
        return converted

    def _give_up(self) -> NoReturn:
        raise SweepLostError(
            f"{self._path} was replaced, moved or changed by something else meanwhile, so the sweep has ended; "
            "the same command resumes: what has ended is kept"
        )


class Copy:
    """Lines in memory: those of a journal, and those that would be appended."""

    def __init__(self, journal: Journal) -> None:
        self.path = journal.path
        self.lines = journal.read()

    def read(self) -> list[bytes]:
        return list(self.lines)

    def append(self, *lines: bytes) -> None:
        self.lines += lines

    def check(self) -> None:
        """Do nothing: no other process can change it."""

    def check_room(self) -> None:
        """Do nothing: it takes no space on the disk."""

    def close(self) -> None:
        """Do nothing."""


def split_lines(content: bytes) -> list[bytes]:
    """The complete lines of a ledger in UTF-8, whatever encoding an editor saved it in."""
    if encoding := _find_encoding(content):
        content = content.decode(encoding, errors="replace").encode("utf-8", errors="replace")
    return content.split(b"\n")[:-1]


def _find_encoding(content: bytes) -> str:
    """The encoding given by the file's byte order mark; empty if it has none, as it should."""
    return next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "")


def _write_all(handle: int, content: bytes) -> None:
    os.lseek(handle, 0, os.SEEK_END)
    while content:
        content = content[os.write(handle, content) :]
