"""Sweeps in files: YAML with ``fixed:``, ``grid:`` and ``list:``, or CSV with a row a run."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.types import Text, Written
from colab_starter.text import suggest

_PARTS = ("fixed", "grid", "list")
_LARGEST_TREE = 2_000_000
"""Values, with those that YAML's aliases repeat: a few bytes of them can stand for billions."""
_DEEPEST = 50
_TOO_DEEP = f"nested more than {_DEEPEST} deep; make it flatter"
_QUOTED_OR_COMMENT = re.compile(r"'[^']*'" r'|"(?:\\.|[^"\\])*"' r"|\s#.*")
_NULLS = ("", "~", "null", "Null", "NULL")


class Entry(NamedTuple):
    """A value, and where it stands: for messages."""

    written: Written
    where: str = ""
    """Ends in ``: ``, ready to be put before a message."""


@dataclass(frozen=True)
class SweepFile:
    """What a file says; types come later, from the notebook."""

    fixed: dict[str, Entry] = field(default_factory=dict)
    grid: dict[str, list[Entry]] | None = None
    rows: list[dict[str, Entry]] | None = None


def read_sweep_file(path: Path) -> SweepFile:
    """The sweep in a .yaml, .yml, .csv or .tsv file; raises ParameterError."""
    readers = {".yaml": _read_yaml, ".yml": _read_yaml, ".csv": _read_csv, ".tsv": _read_csv}
    if path.suffix.lower() not in readers:
        raise ParameterError(f"{path} is no sweep: its name must end in .yaml, .yml, .csv or .tsv")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error.strerror}); give a file that is there") from None
    except UnicodeDecodeError:
        raise ParameterError(f"{path} is not UTF-8; save it again as UTF-8") from None
    if not text.strip():
        raise ParameterError(f"{path} is empty; write grid: and under it NAME: [VALUE, VALUE], or rows of CSV")
    return readers[path.suffix.lower()](path, text)


# YAML: the nodes are read here instead of the values that PyYAML makes of them, because 1e-3 is a
# text to it, 2026-01-01 a date, no a bool, 1:30 ninety, and 010 eight.


def _read_yaml(path: Path, text: str) -> SweepFile:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_traps(path, yaml.parse(text, loader))
        node = yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        raise ParameterError(f"{path}{_explain_refusal(error, text)}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ParameterError(f"{path} is no YAML: {' '.join(str(error).split()):.100}") from None
    if not isinstance(node, yaml.MappingNode):
        raise ParameterError(f"{path} must begin with fixed:, grid: or list:")
    _measure(path, node, {})
    return _read_parts(path, _read_mapping(path, node))


def _explain_refusal(error: Any, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f", line {mark.line + 1}" if mark else ""
    lines = text.split("\n")
    if _count_open_brackets(text[: mark.index] if mark else text) > _DEEPEST:
        return f"{where}: {_TOO_DEEP}"
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        return f"{where}: YAML takes no tabs; indent with spaces"
    return f"{where} is no YAML: {error.problem or error.context}; mend it there"


def _count_open_brackets(text: str) -> int:
    """How deep a text nests with brackets where it breaks off.

    A parser reads far ahead of what it has told so far, so it meets its own limit of nesting, if it has one, before
    `_refuse_traps` has seen a single level. The text is refused anyway; this only chooses the words.
    """
    depth = 0
    for bracket in re.findall(r"[\[{}\]]", _QUOTED_OR_COMMENT.sub("", text)):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
    return depth


def _refuse_traps(path: Path, events: Iterable[Any]) -> None:
    """Stop before the nodes are made: making very deep ones would end the process."""
    import yaml

    depth, documents = 0, 0
    for event in events:
        where = f"{path}, line {event.start_mark.line + 1}: "
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ParameterError(f"{where}{_TOO_DEEP}")
        if getattr(event, "tag", None) not in (None, "!"):
            raise ParameterError(f"{where}tags such as {event.tag} are not taken; types come from the notebook")
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise ParameterError(f"{path} holds several documents (---); put each into a file of its own")


def _measure(path: Path, node: Any, sizes: dict[int, int]) -> int:
    """How many values the node stands for, with those that aliases repeat."""
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise ParameterError(f"{path}: an alias (*) stands for what it is in; write the values out")
        return sizes[id(node)]
    sizes[id(node)] = 0
    value = node.value if isinstance(node.value, list) else []
    children = [child for item in value for child in (item if isinstance(item, tuple) else (item,))]
    sizes[id(node)] = 1 + sum(_measure(path, child, sizes) for child in children)
    if sizes[id(node)] > _LARGEST_TREE:
        raise ParameterError(f"{path} stands for more than {_LARGEST_TREE:,} values with its aliases (*); write less")
    return sizes[id(node)]


def _read_mapping(path: Path, node: Any) -> dict[str, Any]:
    """The names with their nodes; a name may stand there once."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        where = f"{path}, line {key.start_mark.line + 1}: "
        if not isinstance(key.value, str):
            raise ParameterError(f"{where}a list or mapping cannot be a name; write NAME: VALUE")
        if key.value == "<<":
            raise ParameterError(f"{where}merges (<<) are not taken; put what the runs share under fixed:")
        if key.value in found:
            raise ParameterError(f"{where}{key.value} stands there twice; delete one")
        found[key.value] = value
    return found


def _read_parts(path: Path, parts: dict[str, Any]) -> SweepFile:
    for name in parts:
        if name not in _PARTS:
            near = suggest(name, _PARTS)
            hint = f"did you mean {near}:?" if near else "put parameters under grid:, fixed: or list:"
            raise ParameterError(f"{path}: {name} is no part of a sweep; {hint}")
    grid, rows = parts.get("grid"), parts.get("list")
    return SweepFile(
        fixed=_read_entries(path, "fixed", parts["fixed"]) if "fixed" in parts else {},
        grid={name: _read_axis(path, name, node) for name, node in _read_names(path, "grid", grid).items()}
        if grid
        else None,
        rows=_read_rows(path, rows) if rows else None,
    )


def _read_names(path: Path, part: str, node: Any) -> dict[str, Any]:
    import yaml

    if isinstance(node, yaml.ScalarNode) and _is_null(node):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ParameterError(f"{path}, line {node.start_mark.line + 1}: write NAME: VALUE under {part}:")
    return _read_mapping(path, node)


def _read_entries(path: Path, part: str, node: Any) -> dict[str, Entry]:
    return {name: _read_entry(path, value) for name, value in _read_names(path, part, node).items()}


def _read_axis(path: Path, name: str, node: Any) -> list[Entry]:
    import yaml

    if not isinstance(node, yaml.SequenceNode):
        return [_read_entry(path, node)]
    if not node.value:
        raise ParameterError(f"{path}, line {node.start_mark.line + 1}: {name} has no value; give one, or delete it")
    return [_read_entry(path, item) for item in node.value]


def _read_rows(path: Path, node: Any) -> list[dict[str, Entry]]:
    import yaml

    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise ParameterError(f"{path}, line {node.start_mark.line + 1}: write a run a line under list:, - NAME: VALUE")
    return [_read_entries(path, "list", row) for row in node.value]


def _read_entry(path: Path, node: Any) -> Entry:
    return Entry(_read_node(path, node), f"{path}, line {node.start_mark.line + 1}: ")


def _read_node(path: Path, node: Any) -> Written:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return None if _is_null(node) else Text(node.value, quoted=_is_quoted(node))
    if isinstance(node, yaml.SequenceNode):
        return [_read_node(path, item) for item in node.value]
    _read_mapping(path, node)
    return {_read_node(path, key): _read_node(path, value) for key, value in node.value}


def _is_quoted(node: Any) -> bool:
    return bool(node.style)


def _is_null(node: Any) -> bool:
    return not _is_quoted(node) and node.value in _NULLS


# CSV


def _read_csv(path: Path, text: str) -> SweepFile:
    header_line = text.partition("\n")[0]
    delimiter = next((sign for sign in "\t;" if sign in header_line and "," not in header_line), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        numbered = [(rows.line_num, row) for row in rows if row]
    except csv.Error as error:
        raise ParameterError(f"{path}, line {rows.line_num} is no CSV: {error}; mend it there") from None
    (_, header), *body = numbered
    names = [name.strip() for name in header]
    _check_header(path, names, [row for _, row in body])
    if not body:
        raise ParameterError(f"{path} has a header and no row; write a run a row")
    return SweepFile(rows=[dict(_read_row(path, names, number, row)) for number, row in body])


def _check_header(path: Path, names: list[str], body: list[list[str]]) -> None:
    for column, name in enumerate(names):
        if not name and any(row[column].strip() for row in body if column < len(row)):
            raise ParameterError(f"{path}: column {column + 1} has no name; write the parameter's above it")
        if name and names.index(name) != column:
            raise ParameterError(f"{path} has two columns called {name}; delete one")


def _read_row(path: Path, names: list[str], number: int, row: list[str]) -> Iterator[tuple[str, Entry]]:
    where = f"{path}, line {number}: "
    if len(row) != len(names):
        raise ParameterError(
            f"{where}{len(row)} cells under {len(names)} names; add or take away some (text with commas needs quotes)"
        )
    for name, cell in zip(names, row, strict=True):
        if name and cell.strip():
            yield name, Entry(Text(cell), where)
