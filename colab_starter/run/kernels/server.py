"""``python -m colab_starter.run.kernels.server``: the program of a fork server.

It imports what every kernel and worker needs, and then stays as it is: the *keeper*. In a fork of itself it
tries the modules of the plan. If one does harm to the process (it starts threads, opens the GPU, crashes), that
fork ends, and another is made without the module. The fork in which all is well forks the workers; the keeper
waits for its end, and kills what would be left of it.
"""

import gc
import importlib.util
import os
import pickle
import select
import shutil
import sys
import tempfile
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from colab_starter.run.kernels import system
from colab_starter.run.kernels.afterfork import WITHOUT_THREADS
from colab_starter.run.kernels.death import name_signal
from colab_starter.run.kernels.forkserver import Ready, Setup
from colab_starter.run.kernels.heritage import Heritage, set_heritage
from colab_starter.run.kernels.imports import Imported, import_modules
from colab_starter.run.kernels.serving import Serving
from colab_starter.run.quick_jsonschema import import_jsonschema

Channel: TypeAlias = "Connection[Any, Any]"

SLOWEST_IMPORT = 180.0
"""Seconds after which a module that is still being imported is left out."""

_ALWAYS = (
    "colab_starter.run.worker",
    "threadpoolctl",
    *("IPython.core.debugger", "IPython.core.debugger_backport", "IPython.core.logger"),
    *("IPython.extensions.storemagic", "ipykernel.kernelspec", "tornado.platform.asyncio"),
    *("faulthandler", "pdb", "psutil", "pwd", "resource"),
)
"""The worker, which brings nbclient and the rest of its own, and what a kernel imports while it starts and ends."""


def main() -> None:
    """Serve whoever holds the other end of the socket that is this process's stdin."""
    system.adopt_orphans()
    control = _take_stdin()
    setup: Setup = pickle.loads(control.recv_bytes())
    own_path = _leave_own_folder()
    environment = dict(os.environ)
    os.environ.update(WITHOUT_THREADS)
    _import_always()
    folder = tempfile.mkdtemp(prefix="colab-starter-", dir="/tmp")
    try:
        _keep_a_server(control, setup, Heritage(environment=environment, kernel_path=own_path, folder=folder))
    finally:
        system.kill_children()
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    os._exit(0)


def _take_stdin() -> Channel:
    """The socket, moved out of the way of what reads stdin."""
    control: Channel = Connection(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


def _leave_own_folder() -> list[str]:
    """Take out of ``sys.path`` what only ``-m`` has put there; returns the path that kernels have."""
    here = sys.path.pop(0)
    kernel_path = list(sys.path)
    sys.path.append(here)  # where this package is found if it is not installed; the workers need more of it
    return kernel_path


def _import_always() -> None:
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    from colab_starter.run.kernels.forked import INLINE_FIGURES, prepare_kernel

    os.environ.setdefault("MPLBACKEND", INLINE_FIGURES)
    prepare_kernel()
    import_jsonschema()
    for name in _ALWAYS:
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    KernelProvisionerFactory.instance()  # it reads the entry points of all that is installed


def _keep_a_server(control: Channel, setup: Setup, heritage: Heritage) -> None:
    """Try the plan until nothing in it does harm, then wait for the end of the fork that serves."""
    left_out: dict[str, str] = {}
    keeper = os.getpid()
    while True:
        modules = tuple(name for name in setup.plan.modules if name not in left_out)
        trial, other_end = Pipe()
        pid = system.fork()
        if not pid:
            system.die_with_parent(keeper)
            trial.close()
            _try_to_serve(control, other_end, setup, modules, heritage)
            os._exit(0)
        other_end.close()
        imported = _watch(trial, control, pid)
        if imported is None:
            system.kill_children()  # before the pipe is closed, whose end the log would call a fault
            return
        left_out |= imported.missing | imported.harmful
        if not imported.harmful:
            with suppress(OSError):  # who has hung up meanwhile ends the fork too
                control.send(Ready(left_out))
            os.waitpid(pid, 0)
            return
        system.kill_children()


def _try_to_serve(
    control: Channel, keeper: Channel, setup: Setup, modules: tuple[str, ...], heritage: Heritage
) -> None:
    """In the fork: import, and serve unless that did harm."""
    os.environ.update(setup.plan.environment)
    before = dict(os.environ)
    imported = import_modules(modules, keeper.send)
    changed = {
        name: os.environ.get(name) for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)
    }
    keeper.send(imported)
    if imported.harmful:
        return
    system.outlive_parent()
    system.adopt_orphans()
    os.environ.clear()
    os.environ.update(heritage.environment)
    ours = {control.fileno(), keeper.fileno(), *setup.keep_fds, 0, 1, 2}
    heritage.descriptors, heritage.changed = system.list_descriptors() - ours, changed
    set_heritage(heritage)
    gc.collect()
    gc.freeze()
    Serving(control, keeper, heritage, setup.keep_fds).serve()
    shutil.rmtree(heritage.folder, ignore_errors=True)  # for a keeper that was killed


def _watch(trial: Channel, control: Channel, pid: int) -> Imported | None:
    """What came of a fork's imports; None when nobody is waiting for it any more."""
    name = ""
    while True:
        if not _can_read(trial, control, SLOWEST_IMPORT):
            if _has_hung_up(control):
                return None
            return Imported(harmful={name: f"took longer than {SLOWEST_IMPORT:.0f} s to import"})
        try:
            news = trial.recv()
        except EOFError:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            how = name_signal(-code) if code < 0 else f"exit code {code}"
            return Imported(harmful={name: f"ended the process while it was imported: {how}"})
        if isinstance(news, Imported):
            return news
        name = news


def _can_read(trial: Channel, control: Channel, timeout: float) -> bool:
    """Wait for the fork's news; false when the time is over or the coordinator is gone."""
    waiting = select.poll()
    waiting.register(trial.fileno(), select.POLLIN)
    waiting.register(control.fileno(), 0)  # tells only of a hang-up: requests wait for whoever will serve
    return trial.fileno() in [descriptor for descriptor, _ in waiting.poll(timeout * 1000)]


def _has_hung_up(control: Channel) -> bool:
    waiting = select.poll()
    waiting.register(control.fileno(), 0)
    return bool(waiting.poll(0))


if __name__ == "__main__":
    main()
