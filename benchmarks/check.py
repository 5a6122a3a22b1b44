"""How long ``colab-starter check`` takes for a notebook, after start-up.

Run: .venv/bin/python benchmarks/check.py
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from colab_starter.check.all_rules import RULES
from colab_starter.check.findings import check_files
from colab_starter.check.select import select_rules
from colab_starter.runtimes import load_runtime

ROUNDS = 20


def median_milliseconds(path: Path) -> float:
    """The median of 20 checks of one file with the usual rules."""
    rules, runtime = select_rules(RULES, [], []), load_runtime("latest")
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        check_files([path], rules, runtime)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    """Print the figure for each of the baked lessons, and for 50 MB of outputs."""
    from cookiecutter.main import cookiecutter

    with tempfile.TemporaryDirectory() as folder:
        repository = str(Path(__file__).parents[1])
        project = cookiecutter(
            repository, no_input=True, extra_context={"preset": "all"}, output_dir=folder, accept_hooks=False
        )
        for path in sorted(Path(project, "notebooks").iterdir()):
            print(f"{path.stem:10} {median_milliseconds(path):6.1f} ms")
        print(f"{'50 MB':10} {median_milliseconds(write_big_notebook(Path(folder))):6.1f} ms")


def write_big_notebook(folder: Path) -> Path:
    """A notebook with 50 pictures of 1 MB each."""
    picture = {"data": {"image/png": "A" * 1_000_000}, "metadata": {}, "output_type": "display_data"}
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [picture], "source": "x = 1"}
    path = folder / "big.ipynb"
    path.write_text(json.dumps({"cells": [cell] * 50, "metadata": {}, "nbformat": 4, "nbformat_minor": 0}))
    return path


if __name__ == "__main__":
    main()
