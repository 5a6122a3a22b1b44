"""Install Google's command ``colab``, which the tests of the backend call: ``python tools/install_colab_command.py``.

It needs Python 3.12 or newer, so it has an environment of its own inside that of the tests. Its packages are those of
requirements/colab-command.txt; NEWEST=1 in the environment takes the newest version of what it needs.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LOCKS = Path(__file__).parents[1] / "requirements"
VERSION = re.findall(r"google-colab-cli==(\S+)", (LOCKS / "colab-command.in").read_text())[0]
_FOLDER = Path(sys.prefix, f"google-colab-cli-{VERSION}")
COMMAND = _FOLDER / "bin/colab"
_WHOLE = _FOLDER / "whole"
"""Written when all is installed."""
_PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def main() -> None:
    if is_installed():
        return
    if python := find_python():
        install_colab_command(python)
    else:
        print("Google's command colab needs Python 3.12 or newer, and there is none here: its tests will be skipped.")


def is_installed() -> bool:
    return _WHOLE.exists() and COMMAND.exists()


def install_colab_command(python: str) -> None:
    """Raises CalledProcessError where it cannot be installed; may be killed and called again."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(_FOLDER)], check=True)
    pip = [str(_FOLDER / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--requirement", str(LOCKS / "colab-command.txt")]
    newest = ["--requirement", str(LOCKS / "colab-command.in")]
    subprocess.run([*pip, "--no-compile", *(newest if os.environ.get("NEWEST") else locked)], check=True)
    _WHOLE.touch()


def find_python() -> str | None:
    """A Python that the command can have: this one, one on PATH or one of pyenv's."""
    return next(filter(_is_new_enough, _list_pythons()), None)


def _list_pythons() -> Iterator[str]:
    yield sys.executable
    yield from filter(None, (shutil.which(f"python3.{minor}") for minor in (14, 13, 12)))
    yield from map(str, sorted(_PYENV.glob("versions/3.1[2-9]*/bin/python"), reverse=True))


def _is_new_enough(python: str) -> bool:
    """pyenv's stand-ins for other versions do not run."""
    look = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))"
    return subprocess.run([python, "-c", look], capture_output=True).returncode == 0


if __name__ == "__main__":
    main()
