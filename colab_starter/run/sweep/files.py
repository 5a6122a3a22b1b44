"""Sweep files: YAML with ``fixed:``, ``grid:``, ``list:`` and ``search:``, or CSV with one row per run."""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from colab_starter.errors import ParameterError
from colab_starter.run.sweep.options import LARGEST_SWEEP, TOO_MANY
from colab_starter.run.sweep.survey import DEEPEST, MOST_NAMES, TOO_DEEP, Survey
from colab_starter.run.sweep.types import Text, Written
from colab_starter.text import suggest

_PARTS = ("fixed", "grid", "list", "search")
SETTINGS = ("maximize", "minimize", "trials", "for", "sampler", "seed", "prune", "enqueue")
"""What a file may say about its search; each is also an option of the command line."""
_RANGE_KEYS = ("low", "high", "log", "step")
_LARGEST_YAML = 100_000_000
"""In bytes; a CSV file may be larger, because it is never in memory as a whole."""
_QUOTED_OR_COMMENT = re.compile(r"'[^']*'" r'|"(?:\\.|[^"\\])*"' r"|\s#.*")
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NULLS = ("", "~", "null", "Null", "NULL")


class Entry(NamedTuple):
    """A value, and its place in the file for messages."""

    written: Written
    where: str = ""
    """Ends in ``: ``, ready to be prefixed to a message."""
    is_range: bool = False
    """Whether it was written as a mapping with ``low`` and ``high``, so that it can only be a range."""


@dataclass(frozen=True)
class SweepFile:
    """The content of a file; types are applied later, from the notebook."""

    fixed: dict[str, Entry] = field(default_factory=dict)
    grid: dict[str, list[Entry]] | None = None
    rows: list[dict[str, Entry]] | None = None
    search: dict[str, list[Entry]] | None = None
    """What a search draws each parameter from; a range is one text, as on the command line."""
    settings: dict[str, list[str]] = field(default_factory=dict)
    """Those of SETTINGS that the file gives, as texts."""


def read_sweep_file(path: Path, replaced: Collection[str] = ()) -> SweepFile:
    """The sweep in a .yaml, .yml, .csv or .tsv file; raises ParameterError.

    A file with too many runs is not read to its end; the values of ``replaced`` names do not count.
    """
    readers = {".yaml": _read_yaml, ".yml": _read_yaml, ".csv": _read_csv, ".tsv": _read_csv}
    if path.suffix.lower() not in readers:
        raise ParameterError(f"{path} is not a sweep file: its name must end in .yaml, .yml, .csv or .tsv")
    try:
        return readers[path.suffix.lower()](path, replaced)
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error.strerror}); give an existing file") from None
    except UnicodeDecodeError:
        raise ParameterError(f"{path} is not UTF-8; save it again as UTF-8") from None


def _check_not_empty(path: Path, text: str) -> None:
    if not text.strip():
        raise ParameterError(f"{path} is empty; write grid: and under it NAME: [VALUE, VALUE], or rows of CSV")


# YAML: the nodes are read instead of PyYAML's values, because PyYAML takes 1e-3 for a string, 2026-01-01 for a date, no
# for a bool, 1:30 for ninety, and 010 for eight.


def _read_yaml(path: Path, replaced: Collection[str]) -> SweepFile:
    import yaml

    text = _read_text(path)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Checked before the nodes are built: building many is slow, and very deep ones would crash the process.
        Survey(path, replaced).look_through(yaml.parse(text, loader))
        node = yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        raise ParameterError(f"{path}{_explain_refusal(error, text)}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ParameterError(f"{path} is not valid YAML: {' '.join(str(error).split()):.100}") from None
    if not isinstance(node, yaml.MappingNode):
        raise ParameterError(f"{path} must begin with fixed:, grid:, list: or search:")
    return _read_parts(path, _read_mapping(path, node))


def _read_text(path: Path) -> str:
    size = path.stat().st_size
    if size > _LARGEST_YAML:
        raise ParameterError(
            f"{path} has {size / 1e6:,.0f} MB, and at most {_LARGEST_YAML / 1e6:,.0f} are taken; write a sweep of "
            "many rows as CSV"
        )
    text = path.read_bytes().decode("utf-8-sig")
    _check_not_empty(path, text)
    return text


def _explain_refusal(error: Any, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f", line {mark.line + 1}" if mark else ""
    lines = text.split("\n")
    if _count_open_brackets(text[: mark.index] if mark else text) > DEEPEST:
        return f"{where}: {TOO_DEEP}"
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        return f"{where}: YAML does not allow tabs; indent with spaces"
    return f"{where} is not valid YAML: {error.problem or error.context}; fix it there"


def _count_open_brackets(text: str) -> int:
    """The nesting depth of brackets at the point where a text breaks off.

    A parser reads far ahead of the events it has emitted, so it reaches its own nesting limit, if it has one, before
    the survey has seen a single level. The text is refused in any case; this only chooses the message.
    """
    depth = 0
    for bracket in re.findall(r"[\[{}\]]", _QUOTED_OR_COMMENT.sub("", text)):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
    return depth


def _read_mapping(path: Path, node: Any) -> dict[str, Any]:
    """The names with their nodes; each name may appear only once."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        where = f"{path}, line {key.start_mark.line + 1}: "
        if not isinstance(key.value, str):
            raise ParameterError(f"{where}a list or mapping cannot be a name; write NAME: VALUE")
        if key.value == "<<":
            raise ParameterError(f"{where}merges (<<) are not taken; put what the runs share under fixed:")
        if key.value in found:
            raise ParameterError(f"{where}{key.value} appears twice; delete one")
        found[key.value] = value
    return found


def _read_parts(path: Path, parts: dict[str, Any]) -> SweepFile:
    for name in parts:
        if name not in (*_PARTS, *SETTINGS):
            near = suggest(name, (*_PARTS, *SETTINGS))
            hint = f"did you mean {near}:?" if near else "put parameters under grid:, fixed:, list: or search:"
            raise ParameterError(f"{path}: {name} is not part of a sweep; {hint}")
    grid, rows, search = parts.get("grid"), parts.get("list"), parts.get("search")
    return SweepFile(
        fixed=_read_entries(path, "fixed", parts["fixed"]) if "fixed" in parts else {},
        grid={name: _read_axis(path, name, node) for name, node in _read_names(path, "grid", grid).items()}
        if grid
        else None,
        rows=_read_rows(path, rows) if rows else None,
        search=_read_search(path, search) if search else None,
        settings={name: _read_setting(path, name, parts[name]) for name in SETTINGS if name in parts},
    )


def _read_search(path: Path, node: Any) -> dict[str, list[Entry]]:
    import yaml

    return {
        name: [_read_range(path, name, value)] if isinstance(value, yaml.MappingNode) else _read_axis(path, name, value)
        for name, value in _read_names(path, "search", node).items()
    }


def _read_range(path: Path, name: str, node: Any) -> Entry:
    """A mapping such as ``{low: 1e-4, high: 1e-1, log: true}``, as the text ``1e-4..1e-1 log``."""
    import yaml

    where = f"{path}, line {node.start_mark.line + 1}: "
    parts = _read_mapping(path, node)
    texts = {key: value.value for key, value in parts.items() if isinstance(value, yaml.ScalarNode)}
    if not {"low", "high"} <= parts.keys() <= set(_RANGE_KEYS) or len(texts) < len(parts):
        raise ParameterError(f"{where}{name} is not a range; write {{low: 1e-4, high: 1e-1, log: true}} or LOW..HIGH")
    is_log = read_switch(texts.get("log", "false"))
    if is_log is None:
        raise ParameterError(f"{where}log is true or false, not {texts['log']:.60}")
    step = f" step {texts['step']}" if "step" in texts else ""
    return Entry(Text(f"{texts['low']}..{texts['high']}{' log' if is_log else ''}{step}"), where, is_range=True)


def read_switch(text: str) -> bool | None:
    """Whether a word of YAML, of any version, means yes or no; None if it means neither."""
    return _SWITCHES.get(text.strip().lower())


def _read_setting(path: Path, name: str, node: Any) -> list[str]:
    import yaml

    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(one, yaml.ScalarNode) and one.value for one in nodes):
        raise ParameterError(f"{path}, line {node.start_mark.line + 1}: give {name}: one value")
    return [one.value for one in nodes]


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
        raise ParameterError(
            f"{path}, line {node.start_mark.line + 1}: write one run per line under list:, - NAME: VALUE"
        )
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


def _read_csv(path: Path, replaced: Collection[str]) -> SweepFile:
    _check_size(path)
    (_, header), *body = _iterate_rows(path)
    names = [name.strip() for name in header]
    _check_header(path, names, [row for _, row in body])
    if not body:
        raise ParameterError(f"{path} has a header but no rows; write one run per row")
    return SweepFile(rows=[dict(_read_row(path, names, number, row)) for number, row in body])


def _check_size(path: Path) -> None:
    """Count the rows and cells before any of them is kept."""
    count = -1
    for number, row in _iterate_rows(path):
        count += 1
        if len(row) > MOST_NAMES:
            raise ParameterError(f"{path}, line {number}: more than {MOST_NAMES:,} cells; a run has fewer parameters")
        if count > LARGEST_SWEEP:
            raise ParameterError(f"{path}, line {number}: {TOO_MANY}")


def _iterate_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The non-empty rows, each with the number of its last line; the header comes first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header_line = next((line for line in file if line.strip()), "")
        _check_not_empty(path, header_line)
        file.seek(0)
        delimiter = next((sign for sign in "\t;" if sign in header_line and "," not in header_line), ",")
        rows = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            yield from ((rows.line_num, row) for row in rows if row)
        except csv.Error as error:
            raise ParameterError(f"{path}, line {rows.line_num} is not valid CSV: {error}; fix it there") from None


def _check_header(path: Path, names: list[str], body: list[list[str]]) -> None:
    known: set[str] = set()
    for column, name in enumerate(names):
        if not name and any(row[column].strip() for row in body if column < len(row)):
            raise ParameterError(f"{path}: column {column + 1} has no name; write the parameter's above it")
        if name in known:
            raise ParameterError(f"{path} has two columns called {name}; delete one")
        known |= {name} - {""}


def _read_row(path: Path, names: list[str], number: int, row: list[str]) -> Iterator[tuple[str, Entry]]:
    where = f"{path}, line {number}: "
    if len(row) != len(names):
        raise ParameterError(
            f"{where}{len(row)} cells under {len(names)} names; add or remove some (text with commas needs quotes)"
        )
    for name, cell in zip(names, row, strict=True):
        if name and cell.strip():
            yield name, Entry(Text(cell), where)
