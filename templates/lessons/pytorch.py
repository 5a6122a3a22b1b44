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

torch.manual_seed(seed)
print(f"PyTorch {torch.__version__}, built for CUDA {torch.version.cuda or '(none)'}")
print("torch.cuda.is_available():", torch.cuda.is_available())

# %% id="devices" cellView="form"
# @title Which device does it take?
device = torch.device("cpu")
if torch.cuda.is_available():
    device = torch.device("cuda")
    print("GPU by name:", torch.cuda.get_device_name())
    print("Compute capability: {}.{}".format(*torch.cuda.get_device_capability()))
elif torch.backends.mps.is_available():
    device = torch.device("mps")  # the GPU of a Mac
elif gpus and require_gpu:
    raise RuntimeError("The driver sees a GPU, but this PyTorch cannot use it.")
on_gpu = device.type == "cuda"
print("All tensors go to:", device)

# %% id="compute" cellView="form"
# @title Does it compute right?
import time

wait_for_device = torch.get_device_module(device).synchronize  # a GPU works on while Python goes on
matrix = torch.randn(1000, 1000, device=device)
matrix @ matrix  # the first product also loads libraries, so it is not timed
wait_for_device()
started = time.perf_counter()
product = matrix @ matrix
wait_for_device()
print(f"1000 x 1000 times 1000 x 1000 took {1000 * (time.perf_counter() - started):.1f} ms")

expected = matrix.cpu().double().numpy() @ matrix.cpu().double().numpy()
error = abs(product.cpu().numpy() - expected).max()
print(f"Largest difference from NumPy: {error:.5f}, in numbers up to {abs(expected).max():.0f}")
# TF32, the shorter numbers that newer GPUs can compute with, would be off by 0.1.
assert error < 0.5, "the device computes wrong numbers"
#:: endblock
#:: block lesson
#:: include "cells/mnist.py"
# %% [markdown] id="tensors-text"
# ## The data, on the device
#
# All images fit into the memory of any GPU, so they are copied there once and stay. That saves a copy for every batch. A `DataLoader`, which reads data piece by piece, is for data too big for that, or spread over many files.

# %% id="tensors"
def to_device(images, labels):
    """Images of numbers from 0 to 1, in one color, and their labels: tensors on the device."""
    images = torch.from_numpy(images).to(device).unsqueeze(1).float() / 255
    return images, torch.from_numpy(labels).to(device).long()


train_images, train_labels = to_device(x_train, y_train)
test_images, test_labels = to_device(x_test, y_test)
size = train_images.nbytes + test_images.nbytes
print(f"{tuple(train_images.shape)} and {tuple(test_images.shape)}: {size / 2**20:.0f} MiB on {device}")

# %% [markdown] id="model-text"
# ## The model
#
# Two layers of small filters find strokes and corners, a last layer weighs them into ten scores, one for each digit.
# The format `channels_last` keeps all values of one pixel side by side in memory, which is how the fast routines for such filters want them.

# %% id="model"
from torch import nn


def build_model():
    model = nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, kernel_size=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 5 * 5, 10),
    )
    return model.to(device, memory_format=torch.channels_last)


torch.manual_seed(seed)  # again: the same start, however often this cell runs
torch.backends.cudnn.deterministic = True  # else a GPU may add in another order each time
model = build_model()
print(model)
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} numbers to learn")

# %% [markdown] id="epoch-text"
# ## One epoch, step by step
#
# An epoch shows every training image to the model once, in a new order, a batch at a time.
# The loss says how wrong the scores of a batch are. `backward` finds out which way each number of the model would change it, and the optimizer moves them all a little, so that the loss falls.
#
# On an NVIDIA GPU, `autocast` lets most of it compute in 16-bit numbers, for speed. Very small numbers would become zero there, so the scaler multiplies the loss before `backward`, and divides again before the step.

# %% id="epoch"
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
scaler = torch.amp.GradScaler("cuda", enabled=on_gpu)
loss_of = nn.CrossEntropyLoss()


def train_one_epoch():
    model.train()
    total_loss = right = torch.zeros((), device=device)  # summed there: no waiting for each batch
    for batch in torch.randperm(len(train_images), device=device).split(batch_size):
        images, labels = train_images[batch], train_labels[batch]
        with torch.autocast(device.type, dtype=torch.float16, enabled=on_gpu):
            scores = model(images)
            batch_loss = loss_of(scores, labels)
        optimizer.zero_grad()
        scaler.scale(batch_loss).backward()
        scaler.step(optimizer)
        scaler.update()
        total_loss = total_loss + batch_loss.detach() * len(batch)
        right = right + (scores.argmax(dim=1) == labels).sum()
    return total_loss.item() / len(train_images), right.item() / len(train_images)


# %% id="evaluate"
@torch.inference_mode()
def evaluate(model, images, labels):
    """The loss, the accuracy, and the scores of all ten digits for each image."""
    model.eval()
    with torch.autocast(device.type, dtype=torch.float16, enabled=on_gpu):
        scores = torch.cat([model(part) for part in images.split(1000)]).float()
    right = (scores.argmax(dim=1) == labels).sum().item()
    return loss_of(scores, labels).item(), right / len(labels), scores


# %% [markdown] id="checkpoint-text"
# ## Checkpoints
#
# After each epoch, everything that training needs to go on is written to `output_dir`: the model, the optimizer's memory, and the state of the random numbers. If Colab takes the machine away, run the notebook again: it goes on from there, as if nothing had happened, provided that `output_dir` is on Drive.
#
# The file gets its name only when it is complete, so there is never half a checkpoint. It serves only the same settings again. If you stop the training and change the model, delete the `unfinished-...` file first.

# %% id="checkpoint"
settings = f"{device.type}-{used_dataset}-epochs{epochs}-lr{learning_rate}-batch{batch_size}-seed{seed}"
state = output_dir / f"unfinished-{settings}.pt"
random_numbers = torch if device.type == "cpu" else torch.get_device_module(device)


def save_checkpoint():
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "random": random_numbers.get_rng_state(),
        "history": history,
    }
    unfinished = state.with_suffix(".part")
    torch.save(checkpoint, unfinished)
    unfinished.replace(state)


# %% id="resume"
def load_checkpoint():
    # A checkpoint may come from anywhere; with weights_only, loading runs no code from it.
    checkpoint = torch.load(state, map_location="cpu", weights_only=True)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scaler.load_state_dict(checkpoint["scaler"])
    random_numbers.set_rng_state(checkpoint["random"])
    return checkpoint["history"]


# %% [markdown] id="train-text"
# ## Training

# %% id="train"
history = {"epoch": []}
if state.exists():
    history = load_checkpoint()
    print(f"Going on after epoch {history['epoch'][-1]}, from {state.name}")

for epoch in range(len(history["epoch"]) + 1, epochs + 1):
    started = time.perf_counter()
    latest = {"epoch": epoch}
    latest["loss"], latest["accuracy"] = train_one_epoch()
    latest["val_loss"], latest["val_accuracy"], _ = evaluate(model, test_images, test_labels)
    latest["seconds"] = time.perf_counter() - started
    for quantity, value in latest.items():
        history.setdefault(quantity, []).append(value)
    save_checkpoint()
    print(", ".join(f"{quantity} {value:.4g}" for quantity, value in latest.items()))

state.unlink(missing_ok=True)  # finished: the next run trains from the start

# %% id="answer"
loss, accuracy, scores = evaluate(model, test_images, test_labels)
answers = scores.argmax(dim=1).cpu().numpy()
#:: include "cells/judge.py"

# %% [markdown] id="save-text"
# ## Keep the model
#
# PyTorch saves the learned numbers, not the program: to load them, build the same model first. The copy must give the same answers.

# %% id="save"
torch.save(model.state_dict(), output_dir / "digits.pt")

copy = build_model()
copy.load_state_dict(torch.load(output_dir / "digits.pt", map_location=device, weights_only=True))
copy_loss, copy_accuracy, copy_scores = evaluate(copy, test_images[:100], test_labels[:100])
torch.testing.assert_close(copy_scores, scores[:100], rtol=0, atol=0.01)
print("The saved model answers like the trained one.")

results = {
    "accuracy": round(accuracy, 4),
    "loss": round(loss, 4),
    "seconds_per_epoch": round(sum(history["seconds"]) / epochs, 2),
    "used_dataset": used_dataset,
    "device": "gpu" if on_gpu else device.type,
}
#:: endblock
