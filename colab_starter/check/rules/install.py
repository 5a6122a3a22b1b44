"""CS4: what is imported is there, and what is installed breaks nothing."""

import re
import sys
from collections.abc import Iterator, Set

from packaging.utils import canonicalize_name

from colab_starter.check.rule import ERROR, WARNING, Problem, rule
from colab_starter.check.rules.modules import REMOVED_FROM_PYTHON, SELF_CONTAINED
from colab_starter.check.rules.packages import GONE, INSTALLABLE
from colab_starter.check.source import rewrite_command
from colab_starter.notebook.installs import Install, Requirement, read_installs
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import Import
from colab_starter.notebook.shell import Word, find_pip_words, replace_words
from colab_starter.runtimes import CORE_PACKAGES, Runtime, package_of_module

_RESTART = re.compile(r"os\.kill\(|os\._exit\(|do_shutdown|^\s*(?:exit|quit)\(\)|condacolab", re.MULTILINE)
_BRINGS_CODE = re.compile(
    r"git (?:\S+ )*clone|^cd\b|\bunzip\b|\btar\b|\b7z|gdown|^run\b|\.py\b|\bcp\b|\bmv\b|^ln\b|\bsvn\b"
)
_SETS_PATH = re.compile(r"sys\.path|files\.upload|unpack_archive|extractall|Repo\.clone|snapshot_download")
_CHANGES_FOLDER = re.compile(r"chdir\(|\bexec\(")
"""What may bring modules of the author's within reach, but no package."""
_COMMENTED_INSTALL = re.compile(r"^[ \t]*#+[ \t]*[!%]?(?P<command>(?:uv )?(?:pip3?|python3? -m pip) .*)$", re.MULTILINE)
_WRITES_MODULE = re.compile(r"writefile\s+(?:-a\s+)?[\"']?(?:.*/)?(\w+)\.py\b")
_UNQUOTED_VERSION = re.compile(r"[A-Za-z][\w.-]*(?:\[[\w,-]*\])?(?:[=~!]=[\d.*]+,)?[<>]=?\d[\w.*,<>=!]*")
_OLD_LIBARCHIVE = re.compile(r"""(["']?)libarchive(?:[=<>~!]=?[\d.*]+)?(["']?)""")
_TORCH = frozenset(("torch", "torchvision", "torchaudio"))
_BREAK_WHEN_UPGRADED = _TORCH | {
    *("numpy", "tensorflow", "opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    *("ipython", "ipykernel", "jupyter-client", "tornado", "pyzmq", "traitlets", "google-colab"),
}
"""What the kernel has loaded, or what others on Colab are compiled for."""


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
        if not _names_of(missing) & packages and module not in local_modules(notebook):
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


def local_modules(notebook: Notebook) -> set[str]:
    """Modules that the notebook writes itself, or that are beside it."""
    written = {match[1] for _, command in notebook.commands if (match := _WRITES_MODULE.match(command.text))}
    return written | {name.removesuffix(".py") for name in notebook.beside if "." not in name.removesuffix(".py")}


def _installs_of(notebook: Notebook) -> list[tuple[tuple[int, int], Install]]:
    """The notebook's installs with their places; those by colab-starter's own cells say what is in their tables."""
    found = []
    for table_cell, requirements in notebook.needed:
        own = Install("pip", tuple(requirements), False, frozenset(), 0, False)
        found.append(((table_cell.number, 0), own))
    filled = {cell.number + (0 if cell.installs else 1) for cell, _ in notebook.needed}
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


@rule(
    "CS401", "install-before-import", ERROR, evidence="All of the 9 findings in 6,940 published notebooks were right."
)
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


@rule(
    "CS402",
    "missing-package",
    ERROR,
    evidence="Of 44 findings read in published notebooks, 42 were right; checked against Google's own list of "
    "what the runtime has (github.com/googlecolab/backend-info).",
)
def find_missing_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """What is imported is on Colab, or the notebook installs it.

    Checked against the table of what the runtime has (--runtime, see colab-starter runtimes show). The rule stays
    silent where it cannot know: after git clone, changes to sys.path, requirements files, and packages that bring
    others along. A package is named only where it is known to be the right one: many names of modules belong to
    packages of strangers.
    """
    all_missing = _find_missing(notebook, runtime)
    if not all_missing or _brings_unknown(notebook, runtime_packages(runtime, notebook.accelerator)):
        return
    machine = f" on a {notebook.accelerator}" if notebook.accelerator == "TPU" else ""
    changes_folder = any(_CHANGES_FOLDER.search(cell.source) for cell in notebook.cells if cell.is_python)
    for missing in all_missing:
        if _first_install(missing, notebook) is None and not (changes_folder and not _is_public(missing, runtime)):
            yield Problem(
                f"{missing.module} is not in the Colab runtime {runtime.name}{machine}, and nothing installs it; "
                f"{_advise(missing, notebook)}",
                missing.cell,
                missing.line,
            )


def _is_public(missing: _Missing, runtime: Runtime) -> bool:
    """Is it known to be of a package, and so no file of the author's?"""
    known = INSTALLABLE.keys() | GONE.keys()
    return missing.module in known or package_of_module(missing.module) in runtime.packages.keys() | runtime.also


def _advise(missing: _Missing, notebook: Notebook) -> str:
    if missing.module in GONE:
        return GONE[missing.module]
    if commented := _commented_install(missing, notebook):
        return f"cell {commented} has the install in a comment: take the # away"
    is_known = missing.package in SELF_CONTAINED or missing.package != canonicalize_name(missing.module)
    package = INSTALLABLE.get(missing.module) or (missing.package if is_known else None)
    if notebook.needed:
        return "add it to needed in the install cell"
    if package:
        return f"add a cell above: %pip install {package}"
    return "if it is a file of yours, fetch it first; if it is a package, install it by the name that its authors give"


def _commented_install(missing: _Missing, notebook: Notebook) -> int:
    """The cell above or at the import in which a comment installs it; 0 where there is none."""
    for cell in notebook.cells[: missing.cell.number]:
        for found in _COMMENTED_INSTALL.finditer(cell.source) if cell.is_python and "install" in cell.source else ():
            installs = read_installs(found["command"], 1, False)
            if any(_provides(wanted, missing) for install in installs for wanted in install.requirements):
                return cell.number
    return 0


def _core_installs(notebook: Notebook) -> Iterator[tuple[Cell, Install, Requirement]]:
    """Installs of core packages into the kernel that runs, which no restart follows."""
    for cell, install in notebook.installs:
        if install.tool != "pip" or install.nested or install.goes_elsewhere or restarts_after(notebook, cell):
            continue
        for requirement in install.requirements:
            if requirement.name in CORE_PACKAGES:
                yield cell, install, requirement


def restarts_after(notebook: Notebook, cell: Cell) -> bool:
    return any(_RESTART.search(later.source) for later in notebook.cells[cell.number - 1 :] if later.is_python)


def version_of(package: str, runtime: Runtime, accelerator: str) -> str | None:
    """The version that the runtime has for a notebook that asks for this accelerator, without its local part."""
    image = {"GPU": runtime.gpu, "TPU": runtime.tpu}.get(accelerator)
    if image and package in image.lacks:
        return None
    versions = {**runtime.packages, **(image.packages if image else {})}
    return versions[package].partition("+")[0] if package in versions else None


def admits(specifier: str, version: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


@rule(
    "CS404",
    "upgrades-core-package",
    WARNING,
    evidence="561 lines in 226 of 6,940 published notebooks; checked against Google's own list of versions "
    "(github.com/googlecolab/backend-info).",
)
def find_upgraded_core_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No install upgrades what the kernel has loaded, or what other packages are built for.

    pip install -U takes whatever is newest that day: another numpy than the one in the kernel's memory, a torch that
    torchvision is not built for. A notebook that works today breaks tomorrow. Leave out -U for these packages. Those
    that nothing depends on so closely are not told, nor what a shell script may not reach, as it ends before.
    """
    for cell, install, requirement in _core_installs(notebook):
        version = version_of(requirement.name, runtime, notebook.accelerator)
        leaves_open = "==" not in requirement.specifier and admits(requirement.specifier, version or "0")
        if not (install.upgrades and version and leaves_open) or requirement.name not in _BREAK_WHEN_UPGRADED:
            continue
        if _may_end_before(cell, install.line):
            continue
        if _upgrades_all_of_torch(install) and not _imports_torch_above(notebook, cell, install.line):
            continue
        option = min(install.options & {"-U", "--upgrade", "--force-reinstall", "--ignore-installed", "-I"}, key=len)
        yield Problem(
            f"{option} replaces {requirement.name} {version} of the Colab runtime {runtime.name} with whatever is "
            f"newest, under a running kernel; leave {option} out for it",
            cell,
            install.line,
        )


def _upgrades_all_of_torch(install: Install) -> bool:
    """Whether all that is built for one version of torch moves together."""
    names = {requirement.name for requirement in install.requirements}
    return {"torch", "torchvision"} <= names and not names & (_BREAK_WHEN_UPGRADED - _TORCH)


def _imports_torch_above(notebook: Notebook, cell: Cell, line: int) -> bool:
    """Whether the kernel has loaded torch before this line."""
    return any(
        found.module.partition(".")[0] in _TORCH and (where.number, found.line) < (cell.number, line)
        for where, found in notebook.imports
    )


def _may_end_before(cell: Cell, line: int) -> bool:
    """Does a shell script have an exit above this line?"""
    is_script = cell.commands[0].kind == "%%" and not cell.code.python.strip()
    return is_script and any(
        found.line < line and re.search(r"(?:^|[\s;&|({])(?:exit|return)\b", found.text) for found in cell.commands[1:]
    )


def use_libarchive_c(notebook: Notebook) -> None:
    """libarchive-c where the install said libarchive."""
    for cell, line in _lines_of_old_libarchive(notebook):
        rewrite_command(cell, "CS405", line, _name_libarchive_c)


def _name_libarchive_c(text: str) -> str:
    words = [word for word in find_pip_words(text) if _OLD_LIBARCHIVE.fullmatch(word.text)]
    if words:
        return replace_words(text, {word: _OLD_LIBARCHIVE.sub(r"\1libarchive-c\2", word.text) for word in words})
    return re.sub(r"""(?<=["'\s])libarchive(?=["'\s])""", "libarchive-c", text)


def _lines_of_old_libarchive(notebook: Notebook) -> Iterator[tuple[Cell, int]]:
    names = {requirement.name for _, install in notebook.installs for requirement in install.requirements}
    if "libarchive-dev" in names:
        return
    for cell, install in notebook.installs:
        if install.tool == "pip" and any(requirement.name == "libarchive" for requirement in install.requirements):
            yield cell, install.line


@rule("CS405", "old-libarchive", ERROR, fix=use_libarchive_c, evidence="On PyPI the two names are different projects.")
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
        rewrite_command(cell, "CS406", line, _quote_versions)


def _quote_versions(text: str) -> str:
    return replace_words(text, {word: f'"{word.text}"' for word in _unquoted_versions(text)})


def _unquoted_versions(text: str) -> list[Word]:
    return [word for word in find_pip_words(text) if _UNQUOTED_VERSION.fullmatch(word.text)]


def _lines_of_unquoted_versions(notebook: Notebook) -> Iterator[tuple[Cell, int]]:
    for cell, command in notebook.commands:
        if command.kind in "!%" and ("<" in command.text or ">" in command.text) and _unquoted_versions(command.text):
            yield cell, command.line


@rule(
    "CS406",
    "unquoted-version",
    ERROR,
    fix=quote_versions,
    evidence="A rule of the shell: > redirects. 8 of the 10 findings in published notebooks were right; the "
    "others stood in comments, which are left alone.",
)
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
