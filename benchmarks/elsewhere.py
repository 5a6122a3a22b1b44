"""Runs whose kernels have another environment than colab-starter, warm and cold: ``python benchmarks/elsewhere.py``.

20 tiny runs by a kernelspec of a new virtual environment, and for comparison by a kernel of this Python; start-up
included, with the CPU time of all processes.

Measured on 2026-11-28 (AMD EPYC, 2 cores, busy with other work): warm 3.5 s of CPU time, cold 12.0, a kernel of this
Python 2.9. The 0.6 s are the second fork server's start, and the guard that each run forks.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import nbformat
from nbformat import v4

RUNS = 20
NAME = "elsewhere"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_environment(folder / "environment")
        cells = [v4.new_code_cell("seed = 1", metadata={"tags": ["parameters"]})]
        cells += map(v4.new_code_cell, ["import json", "total = seed + 1", "print(total)"])
        nbformat.write(v4.new_notebook(cells=cells), folder / "tiny.ipynb")
        for about, *options in (
            ("warm elsewhere", "--kernel", NAME),
            ("cold elsewhere", "--kernel", NAME, "--cold"),
            ("warm here", "--kernel", "python3"),
        ):
            wall, cpu = run(folder, *options)
            print(f"{about:<16}{wall:6.1f} s, {cpu:6.1f} s of CPU time")


def make_environment(folder: Path) -> None:
    """Make a virtual environment that has all packages of this one, and its kernelspec."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/*/site-packages")
    (packages / "all.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    argv = [str(folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    file = folder / "share" / "jupyter" / "kernels" / NAME / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"argv": argv, "display_name": NAME, "language": "python"}))


def run(folder: Path, *options: str) -> tuple[float, float]:
    """Do the runs; returns the seconds that passed, and those of CPU time."""
    seeds = f"seed={','.join(map(str, range(RUNS)))}"
    out = tempfile.mkdtemp(dir=folder)
    environment = {**os.environ, "JUPYTER_PATH": str(folder / "environment" / "share" / "jupyter")}
    command = [str(Path(sys.executable).with_name("colab-starter")), "run", "tiny.ipynb", "-p", seeds, "--out", out]
    before, began = measure_cpu(), time.perf_counter()
    subprocess.run([*command, *options], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began, measure_cpu() - before


def measure_cpu() -> float:
    """The CPU seconds of this process's children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
