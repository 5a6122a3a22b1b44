# mypy: allow-untyped-calls
"""A kernel's stdout and stderr, which know whether there is anything to flush.

ipykernel flushes both twice for each cell, and waits each time until its IO thread has answered: 1 ms together, which
is more than the rest of a small cell takes. Then it sleeps, because what a subprocess has written to descriptor 1 or 2
comes through a pipe and a thread, and may come too late to belong to the cell.

Here, ``flush`` reads the pipe itself, so what a finished subprocess has written is always part of the cell, and nothing
has to be waited for; and if there is nothing to send, it returns at once.
"""

import codecs
import os
import select
import sys
import threading
from typing import Any, cast

from ipykernel.iostream import OutStream

_PIPE_SIZE = 65536
"""In bytes: what a pipe can hold on Linux."""


class KernelOutput(OutStream):
    """One of the streams. Other processes than the kernel's own, its forks, treat it as ipykernel does."""

    has_forked = False
    """Whether the kernel has forked: text of a fork comes by a socket that only the IO thread reads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._reading = threading.Lock()
        self._pipe = select.poll()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._is_flushing = False
        super().__init__(*args, **options)

    def _setup_stream_redirects(self, name: str) -> None:
        """Put a pipe in the place of the descriptor; called by ipykernel."""
        super()._setup_stream_redirects(name)
        with self._reading:
            self._pipe.register(self._descriptor, select.POLLIN)

    @property
    def _descriptor(self) -> int:
        """The end of the pipe that is read."""
        return cast(int, self._fid)

    def _watch_pipe_fd(self) -> None:
        """Read the pipe; called by ipykernel in a thread, which ends once it is woken after ``close``."""
        arrival = select.poll()  # one of its own: a poll can only be used by one thread at a time
        arrival.register(self._descriptor, select.POLLIN)
        try:
            while self._should_watch:
                arrival.poll()
                self._read_pipe()
        except Exception:
            self._exc = sys.exc_info()

    def _read_pipe(self) -> None:
        """Take what is in the pipe; does not wait."""
        with self._reading:
            if self._should_watch and self._pipe.poll(0):
                data = os.read(self._descriptor, _PIPE_SIZE)
                self._should_watch = bool(data)
                self.write(self._decoder.decode(data))
                os.write(self._original_stdstream_copy, data)

    def flush(self) -> None:
        """Send what has been written, and return once it is on its way."""
        if self._is_master_process() and self.pub_thread is not None:
            self._read_pipe()
            # In this order: while it is being sent, it is no longer in the buffers.
            if not self._has_text() and not self._is_flushing and not KernelOutput.has_forked:
                return
        super().flush()

    def _has_text(self) -> bool:
        return bool(getattr(self, "_buffers", True))  # ipykernel 6.17 has one buffer only

    def _flush(self) -> None:
        self._is_flushing = True
        try:
            super()._flush()
        finally:
            self._is_flushing = False
