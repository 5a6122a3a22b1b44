"""Execute a notebook with papermill, and say what came out: ``python tools/run_demo.py NOTEBOOK``."""

import json
import sys
import time
from pathlib import Path

import papermill


def main() -> None:
    notebook = Path(sys.argv[1])
    project = notebook.resolve().parent.parent
    outputs = project / "outputs"
    outputs.mkdir(exist_ok=True)
    executed = outputs / notebook.name
    started = time.perf_counter()
    papermill.execute_notebook(notebook, executed, {"output_dir": str(outputs / notebook.stem)}, cwd=project)
    seconds = time.perf_counter() - started
    results = json.loads((outputs / notebook.stem / "results.json").read_text())
    print(f"\nAccuracy  {results['accuracy']:.2%} on the held-out images of the data set {results['used_dataset']!r}")
    print(f"Time      {seconds:.0f} s in all, {results['seconds_per_epoch']:.1f} s an epoch")
    print(f"Notebook  {executed}")


if __name__ == "__main__":
    main()
