"""Google Drive in a notebook: mounting it is the storage cell's task, and its paths follow ``drive_folder``."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from colab_starter.adopt import phrases
from colab_starter.adopt.draft import Draft, lines_of, statements_of, statements_on
from colab_starter.check.rules.files import may_be_mounted
from colab_starter.notebook.model import Cell
from colab_starter.notebook.python import read_literal
from colab_starter.notebook.syntax import find_strings, parse_python

MOUNT = "google.colab.drive.mount"
_MOUNT_POINTS = ("/content/drive", "/content/gdrive")
_MY_DRIVE = r"/content/g?drive/My ?Drive(?![\w .-])"
_IN_STRING = re.compile(rf"{_MY_DRIVE}(?P<rest>.*)", re.DOTALL)
_IN_COMMAND = re.compile(rf"(?<![\w/.]){_MY_DRIVE}(?P<rest>[^\s\"';&|]*)")
_ANY_DRIVE = re.compile(r"/content/g?drive\b")
_VARIABLE = re.compile(r"\{[A-Za-z_]\w*\}")
_PLAIN = re.compile(r"[\w./-]*")


class OnDrive(NamedTuple):
    """What the notebook does with Drive."""

    is_used: bool
    folder: str
    """The folder in My Drive where all the paths that were rewritten begin; empty for My Drive itself."""


class _Path(NamedTuple):
    """A path on Drive in the code."""

    cell: Cell
    line: int
    start: int
    """In the cell's source, where the path begins."""
    end: int
    """Behind the folder of My Drive."""
    rest: str
    """What follows it: ``/digits/train.csv``; of an f-string the part before the first brace, up to a slash."""
    prefix_at: int
    """Where the string begins, whose prefix needs an f; -1 in a command and in an f-string."""


def move_drive(draft: Draft, keep_paths: bool, folder: str | None) -> OnDrive:
    """Move the mounts into the storage cell, and let paths begin at the folder that it finds.

    All of it or nothing: a notebook that mounts Drive only under a condition, or looks whether it is there, keeps its
    own way. ``folder`` is the ``drive_folder`` of the form, if there is one already.
    """
    mounts = list(_find_mounts(draft))
    paths = [] if keep_paths else list(_find_paths(draft))
    if own_way := _find_own_way(draft, mounts, paths):
        for cell, line in own_way:
            draft.leave(cell, line, "the notebook decides itself whether and where Drive is mounted")
        return OnDrive(False, "")
    folder = _common_folder([path.rest for path in paths]) if folder is None else folder
    rewritten = [path for path in paths if not (why := _find_fault(draft, path, folder)) or _leave(draft, path, why)]
    for cell in draft.theirs.cells:
        _rewrite(draft, cell, [path for path in rewritten if path.cell is cell], folder)
    for mount in mounts:
        if mount.point != _MOUNT_POINTS[0] and any(True for _ in _find_left(draft, mount.point)):
            draft.edits.clear()
            draft.followed.clear()
            why = f"some paths below {mount.point} would stay, and the storage cell mounts Drive at {_MOUNT_POINTS[0]}"
            draft.leave(mount.cell, mount.call.lineno, why)
            return OnDrive(False, "")
    _move_mounts(draft, mounts)
    noted = {(note.cell, note.line) for note in draft.left}
    for cell, line in [] if keep_paths else list(_find_left(draft)):
        if (cell.number, line) not in noted and not draft.is_closed(cell):
            draft.leave(cell, line, "only plain paths in strings and commands can follow drive_folder")
    return OnDrive(bool(mounts or paths) or any(True for _ in _find_left(draft)), folder)


def _find_own_way(draft: Draft, mounts: list["_Mount"], paths: list["_Path"]) -> list[tuple[Cell, int]]:
    """Where the notebook itself decides about Drive; empty if it leaves that to whoever runs it."""
    own = [(mount.cell, mount.call.lineno) for mount in mounts if not mount.is_plain]
    if own:
        return own
    colab = draft.theirs.metadata.get("colab")
    is_mounted_by_button = isinstance(colab, dict) and bool(colab.get("mount_file_id"))
    if paths and not mounts and not is_mounted_by_button and may_be_mounted(draft.theirs):
        return [(paths[0].cell, paths[0].line)]
    return []


def _leave(draft: Draft, path: _Path, why: str) -> bool:
    draft.leave(path.cell, path.line, why)
    return False


def _find_paths(draft: Draft) -> Iterator[_Path]:
    for cell in draft.theirs.cells:
        if cell.is_python and _ANY_DRIVE.search(cell.source) and not draft.is_closed(cell):
            yield from _find_in_strings(cell)
            yield from _find_in_commands(cell)


def _find_in_strings(cell: Cell) -> Iterator[_Path]:
    python = cell.code.python
    raw = cell.source.split("\n")
    lines = python.split("\n")
    starts = [0]
    for line in raw:
        starts.append(starts[-1] + len(line) + 1)
    for token in find_strings(python):
        body = re.fullmatch(
            r"""[A-Za-z]*(?P<quote>'''|\"{3}|'|\")(?P<body>.*)(?P=quote)""", python[token.start : token.end], re.S
        )
        found = _IN_STRING.fullmatch(body["body"]) if body else None
        number = python.count("\n", 0, token.start) + 1
        same = len(lines) == len(raw) and lines[number - 1] == raw[number - 1]
        if not (body and found and same) or token.is_joined or "b" in token.prefix or "\\" in body["body"]:
            continue
        shift = starts[number - 1] - (python.rfind("\n", 0, token.start) + 1)
        is_formatted = "f" in token.prefix
        rest = found["rest"]
        begin = token.start + body.start("body") + shift
        static = rest.partition("{")[0].rpartition("/")[0] if is_formatted and "{" in rest else rest
        end = begin + len(body["body"]) - len(rest)
        yield _Path(cell, number, begin, end, static, -1 if is_formatted else token.start + shift)


def _find_in_commands(cell: Cell) -> Iterator[_Path]:
    if cell.commands and cell.commands[0].kind == "%%" and not cell.code.python.strip():
        return  # a script, in which IPython replaces nothing
    offset = 0
    commands = {command.line: command for command in cell.commands if command.kind in ("!", "%")}
    for number, line in enumerate(cell.source.split("\n"), 1):
        command = commands.get(number)
        if command and (command.kind == "!" or command.text.startswith("cd ")) and not line.endswith("\\"):
            for found in _IN_COMMAND.finditer(line):
                end = found.end() - len(found["rest"])
                yield _Path(cell, number, offset + found.start(), offset + end, found["rest"], -2)
        offset += len(line) + 1


def _common_folder(rests: list[str]) -> str:
    """The folder in My Drive that all of these paths are in, or are."""
    folders = []
    for rest in rests:
        path = PurePosixPath(rest.strip("/"))
        folders.append(path.parent.parts if path.suffix else path.parts)
    common = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join(common)


def _find_fault(draft: Draft, path: _Path, folder: str) -> str:
    """Why a path stays as it is; empty if it can follow ``drive_folder``."""
    binders = [cell for cell in draft.theirs.cells if _binds(cell, "home")]
    if binders:
        return f"cell {binders[0].number} uses the name home, which the storage cell needs"
    line = path.cell.source.split("\n")[path.line - 1]
    if line.lstrip().startswith("case "):
        return "a pattern must be a plain string"
    if folder and f"{path.rest}/"[: len(folder) + 2] != f"/{folder}/":
        return f"it is not in {folder}, the folder of the others"
    if path.prefix_at == -2 and (re.search(r"[{}]", _VARIABLE.sub("", line)) or not _PLAIN.fullmatch(folder)):
        return "IPython would replace other parts of this command, too"
    return ""


def _binds(cell: Cell, name: str) -> bool:
    return any(found == name for found, _ in cell.facts.bindings) or any(
        one.alias == name for one in cell.facts.imports
    )


def _rewrite(draft: Draft, cell: Cell, paths: list[_Path], folder: str) -> None:
    """Write ``{home}`` in the place of the folder; nothing is changed if the cell would not be Python any more."""
    if not paths:
        return
    source = cell.source
    for path in sorted(paths, key=lambda path: path.start, reverse=True):
        behind = path.end + (len(folder) + 1 if folder else 0)
        if path.prefix_at < 0:
            source = f"{source[: path.start]}{{home}}{source[behind:]}"
            continue
        quote_at = path.start - (3 if source[path.start - 3 : path.start] in ("'''", '"""') else 1)
        end = source.index(source[quote_at : path.start], path.end)
        body = source[behind:end].replace("{", "{{").replace("}", "}}")
        prefix = source[path.prefix_at : quote_at].lower().replace("u", "")
        source = f"{source[: path.prefix_at]}f{prefix}{source[quote_at : path.start]}{{home}}{body}{source[end:]}"
    changed = Cell(cell.number, {**cell.data, "source": source}, True)
    if isinstance(parse_python(changed.code.python), SyntaxError) or source.count("\n") != cell.source.count("\n"):
        for path in paths:
            draft.leave(cell, path.line, "the path cannot be replaced here")
        return
    new, old = source.split("\n"), cell.source.split("\n")
    lines = {number: line for number, line in enumerate(new, 1) if line != old[number - 1]}
    draft.set_lines(cell, lines)
    for number in lines:
        draft.follow(cell, number)


class _Mount(NamedTuple):
    """A call of ``drive.mount``."""

    cell: Cell
    call: ast.Call
    statement: ast.stmt | None
    """The call as a statement of the cell's top level."""

    @property
    def is_plain(self) -> bool:
        """Whether it surely runs, and mounts Drive in one of the places where everybody does."""
        together = statements_on(self.cell, lines_of(self.statement)) if self.statement else []
        alone = bool(together) and all(one is self.statement or _is_import(one) for one in together)
        return alone and self.point in _MOUNT_POINTS

    @property
    def point(self) -> str:
        """Where it mounts Drive; empty if that cannot be told."""
        keywords = {keyword.arg: keyword.value for keyword in self.call.keywords}
        place = read_literal(self.call.args[0] if self.call.args else keywords.get("mountpoint"))
        return place.rstrip("/") if isinstance(place, str) else ""


def _find_mounts(draft: Draft) -> Iterator[_Mount]:
    for cell, call in draft.theirs.calls:
        if call.name == MOUNT and not draft.is_closed(cell):
            statements = (one for one in statements_of(cell) if isinstance(one, ast.Expr) and one.value is call.node)
            yield _Mount(cell, call.node, next(statements, None))


def _move_mounts(draft: Draft, mounts: list[_Mount]) -> None:
    """Turn the mounts into comments, and the import with them where nothing else uses it."""
    for mount in mounts:
        assert mount.statement
        if not draft.line(mount.cell, mount.statement.lineno).startswith("#"):
            draft.move(mount.cell, lines_of(mount.statement), phrases.STORAGE)
    if mounts:
        _move_imports(draft)


def _find_left(draft: Draft, point: str = "") -> Iterator[tuple[Cell, int]]:
    """The lines of code that still name a folder on Drive, but for mounts."""
    for cell in draft.theirs.cells:
        for number in range(1, cell.source.count("\n") + 2 if cell.is_python else 1):
            text = draft.line(cell, number)
            is_code = not text.lstrip().startswith("#") and ".mount(" not in text and "mountpoint" not in text
            if is_code and (f"{point}/" if point else "/content/") in text and _ANY_DRIVE.search(text):
                yield cell, number


def _move_imports(draft: Draft) -> None:
    """``from google.colab import drive`` fails outside Colab, and is needed no more if only the mount used it."""
    for cell in draft.theirs.cells:
        for statement in statements_of(cell):
            if not isinstance(statement, ast.ImportFrom):
                continue
            names = [one.asname or one.name for one in statement.names]
            if draft.line(cell, statement.lineno).startswith("#") or not _is_import(statement):
                continue
            if any(_is_used(draft, other, names[0]) for other in draft.theirs.cells):
                draft.leave(cell, statement.lineno, "the notebook uses it for more than the mount")
            elif statements_on(cell, lines_of(statement)) == [statement]:
                draft.move(cell, lines_of(statement), phrases.STORAGE)


def _is_import(statement: ast.stmt) -> bool:
    """Is this ``from google.colab import drive``, and nothing more?"""
    return (
        isinstance(statement, ast.ImportFrom)
        and statement.module == "google.colab"
        and [one.name for one in statement.names] == ["drive"]
    )


def _is_used(draft: Draft, cell: Cell, name: str) -> bool:
    """Whether a line of the cell that stays uses the name."""
    return any(
        re.search(rf"\b{name}\.", line) and not line.lstrip().startswith("#")
        for line in (draft.line(cell, number) for number in range(1, cell.source.count("\n") + 2))
    )
