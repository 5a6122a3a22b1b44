"""The versions that a Colab runtime has of a project's requirements.

Plain cookiecutter loads this file, so it uses only the standard library and reads the runtimes' data itself.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_RUNTIMES = Path(__file__).parents[1] / "runtimes/data"
_WITHOUT_VERSION = re.compile(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?")


def pin_requirements(requirements: Iterable[str], runtime: str) -> list[str]:
    """The requirements with the versions of that runtime: ``torch`` is ``torch==2.11.0`` for 2026.07.

    The versions are those of PyPI, without the local part of Colab's own builds (``+cpu``, ``+cu126``). Left as they
    are: requirements with a version of their own, packages that the runtime lacks, and all of them for ``latest``,
    which changes every few weeks.
    """
    if runtime == "latest":
        return list(requirements)
    content = json.loads((_RUNTIMES / f"{runtime}.json").read_text(encoding="utf-8"))
    return [_pin(requirement, content["packages"]) for requirement in requirements]


def _pin(requirement: str, versions: Mapping[str, str]) -> str:
    plain = _WITHOUT_VERSION.fullmatch(requirement)
    version = versions.get(re.sub(r"[-_.]+", "-", plain[1]).lower(), "") if plain else ""
    return f"{requirement}=={version.partition('+')[0]}" if version else requirement
