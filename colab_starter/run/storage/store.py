"""A sweep's folder, wherever it is, as the runner needs it."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from colab_starter.files import write_whole
from colab_starter.run.ledger.journal import Journal, JournalFile
from colab_starter.run.ledger.ledger import FILE_NAME, Ledger
from colab_starter.run.ledger.lock import SweepLock
from colab_starter.run.ledger.series import FILE_NAME as SERIES
from colab_starter.run.ledger.series import SeriesFile
from colab_starter.run.sweep.runs import make_folder

if TYPE_CHECKING:
    from colab_starter.run.storage.objects import Objects

CLOCKS = 2.0
"""Seconds by which a disk's clock may differ from this machine's."""


def is_final(notebook: str) -> bool:
    """Whether a notebook's name says that its run has ended."""
    return notebook.endswith(".ipynb") and not notebook.endswith(".partial.ipynb") and not notebook.startswith(".")


class Lock(Protocol):
    """Ensures one coordinator per sweep."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that processes which may still write to the sweep keep open."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Publishing(NamedTuple):
    """What is needed to publish finished runs to a store."""

    objects: "Objects"
    check: Callable[[], None]
    """Raises LedgerWriteError if this process may no longer write to the store."""


class Store(ABC):
    """Files by their names relative to the sweep's folder. Every failure raises OSError with a ``strerror``."""

    folder: Path
    """Where runs are executed on this machine: the store itself, or a private folder whose runs are published."""
    is_remote: bool
    is_of_this_process = False
    """Whether it is private to this process."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The path or the address."""

    def show(self, name: str = "") -> str:
        """The path or address of a file in it, for display."""
        return f"{self.name}/{name}".rstrip("/")

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A file's content. Raises FileNotFoundError if there is none."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Replace a file by the content in one step."""

    @abstractmethod
    def list_folders(self) -> list[str]:
        """The names of the folders in it; empty if it does not exist."""

    @abstractmethod
    def list_notebooks(self, folder: str) -> list[str]:
        """The names, relative to the sweep's folder, of the executed notebooks of runs that have ended."""

    @abstractmethod
    def find_missing(self, notebooks: Iterable[str]) -> set[str]:
        """Which of the executed notebooks no longer exist."""

    def is_newer(self, name: str, moment: datetime) -> bool:
        """Whether a file was written after a moment, as far as that is known."""
        return False

    @abstractmethod
    def rename(self, folder: str, name: str) -> None:
        """Rename a folder. Needs the lock."""

    @abstractmethod
    def lock(self) -> Lock:
        """Lock the sweep for this process. Raises SweepBusyError if another process has it, and NoRunsFolderError."""

    @abstractmethod
    def open_journal(self) -> Journal:
        """The ledger's lines. Appending needs the lock."""

    @abstractmethod
    def open_series(self) -> SeriesFile:
        """The values with steps. Adding needs the lock."""

    def keep_source(self, snapshot: Path) -> None:  # noqa: B027 - folders need none
        """Keep the snapshot of the notebook that is in ``folder``. Needs the lock."""

    def publish_left(self, ledger: Ledger) -> None:  # noqa: B027 - folders need none
        """Publish runs that an earlier coordinator did not publish before it ended. Needs the lock."""

    def remove_half_written(self, folder: str) -> None:  # noqa: B027 - folders need none
        """Remove the incomplete files in a folder whose writers were killed. Needs the lock."""

    def finish(self) -> None:  # noqa: B027 - folders need none
        """Keep the logs that the backend has left in ``folder``, once it is closed. Needs the lock."""

    @property
    def publishing(self) -> Publishing | None:
        """How runs that were executed in ``folder`` get to the store; None if they are already there.

        Needs the lock.
        """
        return None


class LocalStore(Store):
    """A folder on a local disk."""

    is_remote = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: SweepLock | None = None

    @property
    def name(self) -> str:
        return str(self.folder)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        write_whole(self.folder / name, content)

    def list_folders(self) -> list[str]:
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return []

    def list_notebooks(self, folder: str) -> list[str]:
        names = sorted(path.name for path in (self.folder / folder).glob("*.ipynb") if is_final(path.name))
        return [f"{folder}/{name}" for name in names]

    def find_missing(self, notebooks: Iterable[str]) -> set[str]:
        return {name for name in notebooks if not os.path.isfile(f"{self.folder}/{name}")}

    def is_newer(self, name: str, moment: datetime) -> bool:
        try:
            return (self.folder / name).stat().st_mtime > moment.timestamp() + CLOCKS
        except FileNotFoundError:
            return False

    def rename(self, folder: str, name: str) -> None:
        (self.folder / folder).rename(self.folder / name)

    def lock(self) -> Lock:
        make_folder(self.folder)
        self._lock = SweepLock(self.folder)
        return self._lock

    def open_journal(self) -> Journal:
        return self._open(FILE_NAME)

    def open_series(self) -> SeriesFile:
        return SeriesFile(self._open(SERIES))

    def _open(self, name: str) -> JournalFile:
        path = self.folder / name
        return JournalFile(path, self._lock.check) if self._lock else JournalFile(path)

    def remove_half_written(self, folder: str) -> None:
        for name in (".*.ipynb.*", ".*.csv.*"):  # as colab_starter.files names them
            for path in (self.folder / folder).glob(name):
                path.unlink(missing_ok=True)
