"""stdout and stderr that survive the loss of their other end: a closed terminal, ``| head``, a full disk."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class LastingStream:
    """A text stream that drops what cannot be written, where the stream it wraps would raise OSError."""

    def __init__(self, stream: TextIO, on_closed_pipe: Callable[[], None] = lambda: None) -> None:
        self._stream = stream
        self._on_closed_pipe = on_closed_pipe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, or drop it."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        """Discard the buffer; otherwise every later flush would fail too, including Python's own at exit."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()
        if isinstance(error, BrokenPipeError):
            self._on_closed_pipe()


@contextmanager
def lasting_output(on_closed_pipe: Callable[[], None]) -> Iterator[None]:
    """Within this context, printing never raises OSError; calls ``on_closed_pipe`` once stdout has no reader."""
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
    """Open on the null device any of stdin, stdout and stderr that the process was started without (``>&-``).

    Otherwise, the next file it opens would get that number, and whatever is printed would go into that file.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # gets the lowest free number, which is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
