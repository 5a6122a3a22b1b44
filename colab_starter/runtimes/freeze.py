"""The lists of googlecolab/backend-info: what ``pip freeze``, ``apt list`` and the system say, made a Runtime."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from packaging.utils import canonicalize_name

from colab_starter.runtimes.packages import TRACKED_APT, TRACKED_PACKAGES
from colab_starter.runtimes.table import Image, Runtime

_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+_-]+)")
_FROM_ADDRESS = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) @ (\S+)")
_VERSION_IN_FILE_NAME = re.compile(r"-(\d[A-Za-z0-9.!+_]*?)(?:-.*\.whl|\.tar\.gz|\.zip)(?:#.*)?$")
_APT = re.compile(r"([a-z0-9][a-z0-9+.-]*)/\S+ (\S+) ")
_CUDA = re.compile(r"\+cu(\d+)(\d)$")
_PYTHON = re.compile(r"^Python (3\.\d+\.\d+)$", re.MULTILINE)


class Lists(NamedTuple):
    """The texts of backend-info's files; None for an image that a runtime has no list of."""

    os_info: str
    apt: str
    pip: str
    pip_gpu: str | None
    pip_tpu: str | None


def build_runtime(lists: Lists, *, name: str, date: str, commit: str) -> Runtime:
    """The runtime that the lists describe. Raises ValueError where one is not what it should be."""
    python = _PYTHON.search(lists.os_info)
    if not python:
        raise ValueError("the list of the system names no Python")
    versions = parse_freeze(lists.pip)
    packages, also = _split_tracked(versions)
    apt = parse_apt_list(lists.apt)
    gpu = _compare_image(lists.pip_gpu, versions)
    cuda = _CUDA.search((gpu.packages if gpu else packages).get("torch", ""))
    return Runtime(
        name=name,
        date=date,
        commit=commit,
        python=python[1],
        packages=packages,
        also=also,
        also_versions={package: versions[package] for package in sorted(also) if versions[package]},
        apt={package: version for package, version in apt.items() if package in TRACKED_APT},
        apt_also=frozenset(apt.keys() - TRACKED_APT),
        os=_operating_system(lists.os_info),
        cuda=f"{cuda[1]}.{cuda[2]}" if cuda else None,
        gpu=gpu,
        tpu=_compare_image(lists.pip_tpu, versions),
    )


def parse_freeze(text: str) -> dict[str, str]:
    """Package -> version of a ``pip freeze``; "" where it was installed from an address that tells no version.

    Raises ValueError for a line that pip would not write, and where Colab's own package is missing.
    """
    versions: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        pinned, from_address = _PINNED.fullmatch(line), _FROM_ADDRESS.fullmatch(line)
        if pinned:
            versions[canonicalize_name(pinned[1])] = pinned[2]
        elif from_address:
            version = _VERSION_IN_FILE_NAME.search(from_address[2])
            versions[canonicalize_name(from_address[1])] = version[1] if version else ""
        else:
            raise ValueError(f"not a line of a pip freeze: {line[:60]!r}")
    if "google-colab" not in versions:
        raise ValueError("a pip freeze without google-colab is not of Colab")
    return versions


def parse_apt_list(text: str) -> dict[str, str]:
    """Debian package -> version of an ``apt list --installed``. Raises ValueError where it lists none."""
    versions = {found[1]: found[2] for line in text.splitlines() if (found := _APT.match(line))}
    if not versions:
        raise ValueError("no package in the list of apt")
    return versions


def _operating_system(os_info: str) -> str:
    return next(line for line in os_info.splitlines() if line.strip() and not line.startswith("#"))


def _split_tracked(versions: Mapping[str, str]) -> tuple[dict[str, str], frozenset[str]]:
    """The packages whose version is kept, and the names of the others."""
    tracked = {name: version for name, version in versions.items() if version and name in TRACKED_PACKAGES}
    return tracked, frozenset(versions.keys() - tracked.keys())


def _compare_image(freeze: str | None, cpu: Mapping[str, str]) -> Image | None:
    if freeze is None:
        return None
    versions = parse_freeze(freeze)
    tracked, _ = _split_tracked(versions)
    changed = {name: version for name, version in tracked.items() if cpu.get(name) != version}
    return Image(
        changed, frozenset(versions.keys() - cpu.keys() - changed.keys()), frozenset(cpu.keys() - versions.keys())
    )
