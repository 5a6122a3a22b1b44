"""A search with real kernels that is killed again and again ends as one that never was.

``KILLS=100 pytest tests/run/search/test_killed_searches.py`` kills the coordinator 100 times instead of a few.
"""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from tests.run.conftest import Run
from tests.support.processes import COMMAND, processes_with, wait_until

KILLS = int(os.environ.get("KILLS", "3"))

CURVE = """
import os, time
for step in range(4):
    print(f"step {step}: score {-(x - 0.3) ** 2 - 0.01 * n - 0.1 * (4 - step)}", flush=True)
    time.sleep(float(os.environ["PAUSE"]))
"""


def write_notebook(folder: Path) -> Path:
    cells = [v4.new_code_cell("x = 0.0\nn = 1", metadata={"tags": ["parameters"]}), v4.new_code_cell(CURVE)]
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
    path = folder / "curve.ipynb"
    nbformat.write(notebook, path)
    return path


def command_for(notebook: Path, out: Path, trials: int) -> list[str]:
    search = ["--maximize", "score", "--trials", str(trials), "--seed", "4", "--prune", "-j", "1", "--quiet"]
    return [COMMAND, "run", str(notebook), "-p", "x=-1..1", "-p", "n=1..9", "--out", str(out), *search]


def read_ledger(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def learnt(out: Path) -> list[tuple[int, Any, bool]]:
    """The trials with what they were told: whether they were pruned; in order."""
    records = read_ledger(out)
    attempts = {record["run"]: record["attempt"] for record in records if record["record"] == "start"}
    pruned = {
        record["run"]
        for record in records
        if record["record"] == "pruning" and record["attempt"] == attempts[record["run"]]
    }
    return [
        (record["number"], record["parameters"], record["run"] in pruned)
        for record in records
        if record["record"] == "trial"
    ]


def test_a_killed_search_with_pruning_ends_as_if_it_had_not_been_killed(
    tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = f"search-{os.getpid()}"
    monkeypatch.setenv("TRIAL_COOKIE", cookie)
    notebook, trials, chance = write_notebook(tmp_path), 8 + KILLS // 2, random.Random(KILLS)
    _, _, *arguments = command_for(notebook, tmp_path / "whole", trials)
    assert run_here(*arguments, PAUSE="0").returncode == 0
    monkeypatch.setenv("PAUSE", "0.1")  # so that it is killed at work
    killed = command_for(notebook, tmp_path / "killed", trials)
    for _ in range(KILLS):
        process = subprocess.Popen(killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.2, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(killed, check=True, timeout=600)
    assert learnt(tmp_path / "killed") == learnt(tmp_path / "whole")
    assert any(pruned for _, _, pruned in learnt(tmp_path / "whole"))
    ended = [record["run"] for record in read_ledger(tmp_path / "killed") if record["record"] == "end"]
    assert len(ended) == len(set(ended)) == trials
    wait_until(lambda: not processes_with(cookie))
