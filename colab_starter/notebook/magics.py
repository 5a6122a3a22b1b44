"""Cell source as IPython reads it: Python, with magics, shell lines and help among it."""

import ast
import re
import warnings
from typing import NamedTuple

PYTHON_CELL_MAGICS = frozenset(
    """capture debug heat lprun memit mprun prun pyinstrument scalene snakeviz time timeit
    """.split()
)
"""Cell magics whose body runs in the notebook's kernel."""

SHELL_CELL_MAGICS = frozenset("! bash sh shell sx system".split())
"""Cell magics whose body is a shell script."""


class Command(NamedTuple):
    """A line that is no Python."""

    kind: str
    """``!`` for the shell, ``%`` for a line magic, ``%%`` for the first line of a cell magic, ``?`` for help."""

    text: str
    """What follows the sign, in one line: ``pip install einops``."""

    line: int
    """Counted from 1, in the cell."""

    nested: bool
    """It is indented, so a condition decides whether it runs."""


class CellCode(NamedTuple):
    """A cell, taken apart."""

    python: str
    """As many lines as the cell; lines that are no Python are ``pass`` or empty."""

    commands: list[Command]


AUTOMAGICS = frozenset(
    """
    alias alias_magic autoawait autocall automagic autosave bookmark cat cd clear colors conda config connect_info cp
    debug dhist dirs doctest_mode ed edit env gui hist history killbgscripts ldir less lf lk ll load load_ext loadpy
    logoff logon logstart logstate logstop ls lsmagic lx macro magic man matplotlib mkdir more mv notebook page pastebin
    pdb pdef pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch psource pushd pwd pycat pylab qtconsole
    quickref recall rehashx reload_ext rep rerun reset reset_selective rm rmdir run save sc set_env shell sx system tb
    tensorflow_version time timeit unalias unload_ext who who_ls whos xdel xmode
    """.split()
)
"""Line magics of Colab's kernel (IPython 7.34, ipykernel, google.colab): the % may be left out in a one-line cell."""

_SHELL_NAMES = "cat|cd|conda|cp|ll|ls|man|mkdir|mv|pip|rm|rmdir"
_MAY_HOLD_MAGIC = re.compile(
    rf"^[ \t]*(?:[%!?,;/]|>>>|\.\.\.|In \[|(?:{_SHELL_NAMES})[ \t])|^[^#\n]*\?[ \t]*$|=[ \t]*[%!]|\A\s*[ \t]",
    re.MULTILINE,
)
_MAY_BE_COMMAND = re.compile(rf"[ \t]*(?:[%!?,;/]|(?:{_SHELL_NAMES})[ \t])|.*(?:\?[ \t]*$|=[ \t]*[%!])")
_CELL_MAGIC = re.compile(r"%%(?P<name>[^\s?]*)(?P<arguments>.*)")
_LINE_COMMAND = re.compile(r"[ \t]*(?P<sign>!!?|%)(?P<text>.*)", re.DOTALL)
_ASSIGNED_COMMAND = re.compile(
    r"""(?P<target>(?:"[^"\n]*"|'[^'\n]*'|[^=#!%"'])*[^=#!%"'+\-*/&|^<>:@]=)[ \t]*"""
    r"(?:(?P<shell>!)|%(?=[ \t]*[A-Za-z_]))(?P<text>.*)",
    re.DOTALL,
)
_ONE_LINE_MAGIC = re.compile(r"(?P<name>[A-Za-z_]\w*)(?![\w.*])[ ]*(?P<rest>.*)")
_LOOKS_LIKE_SHELL = re.compile(
    rf"[ \t]*(?P<text>(?:{_SHELL_NAMES})[ \t]+"
    r"(?![ \t]*[=+*%<>|&^@(,)\]:]|[ \t]*[/.][ \t]|(?:in|is|and|or|not|if|for)\b).*)",
    re.DOTALL,
)
_HELP = re.compile(r"[ \t]*(?:\?.*|[^#'\"]*?%{0,2}(?<![\w*])(?!\d)[\w*]+(?:\.(?!\d)[\w*]+)*\?\??[ \t]*)")
_AUTOCALL = re.compile(r"[ \t]*[,;/][ \t]*[A-Za-z_].*")
_PROMPTS = (
    (re.compile(r">>>(?: |$)"), re.compile(r"(?:>>>|\.\.\.)(?: |$)")),
    (re.compile(r"In \[\d+\]: |\s*\.{3,}: ?"), re.compile(r"In \[\d+\]: |\s*\.{3,}: ?")),
)
"""Of Python and of IPython: what may begin a pasted session, and the prompts that its lines may have."""
_TOKEN = re.compile(
    r"""#.*|(?P<triple>'''|\"{3})|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|(?P<open>[\[({])|(?P<close>[\])}])"""
)
_INDENT = re.compile(r"[ \t]*")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


def split_magics(source: str) -> CellCode:
    """The Python of a cell and its commands; line numbers stay."""
    if "\n" not in source.strip() and (found := _read_automagic(source)):
        return found
    if not _MAY_HOLD_MAGIC.search(source):
        return CellCode(source, [])
    lines = _clean_up(source.split("\n"))
    first = _first_line_of_code(lines)
    magic = _CELL_MAGIC.match(lines[first]) if first < len(lines) else None
    if magic:
        return _split_cell_magic(lines, first, magic)
    return _split_lines(lines)


def _read_automagic(source: str) -> CellCode | None:
    """A cell of one line that begins with the name of a magic; IPython takes such a line for that magic.

    Nothing but one line break may follow: a comment or an empty line below makes it a cell of Python. What is Python
    as well is left to Python, unless it can only be meant for a shell, because the name may be a variable's.
    """
    line = source.lstrip().removesuffix("\n")
    found = _ONE_LINE_MAGIC.fullmatch(line)
    if not found or found["name"] not in AUTOMAGICS or found["rest"].startswith(("=", ",")):
        return None
    if not _LOOKS_LIKE_SHELL.fullmatch(line) and _is_python(line):
        return None
    above = source[: len(source) - len(source.lstrip())].count("\n")
    blank = "\n" * above
    command = Command("%", line.strip(), above + 1, False)
    return CellCode(f"{blank}pass{source[len(source.rstrip()) :]}", [command])


def _is_python(line: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(line)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _clean_up(lines: list[str]) -> list[str]:
    """The lines without the indent of the first, and without the prompts of a pasted session."""
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if indent := _INDENT.match(lines[first])[0]:  # type: ignore[index]
        lines = [line.removeprefix(indent) for line in lines]
    for initial, prompt in _PROMPTS:
        if initial.match(lines[first]) or (first + 1 < len(lines) and prompt.match(lines[first + 1])):
            lines = [prompt.sub("", line, count=1) if prompt.match(line) else line for line in lines]
    return lines


def _first_line_of_code(lines: list[str]) -> int:
    """The index of the first line that is neither empty nor a comment; Colab lets ``#@title`` precede a cell magic."""
    for index, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            return index
    return len(lines)


def _split_cell_magic(lines: list[str], first: int, magic: re.Match[str]) -> CellCode:
    name, arguments = magic["name"], magic["arguments"].strip()
    commands = [Command("%%", f"{name} {arguments}".strip(), first + 1, False)]
    body = lines[first + 1 :]
    blank = "\n" * first
    if name in PYTHON_CELL_MAGICS:
        inner = split_magics("\n".join(body))
        moved = [command._replace(line=command.line + first + 1) for command in inner.commands]
        return CellCode(f"{blank}\n{inner.python}", commands + moved)
    runs_shell = name in SHELL_CELL_MAGICS or (name == "script" and arguments.split(" ")[0] in ("bash", "sh"))
    if runs_shell:
        commands += _shell_lines(body, first + 2)
    return CellCode("\n" * (len(lines) - 1), commands)


def _shell_lines(body: list[str], number: int) -> list[Command]:
    commands = []
    index = 0
    while index < len(body):
        text, used = _join_continued(body, index)
        if text.strip() and not text.lstrip().startswith("#"):
            commands.append(Command("!", text.strip(), number + index, text[0] in " \t"))
        index += used
    return commands


def _join_continued(lines: list[str], index: int) -> tuple[str, int]:
    """The line at ``index`` with those that a backslash joins to it, and how many lines that is."""
    end = index
    while lines[end].endswith("\\") and end + 1 < len(lines):
        end += 1
    return " ".join(line.removesuffix("\\") for line in lines[index : end + 1]), end + 1 - index


def _split_lines(lines: list[str]) -> CellCode:
    python: list[str] = []
    commands: list[Command] = []
    depth, quote, continued = 0, "", False
    while len(python) < len(lines):
        number = len(python)
        line = lines[number]
        if not (depth or quote or continued) and _MAY_BE_COMMAND.match(line):
            text, used = _join_continued(lines, number)
            if found := _read_command(text, number + 1):
                replacement, command = found
                python += [replacement] + [""] * (used - 1)
                commands.append(command)
                continue
        depth, quote = _scan_line(line, depth, quote)
        continued = line.endswith("\\")
        python.append(line)
    return CellCode("\n".join(python), commands)


def _read_command(text: str, line: int) -> tuple[str, Command] | None:
    """The Python that replaces a line in another syntax, and what the line says; None for a line of Python."""
    indent = _INDENT.match(text)[0]  # type: ignore[index]
    nested = bool(indent)
    if match := _LINE_COMMAND.fullmatch(text):
        return f"{indent}pass", Command(match["sign"][0], match["text"].strip(), line, nested)
    if assigned := read_assignment(text):
        return f"{assigned.target} None", Command(assigned.sign, assigned.text, line, nested)
    if match := _LOOKS_LIKE_SHELL.fullmatch(text):
        # Without a sign, IPython takes it for Python, so that it stays there for the parser; what was meant is clear.
        return text, Command("%", match["text"].strip(), line, nested)
    if _HELP.fullmatch(text) or _AUTOCALL.fullmatch(text):
        return f"{indent}pass", Command("?", text.strip(), line, nested)
    return None


class Assignment(NamedTuple):
    """``files = !ls``, taken apart."""

    target: str
    """With the sign of equality, and the indent."""
    sign: str
    text: str


def read_assignment(text: str) -> Assignment | None:
    """The parts of a line that assigns what a command says; None for any other line."""
    match = _ASSIGNED_COMMAND.fullmatch(text)
    if not match or any(
        match["target"].count(opening) != match["target"].count(closing) for opening, closing in _PAIRS
    ):
        return None
    return Assignment(match["target"], "!" if match["shell"] else "%", match["text"].strip())


def _scan_line(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after the line, and which triple quote, if any."""
    position = 0
    while position < len(line):
        if quote:
            end = _end_of_string(line, position, quote)
            if end < 0:
                return depth, quote
            position, quote = end, ""
            continue
        token = _TOKEN.search(line, position)
        if not token:
            break
        position = token.end()
        quote = token["triple"] or ""
        depth = max(0, depth + bool(token["open"]) - bool(token["close"]))
    return depth, quote


def _end_of_string(line: str, position: int, quote: str) -> int:
    """Where a string that is open at ``position`` ends in this line, or -1."""
    while True:
        end = line.find(quote, position)
        if end < 0:
            return -1
        backslashes = len(line[:end]) - len(line[:end].rstrip("\\"))
        if backslashes % 2 == 0:
            return end + len(quote)
        position = end + 1
