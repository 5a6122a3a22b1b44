"""How long each lesson takes, start of the kernel included: ``python benchmarks/lessons.py``.

The aim, on two CPU cores and without a network: each under 60 s, all under 5 minutes.
Measured on 2026-11-23 (AMD EPYC, 2 cores): keras 35, pytorch 28, opencv 14, xgboost 8, graphviz 7,
tour 36, blank 3, together 131 s. In keras and tour, a third of the time is TensorFlow's import.
"""

import json
import tempfile
import time
from pathlib import Path

import papermill
from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        baked = cookiecutter(str(REPOSITORY), no_input=True, extra_context={"preset": "all"}, output_dir=folder)
        project = Path(baked)
        total = 0.0
        for name in json.loads((REPOSITORY / "templates/lessons.json").read_text()):
            started = time.perf_counter()
            papermill.execute_notebook(
                project / f"notebooks/{name}.ipynb", project / f"{name}.ipynb", progress_bar=False, cwd=project
            )
            seconds = time.perf_counter() - started
            total += seconds
            print(f"{name:10} {seconds:5.1f} s   {json.loads((project / f'outputs/{name}/results.json').read_text())}")
        print(f"{'together':10} {total:5.1f} s")


if __name__ == "__main__":
    main()
