"""How long a finished sweep takes to be recognised, and to be reported: ``python benchmarks/resume.py [RUNS]``.

The aim for 10,000 runs, the default: the same command again decides in under 2 s, in less than 300 MB.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat import v4

from colab_starter.run.batch import Options, prepare_batch
from colab_starter.run.ledger.ledger import open_ledger
from colab_starter.run.outcome import Outcome, Status

COMMAND = str(Path(sys.executable).with_name("colab-starter"))


def main() -> None:
    runs = int([*sys.argv[1:], "10000"][0])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_finished_sweep(runs)
        seconds = time_command(["run", "tiny.ipynb", "-p", f"n=range({runs})"])
        print(f"{runs:,} finished runs: the same command takes {seconds:.2f} s and {peak_memory():.0f} MB")
        seconds = time_command(["report", "runs/tiny", "--no-notebooks"])
        size = Path("runs/tiny/report.html").stat().st_size / 1e6
        print(f"their report takes {seconds:.2f} s, and {size:.1f} MB on the disk")


def write_finished_sweep(runs: int) -> None:
    notebook = v4.new_notebook(cells=[v4.new_code_cell("n = 0", metadata={"tags": ["parameters"]})])
    nbformat.write(notebook, "tiny.ipynb")
    batch = prepare_batch(Options(Path("tiny.ipynb"), [f"n=range({runs})"]))
    batch.folder.mkdir(parents=True)
    ledger = open_ledger(batch.folder, batch.mask)
    executed = v4.new_notebook()
    for number, run in enumerate(batch.runs):
        (batch.folder / run.id).mkdir()
        nbformat.write(executed, batch.folder / run.id / "tiny.ipynb")
        ledger.write_start(run.id, 1, run.parameters, batch.source, f"{run.id}/tiny.ipynb")
        ledger.write_end(run.id, Outcome(Status.OK, seconds=1.5, metrics={"loss": 1 / (number + 1)}, host="here"))
    ledger.close()


def time_command(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def peak_memory() -> float:
    """Of the largest process that was started and has ended, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


if __name__ == "__main__":
    main()
