"""The program of a fork server. It imports what every kernel and worker needs, and then becomes the *keeper*.

In a fork of itself, it follows the plan. If a module harms the process (it starts threads, opens the GPU, crashes),
that fork ends, and another is made without the module. The fork that succeeds forks the workers; the keeper waits for
its end, and kills what it leaves.

When a module is imported, and with which path, decides whether kernels can use it: see ``hidden``. So only modules that
Python loads at startup are imported at the top here.
"""

import _frozen_importlib as _bootstrap
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from colab_starter.run.kernels.tracing import ImportTrace, OutputCapture

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from colab_starter.run.kernels.heritage import Heritage
    from colab_starter.run.kernels.hidden import HiddenModules
    from colab_starter.run.kernels.imports import Imported
    from colab_starter.run.kernels.protocol import Setup

    Channel = Connection[Any, Any]

SLOWEST_IMPORT = 180.0
"""Seconds after which a module that is still importing is left out."""

_END_OF_SERVER = 2.0
"""Seconds beyond its workers' limit that the serving fork has to end, once the coordinator is gone."""

_WITHOUT_THREADS = {"NUMEXPR_NUM_THREADS": "1"}
"""Keeps numexpr, which reads ``os.environ``, from starting threads when imported."""

_KERNEL = (
    *("runpy", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.kernelbase", "ipykernel.zmqshell"),
    *("IPython.core.application", "IPython.core.debugger", "IPython.core.debugger_backport", "IPython.core.logger"),
    *("IPython.extensions.storemagic", "tornado.platform.asyncio", "faulthandler", "pdb"),
)
"""What a kernel itself imports before its first cell."""

_WORKER = ("colab_starter.run.worker.attempt", "ipykernel.kernelspec", "psutil", "pwd", "resource")
"""The worker, which brings nbclient and its other dependencies, and what kernels import later."""

_GUARD = ("colab_starter.run.kernels.guard", "psutil", "pwd", "resource")
"""What takes the worker's place in the Python of another environment."""

_OLDEST_IPYKERNEL = (6, 17)


def main() -> None:
    """Serve the client at the other end of the socket that is this process's stdin."""
    _run(sys.path.pop(), _import_worker)


def main_elsewhere() -> None:
    """The same in the Python of another environment, of which only the standard library and ipykernel are needed.

    Its forks are guards, which fork kernels for the workers of the client's Python.
    """
    if _bootstrap._find_spec("ipykernel_launcher", None) is None:  # type: ignore[attr-defined]
        sys.exit(f"{sys.executable} has no ipykernel")
    _run("", _import_guard)


def _run(here: str, import_rest: "Callable[[list[str]], None]") -> None:
    """Serve; ``here`` is the folder of this package, or empty if nothing else is to be found in it."""
    _collect_garbage(False)
    environment = dict(os.environ)
    if linecache := sys.modules.get("linecache"):  # from Python 3.13 on, errors in other strings would show our own
        cast(Any, linecache).cache.clear()
    trace = _prepare_for_imports()
    start = _import_kernel(here, {*environment, *_WITHOUT_THREADS})
    import_rest(start.path)
    _serve(trace, start, environment)
    from contextlib import suppress

    with suppress(OSError):  # the log has no reader any more
        sys.stdout.flush()
    os._exit(0)


def _collect_garbage(is_on: bool) -> None:
    """Switch the collector off until the first fork: it would take a fifth of the time of TensorFlow's import."""
    is_new = "gc" not in sys.modules
    import gc

    if is_on:
        gc.freeze()  # a collection in a fork would touch, and so copy, all that was imported
        gc.enable()
    else:
        gc.disable()
    if is_new:
        del sys.modules["gc"]  # a cold kernel has not imported it


def make_arguments(connection_file: str) -> list[str]:
    """``sys.argv`` of a cold kernel."""
    launcher = _bootstrap._find_spec("ipykernel_launcher", None)  # type: ignore[attr-defined]
    return [launcher.origin, "-f", connection_file, "--HistoryManager.enabled=False"]


def _prepare_for_imports() -> ImportTrace:
    sys.argv[:] = make_arguments("kernel.json")
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        os.putenv("OPENBLAS_NUM_THREADS", "1")  # for OpenBLAS only: no Python code sees it
    added = {name: value for name, value in _WITHOUT_THREADS.items() if name not in os.environ}
    os.environ.update(added)
    trace = ImportTrace(passed_over=added)
    trace.start()
    return trace


class _ColdStart(NamedTuple):
    """The state that a notebook finds in a cold kernel."""

    modules: set[str]
    filters: list[Any]
    """The filters of ``warnings``."""
    environment: dict[str, str]
    path: list[str]
    """``sys.path``, to which IPython 7 adds two folders."""
    variables: dict[str, str]
    """The environment variables that the kernel's own imports set: ipykernel before 6.18 imports debugpy."""
    has_kernel: bool
    """Whether the shell could be created."""
    is_elsewhere: bool
    """Whether a notebook must not find this package as this process has found it."""


def _import_kernel(here: str, known: set[str]) -> _ColdStart:
    """Import what a kernel imports, and create the shell. ``known`` variables have not been set by that."""
    import importlib.util
    import warnings

    for name in _KERNEL:
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    visible = set(sys.modules)
    variables = {name: value for name, value in os.environ.items() if name not in known}
    if here:
        sys.path.append(here)
    else:
        _check_version()
    from colab_starter.run.kernels.forked import INLINE_FIGURES, prepare_kernel

    ours = set(sys.modules)
    os.environ.setdefault("MPLBACKEND", INLINE_FIGURES)
    has_kernel = prepare_kernel()
    visible |= set(sys.modules) - ours
    modules = {name for name in visible if name.partition(".")[0] != "colab_starter"}
    path = [*sys.path]
    if here:
        del path[-1 - path[::-1].index(here)]
    return _ColdStart(modules, list(warnings.filters), dict(os.environ), path, variables, has_kernel, not here)


def _check_version() -> None:
    """End this process if kernels of this ipykernel cannot be forked."""
    from ipykernel._version import version_info

    if version_info[:2] < _OLDEST_IPYKERNEL:
        found, oldest = (".".join(map(str, version)) for version in (version_info, _OLDEST_IPYKERNEL))
        sys.exit(f"{sys.executable} has ipykernel {found}, which is older than {oldest}")


def _import_guard(path: list[str]) -> None:
    """Import what guards need, and leave ``sys.path`` as ``path``."""
    import importlib.util

    for name in _GUARD:
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    sys.path[:] = path


def _import_worker(path: list[str]) -> None:
    """Import what workers need, and leave ``sys.path`` as ``path``."""
    import importlib.util

    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    from colab_starter.run.shims import import_jsonschema

    import_jsonschema()
    for name in _WORKER:
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    KernelProvisionerFactory.instance()  # this reads the entry points of all installed packages
    sys.path[:] = path


def _serve(trace: ImportTrace, start: _ColdStart, environment: dict[str, str]) -> None:
    import pickle
    import shutil
    import tempfile

    from colab_starter.run.kernels import system
    from colab_starter.run.kernels.heritage import Heritage

    system.adopt_orphans()
    control = _take_stdin()
    try:
        setup: Setup = pickle.loads(control.recv_bytes())
    except EOFError:
        return  # it was started early, but not needed
    if setup.is_early:
        setup = _move_in(control, setup)
        trace.set_variables(setup.environment)
        environment.update(setup.environment)
        start.environment.update(setup.environment)
    folder = tempfile.mkdtemp(prefix="colab-starter-", dir="/tmp")
    if not setup.cwd:
        os.chdir(folder)
    try:
        heritage = Heritage(
            environment=environment,
            kernel_variables=start.variables,
            kernel_path=start.path,
            folder=folder,
            filters=start.filters,
            has_kernel=start.has_kernel,
        )
        _Keeper(control, setup, heritage, trace, start).run()
    finally:
        system.kill_children()
        shutil.rmtree(folder, ignore_errors=True)
        _leave_overlay(setup)


def _move_in(control: "Channel", setup: "Setup") -> "Setup":
    """Become like a process that was started for this setup, whose descriptors follow it."""
    from multiprocessing import reduction

    log, *keep_fds = (reduction.recv_handle(control) for _ in range(1 + len(setup.keep_fds)))
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    if os.path.isdir(setup.cwd):
        os.chdir(setup.cwd)
    return setup._replace(keep_fds=tuple(keep_fds))


def _leave_overlay(setup: "Setup") -> None:
    """Remove the overlay if this is the last process of a sweep whose coordinator was killed."""
    if setup.overlay:
        from pathlib import Path

        from colab_starter.run.overlays.leaving import remove_if_left

        for descriptor in setup.keep_fds:
            os.close(descriptor)
        remove_if_left(Path(setup.overlay))


def _take_stdin() -> "Channel":
    """The socket, moved away from stdin, which other code may read."""
    from multiprocessing.connection import Connection

    control: Channel = Connection(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


class _Keeper:
    """Tries the plan until nothing in it does harm, then waits for the end of the serving fork."""

    def __init__(
        self, control: "Channel", setup: "Setup", heritage: "Heritage", trace: ImportTrace, start: _ColdStart
    ) -> None:
        self._control = control
        self._setup = setup
        self._heritage = heritage
        self._trace = trace
        self._start = start
        self._left_out: dict[str, str] = {}

    def run(self) -> None:
        from contextlib import suppress
        from multiprocessing import Pipe
        from traceback import print_exc

        from colab_starter.run.kernels import system
        from colab_starter.run.kernels.protocol import Ready

        keeper = os.getpid()
        while True:
            trial, other_end = Pipe()
            capture = OutputCapture()
            pid = system.fork()
            if not pid:
                system.die_with_parent(keeper)
                trial.close()
                try:
                    self._try_to_serve(other_end, capture)
                except Exception:
                    print_exc()
                    os._exit(1)
                os._exit(0)
            other_end.close()
            imported = _watch(trial, self._control, pid)
            if imported is None:
                system.kill_children()  # before the pipe is closed, which would be logged as an error
                return
            is_new = not imported.harmful.keys() <= self._left_out.keys() | {""}
            self._left_out |= ({} if self._setup.may_lack else imported.missing) | imported.harmful
            if not imported.harmful:
                with suppress(OSError):  # a client that has hung up ends the fork too
                    self._control.send(Ready(self._left_out))
                _wait_for_end(self._control, pid)
                return
            os.write(2, capture.read_all())  # the output may say why
            capture.close()
            system.kill_children()
            if not is_new:  # no module is to blame
                print(f"no process can be forked from {sys.executable}", file=sys.stderr)
                return

    def _try_to_serve(self, keeper: "Channel", capture: OutputCapture) -> None:
        """In the fork: import, and serve unless that did harm the process."""
        import shutil

        from colab_starter.run.kernels import system
        from colab_starter.run.kernels.heritage import set_heritage
        from colab_starter.run.kernels.serving import Serving

        heritage = self._heritage
        imported, heritage.hidden = self._follow_plan(keeper, capture)
        keeper.send(imported)
        if imported.harmful:
            return
        system.outlive_parent()
        system.adopt_orphans()
        capture.close()
        ours = {self._control.fileno(), keeper.fileno(), *self._setup.keep_fds, 0, 1, 2}
        heritage.descriptors = system.list_descriptors() - ours
        set_heritage(heritage)
        _collect_garbage(True)
        Serving(self._control, keeper, heritage, self._setup.keep_fds).serve()
        shutil.rmtree(heritage.folder, ignore_errors=True)  # in case the keeper was killed

    def _follow_plan(self, keeper: "Channel", capture: OutputCapture) -> "tuple[Imported, HiddenModules]":
        """Import the modules that are not left out, in the state with which a notebook begins."""
        from colab_starter.run.kernels import afterfork
        from colab_starter.run.kernels.forked import WarmApplication
        from colab_starter.run.kernels.hidden import HiddenModules
        from colab_starter.run.kernels.imports import follow_plan

        own_path = list(sys.path)
        sys.path[:] = self._heritage.kernel_path
        cast(Any, WarmApplication.instance()).init_path()
        _set_environment(self._start.environment)
        self._trace.settle()
        state = self._trace.state
        with capture:
            self._trace.capture_output(capture)
            planned = self._setup.steps if self._heritage.has_kernel else ()
            steps = [step for step in planned if step not in self._left_out]
            imported = follow_plan(steps, self._trace, keeper.send)
            self._trace.capture_output(None)
        self._trace.stop()
        never = "colab_starter" if self._start.is_elsewhere else ""
        hidden = HiddenModules(self._trace.records, self._start.modules, state, never)
        afterfork.prepare(self._setup.threadpoolctl)
        sys.path[:] = own_path
        _set_environment(self._heritage.environment)
        return imported, hidden


def _set_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _watch(trial: "Channel", control: "Channel", pid: int) -> "Imported | None":
    """The result of a fork's imports; None if the client is gone."""
    from colab_starter.run.kernels.death import name_signal
    from colab_starter.run.kernels.imports import Imported

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


def _wait_for_end(control: "Channel", pid: int) -> None:
    """Wait for the serving fork to end; if it does not though the coordinator is gone, only this kills it."""
    import select
    import signal

    from colab_starter.run.kernels import system
    from colab_starter.run.kernels.serving import END_OF_WORKERS

    ended = system.open_pidfd(pid)
    if ended >= 0:
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        waiting.register(control.fileno(), 0)
        waiting.poll()
        waiting.unregister(control.fileno())
        system.kill(pid, signal.SIGCONT)  # it may have been stopped
        if not waiting.poll((END_OF_WORKERS + _END_OF_SERVER) * 1000):
            system.kill(pid)
    os.waitpid(pid, 0)


def _can_read(trial: "Channel", control: "Channel", timeout: float) -> bool:
    """Wait for the fork's messages; False after the timeout or if the coordinator is gone."""
    import select

    waiting = select.poll()
    waiting.register(trial.fileno(), select.POLLIN)
    waiting.register(control.fileno(), 0)  # reports only a hang-up: requests are left for the fork that will serve
    return trial.fileno() in [descriptor for descriptor, _ in waiting.poll(timeout * 1000)]


def _has_hung_up(control: "Channel") -> bool:
    import select

    waiting = select.poll()
    waiting.register(control.fileno(), 0)
    return bool(waiting.poll(0))
