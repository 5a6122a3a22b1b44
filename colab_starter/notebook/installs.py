"""Shell lines that install something: what they install, and how."""

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from packaging import requirements
from packaging.utils import canonicalize_name

from colab_starter.notebook.python import PythonFacts, read_literal

UNINSTALL = "pip uninstall"
"""The tool of what takes packages away; it asks for none."""


class Requirement(NamedTuple):
    """A package that an install asks for."""

    name: str
    """As PEP 503 normalises it."""
    specifier: str
    """Such as ``==1.2``; empty for any version."""
    extras: str = ""
    """Such as ``[excel]``; mostly none."""


class Install(NamedTuple):
    """One command that installs."""

    tool: str
    """``pip`` (uv's too), ``apt``, UNINSTALL, or another that brings unknown things."""
    requirements: tuple[Requirement, ...]
    opaque: bool
    """It also installs what cannot be told from here: a requirements file, an address, a variable."""
    options: frozenset[str]
    line: int
    nested: bool
    """A condition decides whether it runs."""
    is_uv: bool = False
    """It is uv's pip."""

    @property
    def upgrades(self) -> bool:
        return not self.options.isdisjoint(("-U", "--upgrade", "--force-reinstall", "--ignore-installed", "-I"))

    @property
    def goes_elsewhere(self) -> bool:
        """It leaves the packages of the kernel alone."""
        return not self.options.isdisjoint(("-t", "--target", "--prefix", "--root", "--dry-run"))


_WITH_VALUE = frozenset(
    """
    -c --constraint -i --index-url --extra-index-url -f --find-links -t --target --prefix --root --retries --timeout
    --progress-bar --proxy --trusted-host --python --only-binary --no-binary --upgrade-strategy --cache-dir --log
    --index --default-index --index-strategy --prerelease --python-version --platform --torch-backend
""".split()
)
_UNKNOWN_SOURCES = ("-r", "--requirement", "-e", "--editable", "--requirements", "--group")
_BUNDLED_SHORT = re.compile(r"-[qvU]{2,}")
_SEPARATING = ";&|()"
_SEPARATORS = frozenset(("&&", "||", ";", "|", "&", ";;"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PIP = re.compile(r"pip[23]?(\.\d+)?")
_PYTHON = re.compile(r"python[23]?(\.\d+)?|\{[\w.]*\}|\$\{?sys\.executable\}?|%s|-m")
"""A name of Python's, what stands for one in a text to be filled in, or the option after one."""
_OTHER_TOOLS = frozenset(
    "conda mamba micromamba poetry pipenv pixi make npm condacolab setup.py install.sh setup.sh".split()
)
_RUNS_SCRIPTS = frozenset(("bash", "sh", "source", "."))
_PREFIXES = frozenset(
    """
    sudo time yes nohup exec env nice ionice stdbuf timeout xargs then else do ! { sx system
""".split()
)
"""Words that precede a command, those of the shell's own language and of IPython's magics among them."""
_WITH_USER = ("-u", "-g", "-n", "-P", "-I")
"""Options of such words that take a value."""
_RUNS_TEXT = frozenset(
    """
    system run call check_call check_output Popen popen getoutput getstatusoutput run_cell run_cell_magic
    create_subprocess_shell
""".split()
)
"""Last names of the functions that execute a script which they are given as a text."""
_REDIRECTION = re.compile(r"[\d&]?(?:>>?|<)(?P<target>.*)")
"""Of what the command prints; the file's name may be a word of its own."""
_PIP_MAIN = ("main", "pipmain", "pip_main")


def split_commands(text: str) -> list[list[str]]:
    """The simple commands of a shell line, each in words; none where the quotes do not match."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_SEPARATING)
    lexer.whitespace_split = True
    lexer.commenters = "#" if re.search(r"(^|\s)#", text) and "#egg" not in text else ""
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _SEPARATORS or (word[:1] in ("(", ")") and not word.strip(_SEPARATING)):
                commands.append([])
            else:
                commands[-1].append(word)
    except ValueError:
        return []
    return [_without_prefixes(words) for words in commands if words]


def _without_prefixes(words: list[str]) -> list[str]:
    """The words from the program on, without the signs of IPython and of a subshell before it."""
    index, has_prefix = 0, False
    while index < len(words):
        word = words[index]
        if word in _PREFIXES:
            has_prefix = True
        elif has_prefix and (word.startswith("-") or word.isdigit()):
            index += word in _WITH_USER
        elif not _ASSIGNMENT.match(word):
            break
        index += 1
    return [words[index].lstrip("!%("), *words[index + 1 :]] if index < len(words) else []


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
    if _PYTHON.fullmatch(program) and "-m" in words:
        words = words[words.index("-m") + 1 :]
        program = words[0] if words else ""
    if program == "uv" and words[1:2] == ["pip"]:
        found = _read_pip(words[2:], line, nested)
        return found and found._replace(is_uv=True)
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
    # A lone dot is most often the end of a sentence: "Not here (x). It needs pip install y."
    runs_script = program in _RUNS_SCRIPTS and len(words) > 1 and (program != "." or re.search(r"[/.]", words[1]))
    return bool(runs_script) or (bool(_PYTHON.fullmatch(program)) and any("setup" in word for word in words[1:2]))


def _read_pip(words: list[str], line: int, nested: bool) -> Install | None:
    rest = iter(words)
    command = _skip_options(rest)
    if command == "uninstall":
        return Install(UNINSTALL, (), False, frozenset(), line, nested)
    if command != "install":
        return Install("pip", (), True, frozenset(), line, nested) if command == "sync" else None
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
        elif redirection := _REDIRECTION.fullmatch(word):
            if not redirection["target"]:
                next(rest, None)
        else:
            opaque = True
    return Install("pip", tuple(requirements), opaque or not requirements, frozenset(options), line, nested)


def _skip_options(words: Iterator[str]) -> str:
    """The first word that is not an option, such as ``install``; empty if there is none."""
    for word in words:
        if not word.startswith("-"):
            return word
        if word in _WITH_VALUE:
            next(words, None)
    return ""


def read_requirement(text: str) -> Requirement | None:
    """The package of ``timm>=1.0`` or ``pandas[excel]``; None for an address, a path or a variable."""
    try:
        found = requirements.Requirement(text)
    except requirements.InvalidRequirement:
        return None
    if found.url or found.name.endswith((".whl", ".zip", ".gz", ".txt")):
        return None
    extras = f"[{','.join(sorted(found.extras))}]" if found.extras else ""
    return Requirement(canonicalize_name(found.name), str(found.specifier), extras)


def read_python_installs(facts: PythonFacts) -> Iterator[Install]:
    """The installs of Python: ``subprocess.run([..., "pip", "install", ...])``, ``os.system("pip install ...")``."""
    for node in facts.lists:
        yield from _read_words([_word(element) for element in node.elts], node.lineno)
    for call in facts.calls:
        yield from _read_call(call.node, call.name.rpartition(".")[2])
    for text in facts.texts:
        if "pip" in text.value and "install" in text.value and "\n" not in text.value:
            yield from read_installs(text.value, text.line, True)


def _read_words(words: list[str], line: int) -> Iterator[Install]:
    """The install of a program and its arguments."""
    if {"install", "uninstall", "sync"}.isdisjoint(words):
        return
    start = next((index for index, word in enumerate(words) if _PIP.fullmatch(word.rpartition("/")[2])), 0)
    if install := read_install(words[start:], line, False):
        yield install


def _read_call(call: ast.Call, name: str) -> Iterator[Install]:
    """``pip.main(["install", ...])``, ``run_line_magic("pip", "install ...")``, a tuple of words, a script of lines."""
    for argument in call.args:
        if isinstance(argument, ast.Tuple):
            yield from _read_words([_word(element) for element in argument.elts], call.lineno)
        elif isinstance(argument, ast.List) and name in _PIP_MAIN:
            yield from _read_words(["pip", *map(_word, argument.elts)], call.lineno)
        elif name in _RUNS_TEXT and isinstance(argument, ast.Constant) and "\n" in str(argument.value):
            for line in str(argument.value).splitlines():
                yield from read_installs(line.strip(), call.lineno, True)
    words = [_word(argument) for argument in call.args] if len(call.args) > 1 else []
    if any(map(_PIP.fullmatch, words)):
        yield from _read_words([part for word in words for part in word.split()], call.lineno)


def _word(node: ast.expr) -> str:
    """The string, or a character that is not a package name for what is known only at run time."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{}"


def read_needed(tree: ast.Module) -> Iterable[Requirement] | None:
    """The modules and packages in the tables of colab-starter's own install cell; None where the cell is another."""
    tables = read_tables(tree)
    if tables is None:
        return None
    packages = (*tables.needed, *tables.needed.values(), *tables.extra)
    return [found for found in map(read_requirement, packages) if found]


class Tables(NamedTuple):
    """What colab-starter's own install cell looks for."""

    needed: dict[str, str]
    """The name of a module, and the package that brings it."""
    extra: list[str]
    """Packages."""


def read_tables(tree: ast.Module) -> Tables | None:
    """The tables of colab-starter's own install cell; None where the cell is another."""
    tables = {
        statement.targets[0].id: read_literal(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    needed, extra = tables.get("needed"), tables.get("extra")
    if not isinstance(needed, dict) or not isinstance(extra, list):
        return None
    return Tables({str(name): str(package) for name, package in needed.items()}, list(map(str, extra)))
