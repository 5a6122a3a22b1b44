# %% cellView="form"
# @title NumPy, and what this machine computes
import numpy as np


def check_numpy():
    """Invert a matrix, and check the result."""
    import time

    matrix = np.random.default_rng(seed).normal(size=(1000, 1000))
    started = time.perf_counter()
    inverse = np.linalg.inv(matrix)
    milliseconds = 1000 * (time.perf_counter() - started)
    assert np.allclose(matrix @ inverse, np.eye(1000), atol=1e-6), "the CPU computes wrong numbers"
    print(f"NumPy {np.__version__}: inverting a 1000 x 1000 matrix took {milliseconds:.0f} ms")


check_numpy()
