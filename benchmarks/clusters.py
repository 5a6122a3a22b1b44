"""What a run costs more on Ray, and whether a cluster loses any: ``python benchmarks/clusters.py``.

Tiny runs, two at a time, with the real command: here, and on a Ray cluster of two nodes of one CPU each, both of
them on this machine. What a run costs is the slope between a small and a large sweep, so that starting Ray's driver
and workers, which each sweep pays once, is told apart. The aims: under 0.15 s more for each run, and 1,000 runs
without one lost.

Found on two cores: 0.050 s for each run here, 0.112 s on Ray; starting costs 1.5 s here and 13 s on Ray; 1,000 of 1,000
runs ok on two nodes, in 127 s.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import ray.cluster_utils
from nbformat import v4

COMMAND = str(Path(sys.executable).with_name("colab-starter"))
SMALL, LARGE, MANY = 20, 120, 1000
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # Ray's sockets need a short path
        os.environ.update(RAY_TMPDIR=folder, RAY_USAGE_STATS_ENABLED="0")
        os.chdir(folder)
        notebook = v4.new_notebook(cells=[v4.new_code_cell("n = 0", metadata={"tags": ["parameters"]})])
        nbformat.write(notebook, "tiny.ipynb")
        cluster = ray.cluster_utils.Cluster(
            initialize_head=True, head_node_args={**NODE, "include_dashboard": False}, connect=False
        )
        cluster.add_node(**NODE)
        try:
            measure(["--backend", "ray", "--address", cluster.address])
        finally:
            cluster.shutdown()


def measure(on_ray: list[str]) -> None:
    here = time_run("here", ["-j", "2"])
    there = time_run("ray", on_ray)
    print(f"a run on Ray takes {there - here:.3f} s more")
    seconds = time_sweep(MANY, "many", on_ray)
    with Path("many/results.csv").open(newline="") as file:
        statuses = Counter(row["status"] for row in csv.DictReader(file))
    print(f"{MANY} runs on two nodes: {dict(statuses)} in {seconds:.0f} s")


def time_run(name: str, arguments: list[str]) -> float:
    """Seconds that each further run takes."""
    small, large = (time_sweep(runs, f"{name}-{runs}", arguments) for runs in (SMALL, LARGE))
    seconds = (large - small) / (LARGE - SMALL)
    print(f"{name:5} {SMALL} runs {small:.1f} s   {LARGE} runs {large:.1f} s   {seconds:.3f} s for each further run")
    return seconds


def time_sweep(runs: int, out: str, arguments: list[str]) -> float:
    started = time.perf_counter()
    command = [COMMAND, "run", "tiny.ipynb", "-p", f"n=range({runs})", "--out", out, "-q", *arguments]
    subprocess.run(command, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
