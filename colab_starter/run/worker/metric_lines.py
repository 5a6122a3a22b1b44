"""Metrics in printed lines.

Some formats are known: Keras' progress lines below ``Epoch 3/10``, lines such as ``epoch 3: loss 0.21 accuracy 0.94``,
``Epoch [3/10], Loss: 0.21`` and ``step=100 loss=0.3``, and XGBoost's, LightGBM's and CatBoost's. Such a line counts as
a whole or not at all: every part of it has to be a step, a metric, or something that goes with them, such as a time or
a progress bar. So prose that mentions an epoch is no metric. Users add formats as regular expressions:
``read_pattern``.

The step is the epoch, step, iteration or round that the line names. One within an epoch whose length is known lies
between two epochs: at step 300 of 600 of the third epoch, it is 2.5.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_starter.errors import WrongOptionError
from colab_starter.run.job import Point
from colab_starter.run.worker.streams import Stream

LONGEST_LINE = 2000
"""In characters; longer lines are ignored, so that not even a bad regular expression has much to look at."""

_NUMBER = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan\b|inf(?:inity)?\b)"
_ENDS = r"(?![\w/]|[.:]\d|:\w)"
_WORD = r"[^\W\d][\w.@/'^+-]*"
_NAME = rf"{_WORD}(?:[ ]{_WORD}){{0,2}}(?:[ ]?\([\w %/-]{{1,20}}\))?"
_TIME = r"(?:ns|us|µs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)"
_UNIT = rf"(?:\s*[^\W\d]+/[^\W\d]+\b|\s*{_TIME}(?![^\W\d])|/\d+\b)"
_COUNT = r"(?P<at>\d+(?:\.\d+)?)(?:\s*(?:/|of)\s*(?P<total>\d+))?\s*[\])]?"
_PART = r"(?:\s*\[?\s*(?P<part>\d+)\s*/\s*(?P<parts>\d+)(?:\s*\(\s*[\d.]+\s*%\s*\))?\s*\]?)?"
_PHASE = r"(?:\[?(?P<phase>train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|eval(?:uation)?)\b[\]:]?\s+)?"


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_STEP = _compile(
    rf"{_PHASE}\b(?P<unit>epoch|(?:global[ _])?step|iter(?:ation)?|round|episode|batch)\s*[:=#]?\s*[\[(]?\s*"
    rf"{_COUNT}{_PART}(?![\w/]|\.\w)"
)
_PAIR = _compile(
    rf"(?P<name>{_NAME})(?P<sign>\s*[:=]\s*|\s+)(?P<value>{_NUMBER})"
    rf"(?:(?P<measure>{_UNIT})|\s*%|\s*(?:±|\+/-)\s*{_NUMBER}|\+[\d.]+)?{_ENDS}"
)
_REST = _compile(
    rf"\s*\(\s*{_NUMBER}\s*%?\s*\)"  # an average
    r"|[\s,;|=>*#·•()\[\]{}━╸!:–—-]+"
    r"|\d+%\|[^|]*\|\s*[\d.]+\w?/[\d.?]+\w?\s*\[[\d:]+<[\d:?]+,\s*[\d.?]+\s*\w+/\w+"  # tqdm
    r"|(?:eta:?\s*)?\d+:\d\d(?::\d\d)?(?:\.\d+)?\b"
    rf"|[\d.]+{_UNIT}"
    r"|\d+(?:\.\d+)?\s*%"
    r"|(?:in|took|done|finished|completed?|ended|results?|summary|metrics|(?:new[ ])?best(?=[)!]|$))\b(?![:=])"
    r"|\.(?=\s|$)"
)
_PREFIX = _compile(
    r"[\s\[]*(?:\d{4}-\d\d-\d\d[ t]\d\d:\d\d:\d\d(?:[.,]\d+)?z?[\]\s:|-]*)?"
    r"(?:(?:[\w.]+ - )?\[?\b(?:info|debug|warning)\b\]?(?::[\w.]+:)?[\s:|-]*)?"
)
_BOOSTING = re.compile(r"(?:\[(?P<round>\d+)\]|(?P<tree>\d+):)\t")
_KERAS_EPOCH = re.compile(r"Epoch (\d+)/\d+\s*")
_KERAS_BAR = re.compile(r"\s*(\d+)/(\d+)[\s━╸=>.\[\]-]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HINTS = ("epoch", "step", "iter", "round", "episode", "\t")
"""In lower case; a line without any of them names no step."""
_NUMBERED = re.compile(r"(?:epoch|step|iter(?:ation)?|round|episode)['\"]?\s*[:=#]?\s*[\[(]?\s*\d|^(?:\[\d+\]|\d+:)\t")
_STEP_GROUPS = {"epoch", "step", "iteration", "iter", "round"}
_NO_NAMES = frozenset(
    "a an and at by for from in into is it no not of on or out per than that the then this to until was when were will "
    "with we you i after before every each only over add choose install press see set take use chapter fig figure line "
    "page python section table version epoch step iter iteration round episode batch".split()
)
"""Words that no name of a metric has among several words, or is."""
_MEASURES = re.compile(
    r"loss|acc|err|score|auc|f1|r2|rmse|mae|mse|mape|reward|return|precision|recall|perplexity|ppl|bleu|iou|dice|map\b"
    r"|fitness|objective|correct",
    re.IGNORECASE,
)

Value = tuple[str, int | float]


def read_line(line: str) -> list[Point]:
    """The metrics of a printed line in a known format that names its step; empty if it is anything else."""
    start = _PREFIX.match(line)
    found = _BOOSTING.match(line)
    text, at = line, found.end() if found else start.end() if start else 0
    if line.startswith("{") and line.rstrip().endswith("}"):
        text, at = line.replace("'", "").replace('"', ""), 0
    read = _read_items(text, at)
    if read is None:
        return []
    steps, values = read
    if len({one["unit"].lower() for one in steps}) < len(steps):
        return []
    step = _find_step(steps) if steps else int(found["round"] or found["tree"]) if found else None
    phase = next((one["phase"] for one in steps if one["phase"]), "")
    return [] if step is None else [Point(f"{phase} {name}" if phase else name, step, value) for name, value in values]


def _read_items(line: str, at: int) -> tuple[list[re.Match[str]], list[Value]] | None:
    """The steps and metrics from a place in the line to its end; None if there is anything else."""
    steps: list[re.Match[str]] = []
    values: list[Value] = []
    while at < len(line):
        if found := _STEP.match(line, at):
            if "." in found["at"] and found["unit"].lower() != "epoch":
                return None
            steps.append(found)
        elif pair := _PAIR.match(line, at):
            if not _is_metric(pair):
                return None
            if not pair["measure"]:
                values.append((pair["name"], _to_number(pair["value"])))
            found = pair
        elif not (found := _REST.match(line, at)):
            return None
        at = found.end()
    return steps, values


def _is_metric(pair: re.Match[str]) -> bool:
    """Whether the name and the number look like a metric's: the less there is between them, the more so."""
    name = pair["name"]
    words = name.lower().split()
    if pair["measure"]:
        return True
    if not _NO_NAMES.isdisjoint(words):
        return False
    is_certain = pair["sign"].strip() and len(words) == 1
    return bool(is_certain or not pair["value"].lstrip("+-").isdigit() or _MEASURES.search(name))


def _find_step(steps: Sequence[re.Match[str]]) -> int | float:
    units = {found["unit"].lower().replace("_", " "): found for found in reversed(steps)}
    if whole := units.get("global step"):
        return _to_number(whole["at"])
    epoch = units.pop("epoch", None)
    inner = next(iter(units.values()), None)
    if epoch is None:
        assert inner
        return _to_number(inner["at"])
    part, parts = (inner["at"], inner["total"]) if inner else (epoch["part"], epoch["parts"])
    if not part:
        return _to_number(epoch["at"])
    if not parts or not int(parts):
        return _to_number(part)
    step = round(float(epoch["at"]) - 1 + float(part) / int(parts), 6)
    return int(step) if step.is_integer() else step


def _to_number(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdigit() and len(text) < 300 else float(text)


@dataclass(frozen=True)
class Pattern:
    """A user's regular expression for metrics."""

    regex: re.Pattern[str]
    name: str = ""
    """The name of the metric in the group ``number``; empty if the groups have names of their own."""
    number: int = 0

    @property
    def names(self) -> set[str]:
        """The names of the metrics that it finds."""
        return {self.name} if self.name else {*self.regex.groupindex} - _STEP_GROUPS

    def find(self, line: str) -> tuple[list[Value], int | float | None] | None:
        """The metrics in a line, and the step if a group of that name tells it; None if it does not match."""
        found = self.regex.search(line)
        if not found:
            return None
        groups = found.groupdict() | ({self.name: found[self.number]} if self.name else {})
        numbers = {name: number for name, text in groups.items() if (number := _read_number(text)) is not None}
        step = next((numbers.pop(name) for name in _STEP_GROUPS & numbers.keys()), None)
        return [*numbers.items()], step


def _read_number(text: str | None) -> int | float | None:
    """The number that a group has captured, perhaps with the comma or full stop behind it."""
    try:
        return _to_number((text or "").strip().rstrip(".,;%").strip())
    except ValueError:
        return None


def read_pattern(text: str) -> Pattern:
    """Read the value of ``--metric``: ``val_acc=([0-9.]+)``, ``(?P<val_acc>[0-9.]+) on validation``.

    The name of a metric is the name of its group, otherwise the word before the group. Groups named ``step`` or
    ``epoch`` tell the step. Raises WrongOptionError.
    """
    try:
        regex = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise WrongOptionError(f"--metric {text!r} is not a regular expression ({error}); correct it") from None
    if not regex.groups:
        raise WrongOptionError(f"--metric {text!r} has no group; put the number in brackets: 'val_acc=([0-9.]+)'")
    if {*regex.groupindex} - _STEP_GROUPS:
        return Pattern(regex)
    number = min({*range(1, regex.groups + 1)} - {*regex.groupindex.values()}, default=0)
    name = _find_name(text) if number else ""
    if not name:
        raise WrongOptionError(
            f"--metric {text!r} does not name the metric; write the name before the group, 'val_acc=([0-9.]+)', "
            "or in it, '(?P<val_acc>[0-9.]+)'"
        )
    return Pattern(regex, name, number)


def _find_name(text: str) -> str:
    """The last word before the first group without a name."""
    group = re.search(r"(?<!\\)\((?!\?)", text)
    before = text[: group.start()] if group else ""
    before = re.sub(r"\(\?[^)]*\)[*+?]?|\\[sSdDwWbBAntrf]|\[[^\]]*\]|\{[\d,]*\}", " ", before)
    before = re.sub(r"\\(.)", r"\1", before)
    words = re.findall(r"[^\W\d][\w@/-]*", before)
    return words[-1].rstrip("-/") if words else ""


class MetricLines:
    """Finds metrics in what the cells of a run print, which arrives in pieces."""

    def __init__(self, on_point: Callable[[Point], None], patterns: Iterable[str] = ()) -> None:
        """``on_point`` is called for each metric, as soon as its line is complete. Raises WrongOptionError."""
        self._on_point = on_point
        self._patterns = [read_pattern(text) for text in patterns]
        self._own = {name for pattern in self._patterns for name in pattern.names}
        self._matches: Counter[str] = Counter()
        self._streams: dict[tuple[int, str], _Lines] = {}

    def add(self, cell: int, stream: str, text: str) -> None:
        """Take the next piece of a cell's stream."""
        key = (cell, stream)
        if key not in self._streams:
            self._streams[key] = _Lines(reads_all=bool(self._patterns))
        lines = self._streams[key]
        for line in lines.add(text):
            self._read(line, lines.keras)

    def end_cell(self, cell: int) -> None:
        """Read the last lines of a cell that has ended, even if they are not complete."""
        for key in [key for key in self._streams if key[0] == cell]:
            lines = self._streams.pop(key)
            for line in lines.end():
                self._read(line, lines.keras)

    def _read(self, line: str, keras: "_Keras") -> None:
        points = keras.read(line)
        if points is None:
            points = read_line(line) if _may_name_step(line) else []
        for point in points:
            if point.name not in self._own:
                self._on_point(point)
        for pattern in self._patterns:
            self._try(pattern, line, keras)

    def _try(self, pattern: Pattern, line: str, keras: "_Keras") -> None:
        found = pattern.find(line)
        if not found or not found[0]:
            return
        values, step = found
        self._matches[pattern.regex.pattern] += 1
        if step is None:
            step = keras.find_epoch(line)
        if step is None and (steps := [*_STEP.finditer(line)]):
            step = _find_step(steps)
        for name, value in values:
            self._on_point(Point(name, self._matches[pattern.regex.pattern] if step is None else step, value))


@dataclass
class _Keras:
    """The epoch of a training with Keras whose lines are being printed."""

    epoch: int | None = None
    _said: dict[str, Any] = field(default_factory=dict)
    """What the last complete line said; a line that repeats it, with more, is of the same epoch."""

    def read(self, line: str) -> list[Point] | None:
        """The metrics of a progress line; None if it is another line."""
        if found := _KERAS_EPOCH.fullmatch(line):
            self.epoch, self._said = int(found[1]), {}
            return []
        bar = _KERAS_BAR.match(line)
        if self.epoch is None or not bar:
            return None
        read = _read_items(line, bar.end(2)) if bar[1] == bar[2] else None
        if read is None or read[0]:
            return []
        said = dict(read[1])
        if not self._said.items() <= said.items():  # such as that of evaluate
            self.epoch = None
            return []
        points = [Point(name, self.epoch, value) for name, value in said.items() if name not in self._said]
        self._said = said
        return points

    def find_epoch(self, line: str) -> int | None:
        """The epoch of a complete progress line."""
        return self.epoch if _KERAS_BAR.match(line) else None


class _Lines:
    """The lines of a stream that may hold metrics, as a terminal would finally show them."""

    def __init__(self, *, reads_all: bool) -> None:
        self.keras = _Keras()
        self._reads_all = reads_all
        self._rest = ""
        """The incomplete last line."""
        self._is_cut = False
        """Whether its beginning is missing, because it is too long: only what follows a carriage return counts."""

    def add(self, text: str) -> Iterator[str]:
        """Take the next piece of the stream; yields the lines that it completes."""
        end = text.rfind("\n") + 1
        if not end:
            self._keep(text)
            return
        first = text.find("\n")
        self._keep(text[max(0, first - 2 * LONGEST_LINE) : first])
        yield from self.end()
        if first + 1 < end and self._may_hold(text, first + 1, end):
            for line in text[first + 1 : end - 1].split("\n"):
                yield from self._choose(line)
        self._keep(text[max(end, len(text) - 2 * LONGEST_LINE) :])

    def end(self) -> Iterator[str]:
        """The last line, which will not be continued."""
        line, self._rest = self._rest, ""
        is_cut, self._is_cut = self._is_cut, False
        if not is_cut or "\r" in line.rstrip("\r"):
            yield from self._choose(line)

    def _keep(self, text: str) -> None:
        self._rest += text
        if len(self._rest) <= LONGEST_LINE:
            return
        restart = self._rest.rstrip("\r").rfind("\r")
        if restart > 0:
            self._rest = self._rest[restart:]
        elif "\x08" in self._rest:
            self._rest = _show(self._rest)
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._is_cut = "", True

    def _may_hold(self, text: str, start: int, end: int) -> bool:
        """Whether any of many lines may hold a metric: tells quickly that most output does not."""
        if self._reads_all or self.keras.epoch is not None:
            return True
        low = text[start:end].lower()
        # "ep" is in three of the hints.
        return ("ep" in low or "iter" in low or "round" in low or "\t" in low) and any(hint in low for hint in _HINTS)

    def _choose(self, line: str) -> Iterator[str]:
        if "\r" in line or "\x08" in line:
            line = _show(line)
        if 0 < len(line) <= LONGEST_LINE and (self._reads_all or self.keras.epoch is not None or _may_name_step(line)):
            yield _ANSI.sub("", line) if "\x1b" in line else line


def _may_name_step(line: str) -> bool:
    """Whether it is worth a closer look."""
    low = line.lower()
    return any(hint in low for hint in _HINTS) and _NUMBERED.search(low) is not None


def _show(line: str) -> str:
    """A line without what carriage returns and backspaces have removed."""
    line = line.rstrip("\r")
    line = line[line.rfind("\r") + 1 :]
    if "\x08" not in line:
        return line
    stream = Stream()
    stream.add(line)
    return stream.text()
