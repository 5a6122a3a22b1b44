import json
import math
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from colab_starter.run.display.progress import JsonProgress, LiveProgress, PlainProgress, Progress
from colab_starter.run.display.search import BestSoFar
from colab_starter.run.formatting import Wording
from colab_starter.run.job import CellStarted, MetricRecorded
from colab_starter.run.ledger.ledger import Ledger, open_ledger
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.search.request import Search
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopLevel
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.ranges import Range
from colab_starter.run.sweep.runs import Run

MASK = Mask(["hunter22"])
WORDING = Wording(["lr", "name"], MASK)
FIRST = Run("run-1", {"lr": 0.1, "name": "[b]\x1b[2J hunter22", "same": 1})
SECOND = Run("run-2", {"lr": 0.2, "name": "b", "same": 1})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(tmp_path, MASK)


def play(progress: Progress, ledger: Ledger) -> None:
    """Two runs: the first fails, is tried again and succeeds; the second goes on until Ctrl-C."""
    for attempt, outcome in ((1, Outcome(Status.FAILED, "E: hunter22", 2, 3.25)), (2, Outcome(Status.OK, seconds=70))):
        ledger.write_start(FIRST.id, attempt, FIRST.parameters, "source", "run-1/nb.ipynb")
        progress.started(FIRST, attempt, "GPU 0")
        progress.cell_started(CellStarted(FIRST.id, 2, 5))
        progress.metric_recorded(MetricRecorded(FIRST.id, "loss", math.nan))
        progress.tick()
        progress.ended(FIRST, ledger.write_end(FIRST.id, outcome), again=attempt == 1)
    progress.started(SECOND, 1, "")
    progress.stopping(StopLevel.AFTER_CELLS, 1)
    progress.tick()
    progress.close()
    ledger.close()


def test_without_a_terminal_there_is_a_line_for_each_start_and_end(ledger: Ledger) -> None:
    out = StringIO()
    play(PlainProgress(2, WORDING, out), ledger)
    name = "lr=0.1 name=[b]?[2J ***"
    assert out.getvalue().splitlines() == [
        f"[0/2] started     {name} (GPU 0)",
        f"[0/2] failed      {name}, 3.2 s: E: ***; trying again",
        f"[0/2] started     {name} (attempt 2, GPU 0)",
        f"[1/2] ok          {name}, 1:10 min",
        "[1/2] started     lr=0.2 name=b",
        "[1/2] stopping    waiting for the running cells to end (1 run); Ctrl-C again ends them now",
    ]


def test_as_json_every_line_is_strict_json_without_secrets(ledger: Ledger) -> None:
    out = StringIO()
    play(JsonProgress(MASK, out), ledger)
    lines = [json.loads(line, parse_constant=refuse) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [*["started", "cell", "metric", "ended"] * 2, "started", "stopping"]
    assert lines[0]["parameters"]["lr"] == 0.1
    assert lines[2] == {"event": "metric", "run": "run-1", "name": "loss", "value": {"$": "float", "of": "nan"}}
    assert lines[3]["status"] == "failed"
    assert lines[3]["again"] is True
    assert "hunter22" not in out.getvalue()


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not valid JSON")


def test_in_a_terminal_a_table_moves_and_failures_stay(ledger: Ledger) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=20, color_system=None)
    play(LiveProgress(2, WORDING, console), ledger)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", out.getvalue())
    assert "failed: lr=0.1 name=[b]?[2J ***, 3.2 s: E: ***; trying again" in text
    for part in ("cell 2/5", "loss=nan", "GPU 0", "1 of 2 done", "Ctrl-C again"):
        assert part in text
    assert "hunter22" not in text


def test_pruned_runs_are_counted_but_not_as_failures(ledger: Ledger) -> None:
    out, plain = StringIO(), StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=20, color_system=None)
    for progress in (LiveProgress(4, WORDING, console), PlainProgress(4, WORDING, plain)):
        for status in (Status.PRUNED, Status.FAILED, Status.PRUNED, Status.OK):
            ledger.write_start(SECOND.id, 1, SECOND.parameters, "source", "run-2/nb.ipynb")
            progress.started(SECOND, 1, "")
            progress.ended(SECOND, ledger.write_end(SECOND.id, Outcome(status, "worse than most")), again=False)
        if isinstance(progress, LiveProgress):
            progress._draw()
        progress.close()
    assert "4 of 4 done, 2 pruned, 1 not ok" in out.getvalue()
    assert "pruned: lr=0.2 name=b, 0.0 s: worse than most" in out.getvalue()
    assert "[1/4] pruned      lr=0.2 name=b, 0.0 s: worse than most" in plain.getvalue().splitlines()


def test_more_runs_than_lines_are_counted(ledger: Ledger) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=8, color_system=None)
    progress = LiveProgress(30, Wording(["n"], MASK), console)
    for number in range(30):
        progress.started(Run(f"run-{number}", {"n": number}), 1, "")
    progress.tick()
    progress.close()
    assert "and 26 runs more" in out.getvalue()


def test_as_json_a_value_of_a_series_has_its_step() -> None:
    out = StringIO()
    JsonProgress(MASK, out).metric_recorded(MetricRecorded("run-1", "loss", 0.5, 3))
    assert json.loads(out.getvalue()) == {"event": "metric", "run": "run-1", "name": "loss", "value": 0.5, "step": 3}


def test_a_search_shows_its_objective_first_and_the_best_run_so_far(ledger: Ledger) -> None:
    search = Search(Space({}, {"lr": Range(0.0, 1.0)}), {"score": "maximize"}, trials=3)
    out = StringIO()
    progress = PlainProgress(3, Wording(["lr"], MASK), out, BestSoFar(search, []))
    for number, score in enumerate((0.5, 0.75, 0.6)):
        run = Run(f"run-{number}", {"lr": number / 2})
        ledger.write_start(run.id, 1, run.parameters, "source", f"{run.id}/nb.ipynb")
        metrics = {"a": 1, "b": 2, "c": 3, "score": score}
        progress.ended(run, ledger.write_end(run.id, Outcome(Status.OK, metrics=metrics)), again=False)
    assert out.getvalue().splitlines() == [
        "[1/3] ok          lr=0.0, 0.0 s, score=0.5, a=1, b=2",
        "[2/3] ok          lr=0.5, 0.0 s, score=0.75, a=1, b=2, the best",
        "[3/3] ok          lr=1.0, 0.0 s, score=0.6, a=1, b=2",
    ]
