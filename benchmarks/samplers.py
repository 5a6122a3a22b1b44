"""Searches of known functions against Optuna's own loop and random search: ``python benchmarks/samplers.py``.

1. Three functions as tiny notebooks, 40 trials each, one at a time, over several seeds (3; the figures below are of 20:
   ``--seeds 20``): the best value of ``colab-starter run --maximize``, of ``study.optimize`` with the same sampler and
   seed, and of random search. The aims: ours is as good as Optuna's at every seed, and better than random in the mean.
2. A search of 5,000 trials (``--trials``) of a function in the place of a notebook, with the real ledger and runner:
   what asking for a trial costs at the end (CPU time), what it costs Optuna alone with as many trials, and how much
   memory the search takes. The aims: under 50 ms and 400 MB.

Measured on 2026-11-29 (AMD EPYC, 2 cores), means of 20 seeds, in the order above: bowl 0.0085, 0.0085 and 0.0953;
Branin 0.3805, 0.3805 and 1.2623; mixed 0.0300, 0.0300 and 0.2425; ours is worse than Optuna's at no seed. With 5,000
trials and pruning, asking takes 43 ms of CPU time at the end, nearly all of it Optuna's, and the search 100 MB.
"""

import argparse
import csv
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import optuna
from nbformat import v4

REPOSITORY = Path(__file__).parents[1]
COMMAND = str(Path(sys.executable).with_name("colab-starter"))
TRIALS = 40
ASKS = 50
"""How many of the last suggestions are timed."""
RECORD = 'display({"application/scrapbook.scrap.json+json": {"name": "score", "data": score}}, raw=True)'


class Known(NamedTuple):
    """A function whose lowest value is known to be 0."""

    parameters: str
    """The notebook's cell of parameters."""
    code: str
    """Works out ``score``."""
    ranges: Mapping[str, str]
    suggest: Callable[[optuna.Trial], dict[str, Any]]
    """The same ranges, in the same order, for Optuna."""


FUNCTIONS = {
    "bowl": Known(
        "rate = 0.01\nwidth = 0.5",
        "import math\nscore = (math.log10(rate) + 2.3) ** 2 + 4 * (width - 0.3) ** 2",
        {"rate": "1e-5..1e-0 log", "width": "0.0..1.0"},
        lambda trial: {
            "rate": trial.suggest_float("rate", 1e-5, 1e-0, log=True),
            "width": trial.suggest_float("width", 0.0, 1.0),
        },
    ),
    "Branin": Known(
        "x = 0.0\ny = 0.0",
        "import math\nwell = y - 5.1 * x * x / (4 * math.pi**2) + 5 * x / math.pi - 6\n"
        "score = well**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816",
        {"x": "-5.0..10.0", "y": "0.0..15.0"},
        lambda trial: {"x": trial.suggest_float("x", -5.0, 10.0), "y": trial.suggest_float("y", 0.0, 15.0)},
    ),
    "mixed": Known(
        'kind = "a"\nlayers = 1\nunits = 16',
        'score = {"a": 1.0, "b": 0.3, "c": 0.0, "d": 0.6}[kind] + (layers - 4) ** 2 / 8 + abs(units - 96) / 160',
        {"kind": "a,b,c,d", "layers": "1..8", "units": "16..256 step 16"},
        lambda trial: {
            "kind": trial.suggest_categorical("kind", ["a", "b", "c", "d"]),
            "layers": trial.suggest_int("layers", 1, 8),
            "units": trial.suggest_int("units", 16, 256, step=16),
        },
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=5000, help="of the second part; 0 leaves it out")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in FUNCTIONS:
        compare(name, options.seeds)
    if options.trials:
        measure_asking(options.trials)


def compare(name: str, seeds: int) -> None:
    """Print the lowest values that were found of a function; the function's own lowest is 0."""
    known = FUNCTIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        notebook = write_notebook(Path(folder), known)
        ours = [search(notebook, known, seed) for seed in range(seeds)]
    theirs = [optimize(known, optuna.samplers.TPESampler(seed=seed)) for seed in range(seeds)]
    at_random = [optimize(known, optuna.samplers.RandomSampler(seed=seed)) for seed in range(seeds)]
    worse = sum(one > other + 1e-9 for one, other in zip(ours, theirs, strict=True))
    means = [f"{statistics.mean(values):.4f}" for values in (ours, theirs, at_random)]
    print(
        f"{name}, {TRIALS} trials, mean of {seeds} seeds: colab-starter {means[0]}, study.optimize {means[1]}, ", end=""
    )
    print(f"random {means[2]}; worse than study.optimize at {worse} seeds", flush=True)


def write_notebook(folder: Path, known: Known) -> Path:
    cells = [v4.new_code_cell(known.parameters, metadata={"tags": ["parameters"]})]
    cells.append(v4.new_code_cell(f"{known.code}\n{RECORD}"))
    nbformat.write(v4.new_notebook(cells=cells), folder / "function.ipynb")
    return folder / "function.ipynb"


def search(notebook: Path, known: Known, seed: int) -> float:
    """The lowest value that a search of the notebook finds."""
    ranges = [part for name, text in known.ranges.items() for part in ("-p", f"{name}={text}")]
    command = [COMMAND, "run", notebook.name, *ranges, "--minimize", "score", "--trials", str(TRIALS), "-j", "1", "-q"]
    command += ["--seed", str(seed), "--out", f"runs-{seed}"]
    subprocess.run(command, cwd=notebook.parent, check=True)
    with (notebook.parent / f"runs-{seed}/results.csv").open(newline="") as file:
        return min(float(row["score"]) for row in csv.DictReader(file) if row["status"] == "ok")


def optimize(known: Known, sampler: optuna.samplers.BaseSampler) -> float:
    """The lowest value that Optuna's own loop finds."""
    code = compile(known.code, "function", "exec")

    def objective(trial: optuna.Trial) -> float:
        names = known.suggest(trial)
        exec(code, names)
        return float(names["score"])

    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=TRIALS)
    return study.best_value


def measure_asking(trials: int) -> None:
    """Print what a suggestion costs at the end of a long search, and the memory of the process that searches."""
    child = os.fork()
    if not child:
        run_long_search(trials)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"the search of {trials} trials ended with status {status}")


def run_long_search(trials: int) -> None:
    sys.path.insert(0, str(REPOSITORY))
    from colab_starter.run.search.request import Search
    from colab_starter.run.search.study import Study
    from colab_starter.run.sweep.build import Space
    from colab_starter.run.sweep.ranges import Axis, Choices, Range
    from tests.run.search.simulated import run_search

    asked: list[float] = []
    suggest = Study.suggest

    def timed(self: Study, number: int) -> dict[str, Any] | None:
        started = time.process_time()
        try:
            return suggest(self, number)
        finally:
            asked.append(time.process_time() - started)

    Study.suggest = timed  # type: ignore[method-assign]
    axes: dict[str, Axis] = {
        "rate": Range(1e-5, 1e-1, log=True),
        "units": Range(16, 4096),
        "kind": Choices(("a", "b", "c")),
    }
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run_search(Path(folder), Search(Space({}, axes), {"score": "maximize"}, trials, seed=0), score)
        seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first, last = (1000 * statistics.median(part) for part in (asked[10 : 10 + ASKS], asked[-ASKS:]))
    print(
        f"a search of {trials:,} trials: asking takes {first:.1f} ms at first and {last:.1f} ms at the end (aim 50; ",
        end="",
    )
    print(
        f"Optuna alone {time_optuna(trials):.1f} ms); {seconds:.0f} s in all, {memory:.0f} MB at most (aim 400)",
        flush=True,
    )


def time_optuna(trials: int) -> float:
    """CPU milliseconds for which Optuna alone thinks of a trial when it knows so many."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    ranges = {
        "rate": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
        "units": optuna.distributions.IntDistribution(16, 4096),
        "kind": optuna.distributions.CategoricalDistribution(["a", "b", "c"]),
    }
    source = random.Random(0)
    for _ in range(trials):
        values = {"rate": 10 ** source.uniform(-5, -1), "units": source.randint(16, 4096), "kind": source.choice("abc")}
        study.add_trial(optuna.create_trial(params=values, distributions=ranges, value=score(values)[-1]))
    asked = []
    for _ in range(ASKS):
        started = time.process_time()
        trial = study.ask(ranges)
        asked.append(time.process_time() - started)
        study.tell(trial, score(trial.params)[-1])
    return 1000 * statistics.median(asked)


def score(parameters: Mapping[str, Any]) -> list[float]:
    return [1 - abs(math.log10(parameters["rate"]) + 2.5) / 4 - abs(parameters["units"] - 900) / 9000]


if __name__ == "__main__":
    main()
