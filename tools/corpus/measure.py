"""What ``check`` says of planted notebooks, and how much of that is right."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools.corpus.notebooks import Expected, Planted

PRECISION, RECALL = 0.95, 0.85
"""The shares that each rule must reach."""


class Said(NamedTuple):
    """A finding of ``check``."""

    path: str
    cell: int
    line: int
    code: str
    message: str


class Wrong(NamedTuple):
    """What check should not have said, or should have."""

    notebook: Path
    what: str


class RuleScore(NamedTuple):
    """How much of what a rule says is true."""

    right: int
    wrong: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)


class KindScore(NamedTuple):
    """How many of the faults of a kind are found."""

    planted: int
    found: int
    look_alikes: int

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else 1.0


class Scores(NamedTuple):
    """What was measured."""

    rules: dict[str, RuleScore]
    kinds: dict[str, KindScore]
    wrong: list[Wrong]


def run_check(folder: Path, platform: str = "colab") -> list[Said]:
    """What the command finds in a folder, notes too; raises RuntimeError if it fails."""
    command = [sys.executable, "-m", "colab_starter", "check", str(folder), "--platform", platform]
    command += ["--format", "json", "--strict", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise RuntimeError(f"check ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return [_read_finding(found) for found in json.loads(done.stdout)]


def _read_finding(found: Mapping[str, Any]) -> Said:
    return Said(found["path"], found["cell"], found["line"], found["code"], found["message"])


def measure(planted: Mapping[Path, Planted], said: Iterable[Said]) -> Scores:
    """Compare what was planted with what was said."""
    by_path: dict[Path, list[Said]] = defaultdict(list)
    for finding in said:
        by_path[Path(finding.path)].append(finding)
    true: Counter[str] = Counter()
    false: Counter[str] = Counter()
    wrong = []
    for path, notebook in planted.items():
        for finding in by_path[path]:
            if any(_fits(finding, fault) for fault in notebook.faults):
                true[finding.code] += 1
            else:
                false[finding.code] += 1
                wrong.append(Wrong(path, f"cell {finding.cell}:{finding.line} {finding.code} {finding.message}"))
    kinds, missed = _measure_kinds(planted, by_path)
    rules = {code: RuleScore(true[code], false[code]) for code in sorted(true | false)}
    return Scores(rules, kinds, [*wrong, *missed])


def _measure_kinds(
    planted: Mapping[Path, Planted], said: Mapping[Path, list[Said]]
) -> tuple[dict[str, KindScore], list[Wrong]]:
    count: Counter[str] = Counter()
    found: Counter[str] = Counter()
    missed = []
    for path, notebook in planted.items():
        for fault in notebook.faults:
            count[fault.kind] += 1
            if any(_fits(finding, fault) for finding in said[path]):
                found[fault.kind] += 1
            else:
                missed.append(Wrong(path, f"cell {fault.cell} {'/'.join(fault.codes)} missed: {fault.kind}"))
    alike = Counter(kind for notebook in planted.values() for kind in notebook.look_alikes)
    return {kind: KindScore(count[kind], found[kind], alike[kind]) for kind in sorted(count)}, missed


def _fits(finding: Said, fault: Expected) -> bool:
    return fault.cell in (0, finding.cell) and finding.code in fault.codes


def describe(scores: Scores) -> str:
    """Two tables: precision by rule, recall by kind."""
    lines = ["rule    right  wrong  precision"]
    lines += [f"{code}  {one.right:6} {one.wrong:6} {one.precision:9.1%}" for code, one in scores.rules.items()]
    lines += ["", f"{'kind':58} planted  found  recall  look-alikes"]
    lines += [
        f"{kind:58} {one.planted:7} {one.found:6} {one.recall:7.0%} {one.look_alikes:12}"
        for kind, one in scores.kinds.items()
    ]
    return "\n".join(lines)


def find_shortfalls(scores: Scores) -> list[str]:
    """The rules and kinds below the bounds."""
    low = [f"{code}: precision {one.precision:.1%}" for code, one in scores.rules.items() if one.precision < PRECISION]
    low += [f"{kind}: recall {one.recall:.0%}" for kind, one in scores.kinds.items() if one.recall < RECALL]
    return low


def write_all(notebooks: Sequence[Planted], folder: Path) -> dict[Path, Planted]:
    """Write each notebook into a folder of its own."""
    return {notebook.write(folder / f"{number:04}"): notebook for number, notebook in enumerate(notebooks, 1)}
