"""Sweeps with series of metrics, made without running anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from colab_starter.run.job import Point
from colab_starter.run.ledger import series
from colab_starter.run.ledger.ledger import Trial, open_ledger
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask
from colab_starter.sweep_folder import name_source

SOURCE = "0123456789abcdef"
DEFAULTS = "learning_rate = 0.1\nunits = 32\noptimizer = 'adam'\noutput_dir = 'x'"


@dataclass(frozen=True)
class Sample:
    """A run; without an outcome it is running."""

    id: str
    parameters: Mapping[str, Any]
    outcome: Outcome | None = None
    points: Sequence[Point] = ()
    attempt: int = 1
    trial: int | None = None


@dataclass(frozen=True)
class SampleSweep:
    runs: Sequence[Sample]
    search: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """The folder of the sweep: ledger, series, the copy of the notebook and the executed ones."""
        folder.mkdir(parents=True, exist_ok=True)
        tagged = v4.new_code_cell(DEFAULTS, metadata={"tags": ["parameters"]})
        nbformat.write(v4.new_notebook(cells=[tagged]), folder / name_source(SOURCE))
        ledger = open_ledger(folder, Mask())
        ledger.write_sweep("keras.ipynb", SOURCE, len(self.runs), self.search)
        for run in self.runs:
            if run.trial is not None:
                ledger.write_trial(Trial(run.trial, run.id, run.parameters, SOURCE))
            for attempt in range(1, run.attempt + 1):
                parameters = {**run.parameters, "output_dir": f"{run.id}/output"}
                ledger.write_start(run.id, attempt, parameters, SOURCE, f"{run.id}/keras.ipynb")
            write_points(folder, run.id, run.attempt, run.points)
            if run.outcome:
                (folder / run.id).mkdir(exist_ok=True)
                nbformat.write(v4.new_notebook(), folder / run.id / "keras.ipynb")
                ledger.write_end(run.id, run.outcome)
        ledger.close()
        return folder


def write_points(folder: Path, run: str, attempt: int, points: Iterable[Point]) -> None:
    with (folder / series.FILE_NAME).open("ab") as file:
        file.writelines(series.describe_points(run, attempt, [point]) + b"\n" for point in points)


def rise(*values: float, name: str = "accuracy") -> list[Point]:
    """The points of a metric, from step 1 on."""
    return [Point(name, step, value) for step, value in enumerate(values, 1)]


def end(status: Status = Status.OK, cause: str = "", **metrics: Any) -> Outcome:
    return Outcome(status, cause, None, 2.5, metrics, 50_000_000, "mill")


PRUNED = "pruned at step 2: accuracy 0.3 is below the median 0.7 of 2 trials"


def sample_sweep(**search: Any) -> SampleSweep:
    """Six runs: two that are ok, one each that was pruned, failed, was interrupted, and is running."""
    trials: list[int | None] = [*range(6)] if search else [None] * 6
    rates = [0.1, 0.01, 0.001, 0.5, 0.2, 0.05]
    ends = [
        end(accuracy=0.9, test={"loss": 0.4}, model="CNN"),
        end(accuracy=0.8, test={"loss": 0.6}, model="CNN"),
        end(Status.PRUNED, PRUNED, accuracy=0.3),
        end(Status.FAILED, "cell In[3]: ValueError: bad"),
        end(Status.INTERRUPTED, "stopped"),
        None,
    ]
    points = [rise(0.5, 0.7, 0.9), rise(0.6, 0.7, 0.8), rise(0.2, 0.3), [], rise(0.1), rise(0.4)]
    parameters = [{"learning_rate": rate, "units": 16 * (number + 1)} for number, rate in enumerate(rates)]
    names = [f"lr={rate}-{number:012x}" for number, rate in enumerate(rates)]
    runs = [
        Sample(name, given, outcome, told, trial=trial)
        for name, given, outcome, told, trial in zip(names, parameters, ends, points, trials, strict=True)
    ]
    return SampleSweep(runs, search)
