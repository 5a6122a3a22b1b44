"""The objects of a store through fsspec: reading, writing and listing with retries."""

import errno
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from glob import has_magic
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from fsspec.core import url_to_fs
from fsspec.registry import known_implementations

from colab_starter.errors import StoreAddressError
from colab_starter.text import shorten

PATIENCE = 60.0
"""Seconds for which a failing operation is retried."""
LONGEST_PAUSE = 8.0
"""Seconds between two attempts; the first pauses are shorter."""
FILES_AT_ONCE = 32
"""How many files are sent together; if one of them fails, all of these are sent again."""
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""The extra of colab-starter that each protocol needs."""
_WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory"}
"""Stores in which an object appears under its name either complete or not at all."""
_PERMANENT = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
_PERMANENT_OF_BOTO = {"NoCredentialsError", "PartialCredentialsError", "ParamValidationError", "ProfileNotFound"}
_TIMES = ("LastModified", "mtime", "updated", "last_modified", "created")
"""The keys under which fsspec's various file systems report the time of the last change."""

T = TypeVar("T")


class Objects:
    """The objects under an address, by names relative to it. Every failure raises OSError with a ``strerror``.

    Transient failures are retried for PATIENCE seconds first: refused and broken connections, timeouts, server errors.
    Its methods may be called from several threads.
    """

    def __init__(self, address: str) -> None:
        """Prepare access to the store, which is not contacted yet. Raises StoreAddressError."""
        self.address = address.rstrip("/") if address.rpartition("://")[2].strip("/") else address
        self._fs, self._root = _open(self.address)
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._is_whole = bool(protocols & _WHOLE)
        self.is_of_this_process = "memory" in protocols

    def read(self, name: str) -> bytes:
        content: bytes = self._try(name, partial(self._fs.cat_file, self._path(name)))
        return content

    def read_all(self, names: Collection[str]) -> dict[str, bytes]:
        """Read several objects at once; their names must not contain fsspec's wildcard characters."""
        paths = {self._path(name): name for name in names}
        if not paths:
            return {}
        found: dict[str, bytes] = self._try("", partial(self._fs.cat, list(paths)))
        return {paths[path]: content for path, content in found.items()}

    def write(self, name: str, content: bytes) -> None:
        """Write an object atomically: readers see either the old or the complete new content."""
        self._try(name, partial(self._write_whole, self._path(name), content))

    def create(self, name: str, content: bytes) -> None:
        """Write a new object. Raises FileExistsError if there is one.

        This is as exclusive as the store allows: S3 and Google Cloud Storage are, others may let two succeed.
        """
        try:
            self._try(name, partial(self._create, self._path(name), content))
        except FileExistsError:
            if self.read(name) != content:  # otherwise an earlier attempt succeeded, but its answer was lost
                raise

    def put(self, files: Mapping[str, Path]) -> None:
        """Upload files: name -> path."""
        pairs = iter(files.items())
        while part := list(islice(pairs, FILES_AT_ONCE)):
            local = [str(path) for _, path in part]
            remote = [self._path(name) for name, _ in part]
            self._try(part[0][0], partial(self._fs.put, local, remote))

    def get(self, files: Mapping[str, Path]) -> None:
        """Download objects into files: name -> path. Their folders are made."""
        pairs = iter(files.items())
        while part := list(islice(pairs, FILES_AT_ONCE)):
            local = [str(path) for _, path in part]
            remote = [self._path(name) for name, _ in part]
            for _, path in part:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._try(part[0][0], partial(self._fs.get, remote, local))

    def folders(self) -> set[str]:
        """The names of the top-level folders; quicker than listing their content too."""
        found = self._try("", self._list_root)
        names = (info["name"].rstrip("/").rpartition("/")[2] for info in found if info.get("type") == "directory")
        return set(names)

    def list(self, folder: str = "") -> dict[str, float]:
        """The sorted names of everything in and below a folder, each with the time of its last change."""
        found = self._try(folder, partial(self._find, self._path(folder)))
        start = len(self._root) + 1
        return {path[start:]: _read_time(info) for path, info in sorted(found.items())}

    def move(self, folder: str, name: str) -> None:
        """Move everything in a folder into another one."""
        for old in self.list(folder):
            new = f"{name}/{old.removeprefix(f'{folder}/')}"
            if not self._is_whole:
                self._fs.makedirs(self._path(new).rpartition("/")[0], exist_ok=True)
            self._try(new, partial(self._fs.cp_file, self._path(old), self._path(new)))
            self.remove([old])

    def remove(self, names: Sequence[str]) -> None:
        """Remove those of the objects that exist."""
        paths = [self._path(name) for name in names]
        if len(paths) > 1 and not any(map(has_magic, paths)):
            with suppress(FileNotFoundError):
                self._try(names[0], partial(self._fs.rm, paths))
                return
        for name, path in zip(names, paths, strict=True):
            with suppress(FileNotFoundError):
                self._try(name, partial(self._fs.rm_file, path))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _list_root(self) -> Sequence[dict[str, Any]]:
        try:
            found: Sequence[dict[str, Any]] = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return ()
        return found

    def _find(self, path: str) -> dict[str, dict[str, Any]]:
        try:
            found: dict[str, dict[str, Any]] = self._fs.find(path, detail=True)
        except FileNotFoundError:
            return {}
        return {path.rstrip("/"): info for path, info in found.items() if info.get("type") != "directory"}

    def _create(self, path: str, content: bytes) -> None:
        if not self._is_whole:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(path, content, mode="create")

    def _write_whole(self, path: str, content: bytes) -> None:
        if self._is_whole:
            self._fs.pipe_file(path, content)
            return
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/.{name}.{token_hex(4)}"
        self._fs.makedirs(folder, exist_ok=True)
        self._fs.pipe_file(temporary, content)
        self._fs.mv(temporary, path)

    def _try(self, name: str, call: Callable[[], T]) -> T:
        end = time.monotonic() + PATIENCE
        for pause in _pauses():
            try:
                return call()
            except Exception as error:
                if not _may_pass(error) or time.monotonic() + pause > end:
                    raise _as_os_error(error, f"{self.address}/{name}") from error
            time.sleep(pause)
        raise AssertionError("the pauses have no end")


def _open(address: str) -> tuple[Any, str]:
    protocol = address.partition(":")[0].lower()
    try:
        fs, root = url_to_fs(address, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        raise StoreAddressError(f"--out {protocol}:// needs more; {_name_remedy(protocol, error)}") from None
    except (ValueError, TypeError) as error:
        known = "a path, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER"
        raise StoreAddressError(f"{address} is not a valid address ({shorten(str(error))}); give {known}") from None
    except Exception as error:  # each library raises its own errors for unusable settings
        raise StoreAddressError(f"{address} cannot be used: {shorten(str(error))}; fix the settings") from None
    if not str(root).strip("/"):
        raise StoreAddressError(f"{address} names no folder; give one, such as {protocol}://BUCKET/FOLDER")
    return fs, str(root).rstrip("/")


def _name_remedy(protocol: str, error: ImportError) -> str:
    if protocol in EXTRAS:
        return f'run: pip install "colab-starter[{EXTRAS[protocol]}]"'
    return str(known_implementations.get(protocol, {}).get("err") or shorten(str(error)))


def _pauses() -> Iterator[float]:
    pause = 0.25
    while True:
        yield pause
        pause = min(LONGEST_PAUSE, pause * 2)


def _may_pass(error: Exception) -> bool:
    """Whether a retry may succeed."""
    if isinstance(error, (*_PERMANENT, NotImplementedError, TypeError, ValueError, AttributeError)):
        return False
    return type(error).__name__ not in _PERMANENT_OF_BOTO


def _as_os_error(error: Exception, place: str) -> OSError:
    """The error with a reason in one line, of the same kind where it is an OSError."""
    kind = next((kind for kind in _PERMANENT if isinstance(error, kind)), OSError)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    number = error.errno if isinstance(error, OSError) and error.errno else errno.EIO
    return kind(number, shorten(reason) or type(error).__name__, place)


def _read_time(info: Mapping[str, Any]) -> float:
    """The time in seconds since 1970; 0 if the store does not report it."""
    found = next((info[key] for key in _TIMES if info.get(key)), 0.0)
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    return found.timestamp() if isinstance(found, datetime) else float(found)
