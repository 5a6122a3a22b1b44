"""What a process needs to work in an overlay: its Python, and its environment variables."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from colab_starter.run.overlays.hook import ABOUT, PROGRAMS_BELOW

_ELSEWHERE = (
    *("PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT", "PIP_TARGET", "PIP_USER"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT"),
)
"""User settings that would make installs bypass the overlay."""


def find_python(folder: str) -> str:
    """The Python of the overlay in a folder."""
    return os.path.join(folder, "bin", "python")


def enter(environment: Mapping[str, str], folder: str) -> dict[str, str]:
    """The environment variables of a process in the overlay, from those of one outside it or already in it.

    The programs of the underlying environment stay on PATH, after the overlay's own. Raises OSError if there is no
    overlay.
    """
    about: dict[str, str] = json.loads(Path(folder, ABOUT).read_bytes())
    own = [os.path.join(folder, name) for name in ("shims", "bin", PROGRAMS_BELOW)]
    path = [part for part in environment.get("PATH", os.defpath).split(os.pathsep) if part not in own]
    if about["bin"] not in path:
        path.insert(0, about["bin"])
    entered = {name: value for name, value in environment.items() if name not in _ELSEWHERE}
    return entered | {
        "PATH": os.pathsep.join([*own, *path]),
        "VIRTUAL_ENV": folder,
        "PIP_USER": "0",
        "UV_LOCK_TIMEOUT": environment.get("UV_LOCK_TIMEOUT", "86400"),
        "JUPYTER_PATH": _add(environment.get("JUPYTER_PATH", ""), about["prefix"], "share", "jupyter"),
        "JUPYTER_CONFIG_PATH": _add(environment.get("JUPYTER_CONFIG_PATH", ""), about["prefix"], "etc", "jupyter"),
    }


def _add(path: str, *folder: str) -> str:
    """The search path with one more folder at its end, each folder once."""
    return os.pathsep.join(dict.fromkeys([*filter(None, path.split(os.pathsep)), os.path.join(*folder)]))
