"""Do kernels start when many want to at once? ``python benchmarks/starts.py [RUNS] [JOBS]`` (560 and 16).

Over TCP, 8 of 560 kernels failed to start in a pool on two cores (jupyter_client 8.10: it picks a port
and binds it later). Our kernels speak over IPC sockets, whose names nobody else picks.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import v4

COMMAND = Path(sys.executable).with_name("colab-starter")


def main() -> None:
    runs, jobs = [*sys.argv[1:], "560", "16"][:2]
    for mode in ([], ["--cold"]):
        with tempfile.TemporaryDirectory() as folder:
            statuses, seconds = run_many(Path(folder), runs, jobs, mode)
        found = ", ".join(f"{count} {status}" for status, count in statuses.items())
        print(f"{runs} runs, {jobs} at a time, {'cold' if mode else 'warm'}: {found} in {seconds:.1f} s")


def run_many(folder: Path, runs: str, jobs: str, mode: list[str]) -> tuple[Counter[str], float]:
    notebook = v4.new_notebook(cells=[v4.new_code_cell("n = 0", metadata={"tags": ["parameters"]})])
    nbformat.write(notebook, folder / "tiny.ipynb")
    started = time.perf_counter()
    command = [str(COMMAND), "run", "tiny.ipynb", "-p", f"n=range({runs})", "--jobs", jobs, "--out", "out", *mode]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    with (folder / "out/results.csv").open(newline="") as file:
        return Counter(row["status"] for row in csv.DictReader(file)), seconds


if __name__ == "__main__":
    main()
