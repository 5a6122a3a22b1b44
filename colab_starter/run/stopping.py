"""Ctrl-C and the other ways to ask a sweep to end."""

import signal
import time
from collections.abc import Callable
from enum import IntEnum
from types import FrameType
from typing import Any, Self


class StopLevel(IntEnum):
    """How a sweep should end; a higher level overrides a lower one."""

    NO = 0
    AFTER_CELLS = 1
    """Running cells may finish."""
    NOW = 2
    LEAVE = 3
    """At once and without an executed notebook, because there is no one left who wants it."""


_SIGNALS = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
_HANGUP = _SIGNALS.get("SIGHUP")
_PIPE = getattr(signal, "SIGPIPE", 13)
_ONE_HANGUP = 1.0
"""Seconds within which several SIGHUPs count as one: the shell and the system both send one for the same terminal."""


class StopSignals:
    """Within its ``with`` block, signals raise ``level`` instead of ending the process.

    The first SIGINT (Ctrl-C) or SIGHUP (the terminal was closed) requests AFTER_CELLS, as does a closed output pipe; a
    further one, or SIGTERM, requests NOW. A signal that was already ignored (``nohup``) stays ignored.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.level = StopLevel.NO
        self.exit_code = 0
        """128 plus the number of the first signal; 0 if there was none."""
        self._clock = clock
        self._last_hangup = -_ONE_HANGUP
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS.values():
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def note_closed_pipe(self) -> None:
        """Note that the output has no reader any more (``| head``): the equivalent of SIGPIPE."""
        self._raise(StopLevel.AFTER_CELLS, _PIPE)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == _HANGUP and self._is_same_hangup():
            return
        is_first = not self.level
        asks = is_first and number in (signal.SIGINT, _HANGUP)
        self._raise(StopLevel.AFTER_CELLS if asks else StopLevel.NOW, number)

    def _is_same_hangup(self) -> bool:
        before, self._last_hangup = self._last_hangup, self._clock()
        return self._last_hangup - before < _ONE_HANGUP

    def _raise(self, level: StopLevel, number: int) -> None:
        self.level = max(self.level, level)
        self.exit_code = self.exit_code or 128 + number
