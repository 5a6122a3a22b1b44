"""Kernels that are forked in another environment than that of their workers."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from colab_starter.errors import ColdKernelNeededError, StartStoppedError
from colab_starter.run.job import KernelPython, WarmPlan
from colab_starter.run.kernels.death import Death, KernelDiedError
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.guarded import Guard
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.run.kernels.protocol import GUARD
from colab_starter.run.kernels.system import list_descendants, list_processes
from tests.run.kernels.elsewhere import (
    found_by_jupyter,
    make_environment,
    open_server,
    start_guarded,
    talk_elsewhere,
)
from tests.run.kernels.talks import DAEMON, PATIENCE, Answer, Talk, execute
from tests.run.kernels.test_forkserver import find_server, hang_up, wait_until_gone, wait_until_ready
from tests.support.processes import is_alive, wait_until

MODULES = {
    "reads": "import os\nVALUE = os.environ.get('SOME_VARIABLE')",
    "marks": "import os\nPID = os.getpid()",
    "threads": "import threading, time\nthreading.Thread(target=time.sleep, args=[600], daemon=True).start()",
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelPython]:
    """Another environment, with a few modules."""
    folder = tmp_path_factory.mktemp("elsewhere")
    kernel = make_environment(folder)
    (place,) = folder.glob("lib/*/site-packages")
    for name, source in MODULES.items():
        (place / f"{name}.py").write_text(source)
    with found_by_jupyter(folder):
        yield kernel


@pytest.fixture(scope="module")
def server(kernel: KernelPython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    plan = WarmPlan((*MODULES, "missing", "missing.part"), kernel=kernel, may_lack=True)
    with open_server(tmp_path_factory.mktemp("server"), plan) as server:
        yield wait_until_ready(server)


@pytest.fixture
def own_server(kernel: KernelPython, tmp_path: Path) -> Iterator[ForkServer]:
    """One that may be killed."""
    with open_server(tmp_path, WarmPlan(kernel=kernel)) as server:
        yield wait_until_ready(server)


def test_a_kernel_is_a_fork_of_a_process_in_its_own_environment(
    kernel: KernelPython, server: ForkServer, tmp_path: Path
) -> None:
    cell = (
        "import os, sys, marks\n"
        "print(b'main_elsewhere' in open('/proc/self/cmdline', 'rb').read(), marks.PID != os.getpid(),"
        " sys.executable, os.environ['OF_THE_SPEC'])"
    )
    warm, cold = (talk_elsewhere(server, Talk([cell], str(tmp_path), warm=warm)) for warm in (True, False))
    assert warm.text == f"True True {kernel.python} for all\n"
    assert cold.text == f"False False {kernel.python} for all\n"
    assert warm.death.peak_memory > 1_000_000


def test_a_module_that_does_harm_is_named_and_one_that_may_be_missing_is_not(server: ForkServer) -> None:
    assert server.left_out == {"threads": "started 1 thread"}


def test_a_kernel_begins_with_the_modules_of_a_cold_one_and_finds_none_of_colab_starter(
    server: ForkServer, tmp_path: Path
) -> None:
    cells = [
        "import sys; print(*sorted(sys.modules))",
        "try:\n    import colab_starter.text\nexcept ImportError as error: print(error)",
    ]
    warm, cold = (talk_elsewhere(server, Talk(cells, str(tmp_path), warm=warm)).text for warm in (True, False))
    more = set(warm.splitlines()[0].split()) - set(cold.splitlines()[0].split())
    assert {name for name in more if not name.startswith("encodings.")} == set()
    assert warm.splitlines()[1:] == cold.splitlines()[1:]
    assert "No module named 'colab_starter" in warm.splitlines()[1]


def test_a_refusal_reaches_the_worker(server: ForkServer, tmp_path: Path) -> None:
    with pytest.raises(ColdKernelNeededError, match="SOME_VARIABLE was set") as refusal:
        talk_elsewhere(server, Talk(["import os; os.environ['SOME_VARIABLE'] = '1'", "import reads"], str(tmp_path)))
    assert refusal.value.root == "reads"


def test_an_interrupt_stops_the_cell_and_not_the_kernel(server: ForkServer, tmp_path: Path) -> None:
    kernel = start_guarded(server, Talk((), str(tmp_path)))
    try:
        kernel.execute("print('!', flush=True)\nwhile True: pass", stop_on_error=False)
        while not any(message.kind == "stream" for message in kernel.receive(PATIENCE).messages):
            pass
        kernel.interrupt()
        while not any(message.kind == "error" for message in kernel.receive(PATIENCE).messages):
            pass
        assert read(kernel, "print(1)") == "1\n"
    finally:
        kernel.kill()


def test_a_kernel_that_is_killed_has_not_run_out_of_memory_and_stays_dead(server: ForkServer, tmp_path: Path) -> None:
    kernel = start_guarded(server, Talk((), str(tmp_path)))
    death = kernel.kill()
    assert (death.signal, death.out_of_memory) == (signal.SIGKILL, False)
    assert death.peak_memory > 1_000_000
    assert kernel.kill() == death


def hold(server: ForkServer, folder: Path) -> tuple[LocalKernel, dict[str, int]]:
    """A kernel with a process below it that has left its session; and who is who."""
    kernel = start_guarded(server, Talk((), str(folder)))
    own, guard, daemon = map(int, read(kernel, f"import os; print(os.getpid(), os.getppid())\n{DAEMON}").split())
    who = {"keeper": server.pid, "server": find_server(server), "guard": guard, "kernel": own, "daemon": daemon}
    return kernel, who


def read(kernel: LocalKernel, cell: str) -> str:
    """What a cell prints."""
    return Answer(execute(kernel, cell), Death(0, None, out_of_memory=False, peak_memory=0), died=False).stdout


@pytest.mark.parametrize("victim", ["keeper", "server", "guard", "kernel", "worker", "coordinator"])
def test_whoever_is_killed_nothing_stays_behind(victim: str, own_server: ForkServer, tmp_path: Path) -> None:
    kernel, who = hold(own_server, tmp_path)
    if victim == "coordinator":
        hang_up(own_server)
    if victim in who:
        os.kill(who[victim], signal.SIGKILL)
    if victim in ("worker", "coordinator"):
        hang_up(kernel.process)
    with pytest.raises(KernelDiedError, match="the kernel was killed by SIGKILL"):
        kernel.receive(PATIENCE)
    is_server_gone = victim in ("keeper", "server", "coordinator")
    servers = ("keeper", "server") if is_server_gone else ()
    wait_until_gone(*(who[name] for name in ("guard", "kernel", "daemon", *servers)))
    assert kernel.kill().signal == signal.SIGKILL
    assert all(is_alive(who[name]) for name in {"keeper", "server"}.difference(servers))


@pytest.mark.parametrize("victim", ["keeper", "server", "guard", "kernel"])
def test_what_was_stopped_ends_with_the_kernel_or_the_coordinator(
    victim: str, own_server: ForkServer, tmp_path: Path
) -> None:
    kernel, who = hold(own_server, tmp_path)
    os.kill(who[victim], signal.SIGSTOP)
    if victim in ("guard", "kernel"):
        kernel.kill()
        wait_until_gone(who["guard"], who["kernel"], who["daemon"])
        return
    own_server.close()
    wait_until_gone(*who.values())
    kernel.kill()


def test_a_guard_that_nobody_needs_ends(server: ForkServer) -> None:
    guard = Guard(server.fork(GUARD, None))
    guard.wait_until_ready(PATIENCE)
    assert guard.pid in list_descendants(server.pid)
    guard.close()
    wait_until_gone(guard.pid)


def test_a_server_that_is_gone_is_told_before_and_after_the_guard_is_ready(
    own_server: ForkServer, tmp_path: Path
) -> None:
    early, late = (Guard(own_server.fork(GUARD, None)) for _ in range(2))
    late.wait_until_ready(PATIENCE)
    early.wait_until_ready(PATIENCE)
    os.kill(own_server.pid, signal.SIGKILL)
    wait_until_gone(early.pid, late.pid, own_server.pid)
    with pytest.raises(ColdKernelNeededError, match="has ended"):
        early.wait_until_ready(PATIENCE)
    with pytest.raises(ColdKernelNeededError, match="has ended"):
        late.fork_kernel(tmp_path / "kernel.json", str(tmp_path), {}, tmp_path / "log")
    early.close()
    late.close()


def test_waiting_for_a_guard_ends_at_its_time_or_when_the_run_is_stopped(
    kernel: KernelPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "slow.py").write_text("import time; time.sleep(600)")
    with open_server(tmp_path, WarmPlan(("slow",), kernel=kernel)) as server:
        guard = Guard(server.fork(GUARD, None))
        with pytest.raises(ColdKernelNeededError, match="does not answer"):
            guard.wait_until_ready(0.1)
        read, write = os.pipe()
        os.write(write, b"!")
        with open(read) as reader, open(write, "w"), pytest.raises(StartStoppedError):
            guard.wait_until_ready(PATIENCE, [reader])
        guard.close()


@pytest.mark.parametrize(
    ("module", "source", "told"),
    [
        ("ipykernel_launcher", None, "has no ipykernel"),
        ("sitecustomize", "import os, sys\nif 'server' in str(sys.orig_argv): os._exit(3)", ""),
        ("ipykernel/_version", "version_info = (6, 16, 2)\n__version__ = '6.16.2'", "6.16.2, which is older than 6.17"),
    ],
)
def test_a_server_that_cannot_work_ends_in_one_line(
    module: str, source: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = make_environment(tmp_path / "environment")
    (place,) = (tmp_path / "environment").glob("lib/*/site-packages")
    if source is None:
        (place / "all.pth").unlink()
    elif "/" in module:
        (place / "ipykernel").mkdir()
        (place / "ipykernel" / "__init__.py").write_text("")
        (place / "ipykernel" / "_version.py").write_text(source)
        (place / "ipykernel" / "kernelapp.py").write_text("")
    else:
        (place / f"{module}.py").write_text(source)
    with open_server(tmp_path, WarmPlan(kernel=kernel)) as server:
        with suppress(OSError):  # raised where it is dead already
            guard = Guard(server.fork(GUARD, None))
            with pytest.raises(ColdKernelNeededError, match="has ended"):
                guard.wait_until_ready(PATIENCE)
            guard.close()
        wait_until(lambda: server.pid not in [process.pid for process in list_processes() if not process.is_zombie])
    log = (tmp_path / "log").read_text()
    assert told in log
    assert len(log.splitlines()) == bool(told)
