#:: extends "notebook.py"
#:: set lesson = "tour"
#:: set parameters
epochs = 2  # @param {type:"integer"}
batch_size = 128  # @param {type:"integer"}
dataset = "auto"  # @param ["auto", "mnist", "digits"]
rows = 5  # @param {type:"integer"}
#:: endset
#:: block lesson
# %% [markdown] id="hello-text"
# ## 1. Your first cell
#
# A **notebook** consists of **cells**: cells with text, like this one, and cells with code. Click into the next one and press Shift+Enter to run it. Below it appears what it prints, and the value of its last line. Then change the name, and run it again.

# %% id="hello"
name = "Ada"
print("Hello,", name)
len(name)

# %% [markdown] id="memory-text"
# The **kernel**, the program that runs the cells, keeps what they have computed until the session ends: the next cell knows `name` too. The number in brackets beside a cell says in which order the cells were run. If you get lost, choose *Runtime > Restart session and run all*: it forgets everything, and begins at the top.

# %% id="memory"
savings = [100.0]
while len(savings) <= 10:  # the first is that of today
    savings.append(savings[-1] * 1.05)
print(f"{name} puts 100 into the bank. At 5 % interest, that is {savings[-1]:.2f} after ten years.")

# %% [markdown] id="form-text"
# ## 2. A form
#
# A comment `# @param` behind a line turns it into a field of a **form**, on the right of the cell. It remains ordinary Python: outside of Colab you change the number in the code. `# @title` gives the cell a title, and with *View > Show/hide code* only the form is left. The cell with the parameters at the top is made like this.

# %% id="form"
# @title How savings grow
interest = 5  # @param {type:"slider", min:0, max:20, step:1}
years = 30  # @param {type:"integer"}
scale = "linear"  # @param ["linear", "log"]

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.5))
ax.plot(100 * (1 + interest / 100) ** np.arange(years + 1), label=f"{interest} % interest")
ax.plot(100 + interest * np.arange(years + 1), ":", color="gray", label="without interest on interest")
ax.set(xlabel="years", ylabel="savings", yscale=scale)
ax.legend()
plt.show()

# %% [markdown] id="where-text"
# ## 3. Where does this run?
#
# Not on your computer: on Colab, Google lends you a **virtual machine**, and your browser only shows it. A notebook can find out where it is, and this one does, so that it runs elsewhere as well.

# %% id="where"
import os
import sys

on_colab = "google.colab" in sys.modules  # a Colab tab in a browser, which can show buttons and answer questions
on_kaggle = "KAGGLE_KERNEL_RUN_TYPE" in os.environ
print("This is", "Colab." if on_colab else "Kaggle." if on_kaggle else "neither Colab nor Kaggle.")
print("Folder: ", os.getcwd())
print("Python: ", sys.executable)

# %% [markdown] id="commands-text"
# `!` in front of a line hands it to the machine's **shell**: `!nvidia-smi` asks for the graphics card (**GPU**), `!free -h` for the memory (**RAM**), `!df -h .` for the disk, `!lscpu` for the processor (**CPU**). Here all four are called from Python, so that none of them has to be there. Colab also has a real **terminal**: the button at the lower left.

# %% id="commands"
import shutil
import subprocess

for command in ["nvidia-smi", "free -h", "df -h .", "lscpu"]:
    print("$", command)
    if shutil.which(command.split()[0]):
        answer = subprocess.run(command.split(), capture_output=True, text=True)
        print("\n".join(line[:90] for line in answer.stdout.splitlines()[:15]), "\n")
    else:
        print("This command is not on this machine.\n")

# %% [markdown] id="limits-text"
# ### How long may you keep it?
#
# Without paying, Colab promises nothing. What to expect:
#
# - **A session ends** after 12 hours at the latest, earlier when many people want machines, and much earlier when nothing runs and nobody clicks. A closed tab or a sleeping computer counts as nobody.
# - **Then everything is gone** that is in memory or on the machine's disk. What is on Google Drive stays, and so does the notebook itself with its outputs.
# - **A GPU may be refused** to those who have used one a lot lately: "You cannot currently connect to a GPU". Try again the next day, go on without, or use Kaggle's (section 11).
# - **So save early:** during long training after every epoch, on Drive, and in such a way that it can go on from there. The presets `keras` and `pytorch` do.
# - **Give it back** when you are done, so that there is one for you next time: *Runtime > Disconnect and delete runtime*, or `from google.colab import runtime; runtime.unassign()`.

# %% id="uptime"
try:
    with open("/proc/uptime") as file:
        hours = float(file.read().split()[0]) / 3600
    print(f"This machine was started {hours:.1f} hours ago.")
except OSError:
    print("This system does not say when it was started; on Colab, it would.")

# %% [markdown] id="tensorflow-text"
# ## 4. Is the GPU working?
#
# Which devices does TensorFlow see? These are the same questions in three ways: `tf.config` is today's, the other two are in many tutorials, and still work.

# %% id="tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0" if gpus else "3"  # without a GPU, TensorFlow complains at length
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # else it takes all GPU memory, and the script below gets none

import tensorflow as tf
from tensorflow.python.client import device_lib

on_gpu = bool(tf.config.list_physical_devices("GPU"))
print("TensorFlow", tf.__version__)
print("GPUs:", tf.config.list_physical_devices("GPU") or "none")
print("GPU by name:", tf.test.gpu_device_name() or "none")
print("All devices:", [device.name for device in device_lib.list_local_devices()])

# %% [markdown] id="speed-text"
# A name proves little, so let the machine compute. Multiplying two matrices of n x n numbers takes about 2 n³ operations; a billion a second is called one **gigaflops**. A GPU wins when the matrices are large enough to keep it busy.

# %% id="speed"
import time


def measure_gigaflops(device, size):
    """Billions of operations a second in a matrix product, in the best of three tries."""
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
figure, ax = plt.subplots(figsize=(7, 3.5))
for device in ["CPU", "GPU"] if on_gpu else ["CPU"]:
    speeds[device] = [measure_gigaflops(f"/{device}:0", size) for size in sizes]
    ax.loglog(sizes, speeds[device], "o-", label=device)
    print(f"{device}: {speeds[device][-1]:,.0f} gigaflops")
if not on_gpu:
    print("With Runtime > Change runtime type > T4 GPU, a second line would show the GPU.")
fastest = max(max(speed) for speed in speeds.values())
ax.set(xlabel="rows and columns of the matrix", ylabel="gigaflops", xticks=sizes, ylim=(1, 3 * fastest))
ax.set_xticklabels(sizes)
ax.yaxis.set_major_formatter("{x:g}")
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] id="files-text"
# ## 5. Files
#
# The disk of the machine is yours until the session ends; the Files pane on the left shows it. What must stay goes to **Google Drive**: set `use_drive = True` in the parameters and run everything again. Colab asks for your permission, and then `home` is a folder on your Drive, which every later session finds again. Without Drive, `home` is a folder on this machine.

# %% id="write"
notes = results_dir / "notes"
notes.mkdir(exist_ok=True)
(notes / "savings.csv").write_text("year,savings\n" + "".join(f"{n},{amount:.2f}\n" for n, amount in enumerate(savings)))

print("Drive is on." if drive_home else "Drive is off.", "Your folder:", home)
for path in sorted(notes.iterdir()):
    print(f"{path.stat().st_size:6} bytes  {path}")
print((notes / "savings.csv").read_text()[:40])

# %% [markdown] id="upload-text"
# ### Upload and download
#
# Drag a file from your computer into the Files pane; that is the quickest way. Or let a cell ask: tick `upload_now` and run it. For a download, right-click the file in the Files pane, or tick `download_now`.

# %% id="upload"
upload_now = False  # @param {type:"boolean"}
download_now = False  # @param {type:"boolean"}

if on_colab:
    from google.colab import files

    if upload_now:
        uploaded = files.upload()
        print("Uploaded:", ", ".join(uploaded) or "nothing")
    if download_now:
        files.download(str(notes / "savings.csv"))
else:
    print("On Colab, this cell can take a file from your computer, and hand one to it.")

# %% [markdown] id="secrets-text"
# ## 6. Secrets
#
# A password or **access token** in a cell is soon on GitHub. Colab keeps it outside of the notebook: the key symbol on the left opens *Secrets*. Add one with the name `MY_TOKEN`, and allow this notebook to read it. On other machines, an **environment variable** of that name does the same.


# %% id="secrets"
def get_secret(name):
    """The secret from the environment, from Colab or from Kaggle; None where there is none, and then it says why."""
    if os.environ.get(name):
        return os.environ[name]
    try:
        if on_colab:
            from google.colab import userdata

            return userdata.get(name)
        if on_kaggle:
            from kaggle_secrets import UserSecretsClient

            return UserSecretsClient().get_secret(name)
        print(f"No secret {name}: on Colab, the key symbol on the left keeps it; here, set an environment variable.")
    except Exception as error:  # it does not exist, or this notebook may not read it
        print(f"No secret {name}: {type(error).__name__} {error}")


token = get_secret("MY_TOKEN")
if token:
    print(f"The token has {len(token)} characters. It is better not to print it.")

# %% [markdown] id="table-text"
# ## 7. A table from the web
#
# Who was on board the Titanic, and who survived? Each row is one kind of people, and `Freq` says how many there were: the 0 in the first row means that no boy of the first class died. pandas calls a table a **DataFrame**.

# %% id="titanic" cellView="form"
# @title Download Titanic.csv
#:: include "shared/titanic.py"

# %% id="head"
titanic = load_titanic()
titanic.to_csv(notes / "Titanic.csv", index=False)
titanic.head(rows)

# %% [markdown] id="interactive-text"
# Colab can show a table with filters and pages, so that you can look around in it. The symbol beside a table does it once, `enable_dataframe_formatter` for all that follow.

# %% id="interactive"
if on_colab:
    from google.colab import data_table

    data_table.enable_dataframe_formatter()
else:
    print("On Colab, tables would become interactive now. Here pandas sorts:")
titanic.sort_values("Freq", ascending=False).head(rows)

# %% id="survivors"
counts = titanic.groupby(["Class", "Sex", "Survived"])["Freq"].sum().unstack("Survived")
share = (counts["Yes"] / (counts["Yes"] + counts["No"])).unstack("Sex")

ax = share.plot.bar(figsize=(7, 3.5), rot=0, ylim=(0, 1.15), ylabel="share that survived")
ax.yaxis.set_major_formatter("{x:.0%}")
for bars in ax.containers:
    ax.bar_label(bars, fmt="{:.0%}", padding=2)
plt.show()

# %% [markdown] id="install-text"
# ## 8. Install anything
#
# Most libraries are there already on Colab. So look first, and install only what is missing: a second copy of a large library often breaks the first. Each of these is really imported here, which fails if it is broken.

# %% id="libraries"
import importlib


def find_library(module):
    try:
        return f"is there {getattr(importlib.import_module(module), '__version__', '')}"
    except Exception as error:  # a broken library may raise anything
        return "missing" if isinstance(error, ModuleNotFoundError) else f"broken: {error}"


libraries = {"keras": "keras", "torch": "torch torchvision", "cv2": "opencv-python-headless", "xgboost": "xgboost"}
libraries |= {"graphviz": "graphviz", "pydot": "pydot", "py7zr": "py7zr", "libarchive": "libarchive-c"}
found = {module: find_library(module) for module in libraries}
programs = {"dot": "graphviz", "7z": "p7zip-full"}  # not Python: graphviz needs the program dot
found |= {program: "is there" if shutil.which(program) else "missing" for program in programs}

packages = [f"{package} (pip)" for package in libraries.values()]
packages += [f"{package} (apt)" for package in programs.values()]
pd.DataFrame({"here": found.values(), "package, if it is missing": packages}, index=list(found))

# %% [markdown] id="pip-text"
# `%pip install` adds a library to the Python that runs this notebook. Its name for pip is not always its name in Python: `opencv-python-headless` is imported as `cv2`. Colab lacks py7zr, which reads and writes 7z archives.

# %% id="pip"
import importlib.util

if importlib.util.find_spec("py7zr") is None:
    print("py7zr is missing. pip installs it:")
    # %pip install --quiet --retries 1 py7zr
    importlib.invalidate_caches()

has_7z = importlib.util.find_spec("py7zr") is not None
print("py7zr is here." if has_7z else "py7zr could not be installed. The 7z archive below is left out.")

# %% [markdown] id="fail-text"
# A failing `%pip` or `!` command does not stop the notebook, so check afterwards, as above. `subprocess.run(..., check=True)` does stop. Here is the same failing command, both ways:

# %% id="fail"
# !{sys.executable} -c "raise SystemExit(3)"
print("With ! the cell goes on. You must look yourself: the exit code was", _exit_code)

try:
    subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)
except subprocess.CalledProcessError as error:
    print("With check=True it stops:", type(error).__name__)

# %% [markdown] id="apt-text"
# Programs that are not Python come from Ubuntu's package manager, `apt`. On Colab you may use it: the machine is yours for the session. On any other machine, this cell only tells you what to type.

# %% id="apt"
program = "tree"  # the package has the same name
if on_colab and not shutil.which(program):
    for step in ["update", f"install --yes {program}"]:
        answer = subprocess.run(["apt-get", "-qq", *step.split()], capture_output=True, text=True)
    print(answer.stderr[-500:] if answer.returncode else f"{program} is installed.")

if shutil.which(program):
    print(subprocess.run([program, results_dir], capture_output=True, text=True).stdout)
else:
    print(f"There is no {program} here. In a terminal: sudo apt-get install {program}")

# %% [markdown] id="archive-text"
# ## 9. Many small files
#
# Drive is slow with many small files. So do not train from thousands of pictures there: keep them on Drive as one **archive**, and unpack it on the machine's own disk. Python packs zip and tar itself; for 7z, py7zr does.

# %% id="archive"
archive_path = shutil.make_archive(str(results_dir / "notes"), "zip", notes)
shutil.unpack_archive(archive_path, results_dir / "unpacked")
print("From the zip:", sorted(path.name for path in (results_dir / "unpacked").iterdir()))

if has_7z:
    import py7zr

    with py7zr.SevenZipFile(results_dir / "notes.7z", "w") as archive:
        archive.writeall(notes, "notes")
    with py7zr.SevenZipFile(results_dir / "notes.7z") as archive:
        archive.extractall(results_dir / "unpacked")
    print("From the 7z: ", sorted(path.name for path in (results_dir / "unpacked" / "notes").iterdir()))

# %% [markdown] id="script-text"
# ## 10. Run a Python file
#
# Longer programs live in files of their own, on Drive for example. `mnist_cnn.py` trains a small network to read handwritten digits. The next cell puts it into your folder: `%%writefile` writes the text of a cell into a file instead of running it. (Its code is folded; a double click on the title unfolds it.)

# %% id="script"
script = results_dir / "mnist_cnn.py"

# %% id="writefile" cellView="form"
# %%writefile "$script"
# @title mnist_cnn.py
#:: include "shared/mnist_cnn.py"

# %% [markdown] id="run-text"
# `!python mnist_cnn.py` would run it, and so would `python mnist_cnn.py` in the terminal. The next cell shows each line as it comes too, and besides it stops the notebook if the script fails.

# %% id="run"
data_dir = home / "data" if drive_home else results_dir / "data"
arguments = [sys.executable, "-u", script]  # -u: print at once
arguments += ["--epochs", str(epochs), "--batch-size", str(batch_size), "--dataset", dataset]
arguments += ["--seed", str(seed), "--data", data_dir, "--output", results_dir / "mnist_cnn"]

log = results_dir / "mnist_cnn.log"
with open(log, "w") as errors:
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        for line in process.stdout:
            print(line, end="")
if process.returncode:
    raise RuntimeError(f"{script.name} failed:\n{log.read_text()[-2000:]}")

# %% [markdown] id="report-text"
# The script left its numbers in a file. One **epoch** is one pass through all training images. In training the accuracy is lower at first: it counts the early mistakes too, and half of the last layer's inputs are switched off at random (**dropout**).

# %% id="report"
import json

report = json.loads((results_dir / "mnist_cnn" / "history.json").read_text())
history = report["history"]
figure, ax = plt.subplots(figsize=(7, 3.5))
ax.plot(range(1, epochs + 1), history["accuracy"], "o-", label="training")
ax.plot(range(1, epochs + 1), history["val_accuracy"], "o-", label="test")
ax.set(ylabel="digits read correctly", xlabel="epoch", xticks=range(1, epochs + 1))
ax.yaxis.set_major_formatter("{x:.0%}")
ax.legend()
plt.show()

seconds_per_epoch = float(np.mean(history["seconds"]))
print(f"An epoch took {seconds_per_epoch:.1f} s for {report['training_images']:,} images.")

# %% [markdown] id="sweep-text"
# ### Many runs of one notebook
#
# Which batch size is best? Trying several values is called a **sweep**, and `colab-starter run` does it: one notebook, many parameters, several at a time. What is done is kept; the same command goes on after a disconnect. In Colab's terminal, with this notebook on Drive:
#
# ```
# python3 -m pip install -q colab-starter
# cd "/content/drive/MyDrive/{{ cookiecutter.drive_folder }}"
# colab-starter run notebooks/tour.ipynb -p batch_size=64,256 -p epochs=1
# colab-starter report runs/tour
# ```
#
# The first line changes none of Colab's packages.
#
# ## 11. The same on Kaggle
#
# Kaggle lends machines too, and this notebook runs there. What differs:
#
# | | Colab | Kaggle |
# |---|---|---|
# | GPU | *Runtime > Change runtime type* | *Settings > Accelerator*, with a verified phone number |
# | how long | no promise, 12 hours at most | about 30 hours of GPU a week |
# | internet | on | *Settings > Turn on internet*, with a verified phone number |
# | files that stay | on Google Drive | in `/kaggle/working`, with *Save Version* |
# | data | from Drive, uploaded, downloaded | *Add Input*, then in `/kaggle/input`, read-only |
# | secrets | key symbol; `userdata.get` | *Add-ons > Secrets*; `UserSecretsClient` |
# | forms | `# @param` | plain comments: change the code |
# | while you are away | the tab must stay open | *Save Version > Save & Run All* runs it without you |
#
# ## Exercises
#
# 1. Make a form with a slider for the number of years, and print how long the savings take to double at 1, 2, 5 and 10 %.
# 2. Upload a table of your own (a `.csv` file), read it with `pd.read_csv`, and draw one of its columns with `.plot()`.
# 3. Run `mnist_cnn.py` from the terminal, once with a GPU and once without. How many times as fast is an epoch?
#
# **To look things up:** [Colab's questions and answers](https://research.google.com/colaboratory/faq.html) · [forms](https://colab.research.google.com/notebooks/forms.ipynb) · [files and Drive](https://colab.research.google.com/notebooks/io.ipynb) · [interactive tables](https://colab.research.google.com/notebooks/data_table.ipynb) · [pandas in ten minutes](https://pandas.pydata.org/docs/user_guide/10min.html) · [TensorFlow on a GPU](https://www.tensorflow.org/guide/gpu) · [Kaggle's notebooks](https://www.kaggle.com/docs/notebooks)

# %% id="results"
results = {
    "script_accuracy": round(report["test_accuracy"], 4),
    "seconds_per_epoch": round(seconds_per_epoch, 2),
    "used_dataset": report["dataset"],
    "libraries_found": sum(found[module].startswith("is there") for module in libraries),
    "matmul_gflops": round(max(speed[-1] for speed in speeds.values()), 1),
    "device": "gpu" if on_gpu else "cpu",
}
#:: endblock
