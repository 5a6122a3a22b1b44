"""Where overlays are kept, for how long, and which processes may remove them."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from colab_starter.errors import OverlayError
from colab_starter.files import cache_folder, write_whole
from colab_starter.run.job import Job, Overlay, WarmPlan
from colab_starter.run.overlays.hook import ABOUT, INSTALLING, WHOLE
from colab_starter.run.overlays.leaving import try_to_lock

_MAKE = str(Path(__file__).with_name("make.py"))
KEPT_ENVIRONMENT = "environment"
"""In a sweep's folder: the overlay that is kept there."""
_LONGEST = 300.0
"""Seconds that making an overlay may take, with pip on a slow disk."""


class Overlays:
    """The overlays of a sweep on this machine: each is made when first requested, and removed with this object.

    They are in the user's cache folder: unlike /tmp and the sweep's folder, it is on a disk that is neither memory nor
    shared, usually the one that also has the caches of pip and uv. Those left by killed sweeps are removed too.
    """

    def __init__(self, keep: Path | None = None) -> None:
        """``keep`` is a folder for an overlay that is kept and that the next sweep with the same option reuses.

        Further overlays of the sweep are beside it.
        """
        self._keep = keep
        self._made: dict[Overlay, Path] = {}
        self._locks: dict[str, int] = {}
        self._removing: list[threading.Thread] = []

    @property
    def descriptors(self) -> list[int]:
        """Descriptors that, while a process has them open, keep other processes from removing the overlays."""
        return list(self._locks.values())

    def find(self, overlay: Overlay) -> Overlay:
        """The overlay with its folder and state. Raises OverlayError if it cannot be made."""
        if overlay not in self._made:
            try:
                folder = self._open_kept(overlay) if self._keep else self._make_temporary(overlay)
            except (OSError, subprocess.SubprocessError) as error:
                raise OverlayError(
                    f"no environment can be made on top of that of {overlay.python or sys.executable} for the "
                    f"installs of the notebook ({_describe(error)}); --in-place does without"
                ) from None
            self._made[overlay] = folder
        folder = self._made[overlay]
        return replace(overlay, folder=str(folder), state=_read_state(folder))

    def place(self, job: Job) -> Job:
        """The job with its overlay found, if it has one. Raises OverlayError."""
        if job.overlay is None:
            return job
        return replace(job, overlay=self.find(job.overlay), warm=job.warm and self.place_plan(job.warm))

    def place_plan(self, plan: WarmPlan) -> WarmPlan:
        """The plan with its overlay found, if it has one. Raises OverlayError."""
        return replace(plan, overlay=self.find(plan.overlay)) if plan.overlay else plan

    def release(self, job: Job) -> None:
        """Remove the overlay of a job that has ended, if no other job uses it; returns at once."""
        if job.overlay and job.overlay.is_of_one_run:
            self._made.pop(replace(job.overlay, folder="", state=""), None)
            thread = threading.Thread(target=self._end, args=(Path(job.overlay.folder),))
            thread.start()
            self._removing.append(thread)

    def close(self) -> None:
        """Remove the overlays, or mark as whole those that are kept. May be called twice."""
        for folder in self._made.values():
            self._end(folder)
        self._made.clear()
        for thread in self._removing:
            thread.join()

    def _end(self, folder: Path) -> None:
        if not self._keep:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(self._locks.pop(str(folder)))
        elif not any(folder.glob(f"{INSTALLING}*")):
            with suppress(OSError):  # another process has removed it
                _note(folder, is_whole=True)

    def _make_temporary(self, overlay: Overlay) -> Path:
        try:
            folder, descriptor = _claim_folder(name_home())
        except OSError:  # the home is read-only, full, or has no locks
            folder, descriptor = _claim_folder(Path(tempfile.gettempdir(), f"colab-starter-{os.getuid()}-overlays"))
        self._locks[str(folder)] = descriptor
        try:
            _make(folder, overlay)
        except BaseException:
            self._end(folder)
            raise
        return folder

    def _open_kept(self, overlay: Overlay) -> Path:
        """The overlay of an earlier sweep if it is whole and of the same Python; otherwise a new one."""
        assert self._keep
        folder = self._keep.with_name("-".join(filter(None, [self._keep.name, overlay.name]))).absolute()
        about = _read_about(folder)
        python = overlay.python or sys.executable
        if about.get(WHOLE) and about["python"] == python and about["version"] == _ask_version(python):
            _note(folder, is_whole=False)
            return folder
        if about:
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        _note(folder, is_whole=False)
        _make(folder, overlay)
        return folder


def _make(folder: Path, overlay: Overlay) -> None:
    """Have the underlying Python make its overlay. Raises SubprocessError and OSError."""
    subprocess.run(
        [overlay.python or sys.executable, _MAKE, str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=True,
    )


def _read_state(folder: Path) -> str:
    """A text that changes whenever the packages or .pth files of an overlay do."""
    return ",".join(str(packages.stat().st_mtime_ns) for packages in folder.glob("lib/*/site-packages"))


def _describe(error: OSError | subprocess.SubprocessError) -> str:
    """Describe an error in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        return ((error.stderr or "").strip() or str(error)).splitlines()[-1][:300]
    return str(error)


def name_home() -> Path:
    """The folder of the user's overlays."""
    return cache_folder("overlays").absolute()


def _claim_folder(home: Path) -> tuple[Path, int]:
    """A new folder in ``home``, and the descriptor of its lock. Raises OSError."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise PermissionError(1, "belongs to another user", str(home))
    with _alone_in(home):
        _remove_left(home)
        folder = Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=home))
        descriptor = try_to_lock(folder)
    assert descriptor is not None
    return folder, descriptor


@contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Hold the lock under which overlays are added and removed."""
    descriptor = os.open(home / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _own_prefix() -> str:
    """The prefix of this machine's overlays: machines may share a home folder, but not its locks."""
    return f"{os.uname().nodename}-"


def _remove_left(home: Path) -> None:
    """Remove the overlays left by sweeps that were killed on this machine."""
    for folder in home.glob(f"{_own_prefix()}*"):
        descriptor = try_to_lock(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _ask_version(python: str) -> str:
    if python == sys.executable:
        return sys.version
    asked = [python, "-c", "import sys; print(sys.version, end='')"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=_LONGEST, check=True).stdout


def _read_about(folder: Path) -> dict[str, Any]:
    """The description of a kept overlay; empty if there is no folder. Raises OSError for any other folder."""
    about: dict[str, Any] = {}
    if folder.exists():
        with suppress(FileNotFoundError, ValueError):
            about = json.loads((folder / ABOUT).read_bytes())
        if WHOLE not in about:
            raise FileExistsError(f"{folder} is something else; move it")
    return about


def _note(folder: Path, *, is_whole: bool) -> None:
    """Record whether a kept overlay is whole."""
    path = folder / ABOUT
    about = {**(json.loads(path.read_bytes()) if path.exists() else {}), WHOLE: is_whole}
    write_whole(path, json.dumps(about).encode())
