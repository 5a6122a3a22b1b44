"""The program, run by a kernel's Python, that makes an overlay of that Python's environment.

Its argument is the overlay's folder, which is empty. It uses only the standard library, for Python 3.8 and newer.
"""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import shutil
import site
import subprocess
import sys
import venv
from shlex import quote
from typing import Any

HOOK = "_colab_starter_overlay"
"""The name under which the module ``hook`` is in the overlay."""


def make(folder: str) -> None:
    """Make the overlay."""
    venv.EnvBuilder(symlinks=True).create(folder)
    python = os.path.join(folder, "bin", "python")
    if importlib.util.find_spec("pip") is None:
        subprocess.run([python, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL, check=False)
    hook = _show_packages(folder)
    below = os.path.dirname(sys.executable)
    _add_programs(folder, python, below, hook)
    uv = shutil.which("uv", path=os.pathsep.join([below, os.environ.get("PATH", os.defpath)]))
    if uv:
        hook.wrap_uv(uv)
    if os.path.isfile(os.path.join(sys.prefix, "pip.conf")):
        shutil.copy(os.path.join(sys.prefix, "pip.conf"), folder)
    about = {"python": sys.executable, "prefix": sys.prefix, "bin": below, "version": sys.version, hook.WHOLE: False}
    path = os.path.join(folder, hook.ABOUT)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(about, file)
    os.replace(path + ".new", path)


def _show_packages(folder: str) -> Any:
    """Make the packages of this environment visible to the overlay's Python; returns the hook that does it."""
    [packages] = glob.glob(os.path.join(glob.escape(folder), "lib", "*", "site-packages"))
    path = os.path.join(packages, HOOK + ".py")
    shutil.copyfile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hook.py"), path)
    with open(os.path.join(packages, HOOK + ".pth"), "w", encoding="ascii") as file:
        folders = ascii(list_packages_folders())
        file.write(f"import {HOOK}; {HOOK}.begin({folders}, locals().get('known_paths'))\n")
    with open(os.path.join(folder, "pyvenv.cfg"), "a", encoding="utf-8") as file:
        file.write(f"extends-environment = {sys.prefix}\n")  # as uv marks its overlays
    spec = importlib.util.spec_from_file_location(HOOK, path)
    assert spec
    assert spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    return hook


def list_packages_folders() -> list[str]:
    """The folders that this Python searches for packages, in order, including the user's own."""
    own = {os.path.abspath(folder) for folder in site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        own.add(os.path.abspath(site.getusersitepackages()))
    return [folder for folder in dict.fromkeys(map(os.path.abspath, sys.path)) if folder in own]


def _add_programs(folder: str, python: str, below: str, hook: Any) -> None:
    """Add pip, unless the overlay has its own, and the underlying environment's programs for the overlay's Python."""
    for name in ("pip", "pip3", f"pip3.{sys.version_info[1]}"):
        path = os.path.join(folder, "bin", name)
        if not os.path.exists(path):
            hook.write_program(path, f'#!/bin/sh\nexec {quote(python)} -m pip "$@"\n')
    for entry in os.scandir(below):
        if not os.path.lexists(os.path.join(folder, "bin", entry.name)) and _is_run_by_python_of(below, entry):
            path = os.path.join(folder, hook.PROGRAMS_BELOW, entry.name)
            hook.write_program(path, f'#!/bin/sh\nexec {quote(python)} {quote(entry.path)} "$@"\n')


def _is_run_by_python_of(below: str, entry: os.DirEntry[str]) -> bool:
    """Whether the first lines of a file say that a Python in the folder ``below`` executes it."""
    try:
        if not entry.is_file() or not os.access(entry.path, os.X_OK):
            return False
        with open(entry.path, "rb") as file:
            start = file.read(1024)
    except OSError:
        return False
    python = os.fsencode(os.path.join(below, "python"))
    shebang, _, second = start.partition(b"\n")
    return shebang.startswith(b"#!") and (python in shebang or (b"'''exec'" in second[:16] and python in second))


if __name__ == "__main__":
    make(sys.argv[1])
