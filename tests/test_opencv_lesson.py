"""The lesson "opencv" with photos of many kinds, good and bad, and with parameters at their limits."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from tests.support.cells import LessonCells

NOISE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


@pytest.fixture
def lesson(all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LessonCells]:
    pytest.importorskip("cv2")
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    yield LessonCells(all_lessons / "notebooks/opencv.ipynb", tmp_path)
    plt.close("all")


def encode(kind: str) -> bytes:
    file = BytesIO()
    Image.fromarray(NOISE).save(file, kind)
    return file.getvalue()


BAD_PHOTOS: dict[str, tuple[bytes, str]] = {
    "a file that is cut off": (encode("JPEG")[:2000], "truncated"),
    "an empty file": (b"", "no picture"),
    "a text": (b"hello", "no picture"),
    "a picture of nine pixels": (b"P6 3 3 255 " + bytes(27), "only 3 x 3 pixels"),
}


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_a_photo_that_cannot_be_used_gets_one_line_that_names_it(lesson: LessonCells, kind: str) -> None:
    content, reason = BAD_PHOTOS[kind]
    (lesson.folder / "photo.jpg").write_bytes(content)
    line = refuse(lesson, photo="photo.jpg")
    assert line.startswith("photo.jpg ")
    assert reason in line


def test_a_photo_that_is_not_there_and_a_folder_get_one_line(lesson: LessonCells) -> None:
    assert refuse(lesson, photo="nowhere.jpg").startswith("nowhere.jpg is not there. Upload")
    assert refuse(lesson, photo=".").startswith(". is a folder")
    assert refuse(lesson, photo="http://127.0.0.1:1/x.jpg").startswith("http://127.0.0.1:1/x.jpg cannot be used: ")


@pytest.mark.parametrize(("name", "value"), [("noise", -1), ("features", 0), ("frames", 1)])
def test_a_number_that_is_too_small_gets_one_line(lesson: LessonCells, name: str, value: int) -> None:
    assert refuse(lesson, **{name: value}).startswith(f"{name} must be at least ")


def refuse(lesson: LessonCells, **parameters: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        lesson.run("opencv-look", **parameters)
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value._render_traceback_() == [f"InputError: {line}"]  # type: ignore[attr-defined]
    return line


def write_sixteen_bits(path: Path) -> None:
    import cv2

    cv2.imwrite(str(path.with_suffix(".png")), (NOISE[..., :1].repeat(4, axis=2).astype(np.uint16) + 1) * 255)
    path.with_suffix(".png").replace(path)


def write_turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # how the camera was held: the picture is to be shown upright
    Image.fromarray(NOISE).save(path, "JPEG", exif=exif)


PHOTOS: dict[str, tuple[Callable[[Path], None], tuple[int, int]]] = {
    "CMYK": (lambda path: Image.fromarray(NOISE).convert("CMYK").save(path, "JPEG"), (480, 640)),
    "gray": (lambda path: Image.fromarray(NOISE[..., 0]).save(path, "PNG"), (480, 640)),
    "with alpha": (lambda path: Image.fromarray(NOISE).convert("RGBA").save(path, "PNG"), (480, 640)),
    "16 bits": (write_sixteen_bits, (480, 640)),
    "turned by EXIF": (write_turned, (640, 480)),
    "very wide": (lambda path: Image.fromarray(NOISE[:40].repeat(40, axis=1)).save(path, "PNG"), (32, 640)),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_any_kind_of_photo_becomes_three_channels_of_eight_bits(lesson: LessonCells, kind: str) -> None:
    write, shape = PHOTOS[kind]
    write(lesson.folder / "my photo")
    image = lesson.run("opencv-look", photo=" my photo ")["image"]
    assert image.shape == (*shape, 3)
    assert image.dtype == np.uint8
    assert 50 < image.mean() < 200


def test_a_photo_of_nothing_and_the_smallest_numbers_go_through(lesson: LessonCells) -> None:
    Image.new("RGB", (300, 500), "teal").save(lesson.folder / "teal.png")
    results = lesson.run(photo="teal.png", noise=0, features=1, frames=2)
    assert results["used_photo"] == "teal.png"
    assert results["edges_share"] == results["matches"] == results["harder_found"] == 0
    assert results["corner_error_px"] is None
    assert results["codes_read"] >= 2


def test_the_example_shows_what_the_texts_say_of_it(lesson: LessonCells) -> None:
    results = lesson.run()
    assert results["shapes_found"] == 18
    assert results["shapes_correct"] >= 16
    assert 2 <= results["codes_read"] <= 3
    assert results["corner_error_px"] < 3
    assert results["harder_found"] == 2
    assert "upside down: found" in lesson.names["titles"][0]
    assert results["points_followed"] > 100
    assert results["flow_error_px"] < 1
    assert {"edges.png", "shapes.png", "matches.png", "found.png", "tracks.png", "motion.gif"} <= {
        path.name for path in (lesson.folder / "outputs").iterdir()
    }
    assert lesson.changed_types() == {}
