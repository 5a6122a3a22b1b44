"""Small runtimes of this Python with a seeded breakage, whose packages are wheels of a few lines."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.runtimes import Runtime, load_runtime
from colab_starter.runtimes.uv import get_uv
from tests.support.wheels import write_wheel

SEED = "colab-starter-seed"
"""Its version 2 has no ``grow`` any more."""
SOIL = "colab-starter-soil"
"""Of which the seed of version 1 requires version 1."""
_LATEST = load_runtime("latest")


def make_runtime(name: str, seed: str, soil: str = "1.0", **more: str) -> Runtime:
    """A runtime of this Python with these versions; the kernel is that of Colab."""
    return _LATEST._replace(
        name=name,
        python=".".join(map(str, sys.version_info[:3])),
        packages={**_LATEST.packages, SEED: seed, SOIL: soil, **more},
    )


@pytest.fixture
def seeds(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels where uv looks besides PyPI."""
    folder = tmp_path_factory.mktemp("seeds")
    write_wheel(folder, SOIL, "1.0", "depth = 1\n")
    write_wheel(folder, SOIL, "2.0", "deep = 2\n")
    write_wheel(folder, SEED, "1.0", f"import {SOIL.replace('-', '_')} as soil\ngrow = soil.depth\n", [f"{SOIL}<2"])
    write_wheel(folder, SEED, "2.0", "sprout = 2\n", [SOIL])
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of environments; uv and what it has downloaded are shared by the session's tests."""
    uv = Path(get_uv())
    monkeypatch.setenv("PATH", f"{uv.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or f"{os.environ['XDG_CACHE_HOME']}/uv")
    cache = tmp_path_factory.getbasetemp() / "own-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    yield cache / "colab-starter"
    shutil.rmtree(cache, ignore_errors=True)


@pytest.fixture
def compiled_once(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environments of the session's tests share what Python compiles: the kernel's modules take it a second."""
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(own_cache.parents[1] / "compiled"))
