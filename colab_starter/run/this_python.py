"""Finding the kernelspecs that start this very Python. Quick to import: the coordinator needs it first."""

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEFAULT_KERNEL = "python3"
"""The kernelspec of notebooks that name none; Colab's name for its Python."""

_LAUNCHER = ["-m", "ipykernel_launcher", "-f"]
_PYTHON = re.compile(r"python(\d(\.\d+)?t?)?")
_NAMES_PYTHON = re.compile(r"(^|/)(python|conda|mamba)[\d.]*$|^nb_conda_kernels$")
"""Names of programs in the options: the command is only a launcher for the actual kernel."""
_HARMLESS = ("-Xfrozen_modules=off", "--HistoryManager.hist_file=:memory:")
"""Options that make no difference to a notebook; nbclient adds the second, and warm kernels keep no history."""


def starts_this_python(kernel: str) -> bool:
    """Whether it is the IPython kernel of this very Python, without settings of its own."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("kernels"):
        file = Path(folder, kernel.lower(), "kernel.json")
        if file.is_file():
            return _is_plain(file)
    return kernel == DEFAULT_KERNEL  # jupyter_client provides this one without a file


def find_python(kernel: str) -> str | None:
    """The path of the Python that a kernelspec starts; empty for this very Python, None if unknown.

    It is unknown if another kind of program, such as conda, starts the kernel.
    """
    from jupyter_core.paths import jupyter_path

    files = (Path(folder, kernel.lower(), "kernel.json") for folder in jupyter_path("kernels"))
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return "" if kernel == DEFAULT_KERNEL else None
    try:
        spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        program, *options = map(str, spec["argv"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not _PYTHON.fullmatch(os.path.basename(program)) or any(map(_NAMES_PYTHON.search, options)):
        return None
    return "" if _is_this_python(program) else shutil.which(program)


def find_plain_kernel(kernel: str) -> tuple[str, dict[str, str]] | None:
    """The Python and the variables of a kernelspec that starts the IPython kernel without any other option.

    None if it does something else, or its Python is not given by an absolute path.
    """
    from jupyter_core.paths import jupyter_path

    files = (Path(folder, kernel.lower(), "kernel.json") for folder in jupyter_path("kernels"))
    file = next((file for file in files if file.is_file()), None)
    try:
        spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file else {}
        program, *options = spec["argv"]
        variables = {str(name): str(value) for name, value in (spec.get("env") or {}).items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    program = sys.executable if _is_this_python(program) else program
    if not _has_no_options(options) or not os.path.isabs(program) or not _PYTHON.fullmatch(os.path.basename(program)):
        return None
    return program, variables


def _is_plain(file: Path) -> bool:
    try:
        spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        program, *options = spec["argv"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return not spec.get("env") and is_plain([program, *options])


def is_plain(command: Sequence[str], connection_file: str = "{connection_file}") -> bool:
    """Whether a command starts the IPython kernel of this Python without any other option."""
    program, *options = command
    return _has_no_options(options, connection_file) and _is_this_python(program)


def _has_no_options(options: Sequence[str], connection_file: str = "{connection_file}") -> bool:
    return [option for option in options if option not in _HARMLESS] == [*_LAUNCHER, connection_file]


def _is_this_python(program: str) -> bool:
    """Compare without resolving links: the Pythons of all virtual environments may be links to the same one."""
    major, minor = sys.version_info[:2]
    if program in ("python", f"python{major}", f"python{major}.{minor}"):  # jupyter_client puts sys.executable there
        return True
    return os.path.isabs(program) and os.path.abspath(program) == os.path.abspath(sys.executable)
