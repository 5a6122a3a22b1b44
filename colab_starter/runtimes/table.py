"""The table of Colab's runtimes: one JSON file each in ``data/``, and the newest also in the user's cache.

What such a file holds is what ``Runtime`` says; the keys are its fields. Where the fields have sets of names,
a file has lines of names, one line a first letter; a name in ``also`` carries its version (``toolz==0.12.1``).
"""

import json
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from colab_starter.errors import UnknownRuntimeError
from colab_starter.files import cache_folder

LATEST = "latest"
"""The runtime that Colab gives to a notebook which asks for none."""

_BUNDLED = Path(__file__).with_name("data")


class Image(NamedTuple):
    """What a GPU or TPU image has otherwise than the CPU image of the same runtime."""

    packages: Mapping[str, str]
    """Package -> version: those that only this image has, or has in another version."""
    also: frozenset[str]
    """Other packages that only this image has."""
    lacks: frozenset[str]
    """Packages of the CPU image that this one does not have."""


class Runtime(NamedTuple):
    """What one Colab runtime has, in its CPU image; names of packages are as PEP 503 normalises them.

    Source: the lists in github.com/googlecolab/backend-info. Those of 2025.07 and 2025.10 know one image only.
    """

    name: str
    """``latest`` or the year and month that Colab offers, such as ``2026.07``."""
    date: str
    """When it was new: ``2026-08-19``, or ``2026-07`` where only the month is known."""
    commit: str
    """The commit of backend-info, or its branch after a refresh."""
    python: str
    """Python's version, such as ``3.13.15``."""
    packages: Mapping[str, str]
    """Package -> version, with the local part (``2.11.0+cpu``), of those whose version matters."""
    also: frozenset[str]
    """The other packages that are there."""
    also_versions: Mapping[str, str]
    """The versions of those others, which only an environment like the runtime needs; not all are known."""
    apt: Mapping[str, str]
    """Debian package -> version, of those that matter."""
    apt_also: frozenset[str]
    """The other Debian packages that are there."""
    os: str
    """The operating system, such as ``Ubuntu 22.04.5 LTS``."""
    cuda: str | None
    """The CUDA that torch of the GPU image is built for, such as ``12.8``; None where it does not say."""
    gpu: Image | None
    """The GPU image; None where it is not known apart from the CPU image."""
    tpu: Image | None
    """The TPU image; None where it is not known."""

    @property
    def minor(self) -> str:
        """The minor version of Python, such as ``3.13``."""
        return self.python.rpartition(".")[0]


def runtime_names() -> list[str]:
    """The names of the known runtimes, the newest first."""
    names = sorted((path.stem for path in _BUNDLED.glob("*.json")), reverse=True)
    return sorted(names, key=lambda name: name != LATEST)


def load_runtime(name: str) -> Runtime:
    """The runtime of that name; for ``latest`` the one in the user's cache, where ``refresh`` left a newer one.

    Raises UnknownRuntimeError, which names the known ones.
    """
    if name not in runtime_names():
        raise UnknownRuntimeError(f"no Colab runtime {name!r} is known; take one of {', '.join(runtime_names())}")
    bundled = read_runtime(_BUNDLED / f"{name}.json", name)
    cached = _read_cached() if name == LATEST else None
    return cached if cached and cached.date > bundled.date else bundled


def _read_cached() -> Runtime | None:
    """The refreshed runtime; None where there is none, or the file has been damaged."""
    try:
        return read_runtime(cache_path(), LATEST)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def cache_path() -> Path:
    """Where ``refresh`` keeps the newest runtime: below the cache folder that the user's system has for it."""
    return cache_folder("runtimes") / f"{LATEST}.json"


def gpu_packages(runtime: Runtime) -> dict[str, str]:
    """Package -> version of all packages in the GPU image, "" where the table keeps no version."""
    packages = {**dict.fromkeys(runtime.also, ""), **runtime.packages}
    if runtime.gpu:
        packages |= {**dict.fromkeys(runtime.gpu.also, ""), **runtime.gpu.packages}
        packages = {name: version for name, version in packages.items() if name not in runtime.gpu.lacks}
    return packages


def pip_constraints(runtime: Runtime) -> list[str]:
    """Constraints for pip that make an environment like the CPU image, from what PyPI has.

    Left out are the local part of a version (``+cpu``), which PyPI does not carry, and NVIDIA's libraries: Colab's
    xgboost and its torch without CUDA agree on others than PyPI's.
    """
    pinned = {name: version.partition("+")[0] for name, version in runtime.packages.items()}
    return [f"{name}=={version}" for name, version in sorted(pinned.items()) if not name.startswith("nvidia-")]


def list_versions(runtime: Runtime) -> dict[str, str]:
    """Package -> version, without the local part (``+cpu``), of the CPU image's packages whose version is known."""
    versions = {**runtime.also_versions, **runtime.packages}
    return {name: version.partition("+")[0] for name, version in sorted(versions.items())}


def read_runtime(path: Path, name: str) -> Runtime:
    """The runtime in a file of the table."""
    content = json.loads(path.read_text(encoding="utf-8"))
    others = [other.partition("==") for other in _split_names(content["also"])]
    return Runtime(
        name=name,
        **{
            **content,
            "also": frozenset(package for package, _, _ in others),
            "also_versions": {package: version for package, _, version in others if version},
            "apt_also": _split_names(content["apt_also"]),
            "gpu": _read_image(content["gpu"]),
            "tpu": _read_image(content["tpu"]),
        },
    )


def _read_image(content: Mapping[str, Any] | None) -> Image | None:
    if content is None:
        return None
    return Image(content["packages"], _split_names(content["also"]), _split_names(content["lacks"]))


def _split_names(lines: list[str]) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


def runtime_text(runtime: Runtime) -> str:
    """The content of the runtime's file in the table."""
    content = as_json(runtime, _lines_of_names)
    versions = runtime.also_versions
    others = frozenset(f"{name}=={versions[name]}" if name in versions else name for name in runtime.also)
    content["also"] = _lines_of_names(others)
    del content["name"], content["also_versions"]
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def as_json(runtime: Runtime, write_names: Callable[[frozenset[str]], list[str]] = sorted) -> dict[str, Any]:
    """The runtime in the types of JSON; ``write_names`` says how sets of names are written."""
    images = {field: _image_as_json(getattr(runtime, field), write_names) for field in ("gpu", "tpu")}
    names = {"also": write_names(runtime.also), "apt_also": write_names(runtime.apt_also)}
    return {**runtime._asdict(), **names, **images}


def _image_as_json(image: Image | None, write_names: Callable[[frozenset[str]], list[str]]) -> dict[str, Any] | None:
    if image is None:
        return None
    return {**image._asdict(), "also": write_names(image.also), "lacks": write_names(image.lacks)}


def _lines_of_names(names: frozenset[str]) -> list[str]:
    return [" ".join(group) for _, group in groupby(sorted(names), key=lambda name: name[0])]
