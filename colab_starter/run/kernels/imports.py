"""Importing modules one after another, and detecting those that must not be loaded before a fork."""

import importlib
import locale
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from colab_starter.run.kernels import system
from colab_starter.run.kernels.tracing import ImportTrace
from colab_starter.text import plural

_GPU_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/", "/dev/accel", "/dev/vfio/")


@dataclass
class Imported:
    """The failures of the imports: module -> what was wrong with it."""

    missing: dict[str, str] = field(default_factory=dict)
    """Modules that failed without doing harm."""
    harmful: dict[str, str] = field(default_factory=dict)
    """Modules that have left this process in a state in which it should not be forked."""


def follow_plan(
    steps: Iterable[str | tuple[str, str]], trace: ImportTrace, announce: Callable[[str], None]
) -> Imported:
    """Set the variables and import the modules of a plan, even after a harmful one, as others may be harmful too.

    ``announce`` is called with the name of each module.
    """
    imported = Imported()
    for step in steps:
        if isinstance(step, tuple):
            os.environ[step[0]] = step[1]
            trace.settle()
            continue
        announce(step)
        trace.root = step
        _import_module(step, imported)
        trace.settle()
    return imported


def _import_module(name: str, imported: Imported) -> None:
    before = _Footprint.measure()
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        found = imported.missing if name.startswith(error.name or "?") else imported.harmful
        found[name] = f"there is no module {error.name}"
    except BaseException as error:
        imported.harmful[name] = f"{type(error).__name__} while it was imported: {error}"
    if harm := before.find_harm(_Footprint.measure()):
        imported.harmful[name] = harm


class _Footprint(NamedTuple):
    """The state that no import may change if the process is to be forked."""

    threads: int
    devices: int
    argv: tuple[str, ...]
    cwd: str
    locale: str

    @classmethod
    def measure(cls) -> "_Footprint":
        return cls(
            system.count_threads(),
            _count_open_devices(),
            tuple(sys.argv),
            os.getcwd(),
            locale.setlocale(locale.LC_ALL),
        )

    def find_harm(self, now: "_Footprint") -> str:
        """The harm done since then; empty if there is none."""
        if started := max(0, now.threads - self.threads):
            return f"started {plural(started, 'thread')}"
        if now.devices > self.devices:
            return "opened the GPU"
        names = {"argv": "sys.argv", "cwd": "the working directory", "locale": "the locale"}
        changed = [what for field, what in names.items() if getattr(now, field) != getattr(self, field)]
        return f"changed {changed[0]}" if changed else ""


def _count_open_devices() -> int:
    """The number of open descriptors of accelerators."""
    if not system.IS_LINUX:
        return 0
    return sum(_link(name).startswith(_GPU_DEVICES) for name in os.listdir("/proc/self/fd"))


def _link(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # the one with which the folder was listed
        return ""
