import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.afterfork import count_blas_threads
from colab_starter.run.kernels.forkserver import ForkServer
from tests.run.kernels.talks import Talk, talk_through
from tests.support.marks import weekly

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, CORES),
        ({"OPENBLAS_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1000"}, CORES),
        ({"OMP_NUM_THREADS": "2,1"}, CORES),
        ({"OPENBLAS_NUM_THREADS": "0"}, CORES),
    ],
)
def test_blas_gets_the_threads_that_it_would_start_with(environment: dict[str, str], threads: int) -> None:
    assert count_blas_threads(environment) == threads


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ForkServer(WarmPlan(("numpy", "numpy.random")), {}, tmp_path_factory.mktemp("server") / "log")
    yield server
    server.close()


def ask(server: ForkServer, cell: str, folder: Path, *, warm: bool = True) -> str:
    return talk_through(server, Talk([cell], str(folder), warm=warm)).stdout


@pytest.mark.parametrize("number", ["random.random()", "np.random.rand()", "np.random.default_rng().random()"])
def test_numbers_that_nobody_has_seeded_differ(number: str, server: ForkServer, tmp_path: Path) -> None:
    cell = f"import random, numpy as np; print({number})"
    assert ask(server, cell, tmp_path) != ask(server, cell, tmp_path)


def test_seeded_numbers_and_blas_give_what_a_cold_kernel_gives(server: ForkServer, tmp_path: Path) -> None:
    cell = """
import hashlib, os, numpy as np
matrix = np.random.default_rng(7).normal(size=(300, 300))
results = [matrix @ matrix.T, np.linalg.inv(matrix), np.linalg.svd(matrix)[1]]
print([hashlib.sha256(result.tobytes()).hexdigest() for result in results], os.environ.get("OPENBLAS_NUM_THREADS"))
from threadpoolctl import threadpool_info
print([(library["internal_api"], library["num_threads"]) for library in threadpool_info()])
"""
    assert ask(server, cell, tmp_path) == ask(server, cell, tmp_path, warm=False)


TRAININGS = {
    "torch": """
import torch
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 3))
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.rand(64, 1, 8, 8), torch.randint(3, (64,))
for _ in range(20):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
print(repr(loss.item()))
""",
    "keras": """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
keras.utils.set_random_seed(1)
x, y = np.random.rand(64, 8, 8, 1), np.random.randint(3, size=64)
layers = [keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(3)]
model = keras.Sequential(layers)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(loss=loss, jit_compile=False)
print(model.fit(x, y, epochs=3, verbose=0).history["loss"])
""",
    "xgboost": """
import numpy as np
import xgboost
random = np.random.default_rng(1)
x, y = random.normal(size=(500, 8)), random.integers(2, size=500)
model = xgboost.XGBClassifier(n_estimators=30, subsample=0.7, random_state=1).fit(x, y)
print(model.predict_proba(x)[:9].tolist())
""",
    "cv2": """
import cv2
import numpy as np
picture = np.random.default_rng(1).integers(256, size=(400, 400, 3), dtype=np.uint8)
found = cv2.ORB_create().detectAndCompute(cv2.GaussianBlur(picture, (9, 9), 0), None)[1]
compact, labels, centers = cv2.kmeans(
    picture.reshape(-1, 3).astype(np.float32), 4, None, (3, 5, 0.1), 2, cv2.KMEANS_RANDOM_CENTERS)
print(int(found.sum()), compact, centers.tolist())
""",
}


UNSEEDED = {
    "torch": "import torch; print(torch.rand(1).item())",
    "keras": "import keras, tensorflow as tf; print(keras.random.uniform((1,)), tf.random.uniform(()).numpy())",
    "xgboost": "import numpy, xgboost; print(numpy.random.rand())",
    "cv2": "import cv2, random; print(random.random())",
}


@pytest.mark.slow
@pytest.mark.parametrize("library", [weekly(name) if name in ("keras", "torch") else name for name in TRAININGS])
def test_training_in_a_fork_gives_what_a_cold_kernel_gives_and_unseeded_numbers_differ(
    library: str, tmp_path: Path
) -> None:
    pytest.importorskip(library)
    environment = {"KERAS_BACKEND": "tensorflow"} if library == "keras" else {}
    server = ForkServer(WarmPlan((library, "numpy")), environment, tmp_path / "log")
    cells = [f"{UNSEEDED[library]}; print('trained:')", TRAININGS[library]]  # which is seeded
    talks = [talk_through(server, Talk(cells, str(tmp_path), warm=warm)).stdout for warm in (True, True, False)]
    server.poll()
    server.close()
    numbers, trained = zip(*(text.split("trained:\n") for text in talks), strict=True)
    assert server.left_out == {}
    assert len(set(numbers)) == 3
    assert trained[0] == trained[1] == trained[2] != ""
