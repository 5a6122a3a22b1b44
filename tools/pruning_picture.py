"""Draw docs/images/pruning.png, what pruning can cost: ``python tools/pruning_picture.py``; it needs matplotlib.

The curves are made up; which of them end early, and when, is what Optuna's median pruner says of them.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy
import optuna
from matplotlib.axes import Axes

PICTURE = Path(__file__).parents[1] / "docs/images/pruning.png"
EPOCHS = numpy.arange(1, 13)
LATE, BAD, DONE = "#d1495b", "#b0b7bf", "#3b7dd8"
RUNS = [
    (0.38, 0.86, 2.0),
    (0.45, 0.82, 1.5),
    (0.30, 0.80, 1.4),
    (0.36, 0.87, 3.2),
    (0.42, 0.83, 2.2),
    (0.44, 0.74, 2.4),
]
RUNS += [(0.43, 0.98, 5.0), (0.40, 0.64, 2.0), (0.46, 0.88, 2.4)]
"""Where each run begins, the accuracy that it comes close to, and how many epochs that takes."""
LATE_RUN = 6


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    figure, axes = plt.subplots(figsize=(7, 3.6), dpi=150)
    medians: list[float] = []
    for number, (start, level, pace) in enumerate(RUNS):
        curve = start + (level - start) * (1 - numpy.exp((1 - EPOCHS) / pace))
        if number == LATE_RUN:
            medians = find_medians(study)
        draw_run(axes, curve, find_end(study, curve), is_late=number == LATE_RUN)
    axes.plot(EPOCHS, medians, "k:", linewidth=1.2, label="median of those that had ended")
    axes.set(xlabel="epoch", ylabel="val_accuracy", xticks=EPOCHS, ylim=(0.25, 0.95))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    figure.tight_layout()
    figure.savefig(PICTURE)


def find_end(study: optuna.Study, curve: numpy.ndarray) -> int | None:
    """The epoch at which the pruner ends a run; None if it lets it end."""
    trial = study.ask()
    for epoch, value in zip(EPOCHS, curve, strict=True):
        trial.report(float(value), int(epoch))
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return int(epoch)
    study.tell(trial, float(curve[-1]))
    return None


def find_medians(study: optuna.Study) -> list[float]:
    ended = [trial for trial in study.trials if trial.state is optuna.trial.TrialState.COMPLETE]
    return [float(numpy.median([trial.intermediate_values[int(epoch)] for trial in ended])) for epoch in EPOCHS]


def draw_run(axes: Axes, curve: numpy.ndarray, end: int | None, *, is_late: bool) -> None:
    if end is None:
        axes.plot(EPOCHS, curve, color=DONE, linewidth=1.4)
        return
    colour = LATE if is_late else BAD
    axes.plot(EPOCHS[:end], curve[:end], color=colour, linewidth=2.4 if is_late else 1.4)
    axes.plot(EPOCHS[end - 1], curve[end - 1], "x", color=colour, markersize=8, markeredgewidth=2)
    if is_late:
        axes.plot(
            EPOCHS[end - 1 :], curve[end - 1 :], "--", color=colour, linewidth=1.6, label="would have been the best"
        )
        axes.annotate(f"pruned at epoch {end}", (end, curve[end - 1]), (end + 0.3, curve[end - 1] - 0.04), color=colour)


if __name__ == "__main__":
    main()
