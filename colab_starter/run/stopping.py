"""Ctrl-C and the signals that ask a sweep to end."""

import signal
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


_SIGNALS = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


class StopSignals:
    """While its ``with`` block lasts, signals raise ``level`` instead of ending the process.

    The first SIGINT (Ctrl-C) asks for AFTER_CELLS, a second one, SIGTERM and SIGHUP for NOW. A signal that
    was ignored before (``nohup``) stays so.
    """

    def __init__(self) -> None:
        self.level = StopLevel.NO
        self.exit_code = 0
        """128 and the number of the first signal; 0 where there was none."""
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS.values():
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        is_first = not self.level
        self.level = StopLevel.AFTER_CELLS if is_first and number == signal.SIGINT else StopLevel.NOW
        self.exit_code = self.exit_code or 128 + number
