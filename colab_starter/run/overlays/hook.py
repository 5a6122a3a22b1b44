"""The module that is copied into every overlay, whose Python imports it at startup through a .pth file.

It makes the packages of the underlying environment visible, and lets only one pip at a time change the overlay. It uses
only the standard library, works with Python 3.8 and newer, and is quick to import, because every process pays for it.
"""

from __future__ import annotations

import os
import site
import sys

TYPE_CHECKING = False  # typing is slow to import, like everything that is imported only where it is used
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from typing import Any

FOLDER = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
"""The overlay's folder: this file is in its lib/python3.X/site-packages."""

ABOUT = "overlay.json"
"""The description of an overlay: the underlying Python, prefix and programs."""
WHOLE = "whole"
"""In that file: whether a sweep left a kept overlay whole."""
PROGRAMS_BELOW = "bin-below"
"""The Python programs of the underlying environment, executed by the overlay's Python."""
LOCK = ".lock"
"""Held while packages change; uv uses the same name and locks it in the same way."""
INSTALLING = ".installing-"
"""The prefix of a file that exists while pip or uv changes packages, and remains if that is killed."""
_HOLDS_LOCK = "_COLAB_STARTER_INSTALLS"
"""Set for the children of a pip that holds the lock: the pip of an isolated build would wait for it forever."""


def begin(below: list[str], known_paths: set[str] | None = None) -> None:
    """Make the packages of these folders visible after the overlay's own, and read the .pth files there.

    ``known_paths`` is the set of the ``site`` module while it reads a .pth file. pip reads the file once more to find
    out which folders an isolated build must not see; with a set of its own, it learns of these too.
    """
    for folder in below:
        site.addsitedir(folder, known_paths)
    if Hook not in sys.meta_path:
        sys.meta_path.insert(0, Hook)


class Hook:
    """A finder that patches a few modules of pip and uv when they are imported, in whatever way."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        change = _CHANGES.get(name)
        if change is None:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        execute = getattr(spec and spec.loader, "exec_module", None)
        if spec and execute:

            def execute_and_change(module: Any) -> None:
                execute(module)
                change(module)

            spec.loader.exec_module = execute_and_change  # type: ignore[method-assign, union-attr]
        return spec


def _change_pip(module: Any) -> None:
    main = module.main

    def main_one_at_a_time(args: list[str] | None = None) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        if _HOLDS_LOCK in os.environ or not {"install", "uninstall"}.intersection(words):
            return main(args)
        # A virtual environment has no user packages, and pip would refuse to install any.
        return _install(main, [word for word in words if word != "--user"])

    module.main = main_one_at_a_time


def _install(main: Callable[[list[str]], Any], words: list[str]) -> Any:
    """Call pip while no other process installs."""
    lock = os.open(os.path.join(FOLDER, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    mark = os.path.join(FOLDER, INSTALLING + str(os.getpid()))
    is_whole = False
    try:
        _wait_for(lock)
        os.environ[_HOLDS_LOCK] = "1"
        open(mark, "w").close()
        status = main(words)
        is_whole = True
        return status
    except SystemExit:  # pip does not understand its options
        is_whole = True
        raise
    finally:
        os.environ.pop(_HOLDS_LOCK, None)
        if is_whole:
            wrap_uv()
            os.unlink(mark)
        os.close(lock)


def _wait_for(lock: int) -> None:
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:  # some network file systems have no locks
        print(f"colab-starter: installs are not kept apart here: {error}", file=sys.stderr)


def _change_uv(module: Any) -> None:
    find = module.find_uv_bin

    def find_wrapped(*args: Any, **kwargs: Any) -> str:
        return wrap_uv(find(*args, **kwargs))

    module.find_uv_bin = find_wrapped


_CHANGES = {"pip._internal.cli.main": _change_pip, "uv._find_uv": _change_uv}

_UV = """\
#!/bin/sh
# uv, which otherwise takes --system for the environment below this overlay.
for uv in {own} {below}; do [ -x "$uv" ] && break; done
case " $* " in *" --system "*) UV_SYSTEM_PYTHON=1 ;; esac
if [ "$1" = pip ] && {{ [ -n "$UV_SYSTEM_PYTHON" ] || [ "$VIRTUAL_ENV" = {folder} ]; }}; then
    UV_PYTHON={folder}/bin/python
    export UV_PYTHON
fi
unset UV_SYSTEM_PYTHON
: > {mark}$$
"$uv" "$@"
status=$?
rm -f {mark}$$
exit $status
"""


def wrap_uv(program: str | None = None) -> str:
    """Wrap uv, if there is one, in a script: ``program``, or the overlay's own. Returns what to call."""
    from shlex import quote

    own = os.path.join(FOLDER, "bin", "uv")
    script = os.path.join(FOLDER, "shims", "uv")
    if os.path.exists(script) or not (program or os.path.exists(own)):
        return script
    mark = os.path.join(FOLDER, INSTALLING)
    text = _UV.format(own=quote(own), below=quote(program or own), folder=quote(FOLDER), mark=quote(mark))
    write_program(script, text)
    return script


def write_program(path: str, text: str) -> None:
    """Write an executable file in one step."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    half = f"{path}.{os.getpid()}"
    with open(half, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(half, 0o755)
    os.replace(half, path)
