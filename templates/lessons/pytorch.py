#:: extends "notebook.py"
#:: set lesson = "pytorch"
#:: set parameters
epochs = 3  # @param {type:"integer"}
batch_size = 128  # @param {type:"integer"}
learning_rate = 0.001  # @param {type:"number"}
dataset = "auto"  # @param ["auto", "mnist", "digits"]
#:: endset
#:: block framework
# %% id="framework" cellView="form"
# @title PyTorch, and the device it computes on
import torch


def check_device():
    """Multiply two matrices on the device, and compare the product with the CPU's."""
    matrix = torch.randn(1000, 1000, device=device)
    error = ((matrix @ matrix).cpu().double() - matrix.cpu().double() @ matrix.cpu().double()).abs().max().item()
    print(f"A product of two 1000 x 1000 matrices is off by {error:.5f} at most.")
    # TF32, the shorter numbers that newer GPUs can compute with, would be off by 0.1.
    assert error < 0.5, "the device computes wrong numbers"


torch.manual_seed(seed)
device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
print(f"PyTorch {torch.__version__}, built for CUDA {torch.version.cuda or '(none)'}, computes on: {device}")
if gpus and require_gpu and device.type == "cpu":
    raise RuntimeError("The driver sees a GPU, but this PyTorch cannot use it.")
check_device()
#:: endblock
#:: block lesson
# %% [markdown] id="data-text"
# ## The data
#
# MNIST is the most famous data set of machine learning: 70,000 digits written by hand, 28 x 28 pixels each, and for every one the right answer, its *label*. `torchvision.datasets` brings it along, with many others, and downloads it once.
#
# Without a network, or without torchvision, 1,797 smaller digits that come with scikit-learn stand in.

# %% id="small" cellView="form"
# @title A stand-in for when there is no network
import socket
from contextlib import contextmanager

import numpy as np

if dataset not in ("auto", "mnist", "digits"):
    raise ValueError(f'dataset must be "auto", "mnist" or "digits", not {dataset!r}')


#:: include "shared/network_timeout.py"


#:: include "shared/small_digits.py"

# %% id="data"
try:
    if dataset == "digits":
        raise OSError("the small digits were asked for")
    from torchvision import datasets

    with network_timeout(20):
        parts = [datasets.MNIST(results_dir / "data", train=train, download=True) for train in (True, False)]
    (x_train, y_train), (x_test, y_test) = [(part.data.numpy(), part.targets.numpy()) for part in parts]
    used_dataset = "mnist"
except (ImportError, OSError, RuntimeError) as error:
    if dataset == "mnist":
        raise
    print(f"Small digits instead of MNIST: {error}")
    (x_train, y_train), (x_test, y_test) = load_small_digits()
    used_dataset = "digits"

print(f"Data set: {used_dataset}, {len(x_train):,} images to train with, {len(x_test):,} to test")

# %% id="look"
#:: include "shared/look_at_digits.py"

# %% [markdown] id="dataset-text"
# ## Dataset and DataLoader
#
# A **Dataset** knows how many examples there are and returns any one of them, as **tensors**: PyTorch's arrays, which can also lie on a GPU. This is the place for reading a file, cropping, or changing colors. A **DataLoader** puts examples together into **batches**, in a new order in every epoch.
#
# Images of one color have the shape (1, 28, 28): the color channel comes first in PyTorch.


# %% id="dataset"
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    """Images as numbers from 0 to 1, and their labels."""

    def __init__(self, images, labels):
        self.images = torch.from_numpy(images).unsqueeze(1).float() / 255
        self.labels = torch.from_numpy(labels).long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


held_out = len(x_train) // 10
train_data = Digits(x_train[:-held_out], y_train[:-held_out])
val_data = Digits(x_train[-held_out:], y_train[-held_out:])
test_data = Digits(x_test, y_test)

# %% [markdown] id="split-text"
# The network learns from the **training set**. Whether it gets better is watched on a **validation set**, a tenth of the images that it does not learn from. The **test set** is used once, at the very end: whoever chooses settings by their test accuracy has, in a way, trained on the test. (The small digits are shifted for training and validation, not for the test, which is therefore easier.)

# %% id="loader"
train_loader = DataLoader(train_data, batch_size=batch_size, shuffle=True)
images, labels = next(iter(train_loader))
print(f"Training: {len(train_data):,} images, validation: {len(val_data):,}, test: {len(test_data):,}")
print("One batch:", tuple(images.shape), "and", tuple(labels.shape))

# %% [markdown] id="model-text"
# ## The model
#
# A model is a class derived from `nn.Module`. Its layers are made in `__init__`, and `forward` says how data flow through them. This one is a small **convolutional neural network** (CNN):
#
# - `Conv2d`: 32 **filters** of 3 x 3 pixels slide over the image, and each finds one kind of stroke. The second layer finds 64 kinds of corners and curves, made of those strokes.
# - `ReLU` makes negative numbers 0, `MaxPool2d` keeps of each 2 x 2 pixels only the strongest.
# - `Dropout` hides half of the numbers at random during training, so that the network does not rely on any single one. This is against **overfitting**, learning by heart.
# - `Linear` weighs what was found into ten **logits**, one for each digit: the larger, the more likely. **Softmax** would turn them into probabilities; the loss function below does that itself.


# %% id="model"
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64 * 5 * 5, 10))

    def forward(self, images):
        return self.classifier(self.features(images))


model = Network().to(device)
print(model)
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")

# %% [markdown] id="loop-text"
# ## The training loop
#
# These are the lines that you will find in every PyTorch program. For each batch:
#
# 1. The model computes its logits, and the **loss** says how wrong they are.
# 2. `backward` computes the **gradient**: for each parameter, in which direction the loss would grow.
# 3. The **optimizer** moves all parameters a little the other way. How far, that is the **learning rate**.
#
# Gradients add up until `zero_grad` clears them. The first ten batches are enough to see the loss fall.

# %% id="loop"
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

model.train()
for number, (images, labels) in enumerate(train_loader, start=1):
    logits = model(images.to(device))
    batch_loss = loss_fn(logits, labels.to(device))
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    print(f"batch {number:2}: loss {batch_loss.item():.3f}")
    if number == 10:
        break

# %% [markdown] id="fast-text"
# ## The same, faster
#
# Three things make the loop several times faster on a GPU, and change nothing about what it does:
#
# - All images fit into the memory of any GPU, so they are copied there once, and batches are cut out of them there. Keep the DataLoader for data that are too large for that, or spread over many files.
# - `channels_last` keeps all values of one pixel side by side in memory, which is how the fast routines for convolution want them.
# - **Mixed precision** (AMP): `autocast` computes most of it in 16-bit numbers. Very small gradients would become zero there, so the `GradScaler` multiplies the loss before `backward`, and divides again before the step.

# %% id="epoch"
mixed = device.type == "cuda"


def train_one_epoch():
    """One pass over the training set; returns the mean loss and the accuracy."""
    model.train()
    loss_sum, correct = torch.zeros((), device=device), torch.zeros((), device=device)  # no waiting for each batch
    for batch in torch.randperm(len(train_images), device=device).split(batch_size):
        with torch.autocast(device.type, dtype=torch.float16, enabled=mixed):
            logits = model(train_images[batch])
            batch_loss = loss_fn(logits, train_labels[batch])
        optimizer.zero_grad()
        scaler.scale(batch_loss).backward()
        scaler.step(optimizer)
        scaler.update()
        loss_sum += batch_loss.detach() * len(batch)
        correct += (logits.argmax(dim=1) == train_labels[batch]).sum()
    return loss_sum.item() / len(train_images), correct.item() / len(train_images)


# %% id="evaluate"
@torch.inference_mode()
def evaluate(model, data):
    """The mean loss, the accuracy, and the logits for each image."""
    model.eval()
    with torch.autocast(device.type, dtype=torch.float16, enabled=mixed):
        logits = torch.cat([model(part.to(device)) for part in data.images.split(1000)]).float().cpu()
    return loss_fn(logits, data.labels).item(), (logits.argmax(dim=1) == data.labels).float().mean().item(), logits


# %% [markdown] id="checkpoint-text"
# ## Checkpoints
#
# After each epoch, everything that training needs to go on is saved: the model, the optimizer's state, and that of the random numbers. If Colab takes the machine away, run the notebook again: it goes on from there, as if nothing had happened, provided that the results are on Drive (`use_drive`).
#
# The file gets its name only when it is complete, so there is never half a checkpoint. It serves only the same settings again. If you change the model, delete the `unfinished-...` file first.

# %% id="checkpoint"
settings = f"{device.type}-{used_dataset}-epochs{epochs}-lr{learning_rate}-batch{batch_size}-seed{seed}"
checkpoint_path = results_dir / f"unfinished-{settings}.pt"
generator = torch if device.type == "cpu" else torch.get_device_module(device)


def save_checkpoint():
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "random": generator.get_rng_state(),
        "history": history,
    }
    unfinished = checkpoint_path.with_suffix(".part")
    torch.save(checkpoint, unfinished)
    unfinished.replace(checkpoint_path)


def load_checkpoint():
    # A checkpoint may come from anywhere; with weights_only, loading runs no code from it.
    checkpoint = torch.load(checkpoint_path, map_location="cpu", weights_only=True)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scaler.load_state_dict(checkpoint["scaler"])
    generator.set_rng_state(checkpoint["random"])
    return checkpoint["history"]


# %% [markdown] id="train-text"
# ## Training
#
# `record_epoch` keeps the numbers of each epoch in this notebook, where sweeps look for them.

#:: include "cells/epoch.py"

# %% id="train"
import time

torch.manual_seed(seed)  # again: the same start, however often this cell runs
torch.backends.cudnn.deterministic = True  # else a GPU may add in another order each time
model = Network().to(device, memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
scaler = torch.amp.GradScaler("cuda", enabled=mixed)
train_images, train_labels = train_data.images.to(device), train_data.labels.to(device)

history = {"epoch": []}
if checkpoint_path.exists():
    history = load_checkpoint()
    print(f"Going on after epoch {history['epoch'][-1]}, from {checkpoint_path.name}")

for epoch in range(len(history["epoch"]) + 1, epochs + 1):
    start_time = time.perf_counter()
    latest = {"epoch": epoch}
    latest["loss"], latest["accuracy"] = train_one_epoch()
    latest["val_loss"], latest["val_accuracy"], _ = evaluate(model, val_data)
    latest["seconds"] = time.perf_counter() - start_time
    for quantity, value in latest.items():
        history.setdefault(quantity, []).append(value)
    save_checkpoint()
    print(", ".join(f"{quantity} {value:.4g}" for quantity, value in latest.items()))
    record_epoch(epoch, val_accuracy=round(latest["val_accuracy"], 4), val_loss=round(latest["val_loss"], 4))

checkpoint_path.unlink(missing_ok=True)  # finished: the next run trains from the start

# %% id="predict"
loss, accuracy, test_logits = evaluate(model, test_data)
probabilities = test_logits.softmax(dim=1).numpy()
predictions = probabilities.argmax(axis=1)
#:: include "cells/evaluate.py"

# %% [markdown] id="save-text"
# ## Keep the model
#
# `state_dict` holds the parameters, not the program: to load them, make the same model first. The loaded one must predict the same.

# %% id="save"
torch.save(model.state_dict(), results_dir / "digits.pt")

loaded = Network().to(device, memory_format=torch.channels_last)
loaded.load_state_dict(torch.load(results_dir / "digits.pt", map_location=device, weights_only=True))
torch.testing.assert_close(evaluate(loaded, test_data)[2], test_logits, rtol=0, atol=0.01)
print("The loaded model predicts the same as the trained one.")

results = {
    "accuracy": round(accuracy, 4),
    "loss": round(loss, 4),
    "val_accuracy": round(history["val_accuracy"][-1], 4),
    "val_loss": round(history["val_loss"][-1], 4),
    "seconds_per_epoch": round(sum(history["seconds"]) / epochs, 2),
    "used_dataset": used_dataset,
    "device": "gpu" if mixed else device.type,
}

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Set `learning_rate` to 1 in the form at the top and run again. What happens to the loss, and why is the accuracy about one in ten?
# 2. Replace Adam by `torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)`. Which learning rate does it need to be as good?
# 3. Let `Digits` shift each image by up to two pixels at random (`torch.roll`), but only for training. Does the validation accuracy rise? This is called *data augmentation*.
#
# **To look things up:** [Learn the basics](https://docs.pytorch.org/tutorials/beginner/basics/intro.html) · [Dataset and DataLoader](https://docs.pytorch.org/docs/stable/data.html) · [`nn.Module`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html) · [mixed precision](https://docs.pytorch.org/docs/stable/amp.html) · [saving and loading](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html) · [CNNs, explained](https://d2l.ai/chapter_convolutional-neural-networks/index.html)
#:: endblock
