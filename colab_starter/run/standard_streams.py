"""stdout and stderr whose other end may go away: a terminal that is closed, ``| head``, a full disk."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class LastingStream:
    """A text stream that drops what cannot be written, where the one behind it would raise OSError."""

    def __init__(self, stream: TextIO, on_closed_pipe: Callable[[], None] = lambda: None) -> None:
        self._stream = stream
        self._on_closed_pipe = on_closed_pipe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write it, or drop it."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Write what waits, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        """What the stream still holds must go somewhere, or every later flush, and Python's own at exit, fails too."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()
        if isinstance(error, BrokenPipeError):
            self._on_closed_pipe()


@contextmanager
def lasting_output(on_closed_pipe: Callable[[], None]) -> Iterator[None]:
    """While it lasts, nothing that is printed raises OSError; called once nobody reads stdout any more."""
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout = cast(TextIO, LastingStream(stdout, on_closed_pipe))
    sys.stderr = cast(TextIO, LastingStream(stderr))
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = stdout, stderr


def open_standard_streams() -> None:
    """Give a process that was started without one of stdin, stdout and stderr (``>&-``) one that leads nowhere.

    Else the next file that it opens takes the number, and whatever is printed goes into that file.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
