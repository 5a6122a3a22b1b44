#:: if framework == "torch"
# %% id="torch" cellView="form"
# @title PyTorch, and the device it computes on
def check_torch():
    """Multiply two matrices on the device, and compare the product with the CPU's."""
    import torch

    has_cuda = torch.cuda.is_available()
    device = torch.device("cuda" if has_cuda else "cpu")
    # Random numbers of its own, so that those of the notebook stay the same.
    matrix = torch.randn(500, 500, generator=torch.Generator().manual_seed(0))
    product = (matrix.to(device) @ matrix.to(device)).cpu().double()
    assert (product - matrix.double() @ matrix.double()).abs().max() < 0.5, "the device computes wrong numbers"
    print(f"PyTorch {torch.__version__} computes correctly on: {device}")
    if require_gpu and not has_cuda:
        raise RuntimeError("This PyTorch cannot use the GPU. To go on without one, set require_gpu = False.")


check_torch()
#:: elif framework == "tensorflow"
# %% id="tensorflow" cellView="form"
# @title TensorFlow, and the devices it computes on
def check_tensorflow():
    """Multiply two matrices, and compare the product with NumPy's."""
    import numpy as np
    import tensorflow as tf

    matrix = np.random.default_rng(0).normal(size=(500, 500))
    product = tf.linalg.matmul(matrix.astype("float32"), matrix.astype("float32")).numpy()
    assert abs(product - matrix @ matrix).max() < 0.5, "the device computes wrong numbers"
    found = tf.config.list_physical_devices("GPU")
    print(f"TensorFlow {tf.__version__} computes correctly; GPUs: {len(found) or 'none'}")
    if require_gpu and not found:
        raise RuntimeError("TensorFlow cannot use the GPU. To go on without one, set require_gpu = False.")


check_tensorflow()
#:: elif framework == "keras"
# %% id="keras" cellView="form"
# @title Keras, and its backend
def check_keras():
    """Multiply two matrices, and compare the product with NumPy's."""
    import keras
    import numpy as np

    matrix = np.random.default_rng(0).normal(size=(500, 500))
    product = keras.ops.convert_to_numpy(keras.ops.matmul(matrix.astype("float32"), matrix.astype("float32")))
    assert abs(product - matrix @ matrix).max() < 0.5, "the device computes wrong numbers"
    print(f"Keras {keras.__version__} computes correctly on {keras.backend.backend()}")


check_keras()
#:: endif
