"""Finding GPUs, and assigning them to runs."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colab_starter.errors import WrongOptionError

_GPU = re.compile(r"GPU (\d+): ")
_SLICE = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)")


def find_gpus(choice: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names of GPUs for CUDA_VISIBLE_DEVICES; ``choice`` is ``auto``, ``none``, or a list such as ``0,1``.

    ``auto`` uses CUDA_VISIBLE_DEVICES if it is set, and asks nvidia-smi otherwise. Raises WrongOptionError for a GPU
    that is named twice.
    """
    if choice == "none":
        return []
    if choice == "auto":
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        return _ask_driver() if visible is None else _split_visible(visible)
    named = [name.strip() for name in choice.split(",") if name.strip()]
    if not named or len(set(named)) < len(named):
        raise WrongOptionError(f"--gpus {choice!r} names no GPUs; write auto, none, or their numbers, such as 0,1")
    return named


def list_absent(choice: str) -> list[str]:
    """The numbers of GPUs in a choice that this machine's driver does not list; UUIDs are not checked."""
    numbers = [name.strip() for name in choice.split(",") if name.strip().isdigit()]
    present = _ask_driver() if numbers else []
    return [number for number in numbers if int(number) >= len(present)]


def _split_visible(visible: str) -> list[str]:
    """Split the list as CUDA does: everything from a negative number on is ignored."""
    names = []
    for name in visible.split(","):
        if not name.strip() or name.strip().startswith("-"):
            break
        names.append(name.strip())
    return names


def _ask_driver() -> list[str]:
    """The GPUs that ``nvidia-smi -L`` lists; empty if there is no driver, or no answer in ten seconds."""
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    try:
        listing = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return read_listing(listing.stdout)


def read_listing(listing: str) -> list[str]:
    """The numbers of the GPUs; for one split into MIG slices, the slices' names, as it cannot be used whole."""
    found: dict[str, list[str]] = {}
    for line in listing.splitlines():
        if match := _GPU.match(line):
            found[match[1]] = []
        elif found and (match := _SLICE.match(line)):
            found[next(reversed(found))].append(match[1])
    return [name for number, slices in found.items() for name in (slices or [number])]


@dataclass(frozen=True)
class GpuShare:
    """What a run needs: a number of GPUs, or a share of one that several runs use together."""

    gpus: int = 1
    runs_per_gpu: int = 1


def read_share(text: str) -> GpuShare:
    """Read ``--gpus-per-run``: 1, 2, ... or a fraction: 0.5 lets two runs share a GPU. Raises WrongOptionError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number >= 1 and number.is_integer():
        return GpuShare(gpus=int(number))
    if 0 < number < 1:
        return GpuShare(runs_per_gpu=int(1 / number + 1e-9))
    raise WrongOptionError(f"--gpus-per-run {text!r} is not a number of GPUs; write 1, 2, ... or a fraction like 0.5")


class GpuPlaces:
    """Keeps track of how many runs use each GPU."""

    def __init__(self, gpus: Sequence[str], share: GpuShare) -> None:
        """Raises WrongOptionError if there are GPUs, but fewer than a run needs."""
        if gpus and len(gpus) < share.gpus:
            raise WrongOptionError(f"--gpus-per-run {share.gpus} is more than the {len(gpus)} that there are")
        self._share = share
        self._load = dict.fromkeys(gpus, 0)

    @property
    def capacity(self) -> int | None:
        """How many runs can have their share at once; None if there are no GPUs."""
        return len(self._load) * self._share.runs_per_gpu // self._share.gpus if self._load else None

    def take(self) -> tuple[str, ...]:
        """Take the least used GPUs; empty if there are none at all. Must not be called beyond the capacity."""
        chosen = sorted(self._load, key=lambda gpu: self._load[gpu])[: self._share.gpus]
        for gpu in chosen:
            self._load[gpu] += 1
        return tuple(chosen)

    def give_back(self, gpus: Sequence[str]) -> None:
        for gpu in gpus:
            self._load[gpu] -= 1


def set_visible(gpus: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that make a run see only these GPUs; none if the list is empty.

    CUDA numbers the fastest first unless told to number them as nvidia-smi does.
    """
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    if gpus and "CUDA_DEVICE_ORDER" not in environment:
        visible["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return visible
