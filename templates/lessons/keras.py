#:: extends "notebook.py"
#:: set lesson = "keras"
#:: set more_needed = "needed |= {name: name for name in ('tensorflow', 'jax', 'torch') if name == backend}"
#:: set parameters
epochs = 3  # @param {type:"integer"}
batch_size = 128  # @param {type:"integer"}
learning_rate = 0.001  # @param {type:"number"}
backend = "{{ 'jax' if 'TPU' in cookiecutter.accelerator else 'tensorflow' }}"  # @param ["tensorflow", "jax", "torch"]
dataset = "auto"  # @param ["auto", "mnist", "digits"]
#:: endset
#:: block framework
#:: include "cells/keras.py"
#:: endblock
#:: block lesson
# %% [markdown] id="data-text"
# ## The data
#
# MNIST is the most famous data set of machine learning: 70,000 digits written by hand, 28 x 28 pixels each, and for every one the right answer, its *label*. Keras brings it along: `keras.datasets.mnist.load_data()` downloads it once.
#
# Without a network, 1,797 smaller digits that come with scikit-learn stand in.

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
    with network_timeout(20):
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    used_dataset = "mnist"
except Exception as error:
    if dataset == "mnist":
        raise
    print(f"Small digits instead of MNIST: {error}")
    (x_train, y_train), (x_test, y_test) = load_small_digits()
    used_dataset = "digits"

print(f"Data set: {used_dataset}, {len(x_train):,} images to train with, {len(x_test):,} to test")

# %% id="look"
#:: include "shared/look_at_digits.py"

# %% [markdown] id="split-text"
# ## Three sets: training, validation, test
#
# The network learns from the **training set**. Whether it gets better is watched on a **validation set**, a tenth of the images that it does not learn from. The **test set** is used once, at the very end: whoever chooses settings by their test accuracy has, in a way, trained on the test. (The small digits are shifted for training and validation, not for the test, which is therefore easier.)
#
# A convolutional layer also wants to know the number of colors of an image. Ours have one, so the shape (28, 28) becomes (28, 28, 1).

# %% id="split"
held_out = len(x_train) // 10
x_val, y_val = x_train[-held_out:, ..., None], y_train[-held_out:]
x_fit, y_fit = x_train[:-held_out, ..., None], y_train[:-held_out]
print("Training:", x_fit.shape, " validation:", x_val.shape, " test:", x_test.shape)

# %% [markdown] id="model-text"
# ## The model
#
# A small **convolutional neural network** (CNN). From top to bottom:
#
# - `Rescaling`: numbers from 0 to 1 instead of 0 to 255, because networks learn best from small numbers.
# - `Conv2D`: 32 **filters** of 3 x 3 pixels slide over the image, and each finds one kind of stroke. The second layer finds 64 kinds of corners and curves, made of those strokes.
# - `MaxPooling2D`: of each 2 x 2 pixels only the strongest stays. The picture shrinks, and where exactly a stroke was matters less.
# - `Dropout`: during training, half of the numbers are hidden at random, so that the network does not rely on any single one. This is against **overfitting**, learning by heart.
# - `Dense` with **softmax**: ten numbers that add up to 1, the probability of each digit.
#
# `compile` says how to learn: the **loss** measures how wrong the probabilities are, and the **optimizer** Adam changes the parameters a little after every batch so that it falls. How far, that is the **learning rate**.


# %% id="model"
def build_model(learning_rate):
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile="auto" if device != "cpu" or backend == "jax" else False,  # XLA: compiling pays off on a GPU
    )
    return model


model = build_model(learning_rate)
model.summary()

# %% [markdown] id="try-text"
# ## A first try
#
# `fit` is all it takes. An **epoch** shows every image once, in **batches**. Two thousand images and one epoch are a quick check that everything fits together.

# %% id="try"
keras.utils.set_random_seed(seed)
first_try = build_model(0.001)
first_try.fit(x_fit[:2000], y_fit[:2000], batch_size=32, validation_data=(x_val, y_val), verbose=2)

# %% [markdown] id="wrong-text"
# And a wrong one: a learning rate of 1, a thousand times as large. Each step jumps far past the goal, and the network ends up guessing: with ten digits, that is right one time in ten. If your own training looks like this, try a smaller learning rate first.

# %% id="wrong"
wrong_try = build_model(1.0)
wrong_try.fit(x_fit[:2000], y_fit[:2000], batch_size=32, validation_data=(x_val, y_val), verbose=2)

tries = {"learning rate 0.001": first_try, "learning rate 1": wrong_try}
figure, ax = plt.subplots(figsize=(6, 2))
for name, attempt in tries.items():
    ax.barh(name, attempt.history.history["val_accuracy"][-1])
ax.axvline(0.1, color="gray", linestyle=":")
ax.set(title="Validation accuracy (dotted: guessing)", xlim=(0, 1))
plt.show()

# %% [markdown] id="train-text"
# ## Training
#
# Now all images, for `epochs` epochs, with three **callbacks**, which `fit` calls after each epoch:
#
# - `CSVLogger` writes the numbers into a file.
# - `BackupAndRestore` saves the state. If the session ends in between, run the notebook again: it goes on from there. On Colab, the file must be on Drive for that (`use_drive`), because the machine's own disk is wiped.
# - `record_epoch` keeps the numbers in this notebook, where sweeps look for them.
#
# On a GPU, **mixed precision** computes most of it in 16-bit numbers, for speed.

#:: include "cells/epoch.py"

# %% id="train"
import time

keras.config.set_dtype_policy("mixed_float16" if device == "gpu" else "float32")
keras.utils.set_random_seed(seed)
model = build_model(learning_rate)
settings = f"{backend}-{used_dataset}-epochs{epochs}-lr{learning_rate}-batch{batch_size}-seed{seed}"
backup = results_dir / f"unfinished-{settings}"  # only the same settings go on from it

start_time = time.perf_counter()
training = model.fit(
    x_fit,
    y_fit,
    batch_size=batch_size,
    epochs=epochs,
    validation_data=(x_val, y_val),
    callbacks=[
        keras.callbacks.CSVLogger(results_dir / "history.csv", append=backup.exists()),
        keras.callbacks.BackupAndRestore(backup, double_checkpoint=True),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: record_epoch(
                epoch + 1, val_accuracy=round(logs["val_accuracy"], 4), val_loss=round(logs["val_loss"], 4)
            )
        ),
    ],
    verbose=2,
)
seconds = time.perf_counter() - start_time

# %% [markdown] id="curves-text"
# `training.history` holds the curves too, but only since the last start. The file holds all epochs.

# %% id="history"
import pandas as pd

history = pd.read_csv(results_dir / "history.csv").drop_duplicates("epoch", keep="last")
history["epoch"] += 1  # Keras counts from 0
history.round(4)

# %% id="predict"
loss, accuracy = model.evaluate(x_test[..., None], y_test, verbose=0)
probabilities = model.predict(x_test[..., None], verbose=0)
predictions = probabilities.argmax(axis=1)
#:: include "cells/evaluate.py"

# %% [markdown] id="filters-text"
# ## What does it see?
#
# The first convolutional layer makes 32 pictures out of one, its **feature maps**: dark is where a filter found its stroke.

# %% id="filters"
first_layer = keras.Model(model.inputs[0], model.layers[1].output)
maps = np.asarray(keras.ops.convert_to_numpy(first_layer(x_test[:1, ..., None])), "float32")[0]
figure, axes = plt.subplots(2, 8, figsize=(10, 3))
for number, ax in enumerate(axes.flat):
    ax.imshow(maps[..., number], cmap="gray_r")
    ax.axis("off")
figure.suptitle("One digit, seen by 16 filters")
plt.show()

# %% [markdown] id="save-text"
# ## Keep the model
#
# `save` writes layers, parameters and the optimizer's state into one file. Loaded again, the model must predict the same.

# %% id="save"
model.save(results_dir / "digits.keras")
loaded = keras.models.load_model(results_dir / "digits.keras")
np.testing.assert_allclose(loaded.predict(x_test[:100, ..., None], verbose=0), probabilities[:100], atol=1e-3)
print("The loaded model predicts the same as the trained one.")

results = {
    "accuracy": round(float(accuracy), 4),
    "loss": round(float(loss), 4),
    "val_accuracy": round(float(history["val_accuracy"].iloc[-1]), 4),
    "val_loss": round(float(history["val_loss"].iloc[-1]), 4),
    "seconds_per_epoch": round(seconds / max(len(training.epoch), 1), 2),
    "used_dataset": used_dataset,
    "device": device,
}

# %% [markdown] id="own-text"
# ## Your own handwriting
#
# Write a digit with any painting program, white on black and square, save it as a PNG file, and give its name to `read_digit`. Until then, a file made from a test image stands in.

# %% id="own"
def read_digit(path):
    """The most likely digit in a picture file, and its probability."""
    picture = keras.utils.load_img(path, color_mode="grayscale", target_size=(28, 28))
    pixels = keras.utils.img_to_array(picture)  # the shape is (28, 28, 1)
    probability = model.predict(pixels[None], verbose=0)[0]  # fit and predict take batches: this one holds one image
    return int(probability.argmax()), float(probability.max())


my_picture = results_dir / "my_digit.png"
keras.utils.save_img(my_picture, x_test[0][..., None], scale=False)
digit, probability = read_digit(my_picture)
plt.figure(figsize=(2, 2))
plt.imshow(keras.utils.load_img(my_picture, color_mode="grayscale"), cmap="gray")
plt.title(f"a {digit}, probability {probability:.1%}")
plt.axis("off")
plt.show()

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Set `learning_rate` to 0.00001 in the form at the top and run again. What do the curves look like, and what would help besides a larger one?
# 2. Add a `Dense` layer of 100 units with `activation="relu"` before the last one. How many parameters has the network now, and does the validation accuracy rise?
# 3. What does `read_digit` say to a letter, to black on white, to a digit in a corner? Why is it so sure even then?
#
# **To look things up:** [Keras' own introduction](https://keras.io/getting_started/intro_to_keras_for_engineers/) · [layers](https://keras.io/api/layers/) · [`fit` and `evaluate`](https://keras.io/api/models/model_training_apis/) · [callbacks](https://keras.io/api/callbacks/) · [mixed precision](https://keras.io/api/mixed_precision/) · [CNNs, explained](https://d2l.ai/chapter_convolutional-neural-networks/index.html)
#:: endblock
