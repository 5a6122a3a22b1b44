"""The available cores and memory, and how parallel runs share the cores."""

import os
from collections.abc import Mapping
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""The variables that numerical libraries read to decide how many threads to start."""
MEMORY_A_RUN = 1_000_000_000
"""The assumed memory of a run in bytes, if the user does not say how many may run at once."""
_CGROUP = Path("/sys/fs/cgroup")


def count_cores(cgroup: Path = _CGROUP) -> int:
    """The number of cores this process may use: its affinity, and its cgroup's quota rounded up; at least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    quota = _read_quota(cgroup)
    return max(1, cores if quota is None else min(cores, quota))


def _read_quota(cgroup: Path) -> int | None:
    """The cgroup's quota in cores; None if there is no limit. Tries version 2 of cgroups first, then version 1."""
    try:
        allowed, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        allowed = _read_text(cgroup / "cpu/cpu.cfs_quota_us")
        period = _read_text(cgroup / "cpu/cpu.cfs_period_us")
    if not (allowed.isdigit() and period.isdigit() and int(period)):
        return None
    return -(-int(allowed) // int(period))


def _read_text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def available_memory(cgroup: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """The bytes available without swapping, within the cgroup's limit; None if the system does not report it."""
    lines = _read_text(meminfo).splitlines()
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    limit, used = _read_text(cgroup / "memory.max"), _read_text(cgroup / "memory.current")
    if limit.isdigit() and used.isdigit():
        left = max(0, int(limit) - int(used))
        return left if free is None else min(left, free)
    return free


def choose_jobs(runs: int, gpu_places: int | None, cores: int, memory: int | None) -> int:
    """How many runs to execute at once by default: as many as GPUs, or else cores, and memory allow."""
    limits = [runs, cores if gpu_places is None else gpu_places]
    if memory is not None:
        limits.append(memory // MEMORY_A_RUN)
    return max(1, min(limits))


def share_threads(jobs: int, cores: int, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that give each of several runs its share of the cores; those set by the user are kept."""
    if jobs < 2:
        return {}
    threads = str(max(1, cores // jobs))
    return {name: threads for name in THREAD_VARIABLES if name not in environment}
