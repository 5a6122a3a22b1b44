"""Environments like Colab's runtimes: made when first needed, kept in the user's cache, shared by notebooks.

An environment is named by a hash of what it holds, so two requests that come to the same packages share one. A process
that uses one holds a shared lock on it; a process that makes or removes one holds that lock alone.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from colab_starter.errors import RuntimeUnavailableError
from colab_starter.files import cache_folder, write_whole
from colab_starter.runtimes.pythons import get_python
from colab_starter.runtimes.resolve import Request, Resolution, find_exceptions, resolve, unavailable
from colab_starter.runtimes.table import LATEST, Runtime
from colab_starter.runtimes.uv import UvError, get_uv, run_uv

LAYOUT = 1
"""Changed whenever environments are made otherwise, so that older ones are not used any more."""

_WHOLE = "colab-starter.json"
"""In an environment: written last."""
_LOCK = ".lock"
_PAUSE = 0.1
"""Seconds between attempts at a lock."""
_MOST_TRIES = 8
"""How many packages may fail to be installed, one after another."""

Say = Callable[[str], None]


@dataclass
class Environment:
    """An environment that nobody removes until ``close``, or the end of this process."""

    folder: Path
    runtime: Runtime
    resolution: Resolution
    was_made: bool
    """Whether it was made now rather than found."""
    _lock: int = field(repr=False)

    @property
    def python(self) -> str:
        """The path of its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def kernel(self) -> str:
        """The name of its kernelspec, which is the same for every environment of a runtime: ``colab-2026.07``."""
        name = f"colab-{self.runtime.name}"
        return f"{name}-{self.runtime.date}" if self.runtime.name == LATEST else name

    @property
    def jupyter_path(self) -> str:
        """What to add to JUPYTER_PATH so that Jupyter finds the kernelspec."""
        return str(self.folder / "share" / "jupyter")

    def close(self) -> None:
        """Allow others to remove it."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_environment(request: Request, say: Say) -> Environment:
    """Find the environment, or make it, which takes minutes; ``say`` gets a line before that.

    Raises UvMissingError, PythonMissingError and RuntimeUnavailableError.
    """
    try:
        resolution = _read_resolution(request)
        lock = _open_whole(_folder_of(resolution)) if resolution else None
        was_made = False
        if resolution is None or lock is None:
            resolution, lock, was_made = _make(request, resolution, say)
        environment = Environment(_folder_of(resolution), request.runtime, resolution, was_made, lock)
        _write_kernelspec(environment)
    except OSError as error:
        raise RuntimeUnavailableError(
            f"{error.filename or environments_folder()} cannot be used ({error.strerror or error}); "
            "environments are kept in your cache folder, which XDG_CACHE_HOME can move"
        ) from None
    return environment


def environments_folder() -> Path:
    """Where the environments are."""
    return cache_folder("environments")


def remove_unused() -> tuple[int, int]:
    """Remove the environments that no process is using; returns how many, and how many bytes that freed."""
    count = size = 0
    for folder in sorted(environments_folder().glob("[0-9a-f]*")):
        if folder.suffix != _LOCK and (lock := _try_lock(folder)) is not None:
            size += _measure(folder)
            shutil.rmtree(folder, ignore_errors=True)
            _lock_path(folder).unlink(missing_ok=True)
            os.close(lock)
            count += 1
    shutil.rmtree(_resolutions_folder(), ignore_errors=True)
    return count, size


def _measure(folder: Path) -> int:
    """The bytes that only this folder holds: files that uv's cache shares with it count there."""
    found = [os.lstat(Path(parent, file)) for parent, _, files in os.walk(folder) for file in files]
    return sum(one.st_size for one in found if one.st_nlink == 1)


def _make(request: Request, known: Resolution | None, say: Say) -> tuple[Resolution, int, bool]:
    """Resolve and install until everything that is left can be installed.

    Returns what the environment holds, a shared lock on it, and whether it was made now.
    """
    uv = get_uv()
    python = get_python(request.python, uv)
    exceptions = find_exceptions(request)
    for _ in range(_MOST_TRIES):
        resolution = known or resolve(request, uv, python, exceptions)
        try:
            lock, was_made = _install(resolution, uv, python, request, say)
        except UvError as error:
            known = None
            if not exceptions.blame(error, {}):
                raise unavailable(request, error.reason) from None
            continue
        _keep_resolution(request, resolution)
        return resolution, lock, was_made
    raise unavailable(request, f"too much cannot be installed: {', '.join(exceptions.missing)}")


def _install(resolution: Resolution, uv: str, python: str, request: Request, say: Say) -> tuple[int, bool]:
    """Make the environment unless another process has done so meanwhile; returns a shared lock, and whether it did."""
    folder = _folder_of(resolution)
    folder.parent.mkdir(parents=True, exist_ok=True)
    is_new = False
    while (shared := _open_whole(folder)) is None:
        lock = _try_lock(folder)
        if lock is None:
            _wait_for_others(folder, say)
            continue
        try:
            if not _is_whole(folder):
                say(
                    f"making an environment like Colab's runtime {request.runtime.name}: Python {resolution.python} "
                    f"and {len(resolution.packages)} packages (once; it may take some minutes)"
                )
                _fill(folder, resolution, uv, python, lock)
                is_new = True
        finally:
            os.close(lock)
    return shared, is_new


def _wait_for_others(folder: Path, say: Say) -> None:
    """Wait until no process holds the lock alone."""
    say("another process is making the same environment: waiting for it")
    lock = _open_lock(folder)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.close(lock)
    time.sleep(_PAUSE)


def _fill(folder: Path, resolution: Resolution, uv: str, python: str, lock: int) -> None:
    """Make the environment in its folder. If that fails with UvError, the folder is removed.

    uv holds the lock as well: if this process is killed, no other begins before uv has ended.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run_uv(uv, "venv", "--python", python, "--no-python-downloads", str(folder), keep_fds=[lock])
        lines = folder / "requirements.txt"
        lines.write_text("\n".join([*resolution.lines, ""]), encoding="utf-8")
        into = ["--python", str(folder / "bin" / "python"), "--no-deps", "--torch-backend", "cpu"]
        run_uv(uv, "pip", "install", *into, "--requirement", str(lines), keep_fds=[lock])
        _import_kernel(folder)
    except UvError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    write_whole(folder / _WHOLE, resolution.to_json().encode())


def _import_kernel(folder: Path) -> None:
    """Import the kernel once, so that its compiled modules are there even where PYTHONDONTWRITEBYTECODE is set.

    Raises UvError if it cannot be imported, because then the environment is of no use.
    """
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(folder / "bin" / "python"), "-c", "import ipykernel.kernelapp, ipykernel.ipkernel"]
    ended = subprocess.run(command, capture_output=True, text=True, env=variables)
    if ended.returncode:
        last = ended.stderr.strip().rpartition("\n")[2]
        raise UvError(f"error: its kernel cannot be imported: {last}")


def _open_whole(folder: Path) -> int | None:
    """A shared lock on an environment that is there; None if there is none, or another process has it alone."""
    if not _is_whole(folder):
        return None
    lock = _open_lock(folder)
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if _is_whole(folder) and _is_current(lock, folder):
            return lock
    os.close(lock)
    return None


def _is_whole(folder: Path) -> bool:
    """Whether it was made to the end, and the Python that it is based on is still there."""
    return (folder / _WHOLE).exists() and (folder / "bin" / "python").exists()


def _folder_of(resolution: Resolution) -> Path:
    content = "\n".join([str(LAYOUT), sys.platform, resolution.python, *resolution.lines])
    return environments_folder() / hashlib.sha256(content.encode()).hexdigest()[:16]


def _lock_path(folder: Path) -> Path:
    return folder.with_suffix(_LOCK)


def _open_lock(folder: Path) -> int:
    return os.open(_lock_path(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _is_current(lock: int, folder: Path) -> bool:
    """Whether the open lock file is still the one that other processes open."""
    try:
        return os.fstat(lock).st_ino == os.stat(_lock_path(folder)).st_ino
    except FileNotFoundError:
        return False


def _try_lock(folder: Path) -> int | None:
    """The lock, held alone; None if another process holds it."""
    lock = _open_lock(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if _is_current(lock, folder):
        return lock
    os.close(lock)
    return _try_lock(folder)


def _resolutions_folder() -> Path:
    return environments_folder().with_name("resolutions")


def _resolution_path(request: Request) -> Path:
    """Named by a hash of everything that decides the resolution."""
    pins = [f"{name}=={version}" for name, version in sorted(request.pins.items())]
    content = json.dumps([LAYOUT, sys.platform, request.python, sorted(request.packages), pins])
    return _resolutions_folder() / f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"


def _read_resolution(request: Request) -> Resolution | None:
    try:
        return Resolution.from_json(_resolution_path(request).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None


def _keep_resolution(request: Request, resolution: Resolution) -> None:
    """Keep it for the next time, unless something was left out that may be available then."""
    if not any("cannot be reached" in why for why in resolution.missing.values()):
        _resolutions_folder().mkdir(parents=True, exist_ok=True)
        write_whole(_resolution_path(request), resolution.to_json().encode())


def _write_kernelspec(environment: Environment) -> None:
    path = Path(environment.jupyter_path, "kernels", environment.kernel, "kernel.json")
    programs = environment.folder / "bin"
    spec = {
        "argv": [environment.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"Colab {environment.runtime.name}",
        "language": "python",
        "env": {"PATH": f"{programs}{os.pathsep}${{PATH}}", "VIRTUAL_ENV": str(environment.folder)},
    }
    content = json.dumps(spec, indent=1).encode()
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
