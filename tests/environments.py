"""Virtual environments with few packages, made within a second of those that the tests' own environment has."""

import importlib.metadata
import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def make_environment(folder: Path, *packages: str) -> Path:
    """An environment that holds these packages and what they need, nothing else; returns its programs' folder.

    A wheel, and a package with another version than the tests' own (``cookiecutter==2.6.0``), are installed by the
    tests' pip. All else is linked from the tests' own environment, so that it has the versions of the lock and takes
    no network; where that lacks a package, so does the new one, as after an installation with a missing dependency.
    """
    venv.create(folder)
    programs = folder / "bin"
    site = next(folder.glob("lib/python*/site-packages"))
    installed = [package for package in packages if package.endswith(".whl") or "==" in package]
    if installed:
        pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--no-deps", "--quiet"]
        subprocess.run([*pip, "--no-compile", *installed], check=True)
    needed = [need for found in importlib.metadata.distributions(path=[str(site)]) for need in found.requires or []]
    named = [importlib.metadata.distribution(package) for package in packages if package not in installed]
    for distribution in {found.name: found for found in [*named, *_find_needed([*packages, *needed])]}.values():
        if not list(site.glob(f"{distribution.name.replace('-', '_')}-*.dist-info")):
            _link(distribution, site)
    for distribution in named:
        _write_programs(distribution, programs)
    return programs


def _find_needed(requirements: Iterable[str]) -> Iterator[Distribution]:
    """What is needed, directly or not, as far as it is here."""
    open_ones = [Requirement(text) for text in requirements if not text.endswith(".whl")]
    open_ones = [one for one in open_ones if one.marker is None or one.marker.evaluate({"extra": ""})]
    seen: set[tuple[str, frozenset[str]]] = set()
    while open_ones:
        wanted = open_ones.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        try:
            found = importlib.metadata.distribution(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if key in seen or (wanted.specifier and not wanted.specifier.contains(found.version, True)):
            continue
        seen.add(key)
        yield found
        for text in found.requires or []:
            need = Requirement(text)
            extras = wanted.extras or {""}
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
                open_ones.append(need)


@cache
def _read_owners() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _link(distribution: Distribution, site: Path) -> None:
    """Link folders where they are the distribution's alone, else files."""
    files: dict[str, list[Path]] = {}
    for file in distribution.files or []:
        files.setdefault(file.parts[0], []).append(Path(file))
    for top in files.keys() - {"..", "__pycache__"}:
        is_shared = len(set(_read_owners().get(top, ()))) > 1
        for name in files[top] if is_shared else [Path(top)]:
            link = site / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(link):
                link.symlink_to(Path(str(distribution.locate_file(str(name)))))


def _write_programs(distribution: Distribution, programs: Path) -> None:
    for program in distribution.entry_points.select(group="console_scripts"):
        path = programs / program.name
        code = f"import sys\nfrom {program.module} import {program.attr}\nsys.exit({program.attr}())\n"
        path.write_text(f"#!{programs / 'python'}\n{code}")
        path.chmod(0o755)
