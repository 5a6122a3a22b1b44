# %% id="framework" cellView="form"
# @title Keras, and the device it computes on
import os

os.environ["KERAS_BACKEND"] = backend
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0" if gpus else "3"  # without a GPU, TensorFlow complains at length

import keras


def find_device():
    """Multiply two matrices, check the product, and return where that was done: "gpu", "tpu" or "cpu"."""
    random = keras.random.normal((1000, 1000), seed=seed)
    matrix, product = map(keras.ops.convert_to_numpy, (random, keras.ops.matmul(random, random)))
    assert abs(product - matrix @ matrix).max() < 1, "the device computes wrong numbers"
    if backend == "torch":
        import torch

        devices = [f"gpu:{number}" for number in range(torch.cuda.device_count())] or ["cpu:0"]
    else:
        devices = keras.distribution.list_devices()
    print(f"Keras {keras.__version__} on {backend}\nDevices: {', '.join(devices)}")
    return next((kind for kind in ("gpu", "tpu") if any(kind in name for name in devices)), "cpu")


if keras.backend.backend() != backend:
    raise RuntimeError("Keras has started on another backend. Runtime > Restart session, then Run all.")
keras.utils.set_random_seed(seed)
device = find_device()
