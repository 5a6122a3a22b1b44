"""A sweep's folder, wherever it is: what the runner needs of it."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from colab_starter.files import write_whole
from colab_starter.run.backends import Backend
from colab_starter.run.ledger import FILE_NAME, Journal, JournalFile, Ledger
from colab_starter.run.lock import SweepLock
from colab_starter.run.runs import make_folder


class Lock(Protocol):
    """One coordinator a sweep."""

    descriptor: int
    """Processes that may still write to the sweep keep it open."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Store(ABC):
    """Files by their names relative to the sweep's folder. Whatever fails raises OSError, with a ``strerror``."""

    folder: Path
    """Where runs are executed on this machine: the store itself, or a private folder whose runs are published."""
    is_remote: bool
    is_of_this_process = False
    """Whether no other process can see it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The path or the address."""

    def show(self, name: str = "") -> str:
        """A file of it, for people."""
        return f"{self.name}/{name}".rstrip("/")

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A file's content. Raises FileNotFoundError where there is none."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Put the content in the file's place in one step."""

    @abstractmethod
    def lock(self) -> Lock:
        """Take the sweep for this process. Raises SweepBusyError where somebody else works on it, NoRunsFolderError."""

    @abstractmethod
    def open_journal(self) -> Journal:
        """The ledger's lines. To append some, the lock must be held."""

    def keep_source(self, snapshot: Path) -> None:  # noqa: B027 - folders need none
        """Keep the notebook as it is in ``folder``. Needs the lock."""

    def publish_left(self, ledger: Ledger) -> None:  # noqa: B027 - folders need none
        """Publish what was finished when an earlier coordinator ended before it could do so. Needs the lock."""

    def remove_half_written(self, folder: str) -> None:  # noqa: B027 - folders need none
        """Remove files of a folder that were being written when everything was killed. Needs the lock."""

    def finish(self) -> None:  # noqa: B027 - folders need none
        """Keep what the backend has left in ``folder``, logs, once it is closed. Needs the lock."""

    def wrap(self, backend: Backend) -> Backend:
        """The backend, so that what it executes in ``folder`` comes to the store. Needs the lock."""
        return backend


class LocalStore(Store):
    """A folder on the disk."""

    is_remote = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return str(self.folder)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        write_whole(self.folder / name, content)

    def lock(self) -> Lock:
        make_folder(self.folder)
        return SweepLock(self.folder)

    def open_journal(self) -> Journal:
        return JournalFile(self.folder / FILE_NAME)

    def remove_half_written(self, folder: str) -> None:
        for name in (".*.ipynb.*", ".*.csv.*"):  # as colab_starter.files names them
            for path in (self.folder / folder).glob(name):
                path.unlink(missing_ok=True)
