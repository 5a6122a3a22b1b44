"""Metrics in printed lines: what is one and what is not, in whatever pieces the lines arrive."""

import math
import random
from collections.abc import Iterator, Sequence

import pytest

from colab_starter.errors import WrongOptionError
from colab_starter.run.job import Point
from colab_starter.run.worker import metric_lines
from colab_starter.run.worker.metric_lines import LONGEST_LINE, MetricLines, read_line, read_pattern

METRICS: dict[str, list[tuple[str, float, float]]] = {
    "epoch 3: loss 0.21 accuracy 0.94": [("loss", 3, 0.21), ("accuracy", 3, 0.94)],
    "Epoch [3/10], Loss: 0.21": [("Loss", 3, 0.21)],
    "step=100 loss=0.3": [("loss", 100, 0.3)],
    "[epoch 3] train_loss=0.4, val_acc=0.9": [("train_loss", 3, 0.4), ("val_acc", 3, 0.9)],
    "[12]\ttrain-rmse:0.1\ttest-rmse:0.2": [("train-rmse", 12, 0.1), ("test-rmse", 12, 0.2)],
    "[12]\ttrain-rmse:0.1+0.02\ttest-rmse:0.2+0.01": [("train-rmse", 12, 0.1), ("test-rmse", 12, 0.2)],
    "[10]\tvalid_0's l2: 0.123\tvalid_0's rmse: 0.3": [("valid_0's l2", 10, 0.123), ("valid_0's rmse", 10, 0.3)],
    "0:\tlearn: 0.68\tbest: 0.68 (0)\ttotal: 50ms\tremaining: 4.9s": [("learn", 0, 0.68), ("best", 0, 0.68)],
    "Epoch [3/10], Step [300/600], Loss: 0.21": [("Loss", 2.5, 0.21)],
    "Train Epoch: 1 [30000/60000 (50%)]\tLoss: 0.4": [("Train Loss", 0.5, 0.4)],
    "epoch 2 step 700 loss 0.4": [("loss", 700, 0.4)],
    "iter 100: loss 2.3456, time 45.21ms, mfu 3.12%": [("loss", 100, 2.3456), ("mfu", 100, 3.12)],
    "step 250: train loss 2.1, val loss 2.2": [("train loss", 250, 2.1), ("val loss", 250, 2.2)],
    "{'loss': 0.5, 'learning_rate': 5e-05, 'epoch': 0.5}": [("loss", 0.5, 0.5), ("learning_rate", 0.5, 5e-5)],
    '{"epoch": 3, "loss": 0.3}': [("loss", 3, 0.3)],
    "Epoch 3/10: 100%|██████████| 600/600 [00:05<00:00, 110.2it/s, loss=0.21]": [("loss", 3, 0.21)],
    "2026-11-28 12:00:00,123 - train - INFO - Epoch 3 - loss: 0.21": [("loss", 3, 0.21)],
    "INFO:root:epoch 3: loss 0.21": [("loss", 3, 0.21)],
    "Epoch 3 | train loss 0.3 | val loss 0.4": [("train loss", 3, 0.3), ("val loss", 3, 0.4)],
    "Epoch 3/10 - 1.2s - loss: 0.3 - acc: 0.9": [("loss", 3, 0.3), ("acc", 3, 0.9)],
    "Epoch 00003: val_loss: inf": [("val_loss", 3, math.inf)],
    "Episode 10: reward -5.0": [("reward", 10, -5.0)],
    "Round 3: accuracy = 94.5%": [("accuracy", 3, 94.5)],
    "Epoch 3 finished in 3.2s: loss=0.3 (best)": [("loss", 3, 0.3)],
    "==== Epoch 3 ==== loss: 0.3": [("loss", 3, 0.3)],
    "Epoch 3 of 10: loss 0.3 ± 0.1, correct: 94": [("loss", 3, 0.3), ("correct", 3, 94)],
    "Epoch: 5, Loss (train): 0.3, Loss (val): 0.4": [("Loss (train)", 5, 0.3), ("Loss (val)", 5, 0.4)],
    "Iteration 3, loss = 0.45.": [("loss", 3, 0.45)],
    "Validation: epoch 3, acc 0.9 (940/1000), 32 samples/s": [("Validation acc", 3, 0.9)],
}
PROSE = [
    "Epoch 3: val_loss improved from 0.50000 to 0.40000, saving model to x.keras",
    "Epoch 5: early stopping",
    "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.0005.",
    "Going on after epoch 3, from model.pt",
    "Step 2: add 200 g flour",
    "Step 4: wait until the temperature reaches 37.5",
    "Step 4: heat to 37.5",
    "Step 3: version 3.11",
    "Round 2: player 1 wins",
    "Round 2: player 1",
    "epochs: 10, lr: 0.001",
    "step_size=0.1 gamma=0.5",
    "step: 0.1 alpha: 3",
    "   epoch  loss  accuracy",
    "0      1  0.50      0.70",
    "epoch\tloss\tacc",
    "1\t0.5\t0.6",
    "Epoch 1/10",
    "accuracy    0.94   50",
    "Test Error: Accuracy: 64.5%, Avg loss: 1.07",
    "loss: 0.3",
    "10/10 - 0s - 9ms/step - accuracy: 0.9",
    "After epoch 3 the loss was 0.5",
    "Epoch 3 took 12.5 seconds",
    "In step 3, see figure 2.5",
    "[12] Smith et al.: 2019",
    "Iteration 3 of 10",
    "| epoch | 3 | loss | 0.5 |",
    "Epoch 3: 1200 images, 10 classes",
    "best epoch: 7, val_loss: 0.3",
    "https://example.org/step/3?loss=0.5",
    "for epoch in range(10): loss=0.5",
    "It took 3 iterations: loss 0.5",
    "round(3.5) = 4",
    "Step 1/3 : FROM python:3.12",
    "epoch 3 epoch 4 loss 0.5",
    "Steps: 100, loss: 0.5",
    "Epoch 10 done, best val_loss: 0.3 in epoch 4",
    "epoch 3: loss 1,234",
    "epoch 3: loss 0.3x",
]


def read(text: str, *patterns: str, pieces: Sequence[int] = ()) -> list[Point]:
    """The points of a cell that prints the text, which is cut at the places."""
    points: list[Point] = []
    lines = MetricLines(points.append, patterns)
    for start, end in zip([0, *pieces], [*pieces, len(text)], strict=True):
        lines.add(0, "stdout", text[start:end])
    lines.end_cell(0)
    return points


@pytest.mark.parametrize("line", METRICS)
def test_a_line_that_names_its_step_gives_its_metrics(line: str) -> None:
    assert read(line + "\n") == read_line(line) == METRICS[line]


@pytest.mark.parametrize("line", PROSE)
def test_prose_tables_and_settings_give_none(line: str) -> None:
    assert read(line + "\n") == read_line(line) == []


def write_keras(epochs: int, verbose: int, erase: str = "\r") -> Iterator[tuple[str, list[Point]]]:
    """What fit prints with 3 batches an epoch, in pieces, and the points that are complete after each."""
    for epoch in range(1, epochs + 1):
        yield f"Epoch {epoch}/{epochs}\n", []
        for batch in range(1, 4) if verbose == 1 else ():
            bar = f"\x1b[1m{batch}/3\x1b[0m \x1b[32m{'━' * batch}\x1b[0m \x1b[1m0s\x1b[0m 6ms/step - loss: 0.9{batch}"
            yield "\x08" * 60 + erase + bar, []
        told = f"loss: 0.{epoch} - val_acc: 0.9{epoch}"
        bar = (
            f"\x1b[1m3/3\x1b[0m ━━━ \x1b[1m0s\x1b[0m 9ms/step - {told}"
            if verbose == 1
            else f"3/3 - 1s - {told} - 1s/epoch"
        )
        yield (erase if verbose == 1 else "") + bar, []
        yield "\n", [Point("loss", epoch, float(f"0.{epoch}")), Point("val_acc", epoch, float(f"0.9{epoch}"))]


@pytest.mark.parametrize("verbose", [1, 2])
def test_the_values_of_an_epoch_with_keras_are_those_of_its_last_line_and_known_at_once(verbose: int) -> None:
    points: list[Point] = []
    lines = MetricLines(points.append)
    expected: list[Point] = []
    for text, complete in write_keras(4, verbose):
        lines.add(0, "stdout", text)
        expected += complete
        assert points == expected
    assert len(points) == 8
    lines.add(0, "stdout", "3/3 ━━━ 0s 2ms/step - loss: 0.7\n")  # evaluate, which is of no epoch
    assert points == expected


def test_keras_of_older_versions_and_without_a_terminal_is_read_too() -> None:
    bar = "32/32 [==============================] - ETA: 0s - loss: 0.5\n"  # each update on a line of its own
    whole = "32/32 [==============================] - 1s 3ms/step - loss: 0.5 - val_loss: 0.6\n"
    text = f"Epoch 1/2\n 9/32 [=====>....] - ETA: 1s - loss: 0.9\n{bar}{whole}Epoch 2/2\n{whole}"
    expected = [("loss", 1, 0.5), ("val_loss", 1, 0.6), ("loss", 2, 0.5), ("val_loss", 2, 0.6)]
    assert read(text) == expected
    assert read(text.replace("\n", "\r\n")) == expected  # as a terminal's


def test_a_checkpoints_message_in_the_middle_of_a_progress_bar_is_no_metric() -> None:
    bar = "3/3 ━━━ 0s 2ms/step - loss: 0.5"
    text = f"Epoch 1/2\n\r{bar}\nEpoch 1: val_loss improved from inf to 0.6, saving model\n\r{bar} - val_loss: 0.6\n"
    assert read(text) == [("loss", 1, 0.5), ("val_loss", 1, 0.6)]


FORMATS = [
    ("epoch {step}: {pairs}", "{name} {value}", " "),
    ("Epoch [{step}/99], {pairs}", "{name}: {value}", ", "),
    ("step={step} {pairs}", "{name}={value}", " "),
    ("[epoch {step}] {pairs}", "{name}={value}", ", "),
    ("[{step}]\t{pairs}", "{name}:{value}", "\t"),
    ("Iteration {step} | {pairs} | 3.2s", "{name} = {value}", " | "),
    ("{{'epoch': {step}, {pairs}}}", "'{name}': {value}", ", "),
    ("\rEpoch {step}:  50%|██   | 1/2 [00:01<00:01, 1.5it/s]\rEpoch {step} - {pairs}", "{name}: {value}", " - "),
]


def make_log(random_: random.Random) -> tuple[str, list[Point]]:
    """Lines of random metrics in the known formats among other output."""
    text, points = [], []
    others = [line for line in PROSE if not line.startswith("10/10")]
    names = ["loss", "val_loss", "accuracy", "top5/acc", "F1", "val-auc", "Ähnlichkeit"]
    for step in range(random_.randint(1, 20)):
        line, pair, separator = random_.choice(FORMATS)
        made = [Point(name, step, round(random_.uniform(-2, 2), 6)) for name in random_.sample(names, 3)]
        pairs = separator.join(pair.format(name=name, value=value) for name, _, value in made)
        text += [line.format(step=step, pairs=pairs), *random_.sample(others, 2), "", "x" * random_.choice([3, 9000])]
        points += made
    return "\n".join(text), points


def test_random_metrics_in_the_known_formats_come_back_whatever_the_pieces() -> None:
    for seed in range(200):
        random_ = random.Random(seed)
        text, points = make_log(random_)
        cuts = sorted(random_.sample(range(len(text)), min(len(text) - 1, random_.choice([0, 3, 200]))))
        assert read(text, pieces=cuts) == points, seed


def test_cells_and_streams_do_not_mix() -> None:
    points: list[Point] = []
    lines = MetricLines(points.append)
    lines.add(0, "stdout", "epoch 1: ")
    lines.add(0, "stderr", "epoch 2: loss 0.2\n")
    lines.add(1, "stdout", "loss 0.3\n")
    lines.add(0, "stdout", "loss 0.1")
    assert points == [("loss", 2, 0.2)]
    lines.end_cell(0)
    assert points == [("loss", 2, 0.2), ("loss", 1, 0.1)]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_bar_that_is_drawn_over_and_over_is_kept_short_and_its_last_state_counts(end: str) -> None:
    points: list[Point] = []
    lines = MetricLines(points.append)
    for number in range(3000):
        lines.add(0, "stderr", f"\repoch {number}: loss 0.{number}")
        assert sum(len(each._rest) for each in lines._streams.values()) <= LONGEST_LINE
    lines.add(0, "stderr", end)
    lines.end_cell(0)
    assert points == [("loss", 2999, 0.2999)]


def test_the_end_of_a_line_that_is_too_long_is_not_a_line() -> None:
    long = "x" * (LONGEST_LINE - 3)
    for text in (
        f"{long} epoch 1 loss 0.1\n",
        f"{'x' * 3 * LONGEST_LINE}\nepoch 2 loss 0.2",
        f"{long}{long}\repoch 3 loss 0.3\n",
    ):
        for pieces in ([], [LONGEST_LINE - 3], [LONGEST_LINE + 5]):
            found = [point.step for point in read(text, pieces=pieces)]
            assert found == ([2] if "epoch 2" in text else [3] if "\r" in text else [])


def test_much_output_without_metrics_is_looked_at_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(metric_lines, "_may_name_step", looked.append)
    lines = MetricLines(print)
    lines.add(0, "stdout", "number 12: 0.5\n" * 100_000)
    lines.add(0, "stdout", "0123456789" * 100_000)
    assert len(lines._streams[0, "stdout"]._rest) <= LONGEST_LINE
    assert len(looked) == 1


OWN = {
    "val_acc=([0-9.]+)": [("val_acc", 1, 0.9), ("val_acc", 2, 0.8)],
    r"^result\s+val_acc\s*[:=]\s*([\d.]+)": [("val_acc", 1, 0.9), ("val_acc", 2, 0.8)],
    "val_acc=(?P<accuracy>[0-9.]+)": [("accuracy", 1, 0.9), ("accuracy", 2, 0.8)],
    r"val_acc=(?P<a>\S+) at (?P<step>\d+)": [("a", 70, 0.9)],
    r"val_acc=(\S+) at (?P<step>\d+)": [("val_acc", 70, 0.9)],
    r"(?:result|found) val_acc=(\w+)": [("val_acc", 1, 0), ("val_acc", 2, 0)],
    r"result (\w+)": [],
}


@pytest.mark.parametrize("pattern", OWN)
def test_a_users_expression_finds_metrics_anywhere(pattern: str) -> None:
    text = "\x1b[1mresult val_acc=0.9 at 70, loss=0.3\x1b[0m\nresult val_acc=0.8.\n"
    assert read(text, pattern) == OWN[pattern]


def test_a_users_expression_takes_the_step_of_its_line_and_replaces_what_is_built_in() -> None:
    text = "Epoch 3/9: dev acc=0.9 today\nepoch 4: acc 0.8 loss=0.1\nEpoch 5/9\n3/3 - 1s - acc: 0.7\n"
    assert read(text, r"acc[=: ]+([\d.]+)") == [("acc", 3, 0.9), ("loss", 4, 0.1), ("acc", 4, 0.8), ("acc", 5, 0.7)]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("val_acc=([0-9.]+", r"is not a regular expression \(missing \).*\); correct it"),
        ("val_acc=[0-9.]+", r"has no group; put the number in brackets: 'val_acc=\(\[0-9.\]\+\)'"),
        ("", "has no group"),
        ("([0-9.]+)", r"does not name the metric; write the name before the group, .*\(\?P<val_acc>"),
        (r"(?P<step>\d+)", "does not name the metric"),
    ],
)
def test_an_expression_that_cannot_be_used_is_told_with_the_remedy(pattern: str, told: str) -> None:
    with pytest.raises(WrongOptionError, match=told) as raised:
        read_pattern(pattern)
    assert "\n" not in str(raised.value)
