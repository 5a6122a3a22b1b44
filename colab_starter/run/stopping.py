"""Ctrl-C and the other ways in which a sweep is asked to end."""

import signal
import time
from collections.abc import Callable
from enum import IntEnum
from types import FrameType
from typing import Any, Self


class StopLevel(IntEnum):
    """How a sweep is to end; a higher one overrules."""

    NO = 0
    AFTER_CELLS = 1
    """Cells that are being executed may end."""
    NOW = 2
    LEAVE = 3
    """At once and without an executed notebook, because nobody is left who wants it."""


_SIGNALS = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
_HANGUP = _SIGNALS.get("SIGHUP")
_PIPE = getattr(signal, "SIGPIPE", 13)
_ONE_HANGUP = 1.0
"""Seconds within which several SIGHUPs count as one: the shell and the system both send one for the same terminal."""


class StopSignals:
    """While its ``with`` block lasts, signals raise ``level`` instead of ending the process.

    The first SIGINT (Ctrl-C) or SIGHUP (the terminal was closed) asks for AFTER_CELLS, as does a reader of the
    output that has gone; another one, or SIGTERM, for NOW. A signal that was ignored before (``nohup``) stays so.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.level = StopLevel.NO
        self.exit_code = 0
        """128 and the number of the first signal; 0 where there was none."""
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
        """Nobody reads the output any more (``| head``): what SIGPIPE would be to a program that takes it."""
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
