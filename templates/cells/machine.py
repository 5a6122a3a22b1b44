#:: set switch_gpu = "Runtime > Change runtime type > " ~ gpu ~ " GPU, then Runtime > Run all"
# %% cellView="form"
# @title What machine is this?
def show_machine():
    """Print what this machine is and has; return its NVIDIA GPUs, as the driver names them."""
    import os, platform, re, shutil
    from subprocess import getoutput, getstatusoutput

    lines = re.compile(r"^(model name|MemTotal|MemAvailable)\s*: +(.+?)(?: kB)?$", re.MULTILINE)
    facts = dict(lines.findall(getoutput("cat /proc/cpuinfo /proc/meminfo")))
    ram, free = (int(facts.get(name, 0)) / 2**20 for name in ("MemTotal", "MemAvailable"))
    disk = shutil.disk_usage(".")
    status, names = getstatusoutput("nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader")
    other = "no, this is " + ("Kaggle" if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else "another machine")

    print("Python  ", platform.python_version())
    print("Colab   ", os.environ.get("COLAB_RELEASE_TAG", other))
    print("CPU     ", facts.get("model name", platform.machine()), f"({os.cpu_count()} cores)")
    print("RAM     ", f"{ram:.1f} GiB, {free:.1f} free" if ram else "unknown")
    print("Disk    ", f"{disk.total / 2**30:.0f} GiB, {disk.free / 2**30:.0f} free")
    print("GPU     ", "none" if status else names.replace("\n", "\n         "))
    print("TPU     ", os.environ.get("TPU_ACCELERATOR_TYPE") or ("yes" if os.path.exists("/dev/accel0") else "none"))
    return [] if status else names.splitlines()


gpus = show_machine()
if require_gpu and not gpus:
    raise RuntimeError("No GPU. In Colab: {{ switch_gpu }}. On Kaggle: {{ kaggle_gpu }}. To go on without, set require_gpu = False.")
if not gpus:
    print("No GPU, so this runs on the CPU. In Colab you can get one: {{ switch_gpu }}. On Kaggle: {{ kaggle_gpu }}.")
