"""Which versions of compiled packages pip can install without a compiler; made by ``tools/wheel_versions.py``."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

_FILE = Path(__file__).with_name("data") / "wheels.json"
WITHOUT_SOURCE = frozenset(
    """
    tensorflow tensorflow-cpu tensorflow-text tensorflow-addons tensorflow-io torch torchvision torchaudio jaxlib triton
    """.split()
)
"""Packages of which there are only wheels: without one, pip finds nothing at all."""


BUILDS = {"3.13": {"numpy": "1.26.4"}}
"""Versions without a wheel that pip can build all the same; tried out, it takes ten minutes on two busy cores."""


class Missing(NamedTuple):
    """No version that is asked for has a wheel."""

    next: str
    """The next newer version that has one; empty if there is none."""
    can_be_built: bool


def find_missing(package: str, specifier: str, python: str) -> Missing | None:
    """Whether no version that fits has a wheel for that Python (``3.13``); None where there is one, or nobody knows.

    Of versions that are newer than the table nothing is known.
    """
    versions = _versions(python).get(package)
    if versions is None or not (specifier or package in WITHOUT_SOURCE):
        return None
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return None
    if any(wanted.contains(version.public, prereleases=True) for version in versions) or _names_newer(wanted, versions):
        return None
    pinned = max((Version(one.version.rstrip(".*")) for one in wanted if one.operator != "!="), default=None)
    newer = [version for version in versions if pinned is None or version >= pinned]
    can_be_built = wanted.contains(BUILDS.get(python, {}).get(package, "0"))
    return Missing(str(newer[0]) if newer else "", can_be_built) if versions or package in WITHOUT_SOURCE else None


def _names_newer(wanted: SpecifierSet, versions: list[Version]) -> bool:
    """Whether it asks for something newer than the table knows."""
    newest = versions[-1] if versions else Version("99999")
    lower = [one.version.removesuffix(".*") for one in wanted if one.operator in ("==", "===", "~=", ">=", ">")]
    return any(Version(version) >= newest for version in lower)


@cache
def _versions(python: str) -> dict[str, list[Version]]:
    table: dict[str, dict[str, str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return {package: [Version(one) for one in line.split()] for package, line in table.get(python, {}).items()}
