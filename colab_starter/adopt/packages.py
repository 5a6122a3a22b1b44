"""What a notebook installs, and what it imports: which of it the install cell can take over."""

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from packaging.utils import canonicalize_name

from colab_starter.adopt import phrases
from colab_starter.adopt.draft import Draft
from colab_starter.check.rules.install import local_modules
from colab_starter.check.rules.packages import GONE, INSTALLABLE
from colab_starter.notebook.installs import UNINSTALL, Install, Requirement, read_installs, split_commands
from colab_starter.notebook.magics import PYTHON_CELL_MAGICS, Command
from colab_starter.notebook.model import Cell
from colab_starter.runtimes import CORE_PACKAGES, LATEST, load_runtime, package_of_module

_HARMLESS = frozenset(
    """
    -q --quiet -qq -qqq -v -y --yes --assume-yes --system --no-cache-dir --disable-pip-version-check --no-input
    --progress-bar --prefer-binary --no-warn-script-location --root-user-action --no-color --no-python-version-warning
    --no-install-recommends --no-install-suggests --fix-missing apt apt-get aptitude install sudo
""".split()
)
"""Options that change nothing of what is there afterwards, and words of the command itself."""
_APT_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_SIGN = re.compile(r"[!%]|pip\b")
_REDIRECTS = re.compile(r"[12&]?>")
_RESTARTS = re.compile(r"os\.kill|\bexit\(|\bquit\(|do_shutdown|condacolab")
_PACKAGING_TOOLS = frozenset(("pip", "setuptools", "wheel", "uv"))


class Needs(NamedTuple):
    """What the install cell looks for."""

    modules: dict[str, str]
    """The imported ones; none if the notebook still installs something itself, which would come too late then."""
    pip: list[str]
    apt: list[str]
    """Debian packages."""
    imported: dict[str, str]
    """The modules that the notebook imports -> the packages that bring them, as far as they are known."""


def move_installs(draft: Draft) -> Needs:
    """Move the installs that are safe into the install cell, and note which stay and why."""
    pip: list[str] = []
    apt: list[str] = []
    blocked = ""
    for cell in draft.theirs.cells:
        for line in sorted({install.line for install in cell.installs}):
            command = next((found for found in cell.commands if found.line == line and found.kind in "!%"), None)
            installs = list(read_installs(_quieten(command.text), line, False)) if command else []
            problem = _find_problem(draft, cell, command, installs) or (_asks_for_version(installs) and blocked)
            if problem:
                draft.leave(cell, line, problem)
                if not all(_is_about_pip_itself(install) for install in installs) or not installs:
                    blocked = f"it comes after an install that stays, in cell {cell.number}"
                continue
            for install in installs:
                (apt if install.tool == "apt" else pip).extend(
                    f"{found.name}{found.specifier.replace(' ', '')}" for found in install.requirements
                )
            draft.move(cell, _lines_of(cell, line), phrases.INSTALL)
    _move_updates(draft)
    imported = _find_modules(draft)
    modules = {} if has_left_installs(draft) else imported
    return Needs(modules, list(dict.fromkeys(pip)), list(dict.fromkeys(apt)), imported)


def has_left_installs(draft: Draft) -> bool:
    """Whether the notebook still installs something itself."""
    moved = {(note.cell, note.line) for note in draft.moved}
    return any((cell.number, install.line) not in moved for cell in draft.theirs.cells for install in cell.installs)


def _find_problem(draft: Draft, cell: Cell, command: Command | None, installs: list[Install]) -> str:
    """Why a line cannot be moved; empty if it can."""
    if draft.is_closed(cell):
        return "a comment in the cell asks to leave it alone"
    if command is None:
        return "Python code decides whether and how it is installed"
    if command.nested or any(install.nested for install in installs):
        return "a condition decides whether it is installed"
    if (first := cell.commands[0]).kind == "%%" and first.text.split(" ")[0] not in PYTHON_CELL_MAGICS:
        return f"it is part of a %%{first.text.split(' ')[0]} script"
    if not _SIGN.match(cell.source.split("\n")[command.line - 1]):
        return "it stands in a pasted session"
    if _RESTARTS.search(cell.source):
        return "the cell restarts the session"
    commands = split_commands(_quieten(command.text))
    if len(commands) != len(installs) + sum(map(_is_update, commands)) or any(
        _REDIRECTS.match(word) for words in commands for word in words
    ):
        return "the line does something else, too"
    if any(re.search(r"[{}$`;]", word) for words in commands for word in words):
        return "what it installs cannot be told from here"
    return next(filter(None, (_find_fault(install, draft) for install in installs)), "")


def _quieten(text: str) -> str:
    """The command without what only silences it."""
    return re.sub(r"\s*(?:[12&]?>>?\s*/dev/null|2>&1)", "", text)


def _find_fault(install: Install, draft: Draft) -> str:
    """Why the install cell cannot do the same."""
    if install.tool == UNINSTALL:
        return "it takes packages away"
    if install.tool not in ("pip", "apt"):
        return f"{install.tool} may install anything"
    if install.tool == "apt":
        strange = [found.name for found in install.requirements if not _APT_NAME.fullmatch(found.name)]
        if strange or not install.requirements:
            return f"{strange[0]} is not the plain name of a package" if strange else "it names no package"
    elif install.opaque:
        return "what it installs cannot be told from here"
    if install.upgrades:
        return "it upgrades what is there, and the install cell replaces nothing"
    if unknown := sorted(install.options - _HARMLESS):
        return f"the install cell does not know {unknown[0]}"
    return next(filter(None, (_find_fault_of(found, draft) for found in install.requirements)), "")


def _find_fault_of(found: Requirement, draft: Draft) -> str:
    if found.name in _PACKAGING_TOOLS:
        return "it changes pip itself"
    if found.extras:
        return f"it asks for {found.name}{found.extras}, and the install cell does not look for extras"
    if found.name in CORE_PACKAGES and found.specifier:
        return f"it asks for {found.name}{found.specifier}, and replacing what Colab has loaded breaks notebooks"
    return "the notebook also uninstalls it" if _is_uninstalled(found.name, draft) else ""


def _is_uninstalled(package: str, draft: Draft) -> bool:
    return any(
        re.search(r"pip\S*\s+uninstall\b", command.text) and package in canonicalize_name(command.text)
        for _, command in draft.theirs.commands
    )


def _asks_for_version(installs: list[Install]) -> bool:
    """Whether it matters what was installed before."""
    return any(found.specifier for install in installs if install.tool == "pip" for found in install.requirements)


def _is_about_pip_itself(install: Install) -> bool:
    return install.tool == "apt" or (
        bool(install.requirements) and all(found.name in _PACKAGING_TOOLS for found in install.requirements)
    )


def _is_update(words: list[str]) -> bool:
    return bool(words) and words[0] in ("apt", "apt-get") and [w for w in words[1:] if w[0] != "-"] == ["update"]


def _move_updates(draft: Draft) -> None:
    """``apt-get update`` is needed no more where the notebook installs nothing with apt itself."""
    if any("apt" in note.what for note in draft.left) or not any("apt" in note.what for note in draft.moved):
        return
    for cell in draft.theirs.cells:
        lines = [command for command in cell.commands if command.kind == "!" and not command.nested]
        for command in lines:
            words = split_commands(command.text)
            untouched = command.line not in draft.edits.get(cell.number, {})
            if untouched and words and all(map(_is_update, words)) and cell.commands[0].kind != "%%":
                draft.move(cell, _lines_of(cell, command.line), phrases.INSTALL)


def _lines_of(cell: Cell, line: int) -> range:
    """The lines of a command, with those that backslashes join to it."""
    lines = cell.source.split("\n")
    last = line
    while lines[last - 1].endswith("\\") and last < len(lines):
        last += 1
    return range(line, last + 1)


def _find_modules(draft: Draft) -> dict[str, str]:
    """The modules that the notebook needs, and whose packages are known."""
    notebook = draft.theirs
    runtime = load_runtime(LATEST)
    known = runtime.packages.keys() | runtime.also
    own = local_modules(notebook)
    return dict(sorted(_name_packages(draft, known, own)))


def _name_packages(draft: Draft, known: "set[str] | frozenset[str]", own: set[str]) -> Iterator[tuple[str, str]]:
    for _, found in draft.theirs.imports:
        module = found.module.partition(".")[0]
        package = INSTALLABLE.get(module) or package_of_module(found.module)
        is_outside = module in sys.stdlib_module_names or module in own or module in ("google", *GONE)
        if not is_outside and not found.guarded and (module in INSTALLABLE or package in known):
            yield module, package
