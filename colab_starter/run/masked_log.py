"""A log written by other processes that never contains a secret, even when any of them is killed."""

import os
import select
import threading
from contextlib import suppress
from pathlib import Path

from colab_starter.files import open_itself
from colab_starter.run.secrets import Mask, StreamMask

_AT_ONCE = 65_536
"""The capacity of a pipe, in bytes."""
_LAST_WRITER = 1.0
"""Seconds that the last writer has to close its end: it has been killed, or has escaped."""


class MaskedLog:
    """Processes write to ``descriptor``, a pipe; a thread of this process copies it to the file without the secrets.

    So nothing unmasked reaches the disk. If this process is killed, the file has what had been read by then. The file
    is created on the first write; a symbolic link in its place is not followed. If the file cannot be written, only its
    content is lost: the writers continue.
    """

    def __init__(self, path: Path, mask: Mask) -> None:
        """Open the pipe; nothing is read before ``follow``, so that this process can be forked until then."""
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
        """Start reading. May be called twice."""
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(target=self._read_to_end, name="log", daemon=True)
            self._thread.start()

    def drain(self) -> None:
        """Write what has been written to the pipe so far. Does not wait."""
        with self._lock:
            self._take()

    def close(self) -> None:
        """Write the rest, and remove the file if it holds nothing but white space. May be called twice.

        The writers must have ended; one that has escaped is not waited for.
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
        """Take what has arrived; returns whether more may come."""
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
