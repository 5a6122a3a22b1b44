"""Which kernelspecs start the very Python that runs this. Light: the coordinator asks before anything else."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEFAULT_KERNEL = "python3"
"""The kernelspec of notebooks that name none; Colab's name for its Python."""

_LAUNCHER = ["-m", "ipykernel_launcher", "-f"]
_HARMLESS = ("-Xfrozen_modules=off", "--HistoryManager.hist_file=:memory:")
"""Options that change nothing for a notebook; the second is nbclient's, and warm kernels keep no history either."""


def starts_this_python(kernel: str) -> bool:
    """Whether it is the IPython kernel of the Python that runs this, without settings of its own."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("kernels"):
        file = Path(folder, kernel.lower(), "kernel.json")
        if file.is_file():
            return _is_plain(file)
    return kernel == DEFAULT_KERNEL  # jupyter_client has this one without a file


def _is_plain(file: Path) -> bool:
    try:
        spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        program, *options = spec["argv"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return not spec.get("env") and is_plain([program, *options])


def is_plain(command: Sequence[str], connection_file: str = "{connection_file}") -> bool:
    """Whether a command starts the IPython kernel of this Python, and no other option is among its words."""
    program, *options = command
    plain = [option for option in options if option not in _HARMLESS] == [*_LAUNCHER, connection_file]
    return plain and _is_this_python(program)


def _is_this_python(program: str) -> bool:
    """Not by what links point to: the Pythons of all virtual environments may be links to one."""
    major, minor = sys.version_info[:2]
    if program in ("python", f"python{major}", f"python{major}.{minor}"):  # jupyter_client puts sys.executable there
        return True
    return os.path.isabs(program) and os.path.abspath(program) == os.path.abspath(sys.executable)
