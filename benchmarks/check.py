"""How long ``colab-starter check`` takes beside ruff on the same notebooks, and how much memory.

Run: .venv/bin/python benchmarks/check.py [FOLDER ...]

Without a folder: notebooks that are made here, with code of the lessons and outputs of several sizes.
The times are CPU seconds of one process, with its start, the best of ROUNDS.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from colab_starter.check.search import find_notebooks

ROUNDS = 3
MADE = 500
RUFF = ("ruff", "check", "--isolated", "--select", "E9,F", "--exit-zero", "--quiet", "--no-respect-gitignore")


class Usage(NamedTuple):
    """What a command has used."""

    cpu: float
    """Seconds, of user and system."""
    wall: float
    """Seconds."""
    memory: int
    """MB at most, of the largest process."""


def main() -> None:
    """Print a line a command: seconds, milliseconds a notebook, the ratio to ruff, memory."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(name).resolve() for name in sys.argv[1:]] or [make_notebooks(Path(scratch, "made"))]
        paths = find_notebooks(folders)
        size = sum(path.stat().st_size for path in paths) / 1e6
        print(f"{len(paths)} notebooks, {size:.0f} MB, {os.cpu_count()} cores, best of {ROUNDS}")
        ruff = [str(Path(sys.executable).with_name("ruff")), *RUFF[1:]]
        check = [sys.executable, "-m", "colab_starter", "check"]
        commands = {
            "ruff E9,F, cold": [*ruff, "--no-cache"],
            "ruff E9,F, warm": [*ruff, "--cache-dir", str(Path(scratch, "ruff"))],
            "check, cold": [*check, "--no-cache", "--jobs", "1"],
            "check, cold, all cores": [*check, "--no-cache"],
            "check, warm": check,
            "check, cold, github": [*check, "--no-cache", "--jobs", "1", "--format", "github"],
        }
        first = None
        for name, command in commands.items():
            usage = measure([*command, *map(str, folders)], {"XDG_CACHE_HOME": str(Path(scratch, "cache"))})
            first = first or usage
            print(describe(name, usage, first, len(paths)))


def describe(name: str, usage: Usage, ruff: Usage, notebooks: int) -> str:
    """A line of the table."""
    each, ratio = 1000 * usage.cpu / notebooks, usage.cpu / ruff.cpu
    times = f"{usage.cpu:6.2f} s CPU {usage.wall:6.2f} s {each:6.2f} ms each {ratio:5.1f} x ruff"
    return f"{name:24} {times} {usage.memory:5} MB"


def measure(command: Sequence[str], environment: dict[str, str]) -> Usage:
    """The least of several rounds; one round before these warms the caches, if the command uses one."""
    return min(measure_once(command, environment) for _ in range(ROUNDS + 1))


def measure_once(command: Sequence[str], environment: dict[str, str]) -> Usage:
    """Run the command to its end; its status says only whether something was found."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # wait4 has taken it
    unit = 1024 if sys.platform == "linux" else 1
    return Usage(used.ru_utime + used.ru_stime, time.monotonic() - started, used.ru_maxrss * unit // 1_000_000)


def make_notebooks(folder: Path) -> Path:
    """Notebooks of 10 to 40 cells with the code of the lessons, half of them with outputs of up to 200 KB."""
    choose = random.Random(1)
    gallery = Path(__file__).parents[1] / "gallery"
    cells = [cell for path in sorted(gallery.glob("*.ipynb")) for cell in json.loads(path.read_text())["cells"]]
    folder.mkdir()
    for number in range(MADE):
        chosen = [json.loads(json.dumps(choose.choice(cells))) for _ in range(choose.randrange(10, 40))]
        for index, cell in enumerate(chosen):
            cell["id"] = f"cell-{index}"
            if cell["cell_type"] == "code" and number % 2:
                picture = {"image/png": "A" * choose.randrange(200_000)}
                cell["outputs"] = [{"output_type": "display_data", "data": picture, "metadata": {}}]
        content = {"cells": chosen, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"{number:04}.ipynb").write_text(json.dumps(content, indent=1))
    return folder


if __name__ == "__main__":
    main()
