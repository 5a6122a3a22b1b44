import os
import signal
from pathlib import Path

import pytest

from colab_starter.run.kernels.death import Death, count_oom_kills, read_death


@pytest.mark.parametrize(
    ("death", "text"),
    [
        (Death(9, None, False, 0), "the kernel ended with exit code 9"),
        (Death(None, signal.SIGSEGV, False, 0), "the kernel was killed by SIGSEGV"),
        (Death(None, 40, False, 0), "the kernel was killed by signal 40"),
        (
            Death(None, signal.SIGKILL, True, 3_100_000_000),
            "the kernel ran out of memory (the system killed it at 3.1 GB)",
        ),
    ],
)
def test_a_death_is_described_in_one_line(death: Death, text: str) -> None:
    assert death.describe() == text


def test_only_a_kernel_that_was_killed_can_have_run_out_of_memory() -> None:
    assert read_death(signal.SIGKILL, 1, out_of_memory=True).out_of_memory
    assert not read_death(signal.SIGSEGV, 1, out_of_memory=True).out_of_memory
    assert not read_death(9 << 8, 1, out_of_memory=True).out_of_memory


def test_memory_is_in_bytes() -> None:
    assert read_death(0, 1, out_of_memory=False).peak_memory == (1 if os.uname().sysname == "Darwin" else 1024)


@pytest.mark.parametrize(
    ("lines", "file", "content"),
    [
        ("0::/user/job", "sys/fs/cgroup/user/job/memory.events", "low 0\noom 9\noom_kill 2\noom_group_kill 5\n"),
        ("0::/", "sys/fs/cgroup/memory.events", "oom_kill 2\n"),
        ("0::/seen/from/outside", "sys/fs/cgroup/memory.events", "oom_kill 2\n"),
        ("4:memory:/job\n0::/", "sys/fs/cgroup/memory/job/memory.oom_control", "under_oom 0\noom_kill 2\n"),
        ("3:cpu,memory:/job", "sys/fs/cgroup/memory/memory.oom_control", "oom_kill 2\n"),
        ("0::/", "proc/vmstat", "nr_free_pages 7\noom_kill 2\n"),
    ],
)
def test_the_counters_of_the_system_tell_of_memory_that_ran_out(
    lines: str, file: str, content: str, tmp_path: Path
) -> None:
    for name, text in (("proc/self/cgroup", lines), (file, content)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert count_oom_kills(tmp_path) == 2


def test_a_system_without_counters_has_counted_nothing(tmp_path: Path) -> None:
    assert count_oom_kills(tmp_path) == 0
