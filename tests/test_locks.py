"""What `make demo`, `make test` and `make docs` install: locked with hashes, complete, and from nowhere special."""

import importlib.metadata
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import REPOSITORY, Bake

LOCKS = REPOSITORY / "requirements"
LOCKED = ["colab-command", "demo", "docs", "tests"]
PYTHONS = ["3.11.0", "3.12.0", "3.13.0", "3.13.9"]
GPU_LIBRARIES = re.compile("nvidia|cuda|triton")
"""Packages that only PyTorch's builds for GPUs need."""


def read_lock(name: str, python: str) -> dict[str, Version]:
    """The version of each package that the lock has for this version of Python on Linux."""
    about = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
    found: dict[str, Version] = {}
    for line in (LOCKS / f"{name}.txt").read_text().splitlines():
        if not line or line.startswith((" ", "#")):
            continue
        requirement = Requirement(line.removesuffix("\\"))
        if requirement.marker is None or requirement.marker.evaluate(about):
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            assert canonicalize_name(requirement.name) not in found, line
            found[canonicalize_name(requirement.name)] = Version(pin.version)
    return found


def check_that_they_are_locked(requirements: list[str], lock: dict[str, Version]) -> None:
    wanted = [Requirement(requirement) for requirement in requirements]
    assert wanted
    missing = [
        str(requirement)
        for requirement in wanted
        if (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
        and not (
            (version := lock.get(canonicalize_name(requirement.name))) and requirement.specifier.contains(version, True)
        )
    ]
    assert missing == [], "make locks"


@pytest.mark.parametrize("name", LOCKED)
def test_a_lock_pins_each_package_with_hashes_and_names_no_place(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    assert len(entries) > 40
    for entry in entries:
        head, *hashes = entry.rstrip("\n").split(" \\\n    ")
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,_-]+\])?==[\w.!+]+( ; [^\n]*)?", head), head
        assert hashes, head
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", part) for part in hashes), head
    assert not re.search(r"//|index|find-links|@|\.(org|com|net|io)\b|^ *#.*/", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tests_lock_holds_what_the_project_and_its_extras_ask_for(python: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [
        *project["dependencies"],
        *(package for name in ("lessons", "dev", "docs", "jupyter", "ray") for package in extras[name]),
    ]
    asked = [package for package in asked if package not in ("torch", "torchvision")]  # requirements/torch.txt says why
    check_that_they_are_locked(asked, read_lock("tests", python))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_demo_s_lock_holds_what_its_project_asks_for(python: str, bake: Bake) -> None:
    asked = (bake(preset="keras") / "requirements.txt").read_text().splitlines()
    listed = (LOCKS / "demo.in").read_text().splitlines()
    lock = read_lock("demo", python)
    for requirements in (asked, listed):
        check_that_they_are_locked([line for line in requirements if line and not line.startswith("#")], lock)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["demo", "docs"])
def test_all_locks_fit_into_one_environment(name: str, python: str) -> None:
    tests, other = read_lock("tests", python), read_lock(name, python)
    assert {package: tests.get(package) for package in other} == other


def test_what_torch_needs_besides_a_gpu_s_libraries_is_locked() -> None:
    needed = [need for need in importlib.metadata.requires("torch") or [] if not GPU_LIBRARIES.search(need)]
    check_that_they_are_locked(needed, read_lock("tests", "3.11.0"))
    (pin,) = (line for line in (LOCKS / "torch.txt").read_text().splitlines() if not line.startswith("#"))
    assert re.fullmatch(r"torch==[\d.]+", pin)


def test_every_constraint_has_a_reason() -> None:
    above = ""
    for line in (LOCKS / "constraints.txt").read_text().splitlines():
        assert not line or line.startswith("#") or above.startswith("#"), line
        above = line


def test_what_users_install_is_not_locked(bake: Bake) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for requirements in (project["dependencies"], (bake(preset="all") / "requirements.txt").read_text().splitlines()):
        assert not [requirement for requirement in requirements if "==" in requirement]
