"""Work that may block on the network, done in a thread, so that it can be waited for together with other things."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Starts at once. ``fileno`` is readable when it is done; then call ``finish``, or ``abandon`` at any time."""

    def __init__(self, work: Callable[[], T], discard: Callable[[T], object] = lambda result: None) -> None:
        """``discard`` is called with the result of abandoned work."""
        self._work = work
        self._discard = discard
        self._reader, self._writer = os.pipe()
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._result: T
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._do, daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._reader

    def finish(self) -> T:
        """Wait for the work; returns its result, or raises its error."""
        self._thread.join()
        os.close(self._reader)
        if self._error:
            raise self._error
        return self._result

    def abandon(self) -> None:
        """Give up the result; does not wait."""
        with self._lock:
            self._is_abandoned = True
            is_done = self._writer < 0
        os.close(self._reader)
        if is_done and not self._error:
            self._discard(self._result)

    def _do(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        with self._lock:
            os.close(self._writer)
            self._writer = -1
            if self._is_abandoned and not self._error:
                with suppress(Exception):
                    self._discard(self._result)
