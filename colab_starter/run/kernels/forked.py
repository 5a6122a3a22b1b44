# mypy: allow-untyped-calls
"""An IPython kernel in two halves: what can be done before a fork, and what each fork must do.

The first half has the shell, so that modules which check when imported whether they are in a notebook
(``tqdm.auto``, ``matplotlib_inline``) get the answer that a cold kernel gives.
"""

import atexit
import ctypes
import gc
import io
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ipykernel import iostream
from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel
from IPython.core.application import BaseIPythonApplication

from colab_starter.run.kernels import ending, system
from colab_starter.run.kernels.afterfork import renew_randomness, restore_threads
from colab_starter.run.kernels.error_hook import install_error_hook
from colab_starter.run.kernels.heritage import get_heritage
from colab_starter.run.kernels.hidden import Refusal
from colab_starter.run.kernels.iopub_pipe import close_port
from colab_starter.run.kernels.output import KernelOutput
from colab_starter.run.kernels.server import make_arguments

if TYPE_CHECKING:
    from typing import Self

NO_HISTORY = "--HistoryManager.enabled=False"
"""Otherwise a sweep's kernels would fill the history that the user's own sessions search."""

INLINE_FIGURES = "module://matplotlib_inline.backend_inline"
"""The value that ipykernel sets MPLBACKEND to."""


class _KnowsItsConfig(BaseIPythonApplication):
    """Reads the command line and the configuration files only when first initialised."""

    is_configured = False

    def initialize(self, argv: Any = None) -> None:
        if not self.is_configured:
            super().initialize(argv)
            self.is_configured = True


class WarmKernel(IPythonKernel):
    """A kernel that is created without sockets and gets them later. It has no debugger."""

    before_first_cell: Callable[[], None] | None = None
    has_subshells = False
    """Whether it may be asked for subshells, as by JupyterLab. For them, ipykernel 7 hands each message from thread to
    thread, which takes a sixth of the time of a small cell."""

    @classmethod
    def instance(cls, *args: Any, **kwargs: Any) -> "Self":
        kernel = super().instance(*args, **kwargs)
        if "session" in kwargs:
            kernel.connect(**kwargs)
        return kernel

    def connect(self, **sockets: Any) -> None:
        """Take the sockets that IPKernelApp has opened, as IPythonKernel.__init__ would."""
        for name, value in sockets.items():
            if name not in ("parent", "user_ns", "profile_dir"):
                setattr(self, name, value)
        self._execute_sleep = 0  # see KernelOutput
        self.ident = str(uuid.uuid4())
        shell = cast(Any, self.shell)
        for part in (shell.displayhook, shell.display_pub):
            part.session = self.session
            part.pub_socket = self.iopub_socket
        shell.displayhook.topic = self._topic("execute_result")

    async def execute_request(self, *arguments: Any) -> None:
        """Like IPythonKernel's, but calls a hook before the first request."""
        if begin := self.before_first_cell:
            self.before_first_cell = None
            begin()
        await super().execute_request(*arguments)

    def start(self) -> None:
        """Like IPythonKernel's, without the debugger."""
        cast(Any, self.shell).exit_now = False
        thread = getattr(self, "shell_channel_thread", None)
        if not self.has_subshells:
            self.shell_channel_thread = None
        Kernel.start(self)
        self.shell_channel_thread = thread  # IPythonKernel asks it which thread is the main one

    @property
    def _supports_kernel_subshells(self) -> bool:
        return self.has_subshells and self.shell_channel_thread is not None

    async def _progressively_terminate_all_children(self) -> None:
        """Do nothing: the worker kills what the kernel has started, and zombies would delay this for 14 s."""


class WarmApplication(IPKernelApp, _KnowsItsConfig):
    """IPKernelApp whose own part of ``initialize`` runs in the fork; the inherited part has run before."""

    def init_poller(self) -> None:
        if not system.IS_LINUX:  # on Linux, the system kills a kernel whose parent dies
            super().init_poller()

    def init_kernel(self) -> None:
        thread = getattr(self, "shell_channel_thread", None)
        if not WarmKernel.has_subshells:
            self.shell_channel_thread = None
        super().init_kernel()
        self.kernel.shell_channel_thread = thread

    def init_io(self) -> None:
        iostream.KernelOutput = KernelOutput  # type: ignore[attr-defined]  # IPKernelApp takes only a name
        if self.outstream_class == "ipykernel.iostream.OutStream":
            self.outstream_class = "ipykernel.iostream.KernelOutput"
        super().init_io()

    def init_iopub(self, context: Any) -> None:
        context.sndhwm = 0  # by default, messages beyond a queue of 1000 would be silently dropped
        super().init_iopub(context)


def prepare_kernel() -> bool:
    """Create the shell and read its configuration, in the process from which kernels will be forked.

    Returns whether that was possible. The configuration may name what only other Pythons of the machine have, as on
    Colab; then a kernel of this Python cannot be started at all, but those of the others can.
    """
    close_port()
    application = WarmApplication.instance(kernel_class=WarmKernel)
    try:
        _KnowsItsConfig.initialize(application, ["--IPKernelApp.connection_file=warm.json", NO_HISTORY])
    except SystemExit:  # traitlets has logged why
        return False
    if not issubclass(application.kernel_class, WarmKernel):  # the configuration names another, as Colab's does
        application.kernel_class = type("WarmKernel", (WarmKernel, application.kernel_class), {})
    sys.modules["debugpy"] = cast(Any, None)  # without it, the kernel makes no debugger, which saves 0.14 s
    try:
        cast(Any, application.kernel_class).instance(
            parent=application,
            user_ns=application.user_ns,
            profile_dir=application.profile_dir,
            log=application.log,
        )
    finally:
        del sys.modules["debugpy"]
    return True


def become_kernel(
    connection_file: Path, cwd: str, environment: Mapping[str, str], log: system.Log, bound: int, refusals: int | None
) -> NoReturn:
    """Turn this fork of a worker into a kernel; the process ends with it.

    ``bound`` is a descriptor that is closed once the kernel's sockets are bound. ``refusals`` is one that gets a
    ``Refusal`` as JSON before the kernel ends, if only a cold kernel can do what the notebook wants; if it is None, the
    notebook gets an ImportError.
    """
    output = system.open_log(log)
    _leave_worker(cwd, output, {bound} if refusals is None else {bound, refusals})
    _set_environment(environment)
    renew_randomness()
    restore_threads()
    application = WarmApplication.instance()
    application.connection_file = str(connection_file)
    application.parent_handle = os.getppid()
    WarmKernel.has_subshells = refusals is None
    _move_shell(application, connection_file)
    heritage = get_heritage()
    hidden = heritage.hidden if heritage else None
    if heritage and hidden:
        hidden.hide(heritage.filters)
    application.initialize()
    if refusals is not None:  # the process that started it judges its cells
        install_error_hook()
    if hidden:
        refuse = _fail_import if refusals is None else _Refuser(refusals).refuse
        cast(Any, WarmKernel.instance()).before_first_cell = partial(hidden.guard, refuse)
    os.register_at_fork(after_in_parent=_note_fork)
    os.close(bound)
    application.start()
    _finish(application, "" if refusals is None else str(connection_file.with_name(ending.FILE_NAME)), output)


def _note_fork() -> None:
    """After a fork of the kernel, whose output comes another way, flush and wait as ipykernel does."""
    KernelOutput.has_forked = True
    cast(Any, WarmKernel.instance())._execute_sleep = IPythonKernel._execute_sleep.default_value


def _fail_import(refusal: Refusal) -> NoReturn:
    raise ImportError(
        f"{refusal.module} was imported before this kernel was started, and since then {refusal.why}; "
        "start the kernel cold (without the provisioner colab-starter-warm)",
        name=refusal.module,
    )


class _Refuser:
    """Ends the kernel after reporting why to the process that started it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kernel = os.getpid()

    def refuse(self, refusal: Refusal) -> NoReturn:
        os.write(self._descriptor, json.dumps(refusal).encode())
        while os.getpid() != self._kernel:  # in a fork of the kernel, which is killed with it
            time.sleep(60)
        os._exit(1)


def _leave_worker(cwd: str, output: int, keep: set[int]) -> None:
    """Leave the worker's session, close its descriptors, and reset the signals to Python's defaults."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _redirect_output(output)
    heritage = get_heritage()
    system.close_descriptors({*keep, output, *(heritage.descriptors if heritage else ())})
    system.reset_signals()
    os.chdir(cwd)


def _redirect_output(output: int) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)


def _set_environment(environment: Mapping[str, str]) -> None:
    """Set the environment and ``sys.path`` of a cold kernel."""
    heritage = get_heritage()
    os.unsetenv("OPENBLAS_NUM_THREADS")  # the server has set it behind Python's back
    os.environ.clear()
    os.environ.update({**(heritage.kernel_variables if heritage else {}), **environment})
    if heritage:
        sys.path[:] = heritage.kernel_path
    time.tzset()
    tempfile.tempdir = None  # found again, because TMPDIR may be different


def _move_shell(application: WarmApplication, connection_file: Path) -> None:
    """Update what the shell has recorded about the process in which it was created."""
    shell: Any = cast(Any, WarmKernel.instance()).shell
    shell.init_environment()
    shell.starting_dir = os.getcwd()
    shell.user_ns["_dh"][:] = [Path.cwd()]
    sys.argv = make_arguments(str(connection_file))


def _finish(application: WarmApplication, told: str, output: int) -> NoReturn:
    """End as Python does at the end of its main program, but without tearing down every module.

    Busy threads are waited for, atexit handlers run, files are closed, and C's files flushed. Tearing down all modules,
    as Python would, takes 0.05 s of a core, and 0.4 s with TensorFlow; PyTorch's C++ takes another 0.2 s. ``told`` is
    the file for the names of what was left running; empty if nobody reads it.
    """
    # It may still be flushing after the shutdown request, forever if IPKernelApp.close removes iopub first.
    application.control_thread.stop()
    application.control_thread.join()
    ending.end_leftovers(threading._shutdown, told)  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    _redirect_output(output)  # what is written from here on belongs to no cell
    _close_files()
    ctypes.PyDLL(None).fflush(None)
    os._exit(0)


def _close_files() -> None:
    """Close the notebook's open files; IPython's own atexit handler has deleted the notebook's variables."""
    gc.collect()
    things = gc.get_objects()  # objects from before the fork are frozen, so not included
    kinds = {id(type(thing)): type(thing) for thing in things}  # by ID: a notebook's types may have no hash
    files = {key for key, kind in kinds.items() if issubclass(kind, io.IOBase) and not issubclass(kind, OutStream)}
    for thing in things:
        if id(type(thing)) in files:
            with suppress(Exception):
                thing.close()
    with suppress(Exception):
        sys.__stdout__.flush()  # type: ignore[union-attr]
