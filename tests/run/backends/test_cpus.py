import os
from pathlib import Path

import pytest

from colab_starter.run.backends.cpus import available_memory, choose_jobs, count_cores, share_threads

GIGABYTE = 1_000_000_000


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return folder


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu_dot_max": "max 100000\n"}, None),
        ({"cpu_dot_max": "100000 100000\n"}, 1),
        ({"cpu_dot_max": "50000 100000\n"}, 1),
        ({"cpu__cpu_dot_cfs_quota_us": "100000\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}, 1),
        ({"cpu__cpu_dot_cfs_quota_us": "-1\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}, None),
    ],
)
def test_cores_are_those_of_the_affinity_within_the_quota(
    files: dict[str, str], quota: int | None, tmp_path: Path
) -> None:
    here = len(os.sched_getaffinity(0))
    assert count_cores(write(tmp_path, **files)) == (here if quota is None else min(here, quota))


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, 4 * 2**30),
        ({"memory_dot_max": "max\n", "memory_dot_current": "5\n"}, 4 * 2**30),
        ({"memory_dot_max": "3000\n", "memory_dot_current": "1000\n"}, 2000),
        ({"memory_dot_max": "1000\n", "memory_dot_current": "3000\n"}, 0),
    ],
)
def test_memory_is_what_is_free_within_the_limit(files: dict[str, str], memory: int, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9999999 kB\nMemAvailable: 4194304 kB\n")
    assert available_memory(write(tmp_path, **files), meminfo) == memory


def test_a_system_that_does_not_tell_its_memory_sets_no_limit(tmp_path: Path) -> None:
    assert available_memory(tmp_path, tmp_path / "meminfo") is None


@pytest.mark.parametrize(
    ("runs", "gpus", "cores", "memory", "jobs"),
    [
        (100, None, 4, None, 4),
        (3, None, 4, None, 3),
        (100, None, 8, 2 * GIGABYTE, 2),
        (100, None, 8, 1000, 1),
        (100, 2, 8, None, 2),
        (100, 16, 8, 64 * GIGABYTE, 16),
    ],
)
def test_so_many_runs_at_once_as_the_machine_has_room_for(
    runs: int, gpus: int | None, cores: int, memory: int | None, jobs: int
) -> None:
    assert choose_jobs(runs, gpus, cores, memory) == jobs


def test_parallel_runs_share_the_cores_unless_the_user_set_it() -> None:
    shared = share_threads(4, 8, {"MKL_NUM_THREADS": "3"})
    assert shared["OMP_NUM_THREADS"] == "2"
    assert "MKL_NUM_THREADS" not in shared
    assert set(share_threads(16, 8, {}).values()) == {"1"}
    assert share_threads(1, 8, {}) == {}
