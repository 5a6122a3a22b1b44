"""uv, the program that resolves and installs packages: found on PATH, or installed from PyPI for us alone."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from colab_starter.errors import UvMissingError
from colab_starter.files import cache_folder

OLDEST = (0, 7)
"""The oldest uv that knows every option we use."""

_OTHER_ENVIRONMENTS = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT")
"""Variables by which a user points uv to another environment than the one we name."""


class UvError(Exception):
    """uv failed."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output
        """What it printed about the failure."""

    @property
    def reason(self) -> str:
        """The first cause that it names, in one line."""
        causes = re.findall(r"^\s*(?:error|cause|×|╰─▶|├─▶):? ?(.+)$", self.output, re.MULTILINE)
        return " ".join((causes[1] if len(causes) > 1 else (causes or [self.output])[0]).split()).rstrip(".")


def run_uv(uv: str, *arguments: str, stdin: str | None = None, keep_fds: Sequence[int] = ()) -> str:
    """Run uv and return its stdout. ``keep_fds`` stay open in it. Raises UvError."""
    environment = {name: value for name, value in os.environ.items() if name not in _OTHER_ENVIRONMENTS}
    ended = subprocess.run(
        [uv, *arguments, "--color", "never", "--no-progress"],
        input=stdin or "",
        capture_output=True,
        text=True,
        env=environment,
        pass_fds=keep_fds,
    )
    if ended.returncode:
        raise UvError(ended.stderr)
    return ended.stdout


def get_uv() -> str:
    """The path of uv: on PATH or beside this Python if it is new enough, else in our cache.

    It is installed there if need be. Raises UvMissingError if that fails.
    """
    for folder in (None, str(Path(sys.executable).parent)):
        found = shutil.which("uv", path=folder)
        if found and _is_new_enough(found):
            return found
    own = _own_folder() / "bin" / "uv"
    if not own.exists():
        _install(own.parents[1])
    return str(own)


def _own_folder() -> Path:
    return cache_folder("uv")


def _is_new_enough(uv: str) -> bool:
    try:
        told = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    version = re.search(r"(\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST


def _install(folder: Path) -> None:
    """Install uv into an environment of its own, which appears whole or not at all."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="uv-", dir=folder.parent) as made:
            environment = Path(made, "uv")
            _run(sys.executable, "-m", "venv", "--without-pip", str(environment))
            pip = ["-m", "pip", "--python", str(environment / "bin" / "python"), "--disable-pip-version-check"]
            _run(sys.executable, *pip, "install", "--quiet", f"uv>={'.'.join(map(str, OLDEST))}")
            if not folder.exists():
                os.replace(environment, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        if not (folder / "bin" / "uv").exists():  # another process may have installed it meanwhile
            raise UvMissingError(
                f"environments are made by uv, which could not be installed ({_describe(error)}); "
                "install it: pip install uv"
            ) from None


def _run(*command: str) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)


def _describe(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    lines = [line for line in (error.stderr or error.stdout or "").splitlines() if line.strip()]
    told = [line for line in lines if "ERROR" in line or "No module" in line] or lines or [str(error)]
    return told[-1].strip()
