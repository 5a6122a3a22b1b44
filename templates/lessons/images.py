#:: extends "notebook.py"
#:: set lesson = "images"
#:: set parameters
data = ""  # @param {type:"string"}
my_picture = ""  # @param {type:"string"}
network = "auto"  # @param ["auto", "EfficientNetV2B0", "MobileNetV3Small", "ConvNeXtTiny", "from scratch"]
image_size = 128  # @param {type:"integer"}
epochs = 25  # @param {type:"integer"}
fine_tune_epochs = 3  # @param {type:"integer"}
batch_size = 16  # @param {type:"integer"}
learning_rate = 0.002  # @param {type:"number"}
augment = True  # @param {type:"boolean"}
held_out = 0.2  # @param {type:"number"}
max_pictures = 10_000  # @param {type:"integer"}
backend = "{{ 'jax' if 'TPU' in cookiecutter.accelerator else 'tensorflow' }}"  # @param ["tensorflow", "jax", "torch"]
#:: endset
#:: set more_needed
needed |= {name: name for mark, name in [(".7z", "py7zr"), ("kaggle:", "kagglehub")] if mark in data + my_picture} | {name: name for name in ("tensorflow", "jax", "torch") if name == backend}
#:: endset
#:: block framework
#:: include "cells/keras.py"
#:: endblock
#:: block lesson
# %% [markdown] id="idea-text"
# Your own pictures: put those of each class into a folder with the name of the class, and set `data` in the form at the top to the folder that holds these folders, or to an archive of it. The rest stays as it is.
#
# ## The idea, with one picture
#
# To a computer, a picture is a table of numbers, one for each **pixel**. A **convolution** slides a small table of weights, a **filter**, over it,
# and adds up the products: the sum is large where the picture looks like the filter. Here are a filter for left edges and one for top edges.
# A **convolutional network** has many filters in layers, and finds their weights by itself, from examples.

# %% id="idea"
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

house = Image.new("L", (48, 48))
ImageDraw.Draw(house).polygon([(8, 24), (24, 6), (40, 24), (36, 24), (36, 42), (12, 42), (12, 24)], fill=200)
numbers = np.asarray(house, "float32")
left = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], "float32")

views = {"the picture": numbers}
for title, weights in {"left edges": left, "top edges": left.T}.items():
    found = keras.ops.conv(numbers[None, ..., None], weights[..., None, None], padding="same")
    views[title] = keras.ops.convert_to_numpy(found)[0, ..., 0].clip(0)
figure, axes = plt.subplots(1, 3, figsize=(8, 2.8))
for ax, (title, view) in zip(axes, views.items()):
    ax.imshow(view, cmap="gray")
    ax.set_title(title)
    ax.axis("off")
plt.show()

#:: include "cells/data.py"

# %% id="example" cellView="form"
# @title An example: 240 small paintings
# In each shape, the points lie between 0 and 1, from the top left corner.
THINGS = {
    "boat": [("polygon", [(0.05, 0.65), (0.95, 0.65), (0.75, 0.9), (0.25, 0.9)]), ("polygon", [(0.5, 0.1), (0.5, 0.6), (0.85, 0.6)])],
    "fish": [("ellipse", [(0.05, 0.28), (0.7, 0.72)]), ("polygon", [(0.6, 0.5), (0.95, 0.25), (0.95, 0.75)])],
    "house": [("rectangle", [(0.2, 0.45), (0.8, 0.9)]), ("polygon", [(0.08, 0.45), (0.5, 0.1), (0.92, 0.45)])],
    "tree": [("rectangle", [(0.42, 0.55), (0.58, 0.95)]), ("ellipse", [(0.2, 0.05), (0.8, 0.65)])],
}
COUNTS = {"boat": 30, "fish": 60, "house": 90, "tree": 60}


def draw_example(folder):
    """Paintings of four things, each at another place, in another size and other colors, with a spot on it or beside it."""
    random = np.random.default_rng(0)
    for thing, count in COUNTS.items():
        Path(folder, thing).mkdir()
        for number in range(count):
            scale, corner = random.uniform(45, 85), random.uniform(0, 40, 2)
            picture = Image.new("RGB", (128, 128), tuple(random.integers(130, 256, 3)))
            draw = ImageDraw.Draw(picture)
            for shape, points in THINGS[thing]:
                jitter = random.normal(0, 0.02, (len(points), 2))
                places = (np.array(points) + jitter) * scale + corner
                getattr(draw, shape)([tuple(place) for place in places], fill=tuple(random.integers(0, 160, 3)))
            x, y = random.uniform(0, 100, 2)
            draw.ellipse([x, y, x + random.uniform(10, 45), y + random.uniform(10, 45)], fill=tuple(random.integers(130, 256, 3)))
            noisy = np.asarray(picture) + random.normal(0, 25, (128, 128, 3))
            Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(Path(folder, thing, f"{thing}-{number:02}.png"))


# %% id="folders" cellView="form"
# @title Find the pictures and their classes
import pandas as pd

PICTURE_ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
PARTS = {"train": r"train(ing)?", "validation": r"val(id|idation)?|dev", "test": r"test(ing)?"}
HIDDEN = ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")


def spell(path, folder="."):
    """A path below a folder, in one line of letters that can be printed, whatever its bytes are."""
    name = path.relative_to(folder).as_posix()
    return " ".join(name.encode("utf-8", "replace").decode().split())


def name_some(paths, folder):
    """The first three, and dots if there are more."""
    names = [spell(path, folder) for path in paths[:3]]
    return ", ".join(names) + (", …" if len(paths) > 3 else "")


def list_files(folder):
    """All files below a folder, without hidden ones."""
    files, seen = [], {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, followlinks=True):
        real = {name: os.path.realpath(Path(place, name)) for name in sorted(folders)}
        folders[:] = [name for name in real if not name.startswith(".") and name not in HIDDEN and real[name] not in seen]
        seen |= set(real.values())  # a link may lead back
        files += [Path(place, name) for name in sorted(names) if not name.startswith(".") and name not in HIDDEN]
    return files


def list_pictures(folder):
    """All pictures below a folder, by the endings of their names; the other files are counted."""
    files = list_files(folder)
    pictures = [path for path in files if path.suffix.lower() in PICTURE_ENDINGS]
    others = sorted(set(files) - set(pictures))
    if others:
        print(f"{len(others)} files are no pictures, and are ignored: {name_some(others, folder)}")
    if archives := [path for path in others if not pictures and is_archive(path)]:
        raise DataError(f"In {folder} there are no pictures, but archives: {name_some(archives, folder)}. Unpack them first.")
    if not pictures:
        raise DataError(f"In {folder} there are no pictures." if files else f"{folder} is empty.")
    return pictures


def split_path(path, folder):
    """The name of the folder inside ``folder`` in which a picture lies, however deep, or ""."""
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else ""


def is_deeper(pictures, folder):
    """Do most of the pictures lie in folders inside of this one?"""
    return sum(split_path(path, folder) != "" for path in pictures) > len(pictures) / 2


def find_classes(folder, pictures):
    """The class of each picture: the name of its folder. A folder that holds nothing but one other folder is passed over."""
    inside = {split_path(path, folder) for path in pictures}
    while len(inside) == 1 and "" not in inside and is_deeper(pictures, folder / min(inside)):
        folder = folder / min(inside)
        inside = {split_path(path, folder) for path in pictures}
    return folder, {path: split_path(path, folder) for path in pictures}


def find_part(name):
    """train, validation or test, if a folder is called so, such as "Training_set"; or ""."""
    return next((part for part, words in PARTS.items() if re.fullmatch(rf"({words})([ _-]?(set|data|images))?", name, re.I)), "")


def find_pictures(folder):
    """A table of the pictures below a folder: path, label (the class), and part, if they are in folders such as train and test."""
    folder, labels = find_classes(folder, list_pictures(folder))
    parts = {name: find_part(name) for name in sorted(set(labels.values()))}
    if all(parts.values()) and "train" not in parts.values():
        raise DataError(f"{folder} holds {', '.join(parts)}, but no folder called train.")
    if "train" not in parts.values():
        parts = {"": "train"}
    rows = []
    for name, part in parts.items():
        if part:
            inner, inner_labels = find_classes(folder / name, [path for path in labels if not name or labels[path] == name])
            loose = [path for path, label in inner_labels.items() if not label]
            if len(loose) == len(inner_labels) and part == "train":  # there are no folders
                raise DataError(f"{inner} holds {len(loose)} pictures, but no folders. Put those of each class into a folder with its name.")
            if loose:
                print(f"{len(loose)} pictures in {inner.name} lie in no class's folder, and are ignored: {name_some(loose, inner)}")
            empty = [path.name for path in inner.iterdir() if path.is_dir() and path.name not in {*inner_labels.values(), *HIDDEN} and path.name[0] != "."]
            if empty:
                print(f"No pictures are in {', '.join(spell(Path(name)) for name in empty)}")
            rows += [(path, spell(Path(label)), part) for path, label in inner_labels.items() if label]
    if unused := [spell(Path(name)) if name else "loose pictures" for name, part in parts.items() if not part]:
        print(f"Beside the training pictures, this is not used: {', '.join(unused)}")
    return pd.DataFrame(rows, columns=["path", "label", "part"])


# %% id="read" cellView="form"
# @title Read pictures of any kind
import warnings
from concurrent.futures import ThreadPoolExecutor

from PIL import ImageOps


def to_eight_bits(picture):
    """Gray levels from 0 to 255, of a picture with 16 or 32 bits a pixel."""
    levels = np.asarray(picture, "float64")
    low, high = float(levels.min()), float(levels.max())
    if picture.mode == "F":
        low, high = (0, 1) if 0 <= low and high <= 1 else (low, high)
    else:
        low, high = (0, 255 if high <= 255 else 65535) if 0 <= low and high <= 65535 else (low, high)
    return Image.fromarray(((levels - low) * 255 / max(high - low, 1e-12)).round().astype("uint8"))


def read_picture(path):
    """The pixels of a picture: upright, on white, red, green and blue, a square of image_size. Of an animation, the first frame."""
    with Image.open(path) as file:
        file.draft("RGB", (2 * image_size, 2 * image_size))  # a large JPEG is read faster so
        try:
            picture = ImageOps.exif_transpose(file)
        except Exception:  # what the camera wrote about the picture may be damaged, though the picture is whole
            picture = file.copy()
    if picture.mode.startswith(("I", "F")):
        picture = to_eight_bits(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(ImageOps.fit(picture.convert("RGB"), (image_size, image_size)))


def find_my_pictures():
    """The files that my_picture means, ten at most; each of them can be read."""
    found = find_data(my_picture)[0] if my_picture else Path()
    paths = list_pictures(found)[:10] if my_picture and found.is_dir() else [found] * bool(my_picture)
    for path in paths:
        try:
            read_picture(path)
        except Exception as error:
            raise DataError(f"{path.name} cannot be read as a picture: {error}") from None
    return paths


def read_pictures(paths):
    """The pixels of all these pictures, and what is wrong with each, or ""."""
    pixels = np.zeros((len(paths), image_size, image_size, 3), "uint8")

    def try_one(number):
        try:
            pixels[number] = read_picture(paths[number])
        except Exception as error:  # each format has errors of its own
            return str(error).replace(str(paths[number]), paths[number].name) or type(error).__name__
        return ""

    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return pixels, list(pool.map(try_one, range(len(paths))))


def choose_pictures(pictures):
    """All rows, or a random sample of at most about max_pictures, with the same share of each class."""
    share = min(1, max_pictures / len(pictures))
    if share == 1:
        return pictures
    groups = [group for _, group in pictures.groupby(["label", "part"])]
    sizes = [min(len(group), max(10, int(share * len(group)))) for group in groups]
    chosen = pd.concat([group.sample(size, random_state=seed) for group, size in zip(groups, sizes)]).sort_index()
    print(f"{len(pictures):,} pictures, of which {len(chosen):,} are used: a random sample, so that it takes minutes, not hours.")
    return chosen.reset_index(drop=True)


def load_pictures(folder):
    """The table of all pictures that can be read, and the pixels of all."""
    pictures = choose_pictures(find_pictures(folder))
    pixels, flaws = read_pictures(list(pictures["path"]))
    pictures["path"] = [spell(path, folder) for path in pictures["path"]]
    pictures["flaw"] = flaws
    damaged = pictures[pictures["flaw"] != ""]
    if len(damaged):
        examples = "; ".join(f"{row.path} ({row.flaw})" for row in damaged.head(3).itertuples())
        print(f"{len(damaged)} pictures cannot be read, and are left out: {examples}{'; …' if len(damaged) > 3 else ''}")
    if damaged["path"].str.contains(r"\.hei[cf]$", case=False).any():
        print("HEIC comes from an iPhone: run %pip install pillow-heif and then: import pillow_heif; pillow_heif.register_heif_opener()")
    return pictures[pictures["flaw"] == ""].drop(columns="flaw"), pixels


# %% id="checks" cellView="form"
# @title Check the parameters
for name, value in {"epochs": epochs, "batch_size": batch_size, "max_pictures": max_pictures}.items():
    if value < 1:
        raise DataError(f"{name} = {value} does not suit: it must be 1 or more.")
if not 32 <= image_size <= 512:
    raise DataError(f"image_size = {image_size} does not suit: from 32 to 512 are possible.")
if network not in ("auto", "EfficientNetV2B0", "MobileNetV3Small", "ConvNeXtTiny", "from scratch"):
    raise DataError(f"network = {network!r} is not one of those in the form at the top.")
if not 0.05 <= held_out <= 0.4:
    raise DataError(f"held_out = {held_out} does not suit: from 0.05 to 0.4 are possible.")

# %% [markdown] id="look-text"
# ## Look at the data first
#
# Damaged files are left out and named. The others are turned upright, put on white where they are transparent, and cut to a square: the middle of the picture is kept.

# %% id="look"
my_pictures = find_my_pictures()
with tempfile.TemporaryDirectory() as scratch:
    if not data:
        draw_example(scratch)
    source = find_data(data)[0] if data else Path(scratch)
    if source.is_file():
        raise DataError(f"{source.name} is a single file: data is a folder, or an archive, with a folder of pictures for each class.")
    pictures, pixels = load_pictures(source)
print(f"{len(pictures):,} pictures, each {image_size} x {image_size} pixels with 3 colors")
pictures["label"].value_counts().rename_axis("class").to_frame("pictures")

# %% [markdown] id="clean-text"
# ## Is each picture there once?
#
# If the same picture is in the training and in the test, the test is no test: the network has seen the answer. That is a **leak**.
# And a class with a handful of pictures can be neither learned nor tested.

# %% id="clean"
FEWEST = 5
pictures["order"] = pictures["part"].map(list(PARTS).index)
pictures = pictures.sort_values("order", kind="stable")
pictures["content"] = [hashlib.sha256(pixels[row]).hexdigest() for row in pictures.index]
first = pictures.drop_duplicates("content").set_index("content")
originals = first.loc[pictures["content"]].set_index(pictures.index)

doubtful = pictures["content"].map(pictures.groupby("content")["label"].nunique()) > 1
leaking = pictures["content"].duplicated() & (pictures["part"] != originals["part"]) & ~doubtful
copied = pictures["content"].duplicated() & (pictures["part"] == originals["part"]) & ~doubtful


def describe_copy(row):
    """What is wrong with pictures that are there twice, and what happens to them."""
    if doubtful[row]:
        return "are in two classes, so one of them is wrong: both are left out"
    if leaking[row]:
        return "are also in the training, a leak: they are left out of the test and validation"
    return "are copies of others: they are left out, because one in training and one in test would be a leak"


for flawed in (doubtful, leaking, copied):
    if flawed.any():
        row = flawed[flawed].index[-1]
        twin = pictures[(pictures["content"] == pictures["content"][row]) & (pictures.index != row)].iloc[0]
        print(f"{flawed.sum()} pictures {describe_copy(row)}. {pictures['path'][row]} is the same as {twin['path']}")
pictures = pictures[~(doubtful | leaking | copied)].sort_index()

# %% id="classes"
counts = pictures.loc[pictures["part"] == "train", "label"].value_counts().sort_index()
rare = counts[counts < FEWEST]
classes = [name for name in counts.index if name not in rare]
if len(counts) == 1:
    raise DataError(f"There is one class only, {counts.index[0]!r}: put pictures of something else into a folder beside it.")
if len(classes) < 2:
    found = ", ".join(f"{name} has {count}" for name, count in counts.items())
    raise DataError(f"Two classes with {FEWEST} pictures or more are needed, but {found or 'there are none'}.")
if len(rare):
    print(f"Left out, because they have fewer than {FEWEST} pictures: {', '.join(rare.index)}")
if strange := sorted(set(pictures["label"]) - set(counts.index)):
    print(f"Left out, because there are no training pictures of them: {', '.join(strange)}")
pictures = pictures[pictures["label"].isin(classes)]
counts = counts[classes]
if counts.max() > 3 * counts.min():
    print(f"{counts.idxmax()!r} has {counts.max() / counts.min():.0f} times as many pictures as {counts.idxmin()!r}.")

# %% id="fonts" cellView="form"
# @title Letters for the names of the classes
from matplotlib import font_manager


def find_font(text):
    """The name of a font on this machine that has all these letters, or ""."""
    usual = font_manager.findfont("DejaVu Sans")
    for path, name in {usual: "DejaVu Sans", **{font.fname: font.name for font in font_manager.fontManager.ttflist}}.items():
        try:
            glyphs = font_manager.get_font(path)
        except (OSError, RuntimeError):
            continue
        if all(glyphs.get_char_index(ord(letter)) for letter in text):
            return name
    return ""


def name_classes(names):
    """The names as plots show them: short, and as numbers if no font has their letters."""
    font = find_font("".join(names))
    if font:
        plt.rcParams["font.family"] = list(dict.fromkeys([*plt.rcParams["font.family"], font]))
        return [name[:18].replace("$", r"\$") for name in names]
    print("No font here has the letters of the classes, so the plots show numbers:")
    print(", ".join(f"{number + 1} = {name}" for number, name in enumerate(names)))
    return [f"class {number + 1}" for number in range(len(names))]


shown = name_classes(classes)

# %% id="grid"
some_classes = classes[:6]
figure, axes = plt.subplots(len(some_classes), 8, figsize=(10, 1.3 * len(some_classes)), squeeze=False)
for line, name in zip(axes, some_classes):
    rows = pictures.index[pictures["label"] == name][:8].to_numpy()
    line[0].set_title(shown[classes.index(name)], loc="left", fontsize=10)
    for ax in line:
        ax.axis("off")
    for ax, row in zip(line, rows):
        ax.imshow(pixels[row])
plt.show()

# %% [markdown] id="split-text"
# ## Three sets: training, validation, test
#
# The network learns from the **training set**. On the **validation set** we watch whether it gets better, and when to stop.
# The **test set** is used once, at the end. Each class is split by itself, so that all three sets hold the same share of it: the split is **stratified**.
# If your folder holds folders called `train`, `validation` (or `val`) and `test`, these are taken.

# %% id="split"
random = np.random.default_rng(seed)
given = set(pictures["part"])
for part in ["validation", "test"]:
    for name, count in counts.items() if part not in given else []:
        rows = pictures.index[(pictures["label"] == name) & (pictures["part"] == "train")].to_numpy()
        pictures.loc[random.choice(rows, max(1, round(held_out * count)), replace=False), "part"] = part
labels = pictures["label"].map(classes.index).reindex(range(len(pixels)), fill_value=-1).to_numpy()
train_rows, validation_rows, test_rows = (pictures.index[pictures["part"] == part].to_numpy() for part in PARTS)
pd.crosstab(pictures["label"], pictures["part"])[list(PARTS)]

# %% [markdown] id="batches-text"
# Keras takes pictures in **batches**. A `PyDataset` says how many there are and makes one of them when it is asked for,
# so only a batch has to fit on the GPU. After each epoch, the training pictures are shuffled.
# With only a few pictures, an epoch would be over after a handful of steps. So each is shown several times, about 400 in all.

# %% id="batches"
import math


class Pictures(keras.utils.PyDataset):
    """Batches of pictures and their labels. If they are shuffled, each epoch has a new order, and a small set is repeated."""

    def __init__(self, rows, shuffle=False, **options):
        super().__init__(**options)
        self.rows = np.tile(rows, max(1, round(400 / len(rows))) if shuffle else 1)
        self.random = np.random.default_rng(seed) if shuffle else None
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self.rows) / batch_size)

    def __getitem__(self, number):
        rows = self.rows[number * batch_size : (number + 1) * batch_size]
        return pixels[rows].astype("float32"), labels[rows]

    def on_epoch_end(self):
        if self.random:
            self.random.shuffle(self.rows)


train_set, validation_set, test_set = Pictures(train_rows, shuffle=True), Pictures(validation_rows), Pictures(test_rows)
x, y = train_set[0]
print(f"{len(train_set)} batches an epoch. The first one: x {x.shape}, y {y.shape}")

# %% [markdown] id="augment-text"
# ## A thousand pictures from a hundred
#
# A boat stays a boat if it is mirrored, turned, moved, nearer or farther away. **Data augmentation** layers do that at random, differently in each epoch, and only during training.
# So the network cannot learn the pictures by heart. Choose what leaves the class as it is: a mirrored letter, for example, is no letter any more.

# %% id="augment"
def build_augmentation():
    layers = [
        keras.layers.RandomFlip("horizontal", seed=seed),
        keras.layers.RandomRotation(0.1, fill_mode="nearest", seed=seed),
        keras.layers.RandomZoom(0.2, fill_mode="nearest", seed=seed),
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=seed),
    ]
    for layer in layers:
        layer.supports_jit = backend == "jax"  # JAX can compile them, but Keras thinks of TensorFlow
    return layers


copies = np.repeat(pixels[train_rows[:1]], 8, axis=0).astype("float32")
for layer in build_augmentation():
    copies = layer(copies, training=True)
figure, axes = plt.subplots(1, 8, figsize=(10, 1.5))
for ax, copy in zip(axes, keras.ops.convert_to_numpy(copies)):
    ax.imshow(copy.clip(0, 255).astype("uint8"))
    ax.axis("off")
plt.show()

# %% [markdown] id="network-text"
# ## Transfer learning
#
# **Pretrained** networks have already learned from the 1.3 million photos of ImageNet what edges, fur and wheels look like.
# We take one without its last layer, as the **base**, and train only a new last layer, the **head**: that needs few pictures and little time.
# The weights are downloaded. Where that is not possible, a small network learns **from scratch**, shapes rather than colors.

# %% id="network"
import socket
from contextlib import contextmanager


#:: include "shared/network_timeout.py"


def normalize(x):
    """Give each feature map the same mean and spread, which speeds up the training."""
    return keras.layers.BatchNormalization(momentum=0.9)(x)


def build_small_network():
    """Five convolutions. The first looks for edges in red, green and blue alike, and keeps the strongest, whether from light to dark or back.
    So the network sees shapes and hardly any colors: those of a few pictures would soon be learned by heart."""
    size = image_size // max(1, image_size // 64)  # about 64 x 64 pixels are enough for it
    inputs = keras.Input((size, size, 3))
    x = inputs - keras.ops.mean(inputs, axis=(1, 2), keepdims=True)
    x = keras.layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False)(x)  # light or dark, pale or not: that counts no more
    x = keras.ops.reshape(keras.ops.transpose(x, (0, 3, 1, 2)), (-1, size, size, 1))  # each picture as three gray ones
    x = keras.layers.Conv2D(24, 5, strides=2, use_bias=False)(x)
    edges = keras.ops.reshape(keras.ops.abs(x), (-1, 3, *x.shape[1:]))
    x = normalize(keras.ops.max(edges, axis=1))
    for number, filters in enumerate([32, 64, 96, 128]):
        x = keras.layers.MaxPooling2D()(x) if number in (1, 2) else x
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(normalize(x))
    return keras.Model(inputs, x, name="from_scratch")


def load_pretrained(name):
    """A network of keras.applications without its head, with the weights it learned on ImageNet; all of these take pixels from 0 to 255."""
    with network_timeout(20):
        base = getattr(keras.applications, name)(include_top=False, weights="imagenet", input_shape=(image_size, image_size, 3))
    base.trainable = False
    return base


def build_base():
    """The pretrained network that was asked for; with "auto", the small one where the weights cannot be had."""
    if network == "from scratch":
        return build_small_network()
    try:
        return load_pretrained("EfficientNetV2B0" if network == "auto" else network)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if network != "auto":
            raise DataError(f"The weights of {network} cannot be had: {reason}") from None
        print(f"From scratch, because pretrained weights cannot be had: {reason}")
        return build_small_network()

# %% [markdown] id="model-text"
# ## The model
#
# From a batch of pictures to probabilities:
#
# - the augmentation layers, which do nothing outside of training,
# - the base, which makes **feature maps** of the picture: small pictures of where it finds something,
# - `GlobalAveragePooling2D`: the mean of each map, that is, how much of it there is in the whole picture,
# - `Dropout`: during training, a fifth of these numbers are hidden at random, against **overfitting**,
# - `Dense` with **softmax**, the head: it weighs the means, and gives a probability for each class.

# %% id="model"
keras.config.set_dtype_policy("mixed_float16" if device == "gpu" else "float32")
keras.utils.set_random_seed(seed)
base = build_base()
shrink = image_size // base.input_shape[1]
model = keras.Sequential(
    [
        keras.Input((image_size, image_size, 3)),
        *([keras.layers.AveragePooling2D(shrink)] if shrink > 1 else []),
        *(build_augmentation() if augment else []),
        base,
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(len(classes), activation="softmax", dtype="float32"),
    ]
)
model.summary()

# %% [markdown] id="weights-text"
# ## Class weights
#
# A network that sees nine houses for three boats learns that "house" is a good guess. **Class weights** make up for it:
# in the **loss**, which training makes small, a picture of a rare class counts for more, so that each class counts the same in total.

# %% id="weights"
train_counts = np.bincount(labels[train_rows], minlength=len(classes))
class_weights = {number: len(train_rows) / (len(classes) * count) for number, count in enumerate(train_counts)}
print({name: round(float(class_weights[number]), 2) for number, name in enumerate(classes[:20])})

# %% [markdown] id="train-text"
# ## Training
#
# An **epoch** shows every training picture once (or several times, if there are few). The **learning rate** says how large the steps of the training are;
# it falls like a cosine, first slowly and then towards zero, because large steps jump around the goal. Two **callbacks** are called after each epoch:
# `EarlyStopping` stops when the validation loss has not fallen for half of the epochs, and goes back to the weights of the best epoch;
# `keep_epoch` keeps the numbers, for the curves below and for sweeps.

#:: include "cells/epoch.py"

# %% id="train"
import time

epoch_rows = []


def keep_epoch(epoch, logs):
    numbers = {name: round(float(value), 4) for name, value in logs.items()}
    epoch_rows.append({"epoch": epoch + 1, **numbers})
    print("epoch {epoch}: loss {loss:.3f}, accuracy {accuracy:.3f}; validation: loss {val_loss:.3f}, accuracy {val_accuracy:.3f}".format(**epoch_rows[-1]))
    record_epoch(epoch + 1, val_accuracy=numbers["val_accuracy"], val_loss=numbers["val_loss"])


def train(first_epoch, last_epoch, learning_rate):
    steps = len(train_set) * (last_epoch - first_epoch)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=backend == "jax",
    )
    stop = keras.callbacks.EarlyStopping("val_loss", patience=max(3, epochs // 2), restore_best_weights=True)
    keep = keras.callbacks.LambdaCallback(on_epoch_end=keep_epoch)
    model.fit(
        train_set,
        validation_data=validation_set,
        initial_epoch=first_epoch,
        epochs=last_epoch,
        class_weight=class_weights,
        callbacks=[keep, stop],
        verbose=0,
    )


started = time.perf_counter()
train(0, epochs, learning_rate)

# %% [markdown] id="fine-text"
# **Fine-tuning**, of a pretrained network only: now the base learns too, in small steps, so that it does not forget what it knows.
# Its `BatchNormalization` layers stay as they are, because the means that they keep would be spoiled by a few small batches.

# %% id="fine"
if base.name != "from_scratch" and fine_tune_epochs > 0:
    best_weights, best_loss = model.get_weights(), model.evaluate(validation_set, verbose=0)[0]
    base.trainable = True
    for layer in base.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    train(len(epoch_rows), len(epoch_rows) + fine_tune_epochs, learning_rate / 40)
    if model.evaluate(validation_set, verbose=0)[0] > best_loss:
        model.set_weights(best_weights)
        print("Fine-tuning did not help, so the weights from before are kept.")
seconds = time.perf_counter() - started

# %% id="curves"
history = pd.DataFrame(epoch_rows)
history.to_csv(results_dir / "history.csv", index=False)
figure, axes = plt.subplots(1, 2, figsize=(10, 3))
for ax, quantity in zip(axes, ["accuracy", "loss"]):
    ax.plot(history["epoch"], history[quantity], label="training", color="#40698f")
    ax.plot(history["epoch"], history[f"val_{quantity}"], label="validation", color="#b5577b")
    ax.set(title=quantity, xlabel="epoch")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False)
plt.show()

# %% [markdown] id="test-text"
# If the training loss falls while the validation loss rises, the network learns the pictures by heart: it **overfits**.
#
# ## How good is it?
#
# Now the test set, for the first time. The **accuracy** is the share of correct answers. A **baseline** that always says the most frequent class looks good
# if one class is frequent, so we also take the **balanced accuracy**: the mean of the classes' own accuracies.

# %% id="test"
from sklearn.metrics import ConfusionMatrixDisplay

val_loss, val_accuracy = model.evaluate(validation_set, verbose=0)
loss, accuracy = model.evaluate(test_set, verbose=0)
probabilities = model.predict(test_set, verbose=0)
truth, predictions = labels[test_rows], probabilities.argmax(axis=1)
baseline = float((truth == train_counts.argmax()).mean())
present = np.unique(truth)
balanced_accuracy = float(np.mean([(predictions[truth == number] == number).mean() for number in present]))
spread = math.sqrt(accuracy * (1 - accuracy) / len(truth))
print(f"Test accuracy: {accuracy:.1%} of {len(truth)} pictures, give or take {max(spread, 0.5 / len(truth)):.1%} (the standard error)")
print(f"Balanced accuracy: {balanced_accuracy:.1%}. Baseline, always {classes[train_counts.argmax()]}: {baseline:.1%}")
if balanced_accuracy < 1.5 / len(classes):
    print("That is hardly better than guessing: more pictures, more epochs or a pretrained network may help.")

# %% id="confusion"
size = min(12, 3 + 0.5 * len(classes))
figure, ax = plt.subplots(figsize=(size, size))
few = len(classes) <= 20
ConfusionMatrixDisplay.from_predictions(
    truth, predictions, labels=range(len(classes)), display_labels=shown, include_values=few, xticks_rotation=90, cmap="Blues", colorbar=not few, ax=ax
)
ax.set_title("Confusion matrix: the diagonal is correct")
plt.show()

# %% [markdown] id="mistakes-text"
# ## The worst mistakes
#
# Wrong, and sure about it. Look at them closely: often it is the *label* that is wrong, or the picture shows both.

# %% id="mistakes"
certainty = probabilities.max(axis=1)
wrong = np.flatnonzero(predictions != truth)
right = np.flatnonzero(predictions == truth)
worst = np.concatenate([wrong[np.argsort(-certainty[wrong])], right[np.argsort(certainty[right])]])[:8]


def show_tests(numbers, title):
    """Pictures of the test set, and what the network says."""
    figure, axes = plt.subplots(1, 8, figsize=(12, 2.4), layout="constrained")
    for ax in axes:
        ax.axis("off")
    for ax, number in zip(axes, numbers):
        ax.imshow(pixels[test_rows[number]])
        verdict = f"{shown[predictions[number]]}, {certainty[number]:.0%}"
        ax.set_title(verdict if predictions[number] == truth[number] else f"{verdict}\nbut: {shown[truth[number]]}", fontsize=9)
    figure.suptitle(title)
    plt.show()


show_tests(worst, f"{len(wrong)} of {len(truth)} answers are wrong{'; then the least sure ones' if len(wrong) < 8 else ''}")

# %% [markdown] id="cam-text"
# ## Where does it look?
#
# **Grad-CAM** (*gradient-weighted class activation mapping*) shows which part of a picture speaks for a class. It adds up the last feature maps of the base,
# each weighted by the gradient: how much the class's score would rise with this map. Here the head takes the mean of each map and multiplies it by a weight,
# so the gradient is that very weight, and nothing has to be derived.
#
# Is it the animal that counts, or the grass around it? A network that looks at the background will fail elsewhere.

# %% id="cam"
def explain(picture, number):
    """How much each part of a picture speaks for a class: a small map of numbers, none below zero."""
    maps = picture[None].astype("float32")
    for layer in model.layers[:-3]:  # all but the head
        maps = layer(maps, training=False)
    head_weights = keras.ops.convert_to_numpy(model.layers[-1].kernel)[:, number]
    return np.maximum(keras.ops.convert_to_numpy(maps)[0].astype("float32") @ head_weights, 0)


each = math.ceil(8 / len(present))
examples = np.concatenate([np.flatnonzero(truth == number)[:each] for number in present])[:8]
figure, axes = plt.subplots(2, 8, figsize=(12, 3.4), layout="constrained")
for ax in axes.flat:
    ax.axis("off")
for column, number in enumerate(examples):
    picture = pixels[test_rows[number]]
    heat = explain(picture, predictions[number])
    smooth = Image.fromarray(heat / max(heat.max(), 1e-9)).resize((image_size, image_size), Image.Resampling.BILINEAR)
    axes[0, column].imshow(picture)
    axes[1, column].imshow(picture)
    axes[1, column].imshow(np.asarray(smooth), cmap="jet", alpha=0.45)
    axes[0, column].set_title(f"{shown[predictions[number]]}?", fontsize=9)
figure.suptitle("Red: this speaks for the answer")
plt.show()

# %% [markdown] id="save-text"
# ## Keep the model
#
# `save` writes layers and weights into one file. Loaded again, it must answer the same. `classes.json` holds the names of the classes, in the order of the probabilities.

# %% id="save"
import json

model.save(results_dir / "model.keras")
(results_dir / "classes.json").write_text(json.dumps(classes, ensure_ascii=False), encoding="utf-8")
loaded = keras.models.load_model(results_dir / "model.keras")
np.testing.assert_allclose(loaded.predict(test_set, verbose=0), probabilities, atol=1e-2 if device == "gpu" else 1e-4)
print("The loaded model answers like the trained one.")

predicted = pictures.loc[test_rows, ["path", "label"]].assign(prediction=[classes[number] for number in predictions], probability=certainty.round(4))
predicted.to_csv(results_dir / "predictions.csv", index=False, encoding="utf-8-sig")
predicted.tail(3)

# %% [markdown] id="own-text"
# ## A picture of your own
#
# Set `my_picture` at the top to a file, an address or a folder, or call `predict("photo.jpg")` in a new cell. (In Colab, you can drag a file into the list of files on the left.)
# Until then, a picture of the test set stands in. The network knows its classes and nothing else: of a photo of your breakfast it says that it is one of these.

# %% id="own"
def predict(path):
    """The probability of each class for one picture file, the most likely first."""
    picture = read_picture(path)
    answers = keras.ops.convert_to_numpy(loaded(picture[None].astype("float32"), training=False))[0]
    best = np.argsort(-answers)[:3]
    figure, axes = plt.subplots(1, 2, figsize=(7, 1.8), width_ratios=[1, 3], layout="constrained")
    axes[0].imshow(picture)
    axes[0].axis("off")
    axes[1].barh(range(len(best)), answers[best], color="#40698f")
    axes[1].set(xlim=(0, 1), xlabel="probability")
    axes[1].set_yticks(range(len(best)), [shown[number] for number in best])
    axes[1].invert_yaxis()
    plt.show()
    return {classes[number]: round(float(answers[number]), 4) for number in best}


Image.fromarray(pixels[test_rows[0]]).save(results_dir / "my_picture.png")
for path in my_pictures or [results_dir / "my_picture.png"]:
    print(path.name, predict(path))

results = {
    "accuracy": round(float(accuracy), 4),
    "balanced_accuracy": round(balanced_accuracy, 4),
    "baseline": round(baseline, 4),
    "loss": round(float(loss), 4),
    "val_accuracy": round(float(val_accuracy), 4),
    "val_loss": round(float(val_loss), 4),
    "pictures": len(pictures),
    "classes": len(classes),
    "used_network": base.name,
    "trained_epochs": len(epoch_rows),
    "seconds_per_epoch": round(seconds / max(len(epoch_rows), 1), 2),
    "device": device,
}

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Set `augment = False` and run again. How far apart are the curves of training and validation now?
# 2. Take a photo of a boat or a house, and give it to `predict`. Why is the network so bad at it, though it is good at the test set?
# 3. Set `class_weight=None` in the cell that trains. Which row of the confusion matrix gets worse?
#
# If your pictures are clean and in folders, [`image_dataset_from_directory`](https://keras.io/api/data_loading/image/) reads them in one line.
#
# **To look things up:** [transfer learning and fine-tuning](https://keras.io/guides/transfer_learning/) ·
# [pretrained networks](https://keras.io/api/applications/) ·
# [image classification from scratch](https://keras.io/examples/vision/image_classification_from_scratch/) ·
# [augmentation layers](https://keras.io/api/layers/preprocessing_layers/image_augmentation/) ·
# [Grad-CAM for any network](https://keras.io/examples/vision/grad_cam/)
#:: endblock
