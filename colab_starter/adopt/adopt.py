"""Adopting a notebook: what its new text is, and what was done and not done for it."""

import ast
import codecs
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_starter.adopt import phrases
from colab_starter.adopt.cells import bake_added_cells
from colab_starter.adopt.constants import Constant, Constants, choose, find_constants, form_lines
from colab_starter.adopt.draft import FORM, NUMBERS, PREFIX, Draft, Note, read_draft
from colab_starter.adopt.drive import OnDrive, move_drive
from colab_starter.adopt.language import find_added_language, find_retold_lines, guess_language
from colab_starter.adopt.machine import choose_accelerator, choose_framework, name_language, set_accelerator
from colab_starter.adopt.packages import Needs, move_installs
from colab_starter.bake.generate import check_choices
from colab_starter.bake.languages import ENGLISH
from colab_starter.notebook.installs import read_tables
from colab_starter.notebook.model import Json, join_source
from colab_starter.notebook.names import BIND, UNBIND, read_events
from colab_starter.notebook.python import read_literal
from colab_starter.notebook.syntax import parse_python

_SETUP = f"{PREFIX}setup-0"
_INSTALL = f"{PREFIX}install-0"
_PROGRAMS = f"{PREFIX}install-1"
_LAST = f"{PREFIX}record-"
_METRIC = re.compile(
    r"(?:(?:test|val|valid|validation|train|final|best|mean|avg|cv)_)*(?:accuracy|acc|loss|error|mse|rmse|mae|mape|r2|"
    r"r2_score|auc|roc_auc|f1|f1_score|precision|recall|score|bleu|rouge|perplexity|iou|dice|psnr|ssim|wer|cer)"
)
"""Names that usually hold a number worth comparing."""

Ask = Callable[[Constants], str]
"""Asks the user which constants become parameters; the answer is written like ``--parameters``."""


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    parameters: str | Ask = "all"
    """``all`` that are proposed, ``none``, names separated by commas, or a function that asks."""
    accelerator: str = "auto"
    """A key of ACCELERATORS, or ``auto``."""
    keep_paths: bool = False
    """Leave paths on Drive as they are."""
    use_drive: bool | None = None
    """What the form says; None for what the notebook does."""
    drive_folder: str | None = None
    """What the form says, unless paths follow another folder; None for what the notebook does."""
    pip: tuple[str, ...] = ()
    """Further packages for the install cell."""
    apt: tuple[str, ...] = ()
    """Further Debian packages for the install cell."""
    language: str | None = None
    """A choice of the question ``language``; None for that of an earlier ``adopt``, or English."""


@dataclass(frozen=True)
class Adoption:
    """The adopted notebook, and the account of it."""

    path: Path
    old: str
    """The text of the file."""
    new: str
    form: list[str]
    """The names of the user's constants that went into the form this time."""
    doubtful: dict[str, str]
    """Constants that one might expect in the form -> why they are not there."""
    moved: list[Note]
    followed: list[Note]
    left: list[Note]
    accelerator: str
    """The machine that was written into the metadata; empty if that says one already, or needs none."""
    chose_accelerator: bool
    """Whether it was chosen because of the code, and not by the user."""
    metrics: list[str]
    """The names that the results cell records from the start."""
    language: str
    """That of the new cells."""
    old_language: str
    """That of the cells that an earlier ``adopt`` had added; empty if there were none."""
    suggested_language: str
    """Another one, which the notebook's own text is in; empty if the user has chosen, or there is none to suggest."""
    was_adopted: bool
    needs: Needs
    """What the install cell looks for."""
    has_mark: bool
    """The file begins with a byte-order mark."""

    @property
    def content(self) -> bytes:
        """The bytes of the new file; with a byte-order mark if the old one has it."""
        mark = codecs.BOM_UTF8 if self.has_mark else b""
        return mark + self.new.encode()

    @property
    def changed(self) -> bool:
        return self.old != self.new


def adopt(path: Path, options: Options) -> Adoption:
    """Give a notebook the first cells, the form and the results cell; nothing is written.

    Raises CannotAdoptError, UnknownChoiceError for a language that there is not, or UsageError for a parameter that
    cannot be one.
    """
    check_choices({"language": options.language or ENGLISH})
    draft = read_draft(path)
    old_language = find_added_language(draft)
    language = options.language or old_language
    draft.phrases = phrases.read_phrases(language)
    results_name = _name_results(draft)
    retold = find_retold_lines(results_name, old_language, language)
    form = _Form(draft, retold)
    on_drive = move_drive(draft, options.keep_paths, form.drive_folder)
    needs = _add_earlier(move_installs(draft), draft, options)
    accelerator = choose_accelerator(draft.theirs, options.accelerator)
    metrics = _find_metrics(draft)
    cells = bake_added_cells(
        language,
        needs=needs,
        accelerator=accelerator,
        framework=choose_framework(draft),
        results_name=results_name,
        metrics=metrics,
    )
    constants = find_constants(draft, _find_names(cells), form.names)
    chosen = _move_constants(draft, constants, options)
    form.fill(cells, chosen, on_drive, options)
    draft.apply_edits()
    _retell_numbers(draft, retold)
    wrote = set_accelerator(draft.data, accelerator, options.accelerator)
    name_language(draft.data)
    return Adoption(
        path=path,
        old=draft.text,
        new=draft.write_text(*_arrange(draft, cells)),
        form=[one.name for one in chosen],
        doubtful=constants.tell_doubts(chosen),
        moved=draft.moved,
        followed=draft.followed,
        left=draft.left,
        accelerator=accelerator if wrote else "",
        chose_accelerator=options.accelerator == "auto",
        metrics=[] if NUMBERS in draft.ours else metrics,
        language=language,
        old_language=old_language if draft.ours else "",
        suggested_language="" if draft.ours or options.language else _suggest_language(draft, language),
        was_adopted=bool(draft.ours),
        needs=needs,
        has_mark=path.read_bytes().startswith(codecs.BOM_UTF8),
    )


def _suggest_language(draft: Draft, language: str) -> str:
    own = guess_language(draft.theirs)
    return "" if own == language else own


def _move_constants(draft: Draft, constants: Constants, options: Options) -> list[Constant]:
    """Move those into the form that the user wants there; what has been tagged ``parameters`` is there in any case."""
    asked = options.parameters if isinstance(options.parameters, str) else options.parameters(constants)
    chosen = [constants.found[name] for name in choose(constants, asked)]
    for one in chosen:
        draft.move(one.cell, one.lines, phrases.FORM)
    draft.untagged = draft.theirs.parameters_cells
    return chosen


def _find_names(cells: list[Json]) -> set[str]:
    """The names that the new cells give values to, but for those of the form."""
    trees = [parse_python(join_source(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    bound = {event.name for tree in trees[1:] if isinstance(tree, ast.Module) for event in read_events(tree)}
    form = {event.name for event in read_events(trees[0]) if event.kind == BIND} if trees else set()  # type: ignore[arg-type]
    return {name for name in bound if name not in form}


class _Form:
    """The cell with the parameters, as an earlier ``adopt`` and the user have left it."""

    def __init__(self, draft: Draft, retold: Mapping[str, str]) -> None:
        """``retold``: lines of an earlier ``adopt`` -> what they are in the language of this one."""
        self._draft = draft
        self._retold = retold
        self._slug = slug_of(draft.path.stem)
        cell = next((cell for cell in draft.cells if cell.id == FORM and cell.source.strip()), None)
        self._lines = cell.source.rstrip().split("\n") if cell else []
        self._python = cell.code.python.split("\n") if cell else []
        tree = cell.tree if cell and isinstance(cell.tree, ast.Module) else ast.Module([], [])
        self.names = {event.name for event in read_events(tree) if event.kind == BIND}
        """The names that it gives values to."""
        self._values = dict(filter(None, map(_read_value, tree.body)))

    @property
    def drive_folder(self) -> str | None:
        value = read_literal(self._values.get("drive_folder"))
        return value if isinstance(value, str) else None

    def fill(self, cells: list[Json], chosen: list[Constant], on_drive: OnDrive, options: Options) -> None:
        """Write the user's constants and values into the new cell; lines that are in the form already stay."""
        cell = next(cell for cell in cells if cell["id"] == FORM)
        title, *lines = join_source(cell["source"]).splitlines()
        common = {line.partition(" = ")[0]: line for line in lines if " = " in line}
        common.pop("seed", None)  # nothing in the first cells draws random numbers
        asked = _read_asked(options, follows_folder=bool(self._draft.followed))
        values = self._fit_values(on_drive) | {one.name: one.value for one in chosen} | asked
        missing = [
            f"{name} = {values[name]}  {line[line.index('# @param') :]}" if name in values else line
            for name, line in common.items()
            if name not in self.names
        ]
        users = list(form_lines([one for one in chosen if one.name not in common]))
        if self._lines:
            there = [self._retold.get(line, line) for line in self._insert(users, common, asked)]
            made = [*there, *missing]
        else:
            made = [title, *users, *([""] if users else []), *missing]
        cell["source"] = "\n".join(made).splitlines(keepends=True)

    def _fit_values(self, on_drive: OnDrive) -> dict[str, str]:
        """What fits this notebook, of the parameters that every form has."""
        return {
            "use_drive": str(on_drive.is_used),
            "drive_folder": _quote(on_drive.folder if on_drive.is_used else self._slug),
            "output_dir": _quote(f"outputs/{self._slug}"),
        }

    def _insert(self, users: list[str], common: Collection[str], asked: Mapping[str, str]) -> list[str]:
        """The lines that are there, with the user's new constants before the parameters that every form has."""
        starts = [value.lineno - 1 for name, value in self._values.items() if name in common]
        place = min(starts, default=len(self._lines))
        while place and self._lines[place - 1].startswith("#") and "@title" not in self._lines[place - 1]:
            place -= 1
        while place and not self._lines[place - 1].strip():
            place -= 1
        lines = self._set_values(asked)
        if users and "".join(lines[place : place + 1]).strip():
            users = [*users, ""]
        return [*lines[:place], *users, *lines[place:]]

    def _set_values(self, asked: Mapping[str, str]) -> list[str]:
        """The lines that are there, with other values of some parameters."""
        lines = list(self._lines)
        found = [(self._values[name], new) for name, new in asked.items() if name in self._values]
        for value, new in sorted(found, key=lambda one: one[0].lineno, reverse=True):
            first, last = value.lineno - 1, (value.end_lineno or value.lineno) - 1
            if lines[first : last + 1] == self._python[first : last + 1]:
                before = lines[first].encode()[: value.col_offset].decode()
                lines[first : last + 1] = [f"{before}{new}{lines[last].encode()[value.end_col_offset :].decode()}"]
        return lines


def _read_value(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of ``name = value``, with or without a type; None for any other statement."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return None
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return (target.id, statement.value) if isinstance(target, ast.Name) else None


def _read_asked(options: Options, *, follows_folder: bool) -> dict[str, str]:
    """The values that the user asked for by options; but the folder stays where paths have just come to follow it."""
    asked = {} if options.use_drive is None else {"use_drive": str(options.use_drive)}
    if options.drive_folder is not None and not follows_folder:
        asked["drive_folder"] = _quote(options.drive_folder)
    return asked


def slug_of(stem: str) -> str:
    """The name of a notebook as that of a folder."""
    return re.sub(r"[^\w.-]+", "-", stem.removesuffix(".adopted")).strip("-.") or "notebook"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _add_earlier(needs: Needs, draft: Draft, options: Options) -> Needs:
    """What the install cells of an earlier ``adopt`` look for, and what is new."""
    tables = read_tables(_tree_of(draft.ours.get(_INSTALL)))
    programs = next(
        (
            read_literal(statement.value)
            for statement in _tree_of(draft.ours.get(_PROGRAMS)).body
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "extra_programs"
        ),
        [],
    )
    modules, pip = (tables.needed, tables.extra) if tables else ({}, [])
    apt = list(map(str, programs)) if isinstance(programs, list) else []
    return Needs(
        dict(sorted((modules | needs.modules).items())),
        list(dict.fromkeys([*pip, *needs.pip, *options.pip])),
        list(dict.fromkeys([*apt, *needs.apt, *options.apt])),
        needs.imported,
    )


def _tree_of(cell: Json | None) -> ast.Module:
    """The Python of a cell of ours; empty where the user has made something else of it."""
    parsed = parse_python(join_source(cell.get("source", cell.get("input")))) if cell else None
    return parsed if isinstance(parsed, ast.Module) else ast.Module([], [])


def _name_results(draft: Draft) -> str:
    """The name of the dict with the numbers: as the cell NUMBERS has it, else one that the notebook does not use."""
    for statement in _tree_of(draft.ours.get(NUMBERS)).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            return ast.unparse(statement.targets[0])
    return next(
        name
        for name in ("results", "recorded", "recorded_numbers", "numbers_to_record")
        if not any(re.search(rf"\b{name}\b", cell.source) for cell in draft.theirs.cells if cell.is_python)
    )


def _find_metrics(draft: Draft) -> list[str]:
    """The names that surely have a value at the end, and are called like a metric."""
    found: dict[str, None] = {}
    gone = set()
    for cell in draft.theirs.cells:
        if not isinstance(cell.tree, ast.Module):
            continue
        gone |= {event.name for event in read_events(cell.tree) if event.kind == UNBIND}
        for statement in cell.tree.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant | ast.Lambda):
                continue
            names = [node.id for target in targets for node in _flatten(target) if isinstance(node, ast.Name)]
            found |= dict.fromkeys(name for name in names if _METRIC.fullmatch(name.lower()))
    return [name for name in found if name not in gone]


def _flatten(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [inner for part in target.elts for inner in _flatten(part)]
    return [target]


def _arrange(draft: Draft, cells: list[Json]) -> tuple[list[Json], list[Json]]:
    """The first cells and the last, as the notebook's format writes them; those that are there already stay."""
    first = [cell for cell in cells if not cell["id"].startswith(_LAST)]
    last = [cell for cell in cells if cell["id"].startswith(_LAST)]
    if not _next_is_heading(draft):
        first = [cell for cell in first if cell["id"] != _SETUP]
    return [_settle(draft, cell) for cell in first], [_settle(draft, cell) for cell in last]


def _next_is_heading(draft: Draft) -> bool:
    """Whether a heading follows the first cells; without one, all would be folded below the heading of theirs."""
    place = draft.find_start()
    following = draft.theirs.cells[place : place + 1]
    return bool(following) and following[0].kind == "markdown" and following[0].source.lstrip().startswith("#")


def _settle(draft: Draft, cell: Json) -> Json:
    """The cell in the notebook's format; the one that is there, with its outputs, if it says the same."""
    there = draft.ours.get(cell["id"])
    if there is not None:
        source = join_source(there.get("source", there.get("input")))
        if cell["id"] == NUMBERS or source == join_source(cell["source"]):
            return there
        if cell["id"] == FORM:
            return {**there, "source" if "source" in there else "input": cell["source"]}
    return write_cell(cell, draft.format)


def _retell_numbers(draft: Draft, retold: Mapping[str, str]) -> None:
    """Write the comment in the cell NUMBERS in the new language, if it is as an earlier ``adopt`` has written it."""
    cell = draft.ours.get(NUMBERS, {})
    key = "source" if "source" in cell else "input"
    lines = join_source(cell.get(key)).split("\n")
    text = "\n".join(retold.get(line, line) for line in lines)
    if text != "\n".join(lines):
        cell[key] = text.splitlines(keepends=True) if isinstance(cell[key], list) else text


def write_cell(cell: Json, version: tuple[int, int]) -> Json:
    """A cell of nbformat 4.5 as an older format writes it: the id is in the metadata, as Colab keeps it."""
    if version >= (4, 5):
        return dict(sorted(cell.items()))
    plain: dict[str, Any] = {key: value for key, value in cell.items() if key != "id"}
    plain["metadata"] = {**cell["metadata"], "id": cell["id"]}
    if version < (4, 0) and cell["cell_type"] == "code":
        source = plain.pop("source")
        plain.pop("execution_count")
        plain |= {"input": source, "language": "python", "collapsed": False}
    return dict(sorted(plain.items()))
