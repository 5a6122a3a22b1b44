"""The keras and pytorch lessons against the frameworks' own MNIST examples: ``python benchmarks/gpu.py``.

The examples are Keras' "Simple MNIST convnet" (keras.io/examples/vision/mnist_convnet) and PyTorch's "Basic MNIST
Example" (pytorch/examples, mnist/main.py), written anew with the same network, optimizer, batch size and way of
loading. Each has a process of its own, and they take turns with the lessons, which run with papermill.

There is no network, so the images are made from scikit-learn's digits: 28 x 28 pixels, 60,000 for training and
10,000 for the test, shifted and with noise, from digits of different origin. ``--images N`` makes fewer, for a CPU.
The lessons think that they are MNIST: a cell put in front of the one that loads the data replaces
``keras.datasets.mnist.load_data`` and ``torchvision.datasets.MNIST``, so torchvision need not be there.

Printed: the seconds of an epoch, the median without the first, which compiles; the accuracy on the test images; and
the ratio of the training speeds in images per second, because a lesson holds a tenth of the images back and
PyTorch's example none. An epoch includes its validation everywhere. The aim on an H100: at most 0.5 s, and at least
1.5 times the examples at equal accuracy.

No GPU has been measured yet. On 2026-11-28, on two CPU cores that others used too (3,000 images, 4 epochs): keras
1.31 s an epoch against 1.65, ratio 1.26, accuracy +0.010; pytorch 21.5 s against 58.9, ratio 2.46, accuracy -0.268.
PyTorch's example has 34 times the weights and twice the steps, which shows where there are few images.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import numpy as np
import papermill
from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parents[1]
FRAMEWORKS = {"keras": "tensorflow", "pytorch": "torch"}
"""The lesson, and what must be installed for it."""

Images = dict[str, np.ndarray[Any, Any]]
"""``x_train``, ``y_train``, ``x_test`` and ``y_test``, with the types that MNIST has."""

LOADERS = {
    "keras": """
def load_benchmark():
    with np.load({path!r}) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


keras.datasets.mnist.load_data = load_benchmark
""",
    "pytorch": """
import sys
from types import ModuleType


class Benchmark:
    def __init__(self, root, train, download):
        part = "train" if train else "test"
        with np.load({path!r}) as arrays:
            self.data, self.targets = (torch.from_numpy(arrays[f"{{letter}}_{{part}}"]) for letter in "xy")


torchvision = ModuleType("torchvision")
torchvision.datasets = ModuleType("torchvision.datasets")
torchvision.datasets.MNIST = Benchmark
sys.modules |= {{"torchvision": torchvision, "torchvision.datasets": torchvision.datasets}}
""",
}
"""What is put in front of a lesson's cell that loads the data."""

NOTE_EPOCHS = """
def record_epoch(step, *, keep=record_epoch, **metrics):
    import json, time

    ends = results_dir / "epoch_ends.jsonl"
    with ends.open("a") as file:
        print(json.dumps(time.perf_counter()), file=file)
    keep(step, **metrics)
"""
"""What is put behind a lesson's cell with ``record_epoch``, which both lessons call after each epoch."""


class Outcome(NamedTuple):
    """One training."""

    seconds: float
    """Of an epoch: the median, without the first."""
    accuracy: float
    """On the test images."""
    images: int
    """How many it learns from in an epoch."""


def main() -> None:
    options = read_options()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.measure:
        print(json.dumps(EXAMPLES[options.measure](load_images(options.file), options.epochs)))
        return
    print(f"{options.images:,} images, {options.epochs} epochs, on {name_device()}\n")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "images.npz")
        np.savez(file, **make_images(options.images, max(options.images // 6, 10)))  # type: ignore[arg-type]
        project = bake_project(Path(name))
        print(f"{'':10}{'':10}{'s / epoch':>10}{'accuracy':>10}{'images / s':>12}")
        for lesson, package in FRAMEWORKS.items():
            if find_spec(package):
                compare(lesson, project, file, options.epochs)
            else:
                print(f"{lesson:10}left out, because {package} is not installed")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=60_000, help="training images; fewer for a CPU [60000]")
    parser.add_argument("--epochs", type=int, default=5, help="epochs, at least 2 [5]")
    parser.add_argument("--measure", choices=EXAMPLES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.images < 100 or options.epochs < 2:
        parser.error("at least 100 images and 2 epochs, because the first epoch is not counted")
    return options


def name_device() -> str:
    """The GPUs, as the driver names them; the CPU if there are none."""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return ", ".join(subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines())
    except (OSError, subprocess.CalledProcessError):
        return f"the CPU ({platform.processor() or platform.machine()}, {os.cpu_count()} cores)"


def make_images(train: int, test: int, seed: int = 0) -> Images:
    """Images like MNIST's, made of scikit-learn's digits; no digit is in both parts."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    large = zoom(digits.images * 255 / 16, (1, 2.5, 2.5), order=1)  # 8 x 8 pixels -> 20 x 20, as in MNIST
    x_train, x_test, y_train, y_test = train_test_split(large, digits.target, test_size=0.2, random_state=seed)
    random = np.random.default_rng(seed)
    made = {}
    for part, images, labels, count in (("train", x_train, y_train, train), ("test", x_test, y_test, test)):
        chosen = random.integers(len(images), size=count)
        made[f"x_{part}"] = np.stack([place_digit(images[index], random) for index in chosen])
        made[f"y_{part}"] = labels[chosen].astype("uint8")
    return made


def place_digit(digit: np.ndarray[Any, Any], random: np.random.Generator) -> np.ndarray[Any, Any]:
    """The digit somewhere near the middle of 28 x 28 pixels, with noise."""
    image = random.normal(0, 20, size=(28, 28))
    down, right = random.integers(1, 8, size=2)
    image[down : down + 20, right : right + 20] += digit
    return image.clip(0, 255).astype("uint8")


def load_images(file: Path) -> Images:
    with np.load(file) as arrays:
        return dict(arrays)


def bake_project(folder: Path) -> Path:
    answers = {"preset": "all", "project_slug": "baked"}
    made = cookiecutter(
        str(REPOSITORY), no_input=True, extra_context=answers, output_dir=str(folder), accept_hooks=False
    )
    return Path(made)


def compare(lesson: str, project: Path, file: Path, epochs: int) -> None:
    example = measure_example(lesson, file, epochs)
    print_row(lesson, "example", example)
    ours = measure_lesson(lesson, project, file, epochs)
    print_row(lesson, "lesson", ours)
    ratio = (ours.images / ours.seconds) / (example.images / example.seconds)
    print(f"{lesson:10}{'ratio':10}{ratio:>10.2f}{ours.accuracy - example.accuracy:>+10.4f}\n")


def print_row(lesson: str, what: str, outcome: Outcome) -> None:
    speed = outcome.images / outcome.seconds
    print(f"{lesson:10}{what:10}{outcome.seconds:>10.3f}{outcome.accuracy:>10.4f}{speed:>12,.0f}", flush=True)


def measure_example(lesson: str, file: Path, epochs: int) -> Outcome:
    command = [sys.executable, __file__, "--measure", lesson, "--file", str(file), "--epochs", str(epochs)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Outcome(*json.loads(ended.stdout.splitlines()[-1]))


def measure_lesson(lesson: str, project: Path, file: Path, epochs: int) -> Outcome:
    papermill.execute_notebook(
        prepare_lesson(lesson, project, file),
        project / f"{lesson}-executed.ipynb",
        parameters={"epochs": epochs, "dataset": "mnist"},
        cwd=project,
        progress_bar=False,
    )
    results_dir = project / "outputs" / lesson
    ends = [float(line) for line in (results_dir / "epoch_ends.jsonl").read_text().splitlines()]
    accuracy = json.loads((results_dir / "results.json").read_text())["accuracy"]
    images = len(load_images(file)["x_train"])
    return Outcome(seconds_of(ends), accuracy, images - images // 10)


def prepare_lesson(lesson: str, project: Path, file: Path) -> Path:
    """Write the lesson with the cells that load the images and note when epochs end; returns the notebook."""
    notebook = nbformat.read(project / f"notebooks/{lesson}.ipynb", as_version=4)
    insert_cell(notebook, f"{lesson}-data", LOADERS[lesson].format(path=str(file)), behind=False)
    insert_cell(notebook, "epoch-record", NOTE_EPOCHS, behind=True)
    prepared = project / f"{lesson}-prepared.ipynb"
    nbformat.write(notebook, prepared)
    return prepared


def insert_cell(notebook: nbformat.NotebookNode, cell_id: str, source: str, *, behind: bool) -> None:
    (place,) = (number for number, cell in enumerate(notebook.cells) if cell.id == cell_id)
    notebook.cells.insert(place + behind, nbformat.v4.new_code_cell(source.strip()))


def seconds_of(ends: list[float]) -> float:
    """The median time from the end of one epoch to the end of the next."""
    return statistics.median(after - before for before, after in itertools.pairwise(ends))


def train_keras_example(images: Images, epochs: int) -> Outcome:
    """Keras' example: float32 images, one-hot labels, a tenth for validation, batches of 128."""
    import keras
    from keras import layers

    x_train, x_test = (images[name].astype("float32")[..., None] / 255 for name in ("x_train", "x_test"))
    y_train, y_test = (keras.utils.to_categorical(images[name], 10) for name in ("y_train", "y_test"))
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    ends: list[float] = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    model.fit(x_train, y_train, batch_size=128, epochs=epochs, validation_split=0.1, callbacks=[note], verbose=0)
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    return Outcome(seconds_of(ends), float(accuracy), len(x_train) - len(x_train) // 10)


def train_pytorch_example(images: Images, epochs: int) -> Outcome:
    """PyTorch's example: a DataLoader that makes a tensor of each picture, Adadelta, batches of 64, a test an epoch."""
    import torch
    from torch.nn import functional
    from torch.utils.data import DataLoader

    there = torch.accelerator.is_available()
    device = torch.accelerator.current_accelerator() if there else torch.device("cpu")
    more: dict[str, Any] = {"num_workers": 1, "persistent_workers": True, "pin_memory": True} if there else {}
    train = DataLoader(as_dataset(images, "train"), batch_size=64, shuffle=True, **more)
    test = DataLoader(as_dataset(images, "test"), batch_size=1000, **more)
    model = make_pytorch_network().to(device)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    ends, accuracy = [], 0.0
    for _ in range(epochs):
        model.train()
        for data, target in train:
            optimizer.zero_grad()
            functional.nll_loss(model(data.to(device)), target.to(device)).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = sum(
                (model(data.to(device)).argmax(dim=1) == target.to(device)).sum().item() for data, target in test
            )
        accuracy = right / len(images["y_test"])
        scheduler.step()
        ends.append(time.perf_counter())
    return Outcome(seconds_of(ends), accuracy, len(images["y_train"]))


def as_dataset(images: Images, part: str) -> Any:
    """What torchvision's MNIST with ToTensor and Normalize does for each image, without torchvision."""
    import torch
    from PIL import Image

    class Digits(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(images[f"y_{part}"])

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            picture = Image.fromarray(images[f"x_{part}"][index])
            pixels = torch.from_numpy(np.array(picture)).unsqueeze(0).float() / 255
            return (pixels - 0.1307) / 0.3081, int(images[f"y_{part}"][index])

    return Digits()


def make_pytorch_network() -> Any:
    from torch import nn

    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)),
        *(nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10), nn.LogSoftmax(dim=1)),
    )


EXAMPLES = {"keras": train_keras_example, "pytorch": train_pytorch_example}

if __name__ == "__main__":
    main()
