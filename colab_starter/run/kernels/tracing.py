"""Tracing what each import depends on and changes, module by module, while modules are preloaded.

It imports only standard modules that Python loads at startup, so that tracing can begin before anything else is
imported. ``hidden`` uses these records.
"""

import _frozen_importlib as _bootstrap
import _thread
import builtins
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_OF_THE_SYSTEM = ("/proc/", "/sys/", "/dev/")
Signature = tuple[int, int] | None
"""The time of the last change in nanoseconds, and the size; None if the file does not exist."""


class State(NamedTuple):
    """What the result of an import depends on besides files; imports change it too."""

    environment: dict[str, str]
    path: tuple[str, ...]


class Change(NamedTuple):
    """What a module changed at one point during its import."""

    tick: int
    before: State
    after: State


class ModuleRecord:
    """The trace of one import, without what the modules that it imported did."""

    def __init__(self, name: str, root: str, tick: int, state: State) -> None:
        self.name = name
        self.root = root
        """The module of the plan whose import loaded it; empty for what comes with the kernel and its worker."""
        self.tick = tick
        """When it began; ticks only increase."""
        self.state = state
        """The state at that time."""
        self.needs: dict[str, None] = {}
        """The modules that it imported, including those that were already loaded."""
        self.missing: dict[str, None] = {}
        """Top-level modules that it tried to import but were not found."""
        self.variables: set[str] = set()
        """Environment variables that it read through ``os.environ``."""
        self.lists_variables = False
        """Whether it iterated over ``os.environ``, for example to copy it."""
        self.files: dict[str, None] = {}
        """Files that it read or looked for, except those of Python itself."""
        self.asks_for_packages = False
        """Whether it queried the installed packages through ``importlib.metadata``."""
        self.draws_random_numbers = False
        """Whether it drew from the generators that ``random.seed`` and ``numpy.random.seed`` set."""
        self.changes: list[Change] = []
        self.filters: list[Any] = []
        """What it added to ``warnings.filters``, in their order there."""
        self.output: list[tuple[int, bytes]] = []
        """What it printed, as descriptor and text."""
        self.warnings: list[warnings.WarningMessage] = []
        """Its warnings, if they would have been shown."""

    def absorb(self, inner: "ModuleRecord") -> None:
        """Merge the record of a nested import of the same module, or of one that was not found."""
        self.needs |= inner.needs
        self.missing |= inner.missing
        self.variables |= inner.variables
        self.lists_variables |= inner.lists_variables
        self.files |= inner.files
        self.changes += inner.changes
        self.filters = inner.filters + self.filters
        self.output += inner.output
        self.warnings += inner.warnings
        self.asks_for_packages |= inner.asks_for_packages
        self.draws_random_numbers |= inner.draws_random_numbers


class ImportTrace:
    """Records every import of the main thread between ``start`` and ``stop``."""

    def __init__(self, passed_over: Iterable[str] = ()) -> None:
        """``passed_over`` are environment variables that are set only during the trace."""
        self._passed_over_variables = frozenset(passed_over)
        self.records: dict[str, ModuleRecord] = {}
        """The records by name, only of modules that were loaded."""
        self.root = ""
        """The module of the plan that is being imported."""
        self._stack: list[ModuleRecord] = []
        self._tick = 0
        self._thread = _thread.get_ident()
        self.state = self._read_state()
        """The state at the last call of ``settle``."""
        self._writes = 0
        self._filters = list(warnings.filters)
        self._capture: OutputCapture | None = None
        self._drawn: list[object] = []
        self._undo: list[Callable[[], None]] = []
        self._replaced: list[tuple[Any, Any]] = []
        """What was patched, each behind what took its place."""
        installed = [path for path in sys.path if path.endswith("-packages")]
        self._passed_over = (*_OF_THE_SYSTEM, *(f"{path}/" for path in (sys.prefix, sys.base_prefix, *installed)))
        """The places of Python's and its packages' files; ``hidden`` checks those of modules itself."""

    def start(self) -> None:
        """Start recording. Call it once."""
        trace = self

        class TracedLock(_bootstrap._ModuleLockManager):  # type: ignore[misc, name-defined]
            """importlib holds one only while it loads a module; its frames do not appear in tracebacks."""

            def __enter__(self) -> None:
                super().__enter__()
                self.record = trace._enter(self._name)

            def __exit__(self, *args: object, **named: object) -> None:
                if self.record:
                    trace._leave(self.record)
                super().__exit__(*args, **named)

        self._replace(_bootstrap, "_ModuleLockManager", TracedLock)
        self._replace(builtins, "__import__", self._trace_import(builtins.__import__))
        opens = _keep_unbound(self._trace_open(io.open))
        self._replace(builtins, "open", opens)
        self._replace(io, "open", opens)
        self._replace(os, "stat", _keep_unbound(self._trace_stat(os.stat)))
        self._replace(warnings, "_showwarnmsg_impl", self._note_warning(warnings._showwarnmsg_impl))  # type: ignore[attr-defined]
        self._trace_environment()
        last = _LastFinder(self)
        sys.meta_path.append(last)
        self._undo.append(lambda: sys.meta_path.remove(last))

    def stop(self) -> None:
        """Stop recording, and undo all patches."""
        while self._undo:
            self._undo.pop()()
        self._restore_copies()

    def _restore_copies(self) -> None:
        """Give modules the originals of what they have imported by name; else their errors would show this module."""
        originals = {id(value): before for value, before in self._replaced}
        for module in [one for one in sys.modules.values() if issubclass(type(one), type(sys))]:
            names: dict[str, Any] = object.__getattribute__(module, "__dict__")  # without what a lazy one would do
            if not originals.keys().isdisjoint(map(id, names.values())):  # of thousands of modules, a few
                names |= {name: originals.get(id(value), value) for name, value in names.items()}
        if accessor := getattr(sys.modules.get("pathlib"), "_NormalAccessor", None):  # until Python 3.10
            accessor.open, accessor.stat = io.open, os.stat

    def set_variables(self, environment: Mapping[str, str]) -> None:
        """Set variables permanently, as if the process had started with them, including those passed over."""
        self._passed_over_variables -= environment.keys()
        os.environ.update(environment)
        self.settle()

    def capture_output(self, capture: "OutputCapture | None") -> None:
        """From now on, record what goes through ``capture`` as output of the module being imported."""
        self.settle()
        self._capture = capture

    def settle(self) -> None:
        """Attribute what has changed since the last call to the module being imported."""
        top = self._stack[-1] if self._stack else None
        self._settle_state(top)
        self._settle_random(top)
        known = set(map(id, self._filters))
        added = [one for one in warnings.filters if id(one) not in known]
        self._filters = list(warnings.filters)
        output = self._capture.read_new() if self._capture else []
        if top:
            top.filters = added + top.filters
            top.output += output

    def _settle_state(self, top: ModuleRecord | None) -> None:
        if not self._writes and self.state.path == tuple(sys.path):
            return
        self._writes = 0
        before, self.state = self.state, self._read_state()
        if top and before != self.state:
            self._tick += 1
            top.changes.append(Change(self._tick, before, self.state))

    def _read_state(self) -> State:
        variables = {name: value for name, value in os.environ.items() if name not in self._passed_over_variables}
        return State(variables, tuple(sys.path))

    def _settle_random(self, top: ModuleRecord | None) -> None:
        drawn = read_random_states()
        if top and drawn[: len(self._drawn)] != self._drawn:
            top.draws_random_numbers = True
        self._drawn = drawn

    def _enter(self, name: str) -> ModuleRecord | None:
        if _thread.get_ident() != self._thread:
            return None
        if self._stack:
            self._stack[-1].needs[name] = None
        if name in sys.modules:
            return None
        self.settle()
        self._tick += 1
        record = ModuleRecord(name, self.root, self._tick, self.state)
        self._stack.append(record)
        return record

    def _leave(self, record: ModuleRecord) -> None:
        self.settle()
        self._stack.remove(record)
        if inner := self.records.get(record.name):
            record.absorb(inner)  # it was imported by its package, whose import came first
            record.tick, record.state = inner.tick, inner.state
        if record.name in sys.modules:
            self.records[record.name] = record
        elif self._stack:
            self._stack[-1].absorb(record)
        for outer in self._stack:
            if outer.name.startswith(f"{record.name}."):  # its own code runs only now, after that of its package
                self._tick += 1
                outer.tick, outer.state = self._tick, self.state

    def _top(self) -> ModuleRecord | None:
        return self._stack[-1] if self._stack and _thread.get_ident() == self._thread else None

    def _trace_import(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def traced_import(
            name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
        ) -> Any:
            module = original(name, globals, locals, fromlist, level)
            if top := self._top():
                full = name if level == 0 else getattr(module, "__name__", name)
                top.needs[full] = None
                for part in fromlist or ():
                    if f"{full}.{part}" in sys.modules:
                        top.needs[f"{full}.{part}"] = None
            return module

        return traced_import

    def _trace_open(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def traced_open(file: Any, *args: Any, **named: Any) -> Any:
            self._note_file(file)
            return original(file, *args, **named)

        return traced_open

    def _trace_stat(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def traced_stat(path: Any, *args: Any, **named: Any) -> Any:
            self._note_file(path)
            return original(path, *args, **named)

        return traced_stat

    def _note_file(self, file: Any) -> None:
        top = self._top()
        if top is None or isinstance(file, int):
            return
        try:
            path = os.path.join(os.getcwd(), os.fsdecode(file))
        except (OSError, TypeError, ValueError):
            return
        if path not in top.files and not path.startswith(self._passed_over):
            top.files[path] = None

    def _note_warning(self, original: Callable[..., None]) -> Callable[[warnings.WarningMessage], None]:
        def note_warning(message: warnings.WarningMessage) -> None:
            if top := self._top():
                top.warnings.append(message)
            else:
                original(message)

        return note_warning

    def _trace_environment(self) -> None:
        trace = self
        kind: Any = type(os.environ)

        class TracedEnvironment(kind):  # type: ignore[misc]
            """Records which variables are read, except those that are only copied with all others."""

            iterations = 0

            def __getitem__(self, key: str) -> str:
                if not TracedEnvironment.iterations and (top := trace._top()):
                    top.variables.add(key)
                return str(super().__getitem__(key))

            def __setitem__(self, key: str, value: str) -> None:
                trace._writes += 1
                super().__setitem__(key, value)

            def __delitem__(self, key: str) -> None:
                trace._writes += 1
                super().__delitem__(key)

            def __iter__(self) -> Iterator[str]:
                TracedEnvironment.iterations += 1
                if top := trace._top():
                    top.lists_variables = True
                try:
                    yield from super().__iter__()
                finally:
                    TracedEnvironment.iterations -= 1

        environment: Any = os.environ
        environment.__class__ = TracedEnvironment
        self._undo.append(lambda: setattr(environment, "__class__", kind))

    def _replace(self, holder: Any, name: str, value: Any) -> None:
        before = getattr(holder, name)
        setattr(holder, name, value)
        self._replaced.append((value, before))
        for about in ("__doc__", "__module__", "__name__", "__qualname__"):
            setattr(value, about, getattr(before, about))
        self._undo.append(lambda: setattr(holder, name, before))


def _keep_unbound(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as something that a class can hold without making a method of it, as pathlib did until 3.10."""
    return function if sys.version_info >= (3, 11) else staticmethod(function)


class _LastFinder:
    """The last finder: a module that it is asked for was not found."""

    def __init__(self, trace: ImportTrace) -> None:
        self._trace = trace

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        top = self._trace._top()
        if top and path is None:
            top.missing[name] = None

    def find_distributions(self, context: Any = None) -> tuple[()]:
        if top := self._trace._top():
            top.asks_for_packages = True
        return ()

    def invalidate_caches(self) -> None:
        """Do nothing: nothing is cached."""


class OutputCapture:
    """Captures what this process writes to descriptors 1 and 2, even from C, within its ``with`` block."""

    def __init__(self) -> None:
        self._files = [_make_file(), _make_file()]
        self._read = [0, 0]
        self._kept: list[int] = []

    def __enter__(self) -> "OutputCapture":
        self._flush()
        self._kept = [os.dup(1), os.dup(2)]
        for number, file in enumerate(self._files, 1):
            os.dup2(file, number)
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        for number, kept in enumerate(self._kept, 1):
            os.dup2(kept, number)
            os.close(kept)

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if stream:
                stream.flush()

    def read_new(self) -> list[tuple[int, bytes]]:
        """What was written since the last call, as descriptor and text."""
        self._flush()
        found = []
        for index, file in enumerate(self._files):
            size = os.fstat(file).st_size
            if size > self._read[index]:
                found.append((index + 1, os.pread(file, size - self._read[index], self._read[index])))
                self._read[index] = size
        return found

    def read_all(self) -> bytes:
        """Everything written by any process that shares this capture."""
        return b"".join(os.pread(file, os.fstat(file).st_size, 0) for file in self._files)

    def close(self) -> None:
        for file in self._files:
            os.close(file)


def _make_file() -> int:
    """Make an unnamed file that every writer appends to."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("output")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def read_random_states(find_module: Callable[[str], Any] = sys.modules.get) -> list[object]:
    """The states of the global random generators, Python's and NumPy's, if they are loaded."""
    states: list[object] = []
    if random := find_module("random"):
        instance = getattr(random, "_inst", None)
        states.append(instance.getstate() if instance else None)
    if numpy := find_module("numpy.random.mtrand"):
        generator = getattr(numpy, "_rand", None)
        if generator is not None:
            states.append(_read_state_of_numpy(generator, find_module("ctypes")))
    return states


def _read_state_of_numpy(generator: Any, ctypes: Any) -> object:
    bits = generator._bit_generator
    if ctypes and type(bits).__name__ == "MT19937":  # ``get_state`` copies number by number: 50 times as slow
        return ctypes.string_at(bits.ctypes.state_address, _BYTES_OF_MT19937)
    name, keys, position, *_ = generator.get_state()
    return (name, keys.tobytes(), position)


_BYTES_OF_MT19937 = 625 * 4
"""NumPy's ``struct s_mt19937_state``: 624 words, and the position among them."""


def read_signature(path: str) -> Signature:
    """A file's signature, which changes with its content; that of a folder says only whether it exists."""
    try:
        found = _stat(path)
    except (OSError, ValueError):
        return None
    return (0, 0) if found.st_mode & 0o170000 == 0o040000 else (found.st_mtime_ns, found.st_size)


_stat = os.stat
