"""CS315 and CS420 to CS423: shell lines that do not do what they seem to."""

import ast
import re
from collections.abc import Iterator

from colab_starter.check.rule import ERROR, WARNING, Problem, rule
from colab_starter.check.source import rewrite_lines
from colab_starter.notebook.installs import read_installs, split_commands
from colab_starter.notebook.magics import PYTHON_CELL_MAGICS, Command
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import dotted_name
from colab_starter.runtimes import Runtime

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=(?!=)\S*")
_SETS_UP_CONDA = re.compile(
    r"condacolab|miniconda|miniforge|mambaforge|micro\.mamba|micromamba|anaconda3|Anaconda3|conda\.sh|/conda\b|pixi\b",
    re.IGNORECASE,
)
_CONDA = frozenset(("conda", "mamba", "micromamba"))
_CONDA_ASKS = frozenset(("install", "create", "update", "upgrade", "remove", "uninstall"))
_CONDA_YES = frozenset(("-y", "--yes", "-yq", "-qy", "--dry-run", "-d", "--help", "-h", "--download-only"))


def list_shell_lines(notebook: Notebook) -> Iterator[tuple[Cell, Command]]:
    """The ! lines that have a shell of their own; lines of a %%bash cell share one."""
    for cell in notebook.cells:
        if not cell.commands:
            continue
        first = cell.commands[0]
        if first.kind == "%%" and first.text.partition(" ")[0] not in PYTHON_CELL_MAGICS:
            continue
        for command in cell.commands:
            if command.kind == "!":
                yield cell, command


@rule(
    "CS315",
    "lost-shell-state",
    WARNING,
    evidence="IPython gives each ! line to a new shell (its documentation of !cmd); 26 public notebooks rely on one.",
)
def find_lost_state(notebook: Notebook) -> Iterator[Problem]:
    """!cd, !export and !source are not alone in their line.

    Each ! line has a shell of its own, which ends with the line: the folder, the variable or the environment that it
    sets is gone before the next one. Use %cd and %env, which change the kernel itself, or join the commands by && in
    one line, or write a %%bash cell.
    """
    for cell, command in list_shell_lines(notebook):
        text = command.text
        if not text.startswith(("cd ", "export ", "source ", ". ", "alias ", "unset ", "pushd ", "conda ")) and not (
            "=" in text and _ASSIGNMENT.fullmatch(text)
        ):
            continue
        if advice := _advise(text):
            yield Problem(
                f"every ! line has a shell of its own, so what this sets is lost at once; {advice}", cell, command.line
            )


def _advise(text: str) -> str:
    """What to write instead; empty where the line does something else, too."""
    if _ASSIGNMENT.fullmatch(text):
        return f"write %env {text.partition('=')[0]}=..."
    commands = split_commands(text)
    heads = {words[0] if words else "" for words in commands}
    if heads == {"conda"} and all(words[1:2] in (["activate"], ["deactivate"]) for words in commands):
        return "use conda run -n NAME for each command"
    if not heads or not heads <= {"cd", "export", "source", ".", "alias", "unset", "pushd"}:
        return ""
    if any(len(words) < 2 for words in commands) or text.startswith("export -p"):
        return ""
    if heads == {"cd"} or heads == {"pushd"}:
        return "write %cd"
    if heads == {"export"}:
        name = commands[0][1].partition("=")[0]
        return f"write %env {name}=..." if re.fullmatch(r"\w{1,40}", name) else "write %env NAME=..."
    return "join it to what needs it by && in one line, or write a %%bash cell"


def answer_conda(notebook: Notebook) -> None:
    """Put -y after the word that makes conda ask."""
    for cell, command in _asking_conda(notebook):
        rewrite_lines(cell, "CS420", {command.line}, _say_yes)


def _say_yes(line: str) -> str:
    return re.sub(rf"(\b(?:{'|'.join(sorted(_CONDA))})\s+(?:{'|'.join(sorted(_CONDA_ASKS))}))\b(?! -y)", r"\1 -y", line)


def _asking_conda(notebook: Notebook) -> Iterator[tuple[Cell, Command]]:
    for cell, command in notebook.commands:
        text = command.text
        if command.kind != "!" or not any(name in text for name in ("conda ", "mamba ")):
            continue
        if re.search(r"\byes\s*\|", text):
            continue
        if any(_asks(words) for words in split_commands(text)):
            yield cell, command


def _asks(words: list[str]) -> bool:
    if not words or words[0].rpartition("/")[2] not in _CONDA:
        return False
    return words[1:2] != [] and words[1] in _CONDA_ASKS and _CONDA_YES.isdisjoint(words)


@rule(
    "CS420",
    "conda",
    WARNING,
    fix=answer_conda,
    evidence="No Colab image has conda (googlecolab/backend-info); condacolab's README explains how to get it.",
)
def find_conda(notebook: Notebook) -> Iterator[Problem]:
    """conda is set up before it is used, and does not ask.

    Colab comes without conda: the line prints "conda: command not found", and the notebook goes on without the
    package. Install from PyPI with %pip, or call condacolab.install() in the first cell. Where conda is there, it
    asks "Proceed ([y]/n)?" and waits: write -y; --fix does.
    """
    sources = [cell.source for cell in notebook.cells if cell.kind == "code"]
    if not any("conda" in source or "mamba" in source for source in sources):
        return
    if not any(map(_SETS_UP_CONDA.search, sources)):
        yield from _first_without_conda(notebook)
    elif not any("always_yes" in source for source in sources):
        for cell, command in _asking_conda(notebook):
            yield Problem('conda asks "Proceed ([y]/n)?" and waits; add -y (--fix does)', cell, command.line)


def _first_without_conda(notebook: Notebook) -> Iterator[Problem]:
    for cell, command in notebook.commands:
        if command.kind not in "!%" or command.nested or not re.search("conda|mamba", command.text):
            continue
        for words in split_commands(command.text):
            if words and words[0] in _CONDA and len(words) > 1 and "||" not in command.text:
                waits = "; where there is one, it waits for an answer without -y" if _asks(words) else ""
                yield Problem(
                    "Colab has no conda, so this line does nothing; use %pip install, or condacolab.install() in "
                    f"the first cell{waits}",
                    cell,
                    command.line,
                    ERROR,
                )
                return


_GONE_FROM_JAMMY = {
    **{f"python-{name}": f"python3-{name}" for name in "opengl pip opencv numpy scipy matplotlib pandas zmq".split()},
    "python-dev": "python3-dev",
    "python-virtualenv": "python3-virtualenv",
    "python-software-properties": "software-properties-common",
    "python-pygame": "python3-pygame",
    "python-imaging": "python3-pil",
    "python-gtk2": "python3-gi",
    "python-qt4": "python3-pyqt5",
    "python-sklearn": "python3-sklearn",
    "python-skimage": "python3-skimage",
    "python-pygraphviz": "python3-pygraphviz",
    "libav-tools": "ffmpeg",
    "libprotobuf9v5": "libprotobuf23",
    "libprotobuf10": "libprotobuf23",
    "libprotobuf17": "libprotobuf23",
    "libpng12-0": "libpng16-16",
    "libpng12-dev": "libpng-dev",
    "libjasper1": "",
    "libjasper-dev": "",
    "libvtk5-dev": "libvtk9-dev",
    "libvtk6-dev": "libvtk9-dev",
    "libssl1.0.0": "libssl3",
    "libssl1.0-dev": "libssl-dev",
    "libssl1.1": "libssl3",
    "libenchant1c2a": "libenchant-2-2",
    "libqt4-dev": "qtbase5-dev",
    "qt4-default": "qtbase5-dev",
    "qt5-default": "qtbase5-dev",
    "nodejs-legacy": "nodejs",
    "openjdk-6-jdk": "openjdk-17-jdk-headless",
    "openjdk-7-jdk": "openjdk-17-jdk-headless",
    "openjdk-7-jre": "openjdk-17-jre-headless",
    "openjdk-9-jdk": "openjdk-17-jdk-headless",
    "openjdk-10-jdk": "openjdk-17-jdk-headless",
    **{f"{name}-{old}": f"{name}-11" for name in ("gcc", "g++") for old in ("4.8", "4.9", "5", "6", "7", "8")},
    **{f"{name}-{old}": f"{name}-14" for name in ("llvm", "clang") for old in ("3.8", "3.9", "6.0", "7", "8", "9")},
}
"""Packages that Ubuntu 22.04 does not have -> what is in their place; empty where nothing is."""


@rule(
    "CS422",
    "apt-package-gone",
    ERROR,
    evidence="huggingface/deep-rl-class#275: python-opengl is not found, and ffmpeg and xvfb are not installed either.",
)
def find_gone_apt_packages(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """apt-get install names packages that Colab's Ubuntu has.

    If apt does not know one package of a line, it installs none of them, and the notebook goes on. Ubuntu 22.04 has
    dropped the packages of Python 2 and old versions of many libraries; the rule names what took their place.
    """
    if "22.04" not in runtime.os or any("add-apt-repository" in command.text for _, command in notebook.commands):
        return
    for cell, install in notebook.installs:
        if install.tool != "apt":
            continue
        gone = [one.name for one in install.requirements if one.name in _GONE_FROM_JAMMY]
        if gone:
            instead = _GONE_FROM_JAMMY[gone[0]]
            others = ", nor anything else in this line" if len(install.requirements) > 1 else ""
            yield Problem(
                f"{runtime.os.rpartition(' LTS')[0] or runtime.os} has no package {gone[0]}, so apt does not install "
                f"it{others}; {f'write {instead}' if instead else 'take it out'}",
                cell,
                install.line,
            )


@rule(
    "CS423",
    "pip-by-os-system",
    WARNING,
    evidence="os.system returns the exit status and raises nothing; ipykernel does not show what it prints.",
)
def find_pip_by_os_system(notebook: Notebook) -> Iterator[Problem]:
    """Packages are not installed by os.system.

    os.system shows nothing of what pip prints in the notebook, and if pip fails the notebook goes on without a word:
    the reason for the ImportError below stays hidden. Write %pip install, which shows it.
    """
    for cell in notebook.cells:
        if "os.system" not in cell.source or not isinstance(cell.tree, ast.Module):
            continue
        for node in ast.walk(cell.tree):
            # A result that is used is looked at: assert os.system(...) == 0.
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_hidden_pip(node.value):
                yield Problem(
                    "os.system hides what pip prints and that it failed; write %pip install, or in a function "
                    'subprocess.run([sys.executable, "-m", "pip", "install", ...], check=True)',
                    cell,
                    node.lineno,
                )
                break


def _is_hidden_pip(call: ast.Call) -> bool:
    if dotted_name(call.func) != "os.system" or len(call.args) != 1:
        return False
    argument = call.args[0]
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    text = "".join(
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "python" for part in parts
    )
    return "pip" in text and any(install.tool == "pip" for install in read_installs(text, 1, False))
