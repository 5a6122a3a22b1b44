"""``colab-starter run`` in an environment of its own, which no notebook may change."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from tests.run.overlays.packages import Environment, link_packages, list_overlays, write_wheel

Write = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to install from, without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("victim", "newcomer"):
        for version in ("1.0", "2.0"):
            write_wheel(folder, name, version, program=True)
    write_wheel(folder, "teller", program=True)
    return folder


@pytest.fixture(scope="session")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the environments of the tests have besides their own packages."""
    return link_packages(tmp_path_factory.mktemp("packages") / "linked")


@pytest.fixture
def environment(tmp_path: Path, linked: Path, wheels: Path) -> Environment:
    """The one that colab-starter lives in: it has ``victim`` 1.0 and ``teller``."""
    return Environment(tmp_path / "below", linked, *wheels.glob("victim-1.0-*"), *wheels.glob("teller-*"))


@pytest.fixture(autouse=True)
def no_overlay_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where a test leaves an overlay behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    assert list_overlays() == []


@pytest.fixture(autouse=True)
def few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pip asks rustc and the like for their versions, if it finds them."""
    monkeypatch.setenv("PATH", os.defpath)


@pytest.fixture
def notebook(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a notebook of a parameters cell and other code cells; its pip looks for packages in ``wheels``."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_DEPS", "1")

    def write(*cells: str, parameters: str = "n = 1", kernel: str = "python3") -> Path:
        tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        made = v4.new_notebook(cells=[tagged, *map(v4.new_code_cell, cells)])
        made.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
        nbformat.write(made, tmp_path / "nb.ipynb")
        return tmp_path / "nb.ipynb"

    return write


@pytest.fixture
def begin(tmp_path: Path, environment: Environment) -> Iterator[Start]:
    """Begin a program of that environment, in the test's folder."""
    begun: list[subprocess.Popen[str]] = []

    def begin_program(*arguments: str | Path, **variables: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [environment.python, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield begin_program
    for process in begun:
        process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def start(begin: Start) -> Start:
    """Begin ``colab-starter run``."""
    return partial(begin, "-m", "colab_starter", "run")


@pytest.fixture
def run(begin: Start) -> Run:
    """Call it, and wait for its end; without the fork server that is started ahead, which no overlay can use."""

    def call(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        process = begin("-c", "from colab_starter.cli import main; main()", "run", *arguments, **variables)
        out, error = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)

    return call


def read_runs(out: Path) -> list[dict[str, Any]]:
    """The executed notebooks of a sweep, in the order of the runs' names."""
    return [json.loads(path.read_text()) for path in sorted(out.glob("*/nb.ipynb"))]


def printed(notebook: dict[str, Any], number: int) -> str:
    """What a cell printed, counted from 1 behind those of the parameters."""
    cells = [cell for cell in notebook["cells"] if not cell["metadata"].get("tags")]
    outputs = cells[number - 1]["outputs"]
    return "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")
