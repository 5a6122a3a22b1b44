"""Importing modules one after another, and noticing those that must not be there before a fork."""

import importlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from colab_starter.run.kernels import system

_GPU_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/", "/dev/accel", "/dev/vfio/")


@dataclass
class Imported:
    """What came of the imports: module -> what was wrong with it."""

    missing: dict[str, str] = field(default_factory=dict)
    """No harm done."""
    harmful: dict[str, str] = field(default_factory=dict)
    """They have left this process in a state in which it should not be forked."""


def import_modules(names: Iterable[str], announce: Callable[[str], None]) -> Imported:
    """Import all of them, also after one that does harm: what follows may do as well. ``announce`` hears each name."""
    imported = Imported()
    for name in names:
        announce(name)
        threads, devices = system.count_threads(), _count_open_devices()
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            found = imported.missing if name.startswith(error.name or "?") else imported.harmful
            found[name] = f"there is no module {error.name}"
        except BaseException as error:
            imported.harmful[name] = f"{type(error).__name__} while it was imported: {error}"
        if harm := _find_harm(threads, devices):
            imported.harmful[name] = harm
    return imported


def _find_harm(threads: int, devices: int) -> str:
    """What there is more of than before; empty for nothing."""
    if started := max(0, system.count_threads() - threads):
        return f"started {started} thread{'s'[: started > 1]}"
    return "opened the GPU" if _count_open_devices() > devices else ""


def _count_open_devices() -> int:
    """The open descriptors of accelerators."""
    if not system.IS_LINUX:
        return 0
    return sum(_link(name).startswith(_GPU_DEVICES) for name in os.listdir("/proc/self/fd"))


def _link(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # the one by which the folder was listed
        return ""
