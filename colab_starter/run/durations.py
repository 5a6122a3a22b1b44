"""Durations, as people write and read them."""

import re

from colab_starter.errors import WrongOptionError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


def read_duration(text: str, option: str) -> float:
    """Seconds of ``30``, ``90s``, ``10m`` or ``2h``. Raises WrongOptionError, naming the option."""
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not seconds:
        raise WrongOptionError(f"{option} {text!r} is not a duration; write 30, 90s, 10m or 2h")
    return seconds


def format_duration(seconds: float) -> str:
    """Format a duration such as ``0.4 s``, ``12 s``, ``3:05 min`` or ``2:03:05 h``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"
