"""A sweep in an object store: runs are executed in a private folder on this machine, and published from there."""

import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from colab_starter.errors import SweepBusyError
from colab_starter.run.job import Job
from colab_starter.run.ledger.finished import find_finished
from colab_starter.run.ledger.journal import Journal
from colab_starter.run.ledger.ledger import Ledger
from colab_starter.run.ledger.lock import SweepLock
from colab_starter.run.ledger.series import FILE_NAME as SERIES
from colab_starter.run.ledger.series import SeriesFile
from colab_starter.run.outcome import DONE
from colab_starter.run.storage import journal as journals
from colab_starter.run.storage import lease as leases
from colab_starter.run.storage.journal import ObjectJournal
from colab_starter.run.storage.lease import Lease
from colab_starter.run.storage.objects import Objects
from colab_starter.run.storage.runs import publish_run
from colab_starter.run.storage.store import Lock, Publishing, Store, is_final


class RemoteLock:
    """The lock of the private folder, which waits for a killed coordinator's workers, and the store's lease."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        """Raises SweepBusyError and OSError."""
        try:
            self._local = SweepLock(folder)
        except SweepBusyError as error:
            raise SweepBusyError(str(error).replace(str(folder), objects.address, 1)) from None
        try:
            self.lease = Lease(objects)
        except BaseException:
            self._local.close()
            raise
        self.descriptors = self._local.descriptors

    def close(self) -> None:
        self.lease.release()
        self._local.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RemoteStore(Store):
    """A sweep's folder at an fsspec address."""

    is_remote = True

    def __init__(self, address: str) -> None:
        """Raises StoreAddressError."""
        self.objects = Objects(address)
        self.is_of_this_process = self.objects.is_of_this_process
        self.folder = _name_folder(self.objects.address)
        self._lease: Lease | None = None

    @property
    def name(self) -> str:
        return self.objects.address

    def read(self, name: str) -> bytes:
        return self.objects.read(name)

    def write(self, name: str, content: bytes) -> None:
        self.objects.write(name, content)

    def list_folders(self) -> list[str]:
        return sorted(self.objects.folders() - {leases.FOLDER, journals.FOLDER, journals.SERIES_FOLDER})

    def list_notebooks(self, folder: str) -> list[str]:
        names = [name.removeprefix(f"{folder}/") for name in self.objects.list(folder)]
        return [f"{folder}/{name}" for name in names if "/" not in name and is_final(name)]

    def find_missing(self, notebooks: Iterable[str]) -> set[str]:
        """The missing notebooks; those whose run's folder exists are assumed to exist, as checking each is too slow."""
        there = self.objects.folders()
        return {name for name in notebooks if name.partition("/")[0] not in there}

    def rename(self, folder: str, name: str) -> None:
        self.objects.move(folder, name)

    def lock(self) -> Lock:
        _make_private(self.folder)
        lock = RemoteLock(self.folder, self.objects)
        self._lease = lock.lease
        return lock

    def open_journal(self) -> Journal:
        return ObjectJournal(self.objects, self._lease)

    def open_series(self) -> SeriesFile:
        return SeriesFile(ObjectJournal(self.objects, self._lease, journals.SERIES_FOLDER, SERIES), interval=math.inf)

    def keep_source(self, snapshot: Path) -> None:
        content = snapshot.read_bytes()
        try:
            is_kept = self.read(snapshot.name) == content
        except FileNotFoundError:
            is_kept = False
        if not is_kept:
            self.write(snapshot.name, content)

    def publish_left(self, ledger: Ledger) -> None:
        """See ``Store``; also removes what unfinished runs left. Raises LedgerWriteError and OSError."""
        for folder in [path for path in self.folder.iterdir() if path.is_dir()]:
            for notebook in [path for path in folder.iterdir() if is_final(path.name)]:
                self._publish_left(notebook, ledger)
            shutil.rmtree(folder, ignore_errors=True)

    def _publish_left(self, notebook: Path, ledger: Ledger) -> None:
        """Publish a notebook that the ledger does not know, or knows less about, so that it is found in the store."""
        name = notebook.parent.name
        found, known = find_finished(notebook.read_bytes(), name, notebook.name), ledger.runs.get(name)
        if found is None or (known and (known.attempt > found.attempt or known.status in DONE)):
            return
        publish_run(self.objects, Job(name, found.attempt, "", str(notebook), {}, ""))
        if known and known.ended:
            ledger.write_found([found])

    def finish(self) -> None:
        with suppress(OSError):  # nothing depends on it
            self._keep_logs()

    def _keep_logs(self) -> None:
        for path in [path for path in self.folder.iterdir() if path.is_file() and not path.name.startswith(".")]:
            if path.suffix == ".log":
                self.write(path.name, path.read_bytes())
            path.unlink()

    @property
    def publishing(self) -> Publishing:
        assert self._lease
        return Publishing(self.objects, self._lease.check)


def _name_folder(address: str) -> Path:
    """The private folder for a store, always the same for this user, so that a sweep finds what the last one left."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"colab-starter-{os.getuid()}", digest)


def _make_private(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.parent.mkdir(mode=0o700)
    if folder.parent.stat().st_uid != os.getuid():
        raise PermissionError(1, "belongs to another user; set TMPDIR", str(folder.parent))
    folder.mkdir(mode=0o700, exist_ok=True)
