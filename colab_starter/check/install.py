"""CS4: what is imported is there, and what is installed breaks nothing."""

import re
import sys
from collections.abc import Iterator, Set

from packaging.utils import canonicalize_name

from colab_starter.check.modules import DEAD_MODULES, REMOVED_FROM_PYTHON, SELF_CONTAINED
from colab_starter.check.rules import ERROR, WARNING, Problem, rule
from colab_starter.check.source import rewrite_lines
from colab_starter.notebook.installs import Install, Requirement
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import Import
from colab_starter.runtimes import CORE_PACKAGES, Runtime, package_of_module

_RESTART = re.compile(r"os\.kill\(|os\._exit\(|do_shutdown|^\s*(?:exit|quit)\(\)|condacolab", re.MULTILINE)
_BRINGS_CODE = re.compile(
    r"git (?:\S+ )*clone|^cd\b|\bunzip\b|\btar\b|\b7z|gdown|^run\b|\.py\b|\bcp\b|\bmv\b|^ln\b|\bsvn\b"
)
_SETS_PATH = re.compile(
    r"sys\.path|chdir\(|files\.upload|unpack_archive|extractall|Repo\.clone|snapshot_download|\bexec\("
)
_WRITES_MODULE = re.compile(r"writefile\s+(?:-a\s+)?[\"']?(?:.*/)?(\w+)\.py\b")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_UNQUOTED_VERSION = re.compile(r"(?<=\s)[A-Za-z][\w.-]*(?:\[[\w,-]*\])?[<>]=?\d[\w.*,<>=!]*")


class _Missing:
    """An import of something that the runtime does not have."""

    def __init__(self, cell: Cell, found: Import) -> None:
        self.cell = cell
        self.line = found.line
        self.module = found.module.partition(".")[0]
        self.package = package_of_module(f"{found.module}.{found.name}" if found.name else found.module)
        self.place = (cell.number, found.line)


def _find_missing(notebook: Notebook, runtime: Runtime) -> list[_Missing]:
    """The first import of each module that neither the runtime nor the notebook's own files have."""
    packages = runtime_packages(runtime, notebook.accelerator)
    seen: set[str] = set()
    found = []
    for cell, one in notebook.imports:
        module = one.module.partition(".")[0]
        if one.guarded or module in seen or module in REMOVED_FROM_PYTHON or _is_known(module) or module in packages:
            continue
        missing = _Missing(cell, one)
        if not _names_of(missing) & packages and module not in _local_modules(notebook):
            seen.add(module)
            found.append(missing)
    return found


_KNOWN: dict[tuple[int, str], tuple[Runtime, Set[str]]] = {}


def runtime_packages(runtime: Runtime, accelerator: str) -> Set[str]:
    """The names of what the runtime has for a notebook that asks for this accelerator.

    What only the GPU image has counts for notebooks without an accelerator too: CS502 is the rule about those.
    """
    image = accelerator if accelerator in ("", "TPU") else "GPU"
    key = id(runtime), image
    if key not in _KNOWN:
        _KNOWN[key] = runtime, _join_packages(runtime, image)  # holds the runtime, so its id stays its own
    return _KNOWN[key][1]


def _join_packages(runtime: Runtime, accelerator: str) -> Set[str]:
    cpu = runtime.packages.keys() | runtime.also
    image = runtime.tpu if accelerator == "TPU" else runtime.gpu
    if image is None:
        return cpu
    lacks = image.lacks if accelerator else frozenset[str]()
    return (cpu | image.packages.keys() | image.also) - lacks


def _is_known(module: str) -> bool:
    return module in sys.stdlib_module_names or module in ("google", "distutils", "__main__") or module.startswith("_")


def _names_of(missing: _Missing) -> set[str]:
    """Names under which package registries usually have such a module."""
    name = canonicalize_name(missing.module)
    forms = {name, f"python-{name}", f"{name}-python", f"py{name}", f"py-{name}", f"{name}py", f"{name}-py"}
    return {missing.package, *forms}


def _local_modules(notebook: Notebook) -> set[str]:
    """Modules that the notebook writes itself, or that are beside it."""
    written = {match[1] for _, command in notebook.commands if (match := _WRITES_MODULE.match(command.text))}
    return written | {name.removesuffix(".py") for name in notebook.beside if "." not in name.removesuffix(".py")}


def _installs_of(notebook: Notebook) -> list[tuple[tuple[int, int], Install]]:
    """The notebook's installs with their places; those by colab-starter's own cells say what is in their tables."""
    found = []
    for table_cell, requirements in notebook.needed:
        own = Install("pip", tuple(requirements), False, frozenset(), 0, False)
        found.append(((table_cell.number, 0), own))
    filled = {cell.number + 1 for cell, _ in notebook.needed}
    for cell, install in notebook.installs:
        if not (cell.number in filled and not install.requirements):
            found.append(((cell.number, install.line), install))
    return found


def _provides(requirement: Requirement, missing: _Missing) -> bool:
    """May this package be the one that the module comes from?"""
    installed = requirement.name
    return any(installed in name or name in installed for name in _names_of(missing))


def _first_install(missing: _Missing, notebook: Notebook) -> tuple[int, int] | None:
    places = [
        place
        for place, install in _installs_of(notebook)
        if any(_provides(requirement, missing) for requirement in install.requirements)
    ]
    return min(places, default=None)


def _brings_unknown(notebook: Notebook, packages: Set[str]) -> bool:
    """Does the notebook fetch or install things whose modules cannot be told from here?"""
    if any(_BRINGS_CODE.search(command.text) for _, command in notebook.commands):
        return True
    if any(_SETS_PATH.search(cell.source) for cell in notebook.cells if cell.is_python):
        return True
    installs = [install for _, install in _installs_of(notebook)]
    if any(install.opaque for install in installs):
        return True
    with_others = [install for install in installs if install.tool == "pip" and "--no-deps" not in install.options]
    names = {requirement.name for install in with_others for requirement in install.requirements}
    return not all(name in packages or name in SELF_CONTAINED or package_of_module(name) in packages for name in names)


@rule("CS401", "install-before-import", ERROR)
def find_late_installs(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """What Colab does not have is installed before it is imported.

    Run all stops at the import, because the install is further down. It only seems to work in a session where the
    install has already run. Move the install to the top.
    """
    for missing in _find_missing(notebook, runtime):
        place = _first_install(missing, notebook)
        if place and place > missing.place:
            yield Problem(
                f"{missing.module} is imported before it is installed (cell {place[0]}); move the install above",
                missing.cell,
                missing.line,
            )


@rule("CS402", "missing-package", ERROR)
def find_missing_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """What is imported is on Colab, or the notebook installs it.

    Checked against the table of what the runtime has (--runtime, see colab-starter runtimes show). The rule stays
    silent where it cannot know: after git clone, changes to sys.path, requirements files, and packages that bring
    others along.
    """
    all_missing = _find_missing(notebook, runtime)
    if not all_missing or _brings_unknown(notebook, runtime_packages(runtime, notebook.accelerator)):
        return
    machine = f" on a {notebook.accelerator}" if notebook.accelerator == "TPU" else ""
    for missing in all_missing:
        if _first_install(missing, notebook) is None:
            where = (
                "add it to needed in the install cell"
                if notebook.needed
                else f"add a cell above: %pip install {missing.package}"
            )
            yield Problem(
                f"{missing.module} is not in the Colab runtime {runtime.name}{machine}, and nothing installs it; "
                f"{where}",
                missing.cell,
                missing.line,
            )


def _core_installs(notebook: Notebook) -> Iterator[tuple[Cell, Install, Requirement]]:
    """Installs of core packages into the kernel that runs, which no restart follows."""
    for cell, install in notebook.installs:
        if install.tool != "pip" or install.nested or install.goes_elsewhere or _restarts_after(notebook, cell):
            continue
        for requirement in install.requirements:
            if requirement.name in CORE_PACKAGES:
                yield cell, install, requirement


def _restarts_after(notebook: Notebook, cell: Cell) -> bool:
    return any(_RESTART.search(later.source) for later in notebook.cells[cell.number - 1 :] if later.is_python)


def version_of(package: str, runtime: Runtime, accelerator: str) -> str | None:
    """The version that the runtime has for a notebook that asks for this accelerator, without its local part."""
    image = {"GPU": runtime.gpu, "TPU": runtime.tpu}.get(accelerator)
    if image and package in image.lacks:
        return None
    versions = {**runtime.packages, **(image.packages if image else {})}
    return versions[package].partition("+")[0] if package in versions else None


def _admits(specifier: str, version: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


@rule("CS403", "replaces-core-package", WARNING)
def find_replaced_core_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No install asks for another version of a package that the runtime is built on.

    The kernel has loaded numpy and others before the first cell, and other packages are built for these versions:
    after the install you get "numpy.dtype size changed" and the like, or "restart the session". Use the version that
    is there, choose another runtime (Runtime > Change runtime type > Runtime version), or restart the kernel right
    after the install.
    """
    for cell, install, requirement in _core_installs(notebook):
        version = version_of(requirement.name, runtime, notebook.accelerator)
        if version and requirement.specifier and not _admits(requirement.specifier, version):
            yield Problem(
                f"{requirement.name}{requirement.specifier} replaces the {version} that the Colab runtime "
                f"{runtime.name} is built on, under a running kernel; "
                "drop the version, or choose a runtime that has it",
                cell,
                install.line,
            )


@rule("CS404", "upgrades-core-package", WARNING)
def find_upgraded_core_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No install upgrades a package that the runtime is built on.

    pip install -U takes whatever is newest that day, and replaces what the kernel has loaded and what other packages
    are built for: a notebook that works today breaks tomorrow. Leave out -U for these packages.
    """
    for cell, install, requirement in _core_installs(notebook):
        version = version_of(requirement.name, runtime, notebook.accelerator)
        leaves_open = "==" not in requirement.specifier and _admits(requirement.specifier, version or "0")
        if install.upgrades and version and leaves_open:
            yield Problem(
                f"-U replaces {requirement.name} {version} of the Colab runtime {runtime.name} with whatever is "
                "newest, under a running kernel; leave -U out for it",
                cell,
                install.line,
            )


def use_libarchive_c(notebook: Notebook) -> None:
    """libarchive-c where the install said libarchive."""
    for cell, line in _lines_of_old_libarchive(notebook):
        rewrite_lines(cell, {line}, lambda text: re.sub(r"\blibarchive\b(?![-.\w])", "libarchive-c", text))


def _lines_of_old_libarchive(notebook: Notebook) -> Iterator[tuple[Cell, int]]:
    names = {requirement.name for _, install in notebook.installs for requirement in install.requirements}
    if "libarchive-dev" in names:
        return
    for cell, install in notebook.installs:
        if install.tool == "pip" and any(requirement.name == "libarchive" for requirement in install.requirements):
            yield cell, install.line


@rule("CS405", "old-libarchive", ERROR, fix=use_libarchive_c)
def find_old_libarchive(notebook: Notebook) -> Iterator[Problem]:
    """libarchive comes from the package libarchive-c.

    The package libarchive is from 2019 and has to be compiled, which fails on Colab without libarchive-dev.
    libarchive-c needs no compiler and is imported under the same name. --fix writes it.
    """
    for cell, line in _lines_of_old_libarchive(notebook):
        yield Problem("the package libarchive cannot be built on Colab; install libarchive-c (--fix does)", cell, line)


def quote_versions(notebook: Notebook) -> None:
    """Put quotes around requirements with < or >."""
    for cell, line in _lines_of_unquoted_versions(notebook):
        rewrite_lines(cell, {line}, lambda text: _UNQUOTED_VERSION.sub(lambda match: f'"{match[0]}"', text))


def _lines_of_unquoted_versions(notebook: Notebook) -> Iterator[tuple[Cell, int]]:
    for cell, command in notebook.commands:
        if command.kind not in "!%" or not re.search("[<>]", command.text):
            continue
        if re.search(r"\bpip3?\s.*\binstall\b", command.text) and _UNQUOTED_VERSION.search(
            _QUOTED.sub("", command.text)
        ):
            yield cell, command.line


@rule("CS406", "unquoted-version", ERROR, fix=quote_versions)
def find_unquoted_versions(notebook: Notebook) -> Iterator[Problem]:
    """A version with < or > is in quotes.

    The line goes through a shell, which takes > for "write into a file" and < for "read from a file": pip never sees
    the version, and a file called =1.0 appears, or the line fails. Write "timm>=1.0" with quotes; --fix does.
    """
    for cell, line in _lines_of_unquoted_versions(notebook):
        yield Problem(
            "the shell treats < and > as redirections, so pip never sees the version; "
            'write "name>=1.0" in quotes (--fix does)',
            cell,
            line,
        )


@rule("CS407", "removed-from-python", ERROR)
def find_removed_modules(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No module is imported that the runtime's Python no longer has.

    Python 3.12 and 3.13 dropped modules that had been in the standard library for decades, and Colab's newest runtime
    has Python 3.13. Use what the message names, or choose an older runtime.
    """
    python = _python_of(runtime)
    provided = {requirement.name for _, install in notebook.installs for requirement in install.requirements}
    for cell, found in notebook.imports:
        module = found.module.partition(".")[0]
        dead = REMOVED_FROM_PYTHON.get(module)
        if not dead or found.guarded or tuple(map(int, dead.since.split("."))) > python:
            continue
        if module in _local_modules(notebook):
            continue
        if package_of_module(module) not in runtime.also and not any(module in name for name in provided):
            yield Problem(f"Python has no {module} since {dead.since}; use {dead.instead}", cell, found.line)


def _python_of(runtime: Runtime) -> tuple[int, ...]:
    return tuple(int(part) for part in runtime.python.split(".")[:2])


@rule("CS408", "dead-import", ERROR)
def find_dead_imports(notebook: Notebook) -> Iterator[Problem]:
    """No module is imported that the libraries on Colab have dropped.

    Tutorials from 2016 to 2020 use modules that Keras, TensorFlow, scikit-learn and pandas have removed since, and
    the import stops the notebook. Use what the message names.
    """
    for cell, found in notebook.imports:
        path = f"{found.module}.{found.name}." if found.name else f"{found.module}."
        for dead, instead in DEAD_MODULES.items():
            if not found.guarded and path.startswith(f"{dead}."):
                yield Problem(f"{dead} is gone; use {instead}", cell, found.line)
