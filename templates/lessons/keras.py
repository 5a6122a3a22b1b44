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
# %% id="framework" cellView="form"
# @title Keras, and the device it computes on
import os

os.environ["KERAS_BACKEND"] = backend
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0" if gpus else "3"  # else it complains at length

import keras

if keras.backend.backend() != backend:
    raise RuntimeError("Keras has started on another backend. Runtime > Restart session, then Run all.")
keras.utils.set_random_seed(seed)
print(f"Keras {keras.__version__} on {backend}")

# %% id="devices" cellView="form"
# @title Which devices does it find?
if backend == "tensorflow":
    import tensorflow as tf
    from tensorflow.python.client import device_lib

    device = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    print("GPU by name:", tf.test.gpu_device_name() or "none")
    print("All devices:", [device.name for device in device_lib.list_local_devices()])
elif backend == "jax":
    import jax

    device = jax.default_backend()
    print("All devices:", jax.devices())
else:
    import torch

    device = "gpu" if torch.cuda.is_available() else "cpu"
    print("GPU by name:", torch.cuda.get_device_name() if device == "gpu" else "none")

# %% id="compute" cellView="form"
# @title Does it compute right?
import time

matrix = keras.random.normal((1000, 1000), seed=seed)
started = time.perf_counter()
product = keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix))
print(f"1000 x 1000 times 1000 x 1000 took {1000 * (time.perf_counter() - started):.0f} ms")

matrix = keras.ops.convert_to_numpy(matrix)
assert abs(product - matrix @ matrix).max() < 1, "the device computes wrong numbers"
#:: endblock
#:: block lesson
#:: include "cells/mnist.py"
# %% [markdown] id="model-text"
# ## The model
#
# Two layers of small filters find strokes and corners, a last layer weighs them into ten answers.
# On a GPU, most of it computes in 16-bit numbers, and XLA fuses the steps: both for speed.

# %% id="model"
keras.config.set_dtype_policy("mixed_float16" if device == "gpu" else "float32")

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
model.summary()

# %% [markdown] id="train-text"
# ## Training
#
# After each epoch the state is written to `output_dir`. If Colab takes the machine away, run the notebook again: it goes on from there.

# %% id="train"
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile="auto" if device == "gpu" or backend == "jax" else False,
)
settings = f"{backend}-{used_dataset}-epochs{epochs}-lr{learning_rate}-batch{batch_size}-seed{seed}"
state = output_dir / f"unfinished-{settings}"  # the same settings again go on from it
log = output_dir / "history.csv"

started = time.perf_counter()
training = model.fit(
    x_train[..., None],
    y_train,
    batch_size=batch_size,
    epochs=epochs,
    validation_data=(x_test[..., None], y_test),
    callbacks=[
        keras.callbacks.CSVLogger(log, append=state.exists()),
        keras.callbacks.BackupAndRestore(state, double_checkpoint=True),
    ],
    verbose=2,
)
seconds = time.perf_counter() - started

# %% id="answer"
import csv

rows = {row["epoch"]: row for row in csv.DictReader(log.read_text().splitlines())}
history = {name: [float(row[name]) for row in rows.values()] for name in rows["0"]}
history["epoch"] = [int(epoch) + 1 for epoch in rows]  # Keras counts from 0
loss, accuracy = model.evaluate(x_test[..., None], y_test, verbose=0)
answers = model.predict(x_test[..., None], verbose=0).argmax(axis=1)
#:: include "cells/judge.py"

# %% [markdown] id="save-text"
# ## Keep the model
#
# Saved, loaded again, and checked: the copy must give the same answers.

# %% id="save"
import numpy as np

model.save(output_dir / "digits.keras")
copy = keras.models.load_model(output_dir / "digits.keras")
sample = x_test[:100, ..., None]
np.testing.assert_allclose(copy.predict(sample, verbose=0), model.predict(sample, verbose=0), atol=1e-3)
print("The saved model answers like the trained one.")

results = {
    "accuracy": round(float(accuracy), 4),
    "loss": round(float(loss), 4),
    "seconds_per_epoch": round(seconds / max(len(training.epoch), 1), 2),
    "used_dataset": used_dataset,
    "device": device,
}
#:: endblock
