# mypy: allow-untyped-calls
"""An IPython kernel in two halves: what can be made before a fork, and what each fork has to do.

The first half holds the shell, so that modules which ask at their import whether they are in a notebook
(``tqdm.auto``, ``matplotlib_inline``) get the answer that a cold kernel gives.
"""

import atexit
import ctypes
import gc
import io
import os
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, Self, cast

from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel
from IPython.core.application import BaseIPythonApplication

from colab_starter.run.kernels import system
from colab_starter.run.kernels.afterfork import renew_randomness, restore_threads
from colab_starter.run.kernels.heritage import get_heritage

NO_HISTORY = "--HistoryManager.enabled=False"
"""The kernels of a sweep would fill the history that the user's own sessions search."""

INLINE_FIGURES = "module://matplotlib_inline.backend_inline"
"""What ipykernel sets MPLBACKEND to."""


class _KnowsItsConfig(BaseIPythonApplication):
    """Reads the command line and the configuration files only the first time that it is initialised."""

    is_configured = False

    def initialize(self, argv: Any = None) -> None:
        if not self.is_configured:
            super().initialize(argv)
            self.is_configured = True


class WarmKernel(IPythonKernel):
    """A kernel that is made without sockets, and gets them later. It has no debugger."""

    @classmethod
    def instance(cls, *args: Any, **kwargs: Any) -> Self:
        kernel = super().instance(*args, **kwargs)
        if "session" in kwargs:
            kernel.connect(**kwargs)
        return kernel

    def connect(self, **sockets: Any) -> None:
        """Take the sockets that IPKernelApp has opened, as IPythonKernel.__init__ would."""
        for name, value in sockets.items():
            if name not in ("parent", "user_ns", "profile_dir"):
                setattr(self, name, value)
        self.ident = str(uuid.uuid4())
        shell = cast(Any, self.shell)
        for part in (shell.displayhook, shell.display_pub):
            part.session = self.session
            part.pub_socket = self.iopub_socket
        shell.displayhook.topic = self._topic("execute_result")

    def start(self) -> None:
        """As IPythonKernel does, but for the debugger."""
        cast(Any, self.shell).exit_now = False
        Kernel.start(self)

    async def _progressively_terminate_all_children(self) -> None:
        """Nothing: whoever forked the kernel kills what it has started, and zombies would hold this up for 14 s."""


class WarmApplication(IPKernelApp, _KnowsItsConfig):
    """IPKernelApp, whose own part of ``initialize`` runs in the fork; what it inherits has run before."""

    def init_poller(self) -> None:
        if not system.IS_LINUX:  # there, the system kills a kernel whose parent dies
            super().init_poller()


def prepare_kernel() -> None:
    """Make the shell and read its configuration, in the process that kernels will be forked from."""
    application = WarmApplication.instance(kernel_class=WarmKernel)
    _KnowsItsConfig.initialize(application, ["--IPKernelApp.connection_file=warm.json", NO_HISTORY])
    sys.modules["debugpy"] = cast(Any, None)  # a kernel that cannot import it makes no debugger: 0.14 s less
    try:
        WarmKernel.instance(
            parent=application,
            user_ns=application.user_ns,
            profile_dir=application.profile_dir,
            log=application.log,
        )
    finally:
        del sys.modules["debugpy"]


def become_kernel(connection_file: Path, cwd: str, environment: Mapping[str, str], log: Path, bound: int) -> NoReturn:
    """Turn this fork of a worker into a kernel, and end with it.

    ``bound`` is a descriptor that is closed when the kernel's sockets are bound.
    """
    _leave_worker(cwd, log, bound)
    _set_environment(environment)
    renew_randomness()
    restore_threads()
    application = WarmApplication.instance()
    application.connection_file = str(connection_file)
    application.parent_handle = os.getppid()
    _move_shell(application, connection_file)
    application.initialize()
    os.close(bound)
    application.start()
    _finish(application, log)


def _leave_worker(cwd: str, log: Path, bound: int) -> None:
    """A session of its own, no descriptor of the worker's, and the signals as Python starts with them."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _redirect_output(log)
    heritage = get_heritage()
    system.close_descriptors({bound, *(heritage.descriptors if heritage else ())})
    system.reset_signals()
    os.chdir(cwd)


def _redirect_output(log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _set_environment(environment: Mapping[str, str]) -> None:
    """The environment of a cold kernel whose notebook has done its imports."""
    heritage = get_heritage()
    os.environ.clear()
    os.environ.update(environment)
    for name, value in (heritage.changed if heritage else {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if heritage:
        sys.path[:] = heritage.kernel_path
    time.tzset()


def _move_shell(application: WarmApplication, connection_file: Path) -> None:
    """What the shell has noted of the process that it was made in."""
    shell: Any = cast(Any, WarmKernel.instance()).shell
    shell.init_environment()
    shell.starting_dir = os.getcwd()
    shell.user_ns["_dh"][:] = [Path.cwd()]
    sys.argv = [str(Path(sys.prefix, "ipykernel_launcher.py")), "-f", str(connection_file)]


def _finish(application: WarmApplication, log: Path) -> NoReturn:
    """End as Python does at the end of its main program, but without taking every module apart.

    Threads are waited for, atexit handlers run, files are closed, and those of C written out. To take all modules
    apart, as Python would, takes 0.05 s of a core, and 0.4 s with TensorFlow; PyTorch's C++ takes another 0.2 s.
    """
    # It may still be flushing after the shutdown request, for ever if IPKernelApp.close takes iopub away first.
    application.control_thread.stop()
    application.control_thread.join()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    _redirect_output(log)  # no cell gets any more what is written
    _close_files()
    ctypes.PyDLL(None).fflush(None)
    os._exit(0)


def _close_files() -> None:
    """Close what is still open of the notebook, whose variables IPython has deleted by its own atexit handler."""
    gc.collect()
    for thing in gc.get_objects():  # those of before the fork are frozen, and not among them
        if issubclass(type(thing), io.IOBase) and not isinstance(thing, OutStream):
            with suppress(Exception):
                thing.close()
    with suppress(Exception):
        sys.__stdout__.flush()  # type: ignore[union-attr]
