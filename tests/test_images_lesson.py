"""The lesson "images" with folders of many kinds, good and bad: what it says, and how well it learns.

The cells that read pictures are executed in this process, without Keras, as far as each test needs them. One real
run with papermill shows what the network learns; ``test_lessons.py`` runs the notebook with its own example.
"""

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib import font_manager
from nbformat import NotebookNode
from PIL import Image, ImageDraw, ImageOps

from tests.conftest import printed, read_notebook
from tests.test_lessons import OTHER_BACKENDS, SCRAP, run_papermill

SIZE = 32
NEEDS_KERAS = ("keras-", "images-idea", "images-batches", "images-augment")
SLOW_TO_DRAW = ("images-grid",)


class Lesson:
    """The cells that find, read and split pictures, what they printed, and the variables that they left."""

    def __init__(self, notebook: Path, folder: Path) -> None:
        self.cells = [cell for cell in read_notebook(notebook).cells if cell.cell_type == "code"]
        self.folder = folder
        self.names: dict[str, Any] = {}

    def run(
        self, data: Path | str, until: str = "images-split", *, also: tuple[str, ...] = (), **parameters: Any
    ) -> str:
        """What the cells printed, up to ``until`` and with it; ``also`` names cells after that."""
        imports = {"np": np, "plt": plt, "Image": Image, "ImageDraw": ImageDraw}
        self.names = {"__name__": "__main__", "device": "cpu", **imports}
        ids = [cell.id for cell in self.cells]
        skipped = ("runtime", "machine", "install", *NEEDS_KERAS, *(SLOW_TO_DRAW if until not in SLOW_TO_DRAW else ()))
        chosen = [cell for cell in self.cells[: ids.index(until) + 1] if not cell.id.startswith(skipped)]
        chosen += [cell for cell in self.cells if cell.id in also]
        with redirect_stdout(StringIO()) as output:
            for cell in chosen:
                exec(compile(cell.source, cell.id, "exec"), self.names)
                if "parameters" in cell.metadata.get("tags", []):
                    self.names |= {"output_dir": str(self.folder / "outputs"), "image_size": SIZE}
                    self.names |= {"data": str(data), **parameters}
        return output.getvalue()

    def error(self, data: Path | str, **parameters: Any) -> str:
        """The line with which the lesson refuses a folder."""
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            self.run(data, **parameters)
        assert type(caught.value).__name__ == "DataError"
        line = str(caught.value)
        assert "\n" not in line
        assert caught.value._render_traceback_() == [f"DataError: {line}"]  # type: ignore[attr-defined]
        return line

    def read(self, path: Path) -> np.ndarray[Any, Any]:
        """The pixels that it makes of one picture."""
        if "read_picture" not in self.names:
            self.run("", "images-read")
        pixels: np.ndarray[Any, Any] = self.names["read_picture"](path)
        return pixels

    def counts(self, part: str = "") -> dict[str, int]:
        """How many pictures of each class are used, in all or in a part."""
        pictures = self.names["pictures"]
        chosen = pictures[pictures["part"] == part] if part else pictures
        return {str(name): int(count) for name, count in chosen["label"].value_counts().sort_index().items()}


@pytest.fixture
def lesson(all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lesson]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    matplotlib.use("agg")
    with matplotlib.rc_context():
        yield Lesson(all_lessons / "notebooks/images.ipynb", tmp_path)
    plt.close("all")


def draw(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A picture that no other seed gives."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype("uint8"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    seeds = iter(range(100_000))

    def write(name: str = "data", /, **classes: int) -> Path:
        """A folder with a folder for each class; ``__`` in a name stands for a folder in it."""
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for path, count in classes.items():
            inner = folder / path.replace("__", "/")
            inner.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                draw(next(seeds)).save(inner / f"{number}.png")
        return folder

    return write


Write = Callable[..., Path]


def test_pictures_are_found_counted_and_split_so_that_each_class_is_in_each_set(lesson: Lesson, write: Write) -> None:
    output = lesson.run(write(cat=20, dog=10, fox=5))
    assert f"35 pictures, each {SIZE} x {SIZE} pixels with 3 colors" in output
    assert lesson.counts() == {"cat": 20, "dog": 10, "fox": 5}
    assert lesson.counts("test") == lesson.counts("validation") == {"cat": 4, "dog": 2, "fox": 1}
    rows = [set(lesson.names[f"{part}_rows"]) for part in ("train", "validation", "test")]
    assert len(set.union(*rows)) == sum(map(len, rows)) == 35
    names = lesson.names["pictures"]
    assert all(path.startswith(label) for path, label in zip(names["path"], names["label"], strict=True))


def test_the_split_depends_on_the_seed_alone(lesson: Lesson, write: Write) -> None:
    data, tests = write(cat=20, dog=20), []
    for seed in (1, 1, 2):
        lesson.run(data, seed=seed)
        tests.append(list(lesson.names["test_rows"]))
    assert tests[0] == tests[1] != tests[2]


def test_a_single_class_is_refused(lesson: Lesson, write: Write) -> None:
    line = "There is one class only, 'cat': put pictures of something else into a folder beside it."
    assert lesson.error(write(cat=8)) == line
    assert lesson.error(write("nested", archive__pictures__cat=8)) == line
    assert lesson.error(write("empty beside", cat=8, dog=0)) == line


def test_an_empty_folder_and_one_without_pictures_are_refused(lesson: Lesson, write: Write) -> None:
    data = write(cat=0, dog=0)
    assert lesson.error(data) == f"{data} is empty."
    (data / "cat/notes.txt").write_text("no picture")
    assert lesson.error(data) == f"In {data} there are no pictures."


def test_loose_pictures_without_classes_are_refused(lesson: Lesson, write: Write) -> None:
    data = write(cat=8)
    line = f"{data / 'cat'} holds 8 pictures, but no folders. Put those of each class into a folder with its name."
    assert lesson.error(data / "cat") == line


def test_loose_pictures_beside_the_classes_are_ignored_and_counted(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    draw(1).save(data / "logo.png")
    assert "1 pictures in data lie in no class's folder, and are ignored: logo.png" in lesson.run(data)
    assert lesson.counts() == {"cat": 8, "dog": 8}


def test_a_single_file_is_refused(lesson: Lesson, write: Write) -> None:
    line = lesson.error(write(cat=1) / "cat/0.png")
    assert line == "0.png is a single file: data is a folder, or an archive, with a folder of pictures for each class."


def test_damaged_pictures_are_left_out_counted_and_named(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    whole = io.BytesIO()
    draw(1, (300, 300)).save(whole, "jpeg")
    (data / "cat/a_half.jpg").write_bytes(whole.getvalue()[:3000])
    (data / "cat/b_empty.png").touch()
    (data / "dog/c_page.gif").write_text("<html>not found</html>")
    (data / "dog/d_half.png").write_bytes((data / "dog/1.png").read_bytes()[:500])
    output = lesson.run(data)
    assert "4 pictures cannot be read, and are left out: cat/a_half.jpg (" in output
    assert "; cat/b_empty.png (cannot identify image file" in output
    assert "; …" in output
    assert str(data / "cat") not in output.partition("left out:")[2]
    assert lesson.counts() == {"cat": 8, "dog": 8}


def test_if_no_picture_can_be_read_that_is_said(lesson: Lesson, write: Write) -> None:
    data = write(cat=0, dog=0)
    for name in ("cat/1.jpg", "dog/1.jpg"):
        (data / name).touch()
    assert lesson.error(data) == "Two classes with 5 pictures or more are needed, but there are none."


def test_a_picture_that_unpacks_to_gigabytes_is_left_out(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    Image.new("1", (10_000, 10_000)).save(data / "cat/bomb.png")
    output = lesson.run(data)
    assert "1 pictures cannot be read, and are left out: cat/bomb.png (Image size (100000000 pixels)" in output


def test_other_files_are_ignored_and_counted_and_hidden_ones_are_not_mentioned(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    (data / "__MACOSX").mkdir()
    for name in ("README.md", "cat/labels.csv", ".DS_Store", "dog/._0.png", "cat/Thumbs.db", "__MACOSX/._1.jpg"):
        (data / name).write_text("x")
    for name in (".git", "__MACOSX/cat"):
        (data / name).mkdir()
        draw(3).save(data / name / "a.png")
    output = lesson.run(data)
    assert "2 files are no pictures, and are ignored: README.md, cat/labels.csv\n" in output
    assert lesson.counts() == {"cat": 8, "dog": 8}


def test_a_folder_of_a_class_without_pictures_is_named(lesson: Lesson, write: Write) -> None:
    assert "No pictures are in fox\n" in lesson.run(write(cat=8, dog=8, fox=0))


def test_archives_in_place_of_folders_are_named_and_an_archive_in_an_archive_is_unpacked(
    lesson: Lesson, write: Write, tmp_path: Path
) -> None:
    inner = Path(shutil.make_archive(str(tmp_path / "inner"), "zip", write(cat=5, dog=5)))
    outer = tmp_path / "outer"
    outer.mkdir()
    shutil.copy(inner, outer / "all.zip")
    lesson.run(shutil.make_archive(str(outer), "gztar", outer))
    assert lesson.counts() == {"cat": 5, "dog": 5}
    shutil.copy(inner, outer / "more.zip")
    line = f"In {outer} there are no pictures, but archives: all.zip, more.zip. Unpack them first."
    assert lesson.error(outer) == line


def test_a_test_set_without_a_training_set_is_refused(lesson: Lesson, write: Write) -> None:
    data = write(val__cat=5, val__dog=5, Testing__cat=5, Testing__dog=5)
    assert lesson.error(data) == f"{data} holds Testing, val, but no folder called train."


def test_a_path_may_stand_in_quotes(lesson: Lesson, write: Write) -> None:
    lesson.run(f' "{write(cat=5, dog=5)}" ')
    assert lesson.counts() == {"cat": 5, "dog": 5}


def test_two_pictures_a_class_are_refused(lesson: Lesson, write: Write) -> None:
    line = lesson.error(write(cat=2, dog=2))
    assert line == "Two classes with 5 pictures or more are needed, but cat has 2, dog has 2."
    assert lesson.error(write("other", cat=9, dog=4)).endswith("but cat has 9, dog has 4.")


def test_a_class_with_few_pictures_is_left_out(lesson: Lesson, write: Write) -> None:
    assert "Left out, because they have fewer than 5 pictures: fox\n" in lesson.run(write(cat=8, dog=8, fox=4))
    assert lesson.counts() == {"cat": 8, "dog": 8}


def test_a_class_with_ten_times_the_pictures_is_told_and_weighs_less_for_each(lesson: Lesson, write: Write) -> None:
    output = lesson.run(write(cat=60, dog=6), also=("images-weights",))
    assert "'cat' has 10 times as many pictures as 'dog'." in output
    weights, trained = lesson.names["class_weights"], lesson.names["train_counts"]
    assert weights[0] * trained[0] == pytest.approx(weights[1] * trained[1])
    assert sum(weights[n] * trained[n] for n in (0, 1)) == pytest.approx(len(lesson.names["train_rows"]))


def test_copies_are_used_once(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    for name in ("x.png", "y.png"):
        shutil.copy(data / "cat/2.png", data / "cat" / name)
    Image.open(data / "dog/0.png").save(data / "dog/z.bmp")  # other bytes, the same picture
    output = lesson.run(data)
    assert "3 pictures are copies of others: they are left out" in output
    assert "would be a leak. dog/z.bmp is the same as dog/0.png\n" in output
    assert lesson.counts() == {"cat": 8, "dog": 8}


def test_a_picture_in_two_classes_is_left_out_of_both(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    shutil.copy(data / "cat/2.png", data / "dog/x.png")
    output = lesson.run(data)
    assert "2 pictures are in two classes, so one of them is wrong: both are left out. dog/x.png is the same" in output
    assert lesson.counts() == {"cat": 7, "dog": 8}


def test_a_test_picture_that_is_in_the_training_too_is_told_as_a_leak(lesson: Lesson, write: Write) -> None:
    data = write(train__cat=8, train__dog=8, test__cat=3, test__dog=3)
    shutil.copy(data / "train/cat/2.png", data / "test/cat/x.png")
    output = lesson.run(data)
    assert "1 pictures are also in the training, a leak: they are left out of the test and validation" in output
    assert "test/cat/x.png is the same as train/cat/2.png" in output
    assert lesson.counts("test") == {"cat": 3, "dog": 3}
    assert {**lesson.counts("train"), **lesson.counts("validation")}.keys() == {"cat", "dog"}


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training_Set", "validation", "TEST SET"), ("training", "valid", "testing")]
)
def test_sets_that_the_user_has_made_are_taken(lesson: Lesson, write: Write, names: tuple[str, ...]) -> None:
    folders = dict(zip(("train", "validation", "test"), names, strict=True))
    sizes = {"train": 8, "validation": 3, "test": 4}
    data = write(**{f"pets__{folders[part]}__{name}": size for part, size in sizes.items() for name in ("cat", "dog")})
    lesson.run(data)
    assert {part: lesson.counts(part) for part in sizes} == {n: {"cat": size, "dog": size} for n, size in sizes.items()}
    pictures = lesson.names["pictures"]
    assert [path.split("/")[1] for path in pictures["path"]] == [folders[part] for part in pictures["part"]]


def test_a_set_that_the_user_has_not_made_is_taken_from_the_training(lesson: Lesson, write: Write) -> None:
    output = lesson.run(write(train__cat=10, train__dog=10, test__cat=4, test__fox=4, more__x=1))
    assert "Left out, because there are no training pictures of them: fox\n" in output
    assert "Beside the training pictures, this is not used: more\n" in output
    assert lesson.counts("test") == {"cat": 4}
    assert lesson.counts("validation") == {"cat": 2, "dog": 2}
    assert lesson.counts("train") == {"cat": 8, "dog": 8}


def test_a_training_set_without_classes_is_refused(lesson: Lesson, write: Write) -> None:
    data = write(train=8, test=8)
    assert lesson.error(data).startswith(f"{data / 'train'} holds 8 pictures, but no folders.")


def test_test_pictures_without_classes_are_ignored(lesson: Lesson, write: Write) -> None:
    output = lesson.run(write(train__cat=10, train__dog=10, test=8))
    assert "8 pictures in test lie in no class's folder, and are ignored: 0.png, 1.png, 2.png, …" in output
    assert lesson.counts("test") == {"cat": 2, "dog": 2}


@pytest.mark.parametrize("seed", range(10))
def test_the_classes_are_found_however_the_folders_are_packed(lesson: Lesson, tmp_path: Path, seed: int) -> None:
    """Wrapped in folders, in an archive or not, with folders inside of the classes, and with litter everywhere."""
    chance = random.Random(seed)
    classes = chance.sample(["cat", "Dog 2", "狐狸", "été", "a.b", "x" * 60, "train station"], chance.randint(2, 4))
    top = Path(*(f"level {n}" for n in range(chance.randint(0, 3))))
    files = {}
    for number, name in enumerate(classes):
        for n in range(chance.randint(5, 8)):
            deeper = Path(*(f"shelf {m}" for m in range(chance.choice([0, 0, 0, 1, 2]))))
            ending = chance.choice([".png", ".PNG", ".gif", ".Bmp", ".webp"])
            files[top / name / deeper / f"{n}{ending}"] = 100 * number + n
    wanted = {name: sum(name in path.parts for path in files) for name in sorted(classes)}
    data = tmp_path / "data"
    for path, number in files.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        draw(number).save(data / path)
    for place in chance.sample(sorted({data / path.parent for path in files}), 2):
        (place / chance.choice([".DS_Store", "notes.txt", "Thumbs.db", "._0.png"])).write_text("litter")
    if seed % 2:
        data = Path(shutil.make_archive(str(tmp_path / "packed"), chance.choice(["zip", "gztar", "tar"]), data))
    lesson.run(data)
    assert lesson.counts() == wanted


def test_folders_that_are_links_are_followed_once(lesson: Lesson, write: Write) -> None:
    data, other = write(dog=8), write("other", cat=8)
    (data / "cat").symlink_to(other / "cat")
    (other / "cat/back").symlink_to(data)
    lesson.run(data)
    assert lesson.counts() == {"cat": 8, "dog": 8}


def test_names_that_are_no_text_are_spelled_with_question_marks(lesson: Lesson, write: Write) -> None:
    data = write(dog=8, fox=8)
    (data / "fox").rename(data / "f\udcfcchse")
    (data / "dog/0.png").rename(data / "dog/b\udcf6se.png")
    lesson.run(data)
    assert lesson.counts() == {"dog": 8, "f?chse": 8}
    lesson.names["pictures"].to_csv(lesson.folder / "pictures.csv", encoding="utf-8")


def test_an_archive_that_points_out_of_its_folder_is_refused(lesson: Lesson, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr("pets/cat/../../../../evil.png", b"x")
    assert "points out of its folder" in lesson.error(tmp_path / "pets.zip")
    assert not list(tmp_path.rglob("evil.png"))


def test_of_many_pictures_a_sample_is_used_in_which_no_class_gets_lost(lesson: Lesson, write: Write) -> None:
    output = lesson.run(write(cat=60, dog=30, fox=6), max_pictures=48)
    assert "96 pictures, of which 51 are used: a random sample" in output
    assert lesson.counts() == {"cat": 30, "dog": 15, "fox": 6}


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"held_out": 0.6}, "held_out = 0.6 does not suit: from 0.05 to 0.4 are possible."),
        ({"network": "ResNet"}, "network = 'ResNet' is not one of those in the form at the top."),
        ({"image_size": 8}, "image_size = 8 does not suit: from 32 to 512 are possible."),
        ({"epochs": 0}, "epochs = 0 does not suit: it must be 1 or more."),
        ({"batch_size": 0}, "batch_size = 0 does not suit: it must be 1 or more."),
        ({"max_pictures": 0}, "max_pictures = 0 does not suit: it must be 1 or more."),
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense_are_refused(lesson: Lesson, write: Write, parameters: Any, line: str) -> None:
    assert lesson.error(write(cat=8, dog=8), **parameters) == line


def test_a_picture_of_one_s_own_is_looked_at_before_the_training(lesson: Lesson, write: Write, tmp_path: Path) -> None:
    data = write(cat=8, dog=8)
    (tmp_path / "mine.jpg").write_text("no picture")
    line = lesson.error(data, my_picture=str(tmp_path / "mine.jpg"))
    assert line.startswith("mine.jpg cannot be read as a picture: cannot identify image file")
    assert " is not there. In " in lesson.error(data, my_picture=str(tmp_path / "mine.jpeg"))
    lesson.run(data, my_picture=str(data / "cat"))
    assert lesson.names["my_pictures"] == [data / f"cat/{number}.png" for number in range(8)]


LEFT_RED = ImageOps.expand(Image.new("RGB", (20, 40), (220, 30, 40)), (0, 0, 20, 0), (30, 60, 200))
"""A square whose left half is red and whose right half is blue."""


def orientations() -> Iterator[tuple[int, Image.Image]]:
    """The picture as cameras store it, for each value of EXIF's Orientation."""
    turns = [None, *(getattr(Image.Transpose, name) for name in (
        "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE", "ROTATE_270"
    ))]  # fmt: skip
    for orientation, turn in enumerate(turns, 1):
        yield orientation, LEFT_RED if turn is None else LEFT_RED.transpose(turn)


def is_left_red(pixels: np.ndarray[Any, Any]) -> bool:
    """Whether it is the picture, but for what JPEG and a conversion of colors make of it."""
    wanted = np.asarray(LEFT_RED.resize((SIZE, SIZE)))
    return bool(np.abs(pixels[:, [4, -4]].astype(int) - wanted[:, [4, -4]]).max() < 60)


def test_a_photo_is_turned_as_the_camera_says(lesson: Lesson, tmp_path: Path) -> None:
    for orientation, stored in orientations():
        exif = Image.Exif()
        exif[0x0112] = orientation
        for ending in ("jpg", "png", "webp", "tif"):
            path = tmp_path / f"{orientation}.{ending}"
            stored.save(path, exif=exif)
            assert is_left_red(lesson.read(path)), path.name


def test_a_photo_is_read_though_what_the_camera_wrote_about_it_is_damaged(lesson: Lesson, tmp_path: Path) -> None:
    for name in ("a.jpg", "a.webp", "a.png"):
        LEFT_RED.save(tmp_path / name, exif=b"Exif\0\0no such thing")
        assert is_left_red(lesson.read(tmp_path / name))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp", "a.tif", "a.JPEG"])
def test_every_usual_format_is_read(lesson: Lesson, tmp_path: Path, name: str) -> None:
    LEFT_RED.save(tmp_path / name)
    assert is_left_red(lesson.read(tmp_path / name))


def test_colors_for_print_become_colors_of_a_screen(lesson: Lesson, tmp_path: Path) -> None:
    for name in ("a.jpg", "a.tif"):
        LEFT_RED.convert("CMYK").save(tmp_path / name)
        assert is_left_red(lesson.read(tmp_path / name))


GRAYS = np.tile(np.linspace(10, 250, 40).round(), (40, 1))


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("16 bits.png", (GRAYS * 257).astype("uint16")),
        ("16 bits.tif", (GRAYS * 257).astype("uint16")),
        ("32 bits.tif", (GRAYS * 257).astype("int32")),
        ("8 in 32.tif", GRAYS.astype("int32")),
        ("from 0 to 1.tif", (GRAYS / 255).astype("float32")),
        ("8 bits.png", GRAYS.astype("uint8")),
    ],
)
def test_gray_levels_of_any_depth_keep_their_brightness(
    lesson: Lesson, tmp_path: Path, name: str, levels: np.ndarray[Any, Any]
) -> None:
    Image.fromarray(levels).save(tmp_path / name)
    pixels = lesson.read(tmp_path / name)
    wanted = np.asarray(Image.fromarray(GRAYS.astype("uint8")).resize((SIZE, SIZE)), int)
    assert np.abs(pixels - wanted[..., None]).max() <= 2


def test_what_is_transparent_is_white(lesson: Lesson, tmp_path: Path) -> None:
    clear = LEFT_RED.convert("RGBA")
    clear.paste((0, 0, 0, 0), (20, 0, 40, 40))
    gray = Image.new("LA", (40, 40), (0, 0))
    palette = LEFT_RED.quantize(4)
    palette.info["transparency"] = palette.getpixel((30, 5))
    clear.save(tmp_path / "rgba.png")
    clear.save(tmp_path / "rgba.webp", lossless=True)
    gray.save(tmp_path / "la.png")
    palette.save(tmp_path / "palette.gif")
    palette.save(tmp_path / "palette.png")
    for name in ("rgba.png", "rgba.webp", "palette.gif", "palette.png"):
        pixels = lesson.read(tmp_path / name)
        assert pixels[5, -4].min() > 250, name
        assert np.abs(pixels[5, 4].astype(int) - (220, 30, 40)).max() < 10, name
    assert lesson.read(tmp_path / "la.png").min() == 255


def test_of_an_animation_the_first_frame_is_taken(lesson: Lesson, tmp_path: Path) -> None:
    for name in ("a.gif", "a.webp"):
        LEFT_RED.save(tmp_path / name, save_all=True, append_images=[Image.new("RGB", (40, 40))], lossless=True)
        assert is_left_red(lesson.read(tmp_path / name))


def test_black_and_white_and_a_palette_are_read(lesson: Lesson, tmp_path: Path) -> None:
    Image.new("1", (40, 40), 1).save(tmp_path / "one bit.png")
    assert lesson.read(tmp_path / "one bit.png").min() == 255
    LEFT_RED.quantize(2).save(tmp_path / "two colors.png")
    assert is_left_red(lesson.read(tmp_path / "two colors.png"))


def test_of_a_long_picture_the_middle_is_taken_and_nothing_is_squeezed(lesson: Lesson, tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 40), "green")
    wide.paste(LEFT_RED, (130, 0))
    wide.save(tmp_path / "wide.png")
    wide.transpose(Image.Transpose.TRANSPOSE).save(tmp_path / "high.png")
    assert is_left_red(lesson.read(tmp_path / "wide.png"))
    assert is_left_red(lesson.read(tmp_path / "high.png").transpose(1, 0, 2))
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert tuple(lesson.read(tmp_path / "dot.png")[9, 9]) == (255, 0, 0)


def test_pictures_of_different_sizes_and_kinds_are_together_in_one_folder(lesson: Lesson, write: Write) -> None:
    data = write(cat=8, dog=8)
    draw(1, (500, 20)).save(data / "cat/wide.jpg")
    draw(2, (3, 2)).convert("L").save(data / "cat/tiny.gif")
    draw(3, (900, 1200)).convert("CMYK").save(data / "dog/print.tif")
    assert "19 pictures" in lesson.run(data)


CHINESE = {"猫": 6, "狗": 6}


def test_without_a_font_for_them_names_of_classes_are_numbers_in_plots(
    lesson: Lesson, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = [font for font in font_manager.fontManager.ttflist if font.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", usual)
    output = lesson.run(write(**CHINESE), "images-grid")
    assert "No font here has the letters of the classes, so the plots show numbers:\n1 = 狗, 2 = 猫\n" in output
    assert lesson.names["shown"] == ["class 1", "class 2"]
    assert lesson.names["classes"] == ["狗", "猫"]
    plt.gcf().canvas.draw()  # a missing letter is a warning, and so an error


def test_a_font_that_has_the_letters_is_used(
    lesson: Lesson, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Thin ice: no font here has Chinese letters, so a font with arrows and names of arrows stand in for them."""
    usual = [font for font in font_manager.fontManager.ttflist if font.name == "DejaVu Sans"]
    symbols = next(font for font in font_manager.fontManager.ttflist if font.name == "STIXGeneral")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*usual, symbols])
    letter = next(
        letter
        for letter in map(chr, font_manager.get_font(symbols.fname).get_charmap())
        if not font_manager.get_font(usual[0].fname).get_char_index(ord(letter)) and letter.isprintable()
    )
    lesson.run(write(**{letter: 6, "plain": 6}), "images-grid")
    assert lesson.names["shown"] == sorted([letter, "plain"])
    assert plt.rcParams["font.family"][-1] == "STIXGeneral"
    plt.gcf().canvas.draw()


def test_signs_in_names_of_classes_are_no_formulas(lesson: Lesson, write: Write) -> None:
    lesson.run(write(**{"5$ or 6$": 6, "a_b^c": 6, "100%": 6}), "images-grid")
    plt.gcf().canvas.draw()
    assert lesson.names["classes"] == ["100%", "5$ or 6$", "a_b^c"]


def test_the_example_is_drawn_the_same_each_time(lesson: Lesson) -> None:
    lesson.run("", image_size=64)
    assert lesson.counts() == {"boat": 30, "fish": 60, "house": 90, "tree": 60}
    pixels = lesson.names["pixels"]
    lesson.run("", image_size=64)
    assert np.array_equal(pixels, lesson.names["pixels"])
    assert not (lesson.folder / "cache").exists()


def draw_shapes(folder: Path, count: int = 60, size: int = 64) -> None:
    """Circles, squares and triangles: any place, size and color, on any background that is lighter or darker; noise."""
    chance = np.random.default_rng(7)
    for shape in ("circle", "square", "triangle"):
        (folder / shape).mkdir(parents=True)
        for number in range(count):
            colors = chance.integers(0, 256, (2, 3))
            while abs(int(colors[0].sum()) - int(colors[1].sum())) < 180:
                colors = chance.integers(0, 256, (2, 3))
            back, front = (tuple(map(int, color)) for color in colors)
            picture = Image.new("RGB", (size, size), back)
            width = chance.uniform(0.3, 0.6) * size
            x, y = chance.uniform(2, size - width - 2, 2)
            brush = ImageDraw.Draw(picture)
            if shape == "triangle":
                brush.polygon([(x + width / 2, y), (x, y + width), (x + width, y + width)], fill=front)
            else:
                paint = brush.ellipse if shape == "circle" else brush.rectangle
                paint([x, y, x + width, y + width], fill=front)
            noisy = np.asarray(picture) + chance.normal(0, 20, (size, size, 3))
            Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(folder / shape / f"{number}.png")


WATCH_TYPES = """
import types
types_of = {}

def _watch(result):
    for name, value in list(get_ipython().user_ns.items()):
        if name[0] != "_" and not isinstance(value, types.ModuleType):
            types_of.setdefault(name, set()).add(type(value).__name__)

get_ipython().events.register("post_run_cell", _watch)
"""

CHANGED_TYPES = """
import json
get_ipython().events.unregister("post_run_cell", _watch)
print(json.dumps({name: sorted(kinds) for name, kinds in types_of.items() if len(kinds) > 1}))
"""

LARGER = "image_size, network, pixels = 128, 'from scratch', pixels.repeat(4, 1).repeat(4, 2)"
"""The network shrinks pictures of this size first."""

GRADIENTS = """
import json
import tensorflow as tf

differences = []
for number in (0, 1, 2):
    picture = pixels[test_rows[number]]
    small = tf.nn.avg_pool2d(picture[None].astype("float32"), shrink, shrink, "VALID")
    maps = tf.Variable(base(small, training=False))
    with tf.GradientTape() as tape:
        score = tf.linalg.matvec(model.layers[-1].kernel, tf.reduce_mean(maps, (1, 2))[0], transpose_a=True)[number]
    importance = tf.reduce_mean(tape.gradient(score, maps), (1, 2))[0]
    theirs = tf.nn.relu(tf.tensordot(maps[0], importance, 1)).numpy()
    ours = explain(picture, number)
    differences.append(float(abs(theirs / max(theirs.max(), 1e-9) - ours / max(ours.max(), 1e-9)).max()))
print(json.dumps([shrink, *differences]))
"""

DOWNLOAD = """
import keras.src.applications.mobilenet_v3 as source

asked, learning = [], []

def get_file(name, origin, **options):
    asked.append(origin)
    stand_in = keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=(96, 96, 3))
    stand_in.save_weights(results_dir / "imagenet.weights.h5")
    return str(results_dir / "imagenet.weights.h5")

source.file_utils.get_file = get_file
tf.config.run_functions_eagerly(True)  # making graphs of so large a network takes longer than its few steps
network, epochs, fine_tune_epochs = "MobileNetV3Small", 1, 1
train_set = Pictures(train_rows[:batch_size])
_train = train

def train(first, last, rate):
    before = base.get_weights()
    _train(first, last, rate)
    kept = all((old == new).all() for old, new in zip(before, base.get_weights()))
    learning.append([kept, rate])
"""

WHAT_WAS_DOWNLOADED = "print(json.dumps({'asked': asked, 'learning': learning, 'results': results}))"


@pytest.fixture(scope="module")
def executed(all_lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[NotebookNode, Path]:
    """One kernel: the notebook on drawn shapes, a check of Grad-CAM, and the training again with other weights.

    The pictures are small, because a network learns from them in a quarter of the time. Only the download of the
    weights is a stand-in: the network is real, its weights are random.
    """
    folder = tmp_path_factory.mktemp("executed")
    draw_shapes(folder / "shapes")
    notebook = read_notebook(all_lessons / "notebooks/images.ipynb")
    cells = {cell.id: cell for cell in notebook.cells}
    code = [cells["images-train"].source, DOWNLOAD]
    code += [cells[f"images-{name}"].source for name in ("model", "weights", "fine", "test", "cam", "save", "own")]
    first_training = "started = time.perf_counter()\ntrain(0, epochs, learning_rate)"
    code[0] = code[0].replace(first_training, "")
    code.insert(4, first_training)
    extra = {"types": CHANGED_TYPES, "gradients": GRADIENTS}
    extra |= {f"again-{number}": source for number, source in enumerate(code)}
    extra |= {"downloaded": WHAT_WAS_DOWNLOADED, "larger": LARGER, "model": cells["images-model"].source}
    extra |= {"larger-gradients": GRADIENTS}
    notebook.cells.insert(0, nbformat.v4.new_code_cell(WATCH_TYPES))
    notebook.cells += [nbformat.v4.new_code_cell(source, id=f"extra-{name}") for name, source in extra.items()]
    nbformat.write(notebook, folder / "images.ipynb")
    run_papermill(folder / "images.ipynb", folder, {"data": str(folder / "shapes"), "epochs": 12, "image_size": 32})
    return read_notebook(folder / "executed.ipynb"), folder / "results"


def output_of(notebook: NotebookNode, name: str) -> str:
    cell = next(cell for cell in notebook.cells if cell.id == f"extra-{name}")
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def scraps_of(notebook: NotebookNode) -> list[dict[str, Any]]:
    own = [cell for cell in notebook.cells if not cell.id.startswith("extra-")]
    outputs = [output for cell in own for output in cell.get("outputs", [])]
    return [output["data"][SCRAP] for output in outputs if SCRAP in output.get("data", {})]


@pytest.mark.slow
def test_drawn_shapes_are_told_apart_from_scratch(executed: tuple[NotebookNode, Path]) -> None:
    notebook, folder = executed
    scraps = {scrap["name"]: scrap["data"] for scrap in scraps_of(notebook) if "step" not in scrap}
    assert scraps["accuracy"] >= 0.95
    assert (scraps["pictures"], scraps["classes"], scraps["used_network"]) == (180, 3, "from_scratch")
    files = {"classes.json", "history.csv", "model.keras", "my_picture.png", "predictions.csv", "results.json"}
    assert files <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "classes.json").read_text()) == ["circle", "square", "triangle"]
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "From scratch, because pretrained weights cannot be had: " in text


@pytest.mark.slow
def test_each_epoch_has_scraps_with_a_step(executed: tuple[NotebookNode, Path]) -> None:
    scraps = scraps_of(executed[0])
    steps = {name: [scrap["step"] for scrap in scraps if scrap["name"] == name and "step" in scrap] for name in
             ("val_accuracy", "val_loss")}  # fmt: skip
    trained = next(scrap["data"] for scrap in scraps if scrap["name"] == "trained_epochs")
    assert steps["val_accuracy"] == steps["val_loss"] == list(range(1, trained + 1))


@pytest.mark.slow
def test_no_variable_changes_its_type(executed: tuple[NotebookNode, Path]) -> None:
    assert json.loads(output_of(executed[0], "types")) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shrink"), [("gradients", 1), ("larger-gradients", 2)])
def test_the_map_of_where_it_looks_is_the_one_that_gradients_give(
    executed: tuple[NotebookNode, Path], name: str, shrink: int
) -> None:
    """For a trained network, and for one that shrinks its pictures first, whose weights are random."""
    used_shrink, *differences = json.loads(output_of(executed[0], name))
    assert used_shrink == shrink
    assert max(differences) < 1e-4
    assert len(differences) == 3


@pytest.mark.slow
def test_pretrained_weights_are_loaded_and_kept_until_fine_tuning(executed: tuple[NotebookNode, Path]) -> None:
    said = json.loads(output_of(executed[0], "downloaded"))
    assert [address.rpartition("/")[2] for address in said["asked"]] == [
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    ]
    assert said["learning"] == [[True, pytest.approx(0.002)], [False, pytest.approx(0.00005)]]
    assert (said["results"]["used_network"], said["results"]["trained_epochs"]) == ("MobileNetV3Small", 2)


@pytest.mark.weekly
@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_it_runs_on_keras_s_other_backends_too(all_lessons: Path, tmp_path: Path, backend: str) -> None:
    draw_shapes(tmp_path / "shapes", count=20, size=32)
    parameters = {"data": str(tmp_path / "shapes"), "backend": backend, "epochs": 2, "image_size": 32}
    run_papermill(all_lessons / "notebooks/images.ipynb", tmp_path, parameters)
    results = json.loads((tmp_path / "results/results.json").read_text())
    assert (results["pictures"], results["trained_epochs"]) == (60, 2)
    assert f" on {backend}\n" in printed(read_notebook(tmp_path / "executed.ipynb"))
