"""Sweeps that look like those that ``colab-starter run`` leaves, made without running anything."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from colab_starter.run.job import Point
from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import FILE_NAME, Ledger, Trial
from colab_starter.run.ledger.series import FILE_NAME as SERIES
from colab_starter.run.ledger.series import describe_points
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask


@dataclass(frozen=True)
class SampleRun:
    """A run to write into a ledger; without an outcome it has only started."""

    parameters: Mapping[str, Any]
    outcome: Outcome | None
    name: str = ""
    outputs: list[nbformat.NotebookNode] = field(default_factory=list)
    source: str = "0123456789abcdef"
    series: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """Steps and values of metrics; a run may have them before it ends."""


class _Pages(JournalFile):
    """A journal that is written once, at the end: thousands of records need no fsync each here."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines: list[bytes] = []

    def append(self, *lines: bytes) -> None:
        self.lines += [line + b"\n" for line in lines]


def write_sweep(
    folder: Path,
    runs: Iterable[SampleRun],
    notebook: str = "keras.ipynb",
    *,
    notebooks: bool = True,
    search: Mapping[str, Any] | None = None,
) -> Path:
    """A sweep's folder: its ledger, its series, and (if they are wanted) the executed notebooks of runs that ended.

    With the facts of a ``search``, each run is a trial of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    journal = _Pages(folder / FILE_NAME)
    ledger = Ledger(journal, Mask())
    samples = list(runs)
    ledger.write_sweep(notebook, "0123456789abcdef", len(samples), search)
    series = []
    for number, sample in enumerate(samples):
        name = sample.name or ",".join(f"{key}={value}" for key, value in sample.parameters.items()) or "run"
        run = f"{name.replace('/', '_')}-{number:08x}"
        parameters = {**sample.parameters, "output_dir": f"{run}/output"}
        if search:
            ledger.write_trial(Trial(number, run, sample.parameters, sample.source))
        ledger.write_start(run, 1, parameters, sample.source, f"{run}/{notebook}")
        points = [Point(metric, *point) for metric, points in sample.series.items() for point in points]
        series += [describe_points(run, 1, points) + b"\n"] if points else []
        if sample.outcome:
            ledger.write_end(run, sample.outcome)
            if notebooks:
                _write_notebook(folder / run / notebook, sample)
    journal.path.write_bytes(b"".join(journal.lines))
    if series:
        (folder / SERIES).write_bytes(b"".join(series))
    (folder / "results.csv").write_text("run,status\n")
    return folder


def _write_notebook(path: Path, sample: SampleRun) -> None:
    path.parent.mkdir(exist_ok=True)
    source = "\n".join(f"{name} = {value!r}" for name, value in sample.parameters.items())
    cells = [
        new_markdown_cell("# Digits\n\nA small network, see [the handbook](https://example.com)."),
        new_code_cell(f"# Parameters\n{source}", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("model.fit(images, labels)", outputs=sample.outputs, execution_count=2),
    ]
    nbformat.write(new_notebook(cells=cells), path)


def keras_sweep() -> list[SampleRun]:
    """Twelve runs: learning rates, epochs and two optimizers; one fails and one takes too long."""
    rows = list(itertools.product((1, 3, 5), (0.01, 0.001), ("adam", "sgd")))
    return [_train(number, *row) for number, row in enumerate(rows)]


def _train(number: int, epochs: int, rate: float, optimizer: str) -> SampleRun:
    parameters = {"epochs": epochs, "learning_rate": rate, "optimizer": optimizer, "batch_size": 128, "seed": 42}
    if number == 7:
        cause = "cell 9: ResourceExhaustedError: OOM when allocating tensor with shape[128,32,26,26]"
        return SampleRun(parameters, Outcome(Status.FAILED, cause, 9, 4.2), "", [_error()])
    if number == 10:
        cause = "cell 9 took longer than 60 s"
        return SampleRun(parameters, Outcome(Status.TIMEOUT, cause, 9, 60.1, {"history.loss": [1.9, 1.2]}))
    skill = (
        0.91 + 0.07 * (1 - math.exp(-epochs / 2)) - (0.05 if optimizer == "sgd" else 0) - (0.02 if rate > 0.005 else 0)
    )
    losses = [round(2.3 * math.exp(-1.2 * skill * (step + 1) ** 0.6), 4) for step in range(epochs)]
    metrics = {
        "train_accuracy": round(skill + 0.012, 4),
        "test_accuracy": round(skill, 4),
        "test_loss": round(-2.5 * math.log(skill), 4),
        "history": {"loss": losses},
        "model": "CNN, 34,826 weights",
    }
    outcome = Outcome(Status.OK, "", None, 3.1 * epochs + 2.4, metrics, 812_000_000 + number * 3_100_000, "ada")
    return SampleRun(parameters, outcome, "", [new_output("stream", text=f"epoch {epochs}: loss {losses[-1]}\n")])


def _error() -> nbformat.NotebookNode:
    trace = ["\x1b[0;31mResourceExhaustedError\x1b[0m: OOM when allocating tensor"]
    output: nbformat.NotebookNode = new_output("error", ename="ResourceExhaustedError", evalue="OOM", traceback=trace)
    return output


def big_sweep(runs: int) -> Iterable[SampleRun]:
    """Many runs of four parameters with three metrics each, one in fifty of them failed."""
    for number in range(runs):
        rate = 10 ** (-1 - 4 * ((number * 7919) % 1000) / 1000)
        layers = 1 + number % 6
        parameters = {
            "learning_rate": rate,
            "layers": layers,
            "optimizer": ("adam", "sgd", "lion")[number % 3],
            "seed": number,
        }
        if number % 50 == 3:
            yield SampleRun(
                parameters, Outcome(Status.KILLED, "the kernel was killed by SIGKILL, out of memory", 4, 2.0)
            )
            continue
        accuracy = 0.97 - 0.02 * (math.log10(rate) + 3) ** 2 - 0.004 * (layers - 4) ** 2 + 0.01 * math.sin(number)
        metrics = {"accuracy": accuracy, "loss": 1.2 - accuracy, "parameters": 1000 * layers}
        yield SampleRun(parameters, Outcome(Status.OK, "", None, 3 + layers, metrics, 400_000_000))


SEARCH = {
    "objectives": {"val_accuracy": "maximize"},
    "sampler": "tpe",
    "seed": 0,
    "pruner": "median",
    "space": {
        "learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
        "units": {"low": 16, "high": 256, "step": 16},
        "optimizer": {"choices": ["adam", "sgd"]},
    },
}


def searched_sweep(runs: int, steps: int = 10) -> Iterator[SampleRun]:
    """The trials of SEARCH with two curves each: a third of them pruned, some failed, killed, timed out, or running."""
    for number in range(runs):
        rate = 10 ** (-4 + 3 * ((number * 7919) % 1000) / 1000)
        units, optimizer = 16 * (1 + number * 5 % 16), ("adam", "sgd")[number % 2]
        skill = 0.95 - 0.06 * (math.log10(rate) + 2.5) ** 2 - 0.03 * (optimizer == "sgd") + 0.01 * math.sin(number)
        length = 1 + number % (steps // 2) if number % 3 == 2 else steps
        accuracy = [(step, skill * (1 - math.exp(-4 * step / steps))) for step in range(1, length + 1)]
        series = {"val_accuracy": accuracy, "val_loss": [(step, 1.3 - value) for step, value in accuracy]}
        parameters = {"learning_rate": rate, "units": units, "optimizer": optimizer}
        yield SampleRun(parameters, _end_trial(number, accuracy, runs), series=series)


def _end_trial(number: int, accuracy: Sequence[tuple[float, float]], runs: int) -> Outcome | None:
    step, value = accuracy[-1]
    metrics = {"val_accuracy": value, "val_loss": 1.3 - value}
    if number % 3 == 2:
        cause = f"pruned at step {step}: val_accuracy {value:.4f} is below the median {value + 0.1:.4f} of 5 trials"
        return Outcome(Status.PRUNED, cause, 4, 0.3 * step, metrics, 400_000_000)
    if number == runs - 1:
        return None
    bad = {7: Status.FAILED, 12: Status.TIMEOUT, 16: Status.KILLED}.get(number % 50)
    if bad:
        return Outcome(bad, f"cell In[4] fit: {bad}", 4, 2.0)
    return Outcome(Status.OK, "", None, 0.3 * step, metrics, 400_000_000)
