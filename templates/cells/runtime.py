# %% cellView="form"
# @title What machine is this?
import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil

cpuinfo = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
cpus = [line.partition(": ")[2] for line in cpuinfo.splitlines() if line.startswith("model name")]
ram, disk = psutil.virtual_memory(), shutil.disk_usage(".")
query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
answer = subprocess.run(query, capture_output=True, text=True) if shutil.which("nvidia-smi") else None
gpus = answer.stdout.strip().splitlines() if answer and answer.returncode == 0 else []
tpu = os.environ.get("TPU_ACCELERATOR_TYPE") or ("yes" if list(Path("/dev").glob("accel*")) else "none")

print("Python  ", platform.python_version())
print("Colab   ", os.environ.get("COLAB_RELEASE_TAG", "no, this is another machine"))
print("CPU     ", cpus[0] if cpus else platform.machine(), f"({os.cpu_count()} cores)")
print("RAM     ", f"{ram.total / 2**30:.1f} GiB, {ram.available / 2**30:.1f} free")
print("Disk    ", f"{disk.total / 2**30:.0f} GiB, {disk.free / 2**30:.0f} free")
print("GPU     ", "\n         ".join(gpus) or "none")
print("TPU     ", tpu)

# %% cellView="form"
# @title Is there a GPU?
switch = "Runtime > Change runtime type > {{ gpu }} GPU, then Runtime > Run all"
if gpus:
    print("Yes, the driver sees it. The framework cell below tries it.")
elif require_gpu:
    raise RuntimeError(f"No GPU. In Colab: {switch}. To go on without, set require_gpu = False.")
else:
    print(f"No GPU, so this runs on the CPU. In Colab you can get one: {switch}.")
