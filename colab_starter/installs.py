"""Shell lines that install something: what they install, and how."""

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from colab_starter.python_code import PythonFacts, read_literal
from colab_starter.runtimes import normalise_name
from colab_starter.words import split_words


class Requirement(NamedTuple):
    """A package that an install asks for."""

    name: str
    """As PEP 503 normalises it."""
    specifier: str
    """Such as ``==1.2``; empty for any version."""


class Install(NamedTuple):
    """One command that installs."""

    tool: str
    """``pip`` (uv's too), ``apt``, or another that brings unknown things."""
    requirements: tuple[Requirement, ...]
    opaque: bool
    """It also installs what cannot be told from here: a requirements file, an address, a variable."""
    options: frozenset[str]
    line: int
    nested: bool
    """A condition decides whether it runs."""

    @property
    def upgrades(self) -> bool:
        return not self.options.isdisjoint(("-U", "--upgrade", "--force-reinstall", "--ignore-installed", "-I"))

    @property
    def goes_elsewhere(self) -> bool:
        """It leaves the packages of the kernel alone."""
        return not self.options.isdisjoint(("-t", "--target", "--prefix", "--root", "--dry-run"))


_WITH_VALUE = split_words("""
    -c --constraint -i --index-url --extra-index-url -f --find-links -t --target --prefix --root --retries --timeout
    --progress-bar --proxy --trusted-host --python --only-binary --no-binary --upgrade-strategy --cache-dir --log
    --index --default-index --index-strategy --prerelease --python-version --platform --torch-backend
""")
_UNKNOWN_SOURCES = ("-r", "--requirement", "-e", "--editable", "--requirements", "--group")
_BUNDLED_SHORT = re.compile(r"-[qvU]{2,}")
_SEPARATORS = frozenset(("&&", "||", ";", "|", "&", ";;"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PIP = re.compile(r"pip[23]?(\.\d+)?")
_PYTHON = re.compile(r"python[23]?(\.\d+)?|\{sys\.executable\}|\$\{?sys\.executable\}?")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[^\]]*\])?\s*"
    r"(?P<specifier>(?:(?:===?|~=|!=|<=?|>=?)[^,;@\s]+,?\s*)*)(?:;.*)?"
)
_OTHER_TOOLS = split_words("conda mamba micromamba poetry pipenv pixi make npm condacolab setup.py install.sh setup.sh")
_RUNS_SCRIPTS = frozenset(("bash", "sh", "source", "."))
_PREFIXES = frozenset(("sudo", "time", "yes", "nohup", "exec", "env"))


def split_commands(text: str) -> list[list[str]]:
    """The simple commands of a shell line, each in words; none where the quotes do not match."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = "#" if re.search(r"(^|\s)#", text) and "#egg" not in text else ""
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _SEPARATORS:
                commands.append([])
            else:
                commands[-1].append(word)
    except ValueError:
        return []
    return [_without_prefixes(words) for words in commands if words]


def _without_prefixes(words: list[str]) -> list[str]:
    index = 0
    while index < len(words) and (words[index] in _PREFIXES or _ASSIGNMENT.match(words[index])):
        index += 1
    return words[index:]


def read_installs(text: str, line: int, nested: bool) -> Iterator[Install]:
    """The installs of a shell line or of a magic such as ``pip install einops``."""
    for words in split_commands(text):
        if install := read_install(words, line, nested):
            yield install


def read_install(words: list[str], line: int, nested: bool) -> Install | None:
    """The install that a simple command does, if it does one."""
    if not words:
        return None
    program = words[0].rpartition("/")[2]
    if _PYTHON.fullmatch(program) and words[1:2] == ["-m"]:
        words = words[2:]
        program = words[0] if words else ""
    if program == "uv" and words[1:2] == ["pip"]:
        words = words[1:]
        program = "pip"
    if _PIP.fullmatch(program):
        return _read_pip(words[1:], line, nested)
    if program in ("apt", "apt-get", "aptitude") and "install" in words:
        names = [word for word in words[words.index("install") + 1 :] if not word.startswith("-")]
        requirements = tuple(Requirement(name.partition("=")[0], "") for name in names)
        python = any(name.startswith("python") for name in names)
        return Install("apt", requirements, python, frozenset(words) - set(names), line, nested)
    if _brings_unknown(program, words):
        return Install(program, (), True, frozenset(), line, nested)
    return None


def _brings_unknown(program: str, words: list[str]) -> bool:
    if program in _OTHER_TOOLS or (program == "uv" and "add" in words) or program.endswith(".sh"):
        return True
    runs_script = program in _RUNS_SCRIPTS and len(words) > 1
    return runs_script or (bool(_PYTHON.fullmatch(program)) and any("setup" in word for word in words[1:2]))


def _read_pip(words: list[str], line: int, nested: bool) -> Install | None:
    if "install" not in words:
        return None
    rest = iter(words[words.index("install") + 1 :])
    requirements, options, opaque = [], set(), False
    for word in rest:
        if word in _UNKNOWN_SOURCES or word.startswith(("-r", "--requirement=", "-e")):
            opaque = True
            next(rest, None)
        elif word in _WITH_VALUE:
            options.add(word)
            next(rest, None)
        elif word.startswith("-"):
            options |= {f"-{letter}" for letter in word[1:]} if _BUNDLED_SHORT.fullmatch(word) else {word.split("=")[0]}
        elif requirement := read_requirement(word):
            requirements.append(requirement)
        else:
            opaque = True
    return Install("pip", tuple(requirements), opaque or not requirements, frozenset(options), line, nested)


def read_requirement(text: str) -> Requirement | None:
    """The package of ``timm>=1.0`` or ``pandas[excel]``; None for an address, a path or a variable."""
    match = _REQUIREMENT.fullmatch(text.strip())
    if not match or match["name"].endswith((".whl", ".zip", ".gz", ".txt")):
        return None
    return Requirement(normalise_name(match["name"]), match["specifier"].replace(" ", "").rstrip(","))


def read_python_installs(facts: PythonFacts) -> Iterator[Install]:
    """The installs of Python: ``subprocess.run([..., "pip", "install", ...])``, ``os.system("pip install ...")``."""
    for node in facts.lists:
        words = [_word(element) for element in node.elts]
        if "install" not in words:
            continue
        start = next((index for index, word in enumerate(words) if _PIP.fullmatch(word)), 0)
        if install := read_install(words[start:], node.lineno, False):
            yield install
    for text in facts.texts:
        if "pip" in text.value and "install" in text.value and "\n" not in text.value:
            yield from read_installs(text.value, text.line, True)


def _word(node: ast.expr) -> str:
    """The string, or a sign that is no package name for what is known only when it runs."""
    value = read_literal(node)
    return value if isinstance(value, str) else "{}"


def read_needed(tree: ast.Module) -> Iterable[Requirement] | None:
    """The modules and packages in the tables of colab-starter's own install cell; None where the cell is another."""
    tables = {
        statement.targets[0].id: read_literal(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    needed, extra = tables.get("needed"), tables.get("extra")
    if not isinstance(needed, dict) or not isinstance(extra, list):
        return None
    packages = [str(package) for package in (*needed, *needed.values(), *extra)]
    return [found for found in map(read_requirement, packages) if found]
