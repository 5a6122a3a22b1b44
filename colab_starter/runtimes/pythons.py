"""The Python interpreters of this machine, by minor version."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from colab_starter.errors import PythonMissingError
from colab_starter.runtimes.uv import UvError, run_uv


def get_python(version: str, uv: str) -> str:
    """An interpreter of a minor version such as ``3.13``: one that is installed, else one that uv downloads.

    Raises PythonMissingError.
    """
    if found := find_python(version):
        return found
    try:
        run_uv(uv, "python", "install", "--no-bin", version)
        return run_uv(uv, "python", "find", "--managed-python", version).strip()
    except UvError as error:
        raise PythonMissingError(
            f"Python {version} is not on this machine, and uv could not download it ({error.reason}); "
            f"install it so that python{version} is on PATH"
        ) from None


def find_python(version: str, preferred: str | None = None) -> str | None:
    """An installed interpreter of a minor version: ``preferred`` if it is one, this one, one on PATH or of pyenv."""
    candidates = filter(None, [preferred, getattr(sys, "_base_executable", sys.executable), *_list_installed(version)])
    return next((python for python in candidates if read_version(python) == version), None)


def _list_installed(version: str) -> Iterator[str]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    yield from filter(None, (shutil.which(f"python{version}", path=folder) for folder in folders))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True))


def read_version(python: str) -> str | None:
    """The minor version of an interpreter; None if it does not run, as is common of pyenv's shims."""
    if python in (sys.executable, getattr(sys, "_base_executable", None)):
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    show = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", show], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
