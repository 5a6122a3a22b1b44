"""Train a small convolutional network to read handwritten digits.

    python mnist_cnn.py --epochs 3

Without a network connection, scikit-learn's small digits stand in for MNIST. The output
folder gets the trained model (mnist_cnn.keras) and a line for each epoch (history.json).
"""

import argparse
import hashlib
import http.client
import json
import os
import time
import urllib.request
from pathlib import Path

import numpy as np

#:: set two_blank_lines = "\n"
#:: include "shared/mnist.py"
{{ two_blank_lines }}
#:: include "shared/small_digits.py"
{{ two_blank_lines }}
#:: include "shared/digits.py"
{{ two_blank_lines }}
def build_model():
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def read_options():
    parser = argparse.ArgumentParser(description="Train a small convolutional network to read handwritten digits.")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--dataset", choices=["auto", "mnist", "digits"], default="auto")
    parser.add_argument("--data", type=Path, default="data", help="folder for the downloaded images")
    parser.add_argument("--output", type=Path, default="outputs/mnist_cnn", help="folder for the results")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    if options.epochs < 1 or options.batch_size < 1:
        parser.error("--epochs and --batch-size must be at least 1")
    return options


def main():
    options = read_options()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # without a GPU, TensorFlow complains at length
    import keras  # here and not on top: it is slow to load, and --help should be quick

    keras.utils.set_random_seed(options.seed)
    used_dataset, ((x_train, y_train), (x_test, y_test)) = load_images(options.dataset, options.data)
    print(f"Data set: {used_dataset}, {len(x_train):,} images to train with, {len(x_test):,} to test")

    model = build_model()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = [time.perf_counter()]
    history = model.fit(
        x_train[..., None],
        y_train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=(x_test[..., None], y_test),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: clock.append(time.perf_counter()))],
        verbose=2,
    )

    loss, accuracy = model.evaluate(x_test[..., None], y_test, verbose=0)
    options.output.mkdir(parents=True, exist_ok=True)
    model.save(options.output / "mnist_cnn.keras")
    report = {
        "dataset": used_dataset,
        "training_images": len(x_train),
        "test_accuracy": accuracy,
        "test_loss": loss,
        "history": {**history.history, "seconds": np.diff(clock).round(2).tolist()},
    }
    (options.output / "history.json").write_text(json.dumps(report, indent=2))
    print(f"Test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
