# %% cellView="form"
# @title What machine is this?
import glob
import os
import platform
import shutil
import subprocess

import psutil

cpu = platform.processor() or platform.machine()
if os.path.exists("/proc/cpuinfo"):
    with open("/proc/cpuinfo") as lines:
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)

gpus = []
if shutil.which("nvidia-smi"):
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True)
    gpus = answer.stdout.strip().splitlines() if answer.returncode == 0 else []
tpu = os.environ.get("TPU_ACCELERATOR_TYPE") or ("yes" if glob.glob("/dev/accel*") else "none")

machine = {
    "Python": platform.python_version(),
    "Colab": os.environ.get("COLAB_RELEASE_TAG", "no, this is another machine"),
    "CPU": f"{cpu}, {os.cpu_count()} cores",
    "RAM": f"{psutil.virtual_memory().total / 2**30:.1f} GiB, {psutil.virtual_memory().available / 2**30:.1f} free",
    "Disk": f"{shutil.disk_usage('.').total / 2**30:.0f} GiB, {shutil.disk_usage('.').free / 2**30:.0f} free",
    "GPU": "\n         ".join(gpus) or "none",
    "TPU": tpu,
}
for part, what in machine.items():
    print(f"{part:8} {what}")

# %% cellView="form"
# @title Is there a GPU?
switch = "Runtime > Change runtime type > T4 GPU, then Runtime > Run all"
if gpus:
    print("Yes, the driver sees it. The framework cell below tries it.")
elif require_gpu:
    raise RuntimeError(f"No GPU here. In Colab: {switch}. To go on without one, set require_gpu = False.")
else:
    print(f"No GPU, so this runs on the CPU. In Colab you can get one: {switch}.")
