"""colab-starter on Colab: it fits beside what a runtime has, and works from an environment of its own there."""

import csv
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from colab_starter.runtimes import load_runtime, runtime_names
from tests.conftest import REPOSITORY
from tests.environments import make_environment
from tests.support.processes import COMMAND

DEPENDENCIES: list[str] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
RUNTIMES = [name for name in runtime_names() if name != "2025.07"]
"""The first one is left out: its jupyter_client is too old."""


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_versions_of_a_runtime_are_enough_for_the_command(name: str) -> None:
    runtime = load_runtime(name)
    wanted = [Requirement(dependency) for dependency in DEPENDENCIES]
    present = [requirement for requirement in wanted if canonicalize_name(requirement.name) in runtime.packages]
    assert len(present) > 10
    too_old = [
        f"{requirement}, not {version}"
        for requirement in present
        if not requirement.specifier.contains(version := runtime.packages[canonicalize_name(requirement.name)])
    ]
    assert too_old == []


@pytest.mark.weekly
@pytest.mark.parametrize("name", RUNTIMES)
def test_pip_adds_packages_to_a_runtime_and_changes_none(name: str, tmp_path: Path) -> None:
    packages = load_runtime(name).packages
    python = make_frozen_environment(tmp_path, packages)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--dry-run", "--quiet", "--report", "-"]
    told = subprocess.run([*pip, *DEPENDENCIES], check=True, capture_output=True, text=True).stdout
    added = [canonicalize_name(one["metadata"]["name"]) for one in json.loads(told)["install"]]
    assert {"cookiecutter", "itables", "papermill"} <= set(added)
    assert [package for package in added if package in packages] == []


def make_frozen_environment(folder: Path, packages: Mapping[str, str]) -> str:
    """An environment in which pip finds these versions of packages, though nothing of them is there; its Python."""
    venv.create(folder)
    site = next(folder.glob("lib/python*/site-packages"))
    for package, version in packages.items():
        about = site / f"{package.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (about / "RECORD").touch()
    return str(folder / "bin" / "python")


def test_a_command_that_lives_apart_runs_notebooks_in_a_kernel_of_another_environment(tmp_path: Path) -> None:
    """As on Colab, the machine's IPython configuration names a class of kernels that only that environment has."""
    programs = make_environment(tmp_path / "theirs", "ipykernel")
    site = next((tmp_path / "theirs").glob("lib/python*/site-packages"))
    (site / "only_theirs.py").write_text(
        "from ipykernel.ipkernel import IPythonKernel\nclass TheirKernel(IPythonKernel):\n    motto = 'theirs'\n"
    )
    write_kernelspec(tmp_path / "jupyter", "theirs", programs / "python")
    write_configuration(tmp_path / "ipython", "only_theirs.TheirKernel")
    write_sweep(tmp_path / "nb.ipynb")
    ended = subprocess.run(
        [COMMAND, "run", "nb.ipynb", "-p", "n=1,2", "--kernel", "theirs"],
        cwd=tmp_path,
        env={**os.environ, "JUPYTER_PATH": str(tmp_path / "jupyter"), "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    with open(tmp_path / "runs/nb/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["accuracy"]) for row in rows] == [("ok", "0.5"), ("ok", "1.0")]
    executed = [nbformat.read(path, 4) for path in sorted((tmp_path / "runs/nb").glob("n=*/nb.ipynb"))]
    assert [one.cells[-1].outputs[0].text for one in executed] == [f"{tmp_path / 'theirs'} theirs None True\n"] * 2


def write_kernelspec(folder: Path, name: str, python: Path) -> None:
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": name, "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))


def write_configuration(folder: Path, kernel_class: str) -> None:
    profile = folder / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text(f"get_config().IPKernelApp.kernel_class = {kernel_class!r}\n")


def write_sweep(path: Path) -> None:
    """A notebook that records a metric as the documentation says, and tells of its kernel."""
    tagged = v4.new_code_cell("n = 1", metadata={"tags": ["parameters"]})
    page = (REPOSITORY / "docs/on-colab.md").read_text(encoding="utf-8")
    (record,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    tell = (
        "import importlib.util, sys\n"
        "is_forked = b'kernels.server' in open('/proc/self/cmdline', 'rb').read()\n"
        "print(sys.prefix, get_ipython().kernel.motto, importlib.util.find_spec('colab_starter'), is_forked)"
    )
    cells = [tagged, v4.new_code_cell(f"accuracy = n / 2\n{record}"), v4.new_code_cell(tell)]
    nbformat.write(v4.new_notebook(cells=cells), path)
