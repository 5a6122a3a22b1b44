"""CS403 and CS412 to CS415: what pip makes of the versions that a notebook asks for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from colab_starter.check.rule import ERROR, WARNING, Problem, rule
from colab_starter.check.rules.install import admits, restarts_after, version_of
from colab_starter.check.rules.wheels import Missing, find_missing
from colab_starter.notebook.installs import Install, Requirement, split_commands
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.runtimes import CORE_PACKAGES, Runtime

_OTHER_SOURCES = frozenset(
    ("-f", "--find-links", "-i", "--index-url", "--extra-index-url", "--index", "--default-index")
)
_STUBS = {
    "sklearn": "scikit-learn, which is there already",
    "tensorflow-gpu": "tensorflow, which is there already and uses the GPU",
}
"""Packages whose last release fails on purpose -> what to use."""
_NIGHTLY = frozenset(("tf-nightly", "tf-nightly-gpu", "tf-nightly-cpu"))


class _Line(NamedTuple):
    """A line that installs with pip, and what of it asks for other versions than the runtime has."""

    cell: Cell
    line: int
    unmet: list[tuple[Requirement, str]]
    """Each with the version that the runtime has, empty where it has none."""


@rule(
    "CS403",
    "replaces-core-package",
    WARNING,
    evidence="Of 2,100 pins of core packages in 6,940 public notebooks, 2,067 have no wheel for Python 3.13.",
)
def find_replaced_core_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No install asks for another version of a package that the runtime is built on.

    Either there is no wheel of that version for the runtime's Python: then pip tries to build it, mostly in vain, and
    the notebook goes on with the version that is there, because a failed !pip stops nothing. Or there is one: then
    pip replaces what the kernel has loaded and what other packages are built for, and you get "numpy.dtype size
    changed" and the like. Use the version that is there, choose another runtime (Runtime > Change runtime type >
    Runtime version), or restart the kernel right after the install.
    """
    for found in _lines(notebook, runtime, core=True):
        missing = _without_wheels(found, runtime)
        if restarts_after(notebook, found.cell):
            missing = [one for one in missing if not one[2].can_be_built]
        if missing:
            yield _say_missing(found, missing, runtime)
        elif not restarts_after(notebook, found.cell):
            _, version = found.unmet[0]
            yield Problem(
                f"{_names([one for one, _ in found.unmet])} replaces the {version} that the Colab runtime "
                f"{runtime.name} is built on, under a running kernel; "
                "drop the version, or choose a runtime that has it",
                found.cell,
                found.line,
            )


@rule(
    "CS412",
    "pin-without-wheel",
    ERROR,
    evidence="pip download --only-binary=:all: for each Python of the runtimes, see tools/wheel_versions.py.",
)
def find_pins_without_wheels(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """What pip is asked for can be installed on the runtime's Python.

    Packages with compiled code come as wheels for certain versions of Python. Where an old version has none, pip
    tries to build it, which takes long and mostly fails, and then nothing of that line is installed. The notebook
    goes on, because a failed !pip stops nothing. Drop the version, or ask for one that has a wheel.
    """
    for found in _lines(notebook, runtime, core=False):
        if missing := _without_wheels(found, runtime):
            yield _say_missing(found, missing, runtime)


@rule(
    "CS413",
    "failing-package",
    ERROR,
    evidence="pip install sklearn and tensorflow-gpu, tried with Python 3.13: both end in an error of their setup.py.",
)
def find_failing_packages(notebook: Notebook) -> Iterator[Problem]:
    """No package is installed whose only purpose is to fail.

    tensorflow-gpu and sklearn on PyPI are empty packages that refuse to be installed, so that people take the right
    one. pip then installs nothing of that line, and the notebook goes on without it.
    """
    for cell, install in _pip_installs(notebook):
        for requirement in install.requirements:
            if instead := _STUBS.get(requirement.name):
                yield Problem(
                    f"pip cannot install {requirement.name}: the package fails on purpose, and nothing of this line is "
                    f"installed; use {instead}",
                    cell,
                    install.line,
                )


@rule("CS414", "nightly-over-tensorflow", WARNING, evidence="Both distributions own the folder tensorflow.")
def find_nightly_over_tensorflow(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """tf-nightly is not installed over the runtime's TensorFlow.

    Both packages put their files into the folder tensorflow, and pip does not see that they are in each other's way:
    what results is a mixture of two versions, and an uninstall of either breaks the other. Use the TensorFlow that
    is there, or uninstall it first and restart the kernel after the install.
    """
    version = version_of("tensorflow", runtime, notebook.accelerator)
    removed = {name for _, _, names in _uninstalls(notebook) for name in names}
    if not version or "tensorflow" in removed:
        return
    for cell, install in _pip_installs(notebook):
        for requirement in install.requirements:
            if requirement.name in _NIGHTLY:
                yield Problem(
                    f"{requirement.name} writes its files over those of tensorflow {version}, and the two get mixed; "
                    "use the TensorFlow that is there, or uninstall it first",
                    cell,
                    install.line,
                )


@rule(
    "CS415",
    "uninstalled-core-package",
    WARNING,
    evidence="How Python imports: modules that are loaded stay in sys.modules, whatever pip removes. The versions "
    "are those of Google's own list.",
)
def find_uninstalled_core_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No package is uninstalled that the runtime is built on.

    What the kernel has loaded stays loaded, and what comes next half works: imports of other packages fail, or take
    the old half from memory. Leave the package alone, or install the version you need in the same cell and restart
    the kernel.
    """
    for cell, line, names in _uninstalls(notebook):
        core = [name for name in names if name in CORE_PACKAGES and version_of(name, runtime, notebook.accelerator)]
        left = [name for name in core if not _is_installed_below(name, notebook, (cell.number, line))]
        if left and not restarts_after(notebook, cell):
            yield Problem(
                f"{_listed(left)} is taken away under a running kernel, and nothing installs it again; leave it, or "
                "install what you need and restart the kernel",
                cell,
                line,
            )


def _pip_installs(notebook: Notebook) -> Iterator[tuple[Cell, Install]]:
    """The installs with pip into the environment of the kernel that no condition decides on."""
    for cell, install in notebook.installs:
        if install.tool == "pip" and not install.nested and not install.goes_elsewhere:
            yield cell, install


def _lines(notebook: Notebook, runtime: Runtime, *, core: bool) -> Iterator[_Line]:
    """The lines that ask for other versions than the runtime has, of core packages or only of others."""
    lines: dict[tuple[int, int], _Line] = {}
    for cell, install in _pip_installs(notebook):
        wanted = [one for one in install.requirements if one.specifier or one.name not in CORE_PACKAGES]
        for requirement in wanted:
            version = version_of(requirement.name, runtime, notebook.accelerator)
            is_core = requirement.name in CORE_PACKAGES and version is not None
            from_elsewhere = not is_core and not install.options.isdisjoint(_OTHER_SOURCES)
            if is_core == core and not from_elsewhere and not (version and admits(requirement.specifier, version)):
                found = lines.setdefault((cell.number, install.line), _Line(cell, install.line, []))
                found.unmet.append((requirement, version or ""))
    yield from lines.values()


def _without_wheels(found: _Line, runtime: Runtime) -> list[tuple[Requirement, str, Missing]]:
    python = runtime.minor
    checked = [(one, version, find_missing(one.name, one.specifier, python)) for one, version in found.unmet]
    return [(one, version, missing) for one, version, missing in checked if missing]


def _say_missing(found: _Line, missing: Sequence[tuple[Requirement, str, Missing]], runtime: Runtime) -> Problem:
    python = runtime.minor
    _, version, first = missing[0]
    goes_on = f"the notebook goes on with {version}" if version else "the notebook goes on without it"
    what = f"pip fails, or builds for a long time, and {goes_on}"
    if first.can_be_built and len(missing) == 1:
        what = f"pip builds it for minutes, and then it replaces the {version} that other packages are built for"
    advice = f"{first.next} has one" if first.next else "no newer version has one"
    return Problem(
        f"{_names([one for one, _, _ in missing])} has no wheel for Python {python} of the Colab runtime "
        f"{runtime.name}: {what}; {advice}",
        found.cell,
        found.line,
        ERROR,
    )


def _names(requirements: Sequence[Requirement]) -> str:
    first = f"{requirements[0].name}{requirements[0].specifier}"
    return f"{first} (and {len(requirements) - 1} more of this line)" if len(requirements) > 1 else first


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _uninstalls(notebook: Notebook) -> Iterator[tuple[Cell, int, list[str]]]:
    """The commands that take packages away."""
    for cell, command in notebook.commands:
        if command.kind in "!%" and "uninstall" in command.text and not command.nested:
            for words in split_commands(command.text):
                if "uninstall" in words:
                    names = [word for word in words[words.index("uninstall") + 1 :] if not word.startswith("-")]
                    yield cell, command.line, [name.lower().replace("_", "-") for name in names]


def _is_installed_below(name: str, notebook: Notebook, place: tuple[int, int]) -> bool:
    """Whether a later install brings the package back, or one that has the same modules."""
    for cell, install in notebook.installs:
        if (cell.number, install.line) >= place:
            names = [requirement.name for requirement in install.requirements]
            if install.opaque or any(
                one.startswith(name) or (name == "tensorflow" and one in _NIGHTLY) for one in names
            ):
                return True
    return False
