"""A log whose writers are other processes, and in which no secret ever stands, whenever any of them is killed."""

import os
import select
import threading
from contextlib import suppress
from pathlib import Path

from colab_starter.files import open_itself
from colab_starter.run.secrets import Mask, StreamMask

_AT_ONCE = 65_536
"""Bytes; what a pipe holds."""
_LAST_WRITER = 1.0
"""Seconds that the last writer has to close its end: it has been killed, or has got away."""


class MaskedLog:
    """Processes write to ``descriptor``, a pipe; a thread of this process writes it to the file, without the secrets.

    So nothing unmasked reaches the disk. When this process is killed, the file has what was read until then. The file
    is made with the first thing that is written; a link in its place is not followed. A file that cannot be written
    costs what would stand in it, and nothing else: the writers go on.
    """

    def __init__(self, path: Path, mask: Mask) -> None:
        """Opens the pipe; nothing is read before ``follow``, so that until then this process can be forked."""
        self.path = path
        self._mask = StreamMask(mask)
        self._reader, self.descriptor = os.pipe()
        os.set_blocking(self._reader, False)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._file: int | None = None
        self._says_something = False
        self._is_closed = False

    def follow(self) -> None:
        """Begin to read. May be called twice."""
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(target=self._read_to_end, name="log", daemon=True)
            self._thread.start()

    def drain(self) -> None:
        """Write what has been written to the pipe so far. Does not wait."""
        with self._lock:
            self._take()

    def close(self) -> None:
        """Write the rest, and remove a file in which there is nothing but space. May be called twice.

        The writers must have ended; one that has got away is not waited for.
        """
        if self._is_closed:
            return
        os.close(self.descriptor)
        self.descriptor = -1
        if self._thread:
            self._thread.join(_LAST_WRITER)
        with self._lock:
            self._is_closed = True
            self._take()
            self._write(self._mask.end())
            self._close_file()
            if not (self._thread and self._thread.is_alive()):
                os.close(self._reader)

    def _read_to_end(self) -> None:
        waiting = select.poll()
        waiting.register(self._reader, select.POLLIN)
        while True:
            waiting.poll()
            with self._lock:
                if self._is_closed or not self._take():
                    return

    def _take(self) -> bool:
        """Take what is there; will there be more?"""
        try:
            while news := os.read(self._reader, _AT_ONCE):
                self._write(self._mask.feed(news))
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _write(self, text: bytes) -> None:
        if not text:
            return
        with suppress(OSError):
            if self._file is None:
                self._file = open_itself(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            self._says_something = self._says_something or bool(text.strip())
            while text:
                text = text[os.write(self._file, text) :]

    def _close_file(self) -> None:
        if self._file is None:
            return
        os.close(self._file)
        self._file = None
        if not self._says_something:
            self.path.unlink(missing_ok=True)
