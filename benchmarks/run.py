"""colab-starter run against papermill, side by side: ``python benchmarks/run.py [tiny tensorflow cells output]``.

Each comparison runs the same notebook with the same parameters, start-up included: by ``xargs -P N papermill``, by
``colab-starter run --jobs N``, the cells' code alone as a Python script by ``xargs -P N python``, and as the floor
below which no warm kernel can come: one Python that imports what the cells import, and N forks of it that execute the
cells one run after the other. N is the number of cores.

Measured on 2026-11-29 (AMD EPYC, 2 cores, papermill 2.7.0, nothing else running): tiny 15.9 s against
1.4 (11.7 times faster), tensorflow 46.2 against 9.9 (4.7), cells 11.7 against 1.0 (11.9), output 59.3 against 1.5 (39).
Where jsonschema finds rfc3987_syntax, as it does beside JupyterLab, every papermill process takes 2 s longer to start;
these figures are without it.

What remains above the bare script: half a second of start-up once a sweep (the command's own imports, meanwhile
ipykernel's in the fork server), and 0.05 s for each run: two forks and their page tables, sockets, the shell's renewal,
the notebook read and written. A cell costs 1.8 ms, most of it IPython's and ipykernel's own work. TensorFlow's import
is paid once, so a sweep is faster than its bare scripts. It takes 1.14 times the floor: each process starts
TensorFlow's threads and traces the model anew, which the floor does once for all runs of a core, and 0.1 s of each run
goes into comparing what the imports of 4,000 modules depended on. The import itself is quicker than the floor's: no
garbage is collected meanwhile.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import v4

JOBS = os.cpu_count() or 1
PROGRAMS = Path(sys.executable).parent


class Comparison(NamedTuple):
    about: str
    aim: float
    """How many times faster than papermill it should be."""
    runs: int
    cells: Sequence[str]


TRAINING = """\
images = numpy.random.default_rng(seed).random((256, 28, 28, 1), dtype="float32")
labels = numpy.arange(256) % 10
keras.utils.set_random_seed(seed)
model = keras.Sequential([keras.layers.Conv2D(8, 3), keras.layers.Flatten(), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
print(model.fit(images, labels, epochs=2, verbose=0).history)"""

COMPARISONS = {
    "tiny": Comparison(
        "24 notebooks of three small cells", 10, 24, ["import json", "total = seed + 1", "print(total)"]
    ),
    "tensorflow": Comparison(
        "12 notebooks that import TensorFlow and train a little",
        4,
        12,
        ["import numpy\nimport keras\nimport tensorflow as tf", TRAINING],
    ),
    "cells": Comparison("one notebook of 300 trivial cells", 10, 1, [f"x{n} = {n}" for n in range(300)]),
    "output": Comparison(
        "50 MB of output, then 100 cells",
        25,
        1,
        ["print('0123456789' * 5_000_000)", *[f"x{n} = {n}" for n in range(100)]],
    ),
}


def main() -> None:
    for name in sys.argv[1:] or COMPARISONS:
        with tempfile.TemporaryDirectory() as folder:
            compare(COMPARISONS[name], Path(folder))


def compare(comparison: Comparison, folder: Path) -> None:
    notebook = write_notebook(folder, comparison.cells)
    bare = time_bare(folder, comparison)
    ours = time_ours(notebook, comparison)
    floor = time_floor(folder, comparison)
    papermill = time_papermill(notebook, comparison)
    print(f"{comparison.about}, {min(JOBS, comparison.runs)} at a time:")
    print(f"  papermill      {papermill:6.1f} s")
    print(f"  colab-starter  {ours:6.1f} s   {papermill / ours:5.1f} times faster (aim {comparison.aim})")
    print(f"  floor          {floor:6.1f} s   colab-starter takes {ours / floor:.2f} times as long")
    print(f"  bare script    {bare:6.1f} s   colab-starter takes {(ours - bare) / comparison.runs:+.2f} s a run more")


def write_notebook(folder: Path, cells: Sequence[str]) -> Path:
    parameters = v4.new_code_cell("seed = 0", metadata={"tags": ["parameters"]})
    notebook = v4.new_notebook(cells=[parameters, *map(v4.new_code_cell, cells)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    return path


def time_ours(notebook: Path, comparison: Comparison) -> float:
    command = [str(PROGRAMS / "colab-starter"), "run", str(notebook), "--out", str(notebook.parent / "ours")]
    return time_command([*command, "--jobs", str(JOBS), "--param", f"seed=range({comparison.runs})"])


def time_papermill(notebook: Path, comparison: Comparison) -> float:
    outputs = notebook.parent / "papermill"
    outputs.mkdir()
    papermill = f"{shlex.quote(str(PROGRAMS / 'papermill'))} --no-progress-bar {shlex.quote(str(notebook))}"
    return time_xargs(f"{papermill} {shlex.quote(str(outputs))}/{{}}.ipynb -p seed {{}}", comparison.runs)


def time_bare(folder: Path, comparison: Comparison) -> float:
    script = folder / "script.py"
    script.write_text("\n".join(["import sys", "seed = int(sys.argv[1])", *comparison.cells]))
    return time_xargs(f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{}}", comparison.runs)


FLOOR = """\
import os
{imports}
pids = []
for first in range({jobs}):
    pid = os.fork()
    if not pid:
        for seed in range(first, {runs}, {jobs}):
            exec(compile({cells!r}, "cells", "exec"), {{"seed": seed}})
        os._exit(0)
    pids.append(pid)
assert not any(os.waitpid(pid, 0)[1] for pid in pids)
"""


def time_floor(folder: Path, comparison: Comparison) -> float:
    """One import, and the bare cells of all runs on all cores, without kernels, files or anything else."""
    lines = [line for cell in comparison.cells for line in cell.splitlines() if line.startswith("import ")]
    cells = "\n".join(comparison.cells)
    script = folder / "floor.py"
    script.write_text(FLOOR.format(imports="\n".join(lines), jobs=JOBS, runs=comparison.runs, cells=cells))
    return time_command([sys.executable, str(script)])


def time_xargs(command: str, runs: int) -> float:
    return time_command(["sh", "-c", f"seq 0 {runs - 1} | xargs -P {JOBS} -I{{}} {command}"])


def time_command(command: Sequence[str]) -> float:
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{shlex.join(command)} ended with {result.returncode}:\n{result.stderr[-2000:]}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
