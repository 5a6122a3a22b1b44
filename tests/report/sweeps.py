"""Sweeps that look like those that ``colab-starter run`` leaves, made without running anything."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.ledger import FILE_NAME, Ledger
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


class _Pages(JournalFile):
    """A journal that is written once, at the end: thousands of records need no fsync each here."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines: list[bytes] = []

    def append(self, *lines: bytes) -> None:
        self.lines += [line + b"\n" for line in lines]


def write_sweep(
    folder: Path, runs: Iterable[SampleRun], notebook: str = "keras.ipynb", *, notebooks: bool = True
) -> Path:
    """A sweep's folder: its ledger, and (unless they are not wanted) the executed notebooks of the runs that ended."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = _Pages(folder / FILE_NAME)
    ledger = Ledger(journal, Mask())
    samples = list(runs)
    ledger.write_sweep(notebook, "0123456789abcdef", len(samples))
    for number, sample in enumerate(samples):
        name = sample.name or ",".join(f"{key}={value}" for key, value in sample.parameters.items()) or "run"
        run = f"{name.replace('/', '_')}-{number:08x}"
        parameters = {**sample.parameters, "output_dir": f"{run}/output"}
        ledger.write_start(run, 1, parameters, sample.source, f"{run}/{notebook}")
        if sample.outcome:
            ledger.write_end(run, sample.outcome)
            if notebooks:
                _write_notebook(folder / run / notebook, sample)
    journal.path.write_bytes(b"".join(journal.lines))
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
