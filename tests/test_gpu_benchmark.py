"""``benchmarks/gpu.py``: its images, and where its cells come to stand. It measures by hand only."""

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu import FRAMEWORKS, make_images, prepare_lesson, seconds_of
from tests.conftest import read_notebook


def test_the_images_have_mnist_s_shape_and_every_digit_and_are_the_same_each_time() -> None:
    images, again = make_images(300, 100), make_images(300, 100)
    assert {name: (array.shape, array.dtype.name) for name, array in images.items()} == {
        "x_train": ((300, 28, 28), "uint8"),
        "y_train": ((300,), "uint8"),
        "x_test": ((100, 28, 28), "uint8"),
        "y_test": ((100,), "uint8"),
    }
    assert set(images["y_train"]) == set(images["y_test"]) == set(range(10))
    assert all(np.array_equal(images[name], again[name]) for name in images)


def test_the_digits_can_be_told_apart() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    images = make_images(2000, 200)
    x_train, x_test = (images[name].reshape(-1, 784) / 255 for name in ("x_train", "x_test"))
    accuracy = KNeighborsClassifier(3).fit(x_train, images["y_train"]).score(x_test, images["y_test"])
    assert accuracy > 0.8


@pytest.mark.parametrize("lesson", FRAMEWORKS)
def test_the_lesson_loads_the_images_and_notes_its_epochs(lesson: str, all_lessons: Path, tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    shutil.copy(all_lessons / f"notebooks/{lesson}.ipynb", tmp_path / "notebooks")
    cells = read_notebook(prepare_lesson(lesson, tmp_path, tmp_path / "it's.npz")).cells
    ids = [cell.id for cell in cells]
    loader, noter = cells[ids.index(f"{lesson}-data") - 1], cells[ids.index("epoch-record") + 1]
    assert str(tmp_path / "it's.npz") in {
        node.value for node in ast.walk(ast.parse(loader.source)) if isinstance(node, ast.Constant)
    }
    assert "def record_epoch(step, *, keep=record_epoch, **metrics)" in noter.source


def test_the_first_epoch_is_not_counted() -> None:
    assert seconds_of([100.0, 102.0, 105.0, 107.0]) == 2
