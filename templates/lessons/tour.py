#:: extends "notebook.py"
#:: set lesson = "tour"
#:: set parameters
epochs = 2  # @param {type:"integer"}
batch_size = 128  # @param {type:"integer"}
dataset = "auto"  # @param ["auto", "mnist", "digits"]
rows = 5  # @param {type:"integer"}
#:: endset
#:: block lesson
# %% [markdown] id="python-text"
# ## 1. Python and NumPy
#
# Click into a cell and press Shift+Enter to run it. Below it appears what it prints, and the value of its last line.

# %% id="python"
planets = ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"]
distances = [0.387, 0.723, 1.0, 1.524, 5.203, 9.537, 19.19, 30.07]  # from the Sun, in distances of the Earth
years = [0.241, 0.615, 1.0, 1.881, 11.86, 29.45, 84.02, 164.8]  # for one turn around the Sun

[planet for planet, year in zip(planets, years) if year > 10]


# %% id="function"
def kepler(distance):
    """Kepler found in 1618: the square of the time is the cube of the distance."""
    return distance**1.5


for planet, distance, year in zip(planets, distances, years):
    print(f"{planet:8} needs {year:7.3f} years. Kepler's law says {kepler(distance):7.3f}.")

# %% [markdown] id="numpy-text"
# A NumPy array computes with all its numbers at once, without a loop. The same function takes it.

# %% id="numpy"
import numpy as np

differences = np.array(years) / kepler(np.array(distances)) - 1
print(f"The law is off by {abs(differences).max():.2%} at most.")

# %% [markdown] id="fast-text"
# With many numbers, this is also much faster:

# %% id="fast"
import time

numbers = np.random.default_rng(seed).random(1_000_000)
as_list = numbers.tolist()

started = time.perf_counter()
answers = [kepler(number) for number in as_list]
print(f"A million numbers in a loop: {1000 * (time.perf_counter() - started):4.0f} ms")

started = time.perf_counter()
answers = kepler(numbers)
print(f"A million numbers in NumPy:  {1000 * (time.perf_counter() - started):4.0f} ms")

# %% [markdown] id="orbits-text"
# On both axes, each step to the next mark multiplies by ten. Then the law is a straight line.

# %% id="orbits"
import matplotlib.pyplot as plt

line = np.geomspace(0.3, 40)
plt.figure(figsize=(7, 4.5))
plt.loglog(line, kepler(line), color="silver", label="Kepler's law")
plt.loglog(distances, years, "o", label="planets")
for planet, distance, year in zip(planets, distances, years):
    plt.annotate(planet, (distance, year), xytext=(8, -10), textcoords="offset points")
plt.xlim(0.3, 100)
plt.xticks([1, 10, 100], [1, 10, 100])
plt.yticks([1, 10, 100], [1, 10, 100])
plt.xlabel("distance from the Sun (Earth = 1)")
plt.ylabel("years for one turn")
plt.legend()
plt.show()

# %% [markdown] id="files-text"
# ## 2. A folder for your files
#
# Colab's machine is lent: when the session ends, its disk is wiped. What must stay goes to Google Drive. Set `use_drive = True` in the parameters and run everything again: Colab asks you for permission, and then `home` is a folder on your Drive, which every later session finds again. Without Drive, `home` is a folder on this machine.
#
# Drive is slow with many small files. Do not train from thousands of pictures there: keep them on Drive as one archive, and unpack it on the machine's own disk first. Section 6 shows how.

# %% id="write"
notes = results_dir / "notes"
notes.mkdir(exist_ok=True)
with open(notes / "planets.csv", "w") as file:
    file.write("planet,years\n")
    for planet, year in zip(planets, years):
        file.write(f"{planet},{year}\n")

print("Drive is on." if drive_home else "Drive is off.", "Your folder:", home)

# %% id="list-files"
for path in sorted(notes.iterdir()):
    print(f"{path.stat().st_size} bytes  {path}")

# %% id="read"
print((notes / "planets.csv").read_text())

# %% [markdown] id="script-text"
# ## 3. Run a Python file from that folder
#
# Longer programs live in files of their own. `%%writefile` puts the text of a cell into a file instead of running it. The long cell below is such a program: it trains a small network to read handwritten digits.

# %% id="script"
script = results_dir / "mnist_cnn.py"

# %% id="writefile"
# %%writefile "$script"
#:: include "shared/mnist_cnn.py"

# %% [markdown] id="run-text"
# `!python mnist_cnn.py` would run it too. But when a `!` command fails, the notebook goes on as if nothing had happened. The next cell shows each line as it comes, keeps error messages in a log file, and stops the notebook if the script fails.

# %% id="run"
import subprocess
import sys

data_dir = home / "data" if drive_home else results_dir / "data"
command = [sys.executable, "-u", script]  # -u: print at once
command += ["--epochs", str(epochs), "--batch-size", str(batch_size), "--dataset", dataset]
command += ["--seed", str(seed), "--data", data_dir, "--output", results_dir / "mnist_cnn"]

log = results_dir / "mnist_cnn.log"
with open(log, "w") as errors:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        for line in process.stdout:
            print(line, end="")
if process.returncode:
    raise RuntimeError(f"{script.name} failed:\n{log.read_text()[-2000:]}")

# %% [markdown] id="report-text"
# The script left its numbers in a file. One epoch is one pass through all training images. The network did not learn from the held-out ones. In training its score is lower at first: it counts the early mistakes too, and half of the last layer's inputs are switched off at random, which makes the network more robust.

# %% id="report"
import json

report = json.loads((results_dir / "mnist_cnn" / "history.json").read_text())
history = report["history"]
steps = range(1, epochs + 1)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5))
axes[0].plot(steps, history["accuracy"], "o-", label="training")
axes[0].plot(steps, history["val_accuracy"], "o-", label="held out")
axes[0].set(title="Digits read correctly", xlabel="epoch", xticks=steps)
axes[0].yaxis.set_major_formatter("{x:.0%}")
axes[0].legend()
axes[1].bar(steps, history["seconds"], width=0.3)
axes[1].set(title="Time for each epoch", xlabel="epoch", ylabel="seconds", xticks=steps, xlim=(0.5, epochs + 0.5))
plt.show()

# %% [markdown] id="then-text"
# In 2018, a script of this name needed 11 seconds an epoch on Colab's GPU, a Tesla K80. Its network took about five times as much arithmetic per image.

# %% id="then-and-now"
seconds_per_epoch = np.mean(history["seconds"])
images = report["training_images"]
print(f"Here an epoch took {seconds_per_epoch:.1f} s for {images:,} images.")
print(f"For 1,000 images:  {1000 * seconds_per_epoch / images:.3f} s here, {1000 * 11 / 60_000:.3f} s on the K80")

# %% [markdown] id="table-text"
# ## 4. A table from the web
#
# Who was on board the Titanic, and who survived? Each row is one kind of people, and `Freq` says how many there were.

# %% id="titanic" cellView="form"
# @title Download the table
#:: include "shared/titanic.py"

# %% id="head"
titanic = load_titanic()
titanic.head(rows)

# %% id="survivors"
counts = titanic.groupby(["Class", "Sex", "Survived"])["Freq"].sum().unstack("Survived")
share = (counts["Yes"] / (counts["Yes"] + counts["No"])).unstack("Sex")

ax = share.plot.bar(figsize=(7, 4), rot=0, ylim=(0, 1.15), ylabel="share that survived")
ax.yaxis.set_major_formatter("{x:.0%}")
for bars in ax.containers:
    ax.bar_label(bars, fmt="{:.0%}", padding=2)
plt.show()

# %% [markdown] id="install-text"
# ## 5. Install any library
#
# In 2018, Colab tutorials began by installing Keras, PyTorch, OpenCV and more. Today most of them are there. Look first, and install only what is missing: a second copy of a large library often breaks the first.

# %% id="libraries"
from importlib.metadata import packages_distributions, version

import pandas as pd

modules = ["keras", "tensorflow", "torch", "cv2", "xgboost", "graphviz", "pydot", "libarchive", "cartopy"]
packages = packages_distributions()
found = {module: sorted(set(packages[module])) for module in modules if module in packages}
installed = {module: ", ".join(f"{p} {version(p)}" for p in found[module]) for module in found}

pd.DataFrame({"package and version": [installed.get(m, "not installed") for m in modules]}, index=modules)

# %% [markdown] id="pip-text"
# `%pip install` adds a library to the Python that runs this notebook. Its name for pip is not always its name in Python: `libarchive-c` is imported as `libarchive`. (The older package called `libarchive` has to be compiled first, and that mostly fails.)

# %% id="pip"
import importlib.util

if importlib.util.find_spec("libarchive") is None:
    print("libarchive is missing. pip installs it:")
    # %pip install --quiet --retries 1 libarchive-c
    importlib.invalidate_caches()

if importlib.util.find_spec("libarchive"):
    print("libarchive is here.")
else:
    print("libarchive could not be installed. Section 6 will be skipped.")

# %% [markdown] id="fail-text"
# A failing `%pip` or `!` command does not stop the notebook, so check afterwards, as above. Or call the command with `subprocess.run(..., check=True)`, which does stop. Here is the same failing command, both ways:

# %% id="fail"
# !{sys.executable} -c "raise SystemExit(3)"
print("With ! the cell goes on. You must look yourself: the exit code was", _exit_code)

try:
    subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)
except subprocess.CalledProcessError as error:
    print("With check=True it stops:", type(error).__name__)

# %% [markdown] id="apt-text"
# Programs that are not Python come from Debian's and Ubuntu's package manager, `apt`. You may use it on Colab, where the machine is yours for the session. On any other machine, this cell only tells you what to type.

# %% id="apt"
import os
import shutil

program = "tree"  # the package has the same name
if not shutil.which(program) and "COLAB_RELEASE_TAG" in os.environ:
    for step in ["update", f"install --yes {program}"]:
        answer = subprocess.run(["apt-get", "-qq", *step.split()], capture_output=True, text=True)
    print(answer.stderr[-500:] if answer.returncode else f"{program} is installed.")

if shutil.which(program):
    print(subprocess.run([program, results_dir], capture_output=True, text=True).stdout)
else:
    print(f"There is no {program} here. In a terminal: sudo apt-get install {program}")

# %% [markdown] id="archive-text"
# ## 6. Read a 7z archive
#
# The library `libarchive` reads and writes 7z, zip, tar and more. One archive is a good way to keep many small files on Drive. To have one to read, the first cell writes the Titanic table into an archive, one file for each class.

# %% id="archive"
try:
    import libarchive
except Exception as error:
    libarchive = None
    print(f"No 7z here ({error}). It needs pip install libarchive-c and apt-get install libarchive13.")

archive_path = results_dir / "titanic.7z"
if libarchive:
    with libarchive.file_writer(str(archive_path), "7zip") as archive:
        for group, people in titanic.groupby("Class"):
            text = people.to_csv(index=False).encode()
            archive.add_file_from_memory(f"titanic/{group}.csv", len(text), text)
    print(archive_path.name, "has", archive_path.stat().st_size, "bytes")

# %% id="list"
if libarchive:
    with libarchive.file_reader(str(archive_path)) as archive:
        for entry in archive:
            print(f"{entry.pathname:20} {entry.size:5} bytes")

# %% [markdown] id="unpack-text"
# libarchive unpacks into the current folder, so the next cell changes it for that moment.

# %% id="unpack"
import contextlib

unpacked = results_dir / "unpacked"
unpacked.mkdir(exist_ok=True)
if libarchive:
    with contextlib.chdir(unpacked):
        libarchive.extract_file(str(archive_path))
    display(pd.read_csv(unpacked / "titanic" / "Crew.csv"))

# %% [markdown] id="machine-text"
# ## 7. Is the GPU working, and what else is in the machine?
#
# These commands work in a cell of their own as well, with a `!` in front: `!nvidia-smi`.

# %% id="commands"
for command in ["nvidia-smi", "free -h", "df -h .", "lscpu"]:
    print("$", command)
    if shutil.which(command.split()[0]):
        answer = subprocess.run(command.split(), capture_output=True, text=True)
        print("\n".join(line[:90] for line in answer.stdout.splitlines()[:20]), "\n")
    else:
        print("This command is not on this machine.\n")

# %% [markdown] id="tensorflow-text"
# Three questions to TensorFlow. The first two are those of the 2018 tutorials, and they still work.

# %% id="tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0" if gpus else "3"  # without a GPU, TensorFlow complains at length
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # else it takes all GPU memory, and the script above gets none

import tensorflow as tf
from tensorflow.python.client import device_lib

on_gpu = bool(tf.config.list_physical_devices("GPU"))
print("TensorFlow", tf.__version__)
print("GPU by name:", tf.test.gpu_device_name() or "none")
print("All devices:", [device.name for device in device_lib.list_local_devices()])
print("GPUs:", tf.config.list_physical_devices("GPU") or "none")

# %% [markdown] id="speed-text"
# A name proves little, so let the machine compute. Multiplying two matrices of n x n numbers takes about 2 n³ operations. A GPU wins when the matrices are large enough to keep it busy.


# %% id="speed"
def billions_a_second(device, size):
    """How many billion operations a second a matrix product reaches, in the best of three tries."""
    seconds = []
    with tf.device(device):
        matrix = tf.random.normal((size, size), seed=seed)
        for _ in range(4):  # the first is a warm-up
            started = time.perf_counter()
            product = tf.linalg.matmul(matrix, matrix)
            product[0, 0].numpy()  # waits until it is computed
            seconds.append(time.perf_counter() - started)
    assert np.allclose(product[0], matrix[0].numpy() @ matrix.numpy(), atol=1), f"{device} computes wrong numbers"
    return 2 * size**3 / min(seconds[1:]) / 1e9


# %% id="compare"
sizes = [125, 250, 500, 1000, 2000]
speeds = {}
for device in ["CPU", "GPU"] if on_gpu else ["CPU"]:
    speeds[device] = [billions_a_second(f"/{device}:0", size) for size in sizes]
    plt.loglog(sizes, speeds[device], "o-", label=device)
    print(f"{device}: {speeds[device][-1]:,.0f} billion operations a second")
plt.title("Speed of a matrix product")
plt.xlabel("rows and columns of the matrix")
plt.ylabel("billion operations a second")
plt.xticks(sizes, sizes)
plt.gca().yaxis.set_major_formatter("{x:g}")
plt.minorticks_off()
plt.legend()
plt.show()

# %% id="results"
results = {
    "script_accuracy": round(report["test_accuracy"], 4),
    "seconds_per_epoch": round(float(seconds_per_epoch), 2),
    "used_dataset": report["dataset"],
    "libraries_found": len(found),
    "matmul_gflops": round(max(speed[-1] for speed in speeds.values()), 1),
    "device": "gpu" if on_gpu else "cpu",
}
#:: endblock
