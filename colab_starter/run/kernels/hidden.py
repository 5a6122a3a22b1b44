"""Preloaded modules, which appear in a forked kernel when the notebook imports them.

A forked kernel begins with the modules that a cold one has. The others are hidden: removed from ``sys.modules``. When
the notebook imports one, in whatever way, the module is revealed with all effects of its import (what it printed, the
variables that it set), provided everything its import depended on is unchanged. If anything has changed, a cold kernel
might behave differently, and ``refuse`` is called.
"""

import _frozen_importlib as _bootstrap
import _imp
import importlib.machinery
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from colab_starter.run.kernels.tracing import (
    Change,
    ModuleRecord,
    State,
    read_random_states,
    read_signature,
)

LATER = frozenset(
    (
        *("CUBLAS_WORKSPACE_CONFIG", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUDA_VISIBLE_DEVICES", "NCCL_DEBUG"),
        *("PYTHONHASHSEED", "PYTHONWARNINGS", "PYTORCH_CUDA_ALLOC_CONF", "TF_DETERMINISTIC_OPS"),
        *("TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TOKENIZERS_PARALLELISM"),
        *("WANDB_API_KEY", "WANDB_MODE", "WANDB_SILENT"),
        *("XLA_PYTHON_CLIENT_ALLOCATOR", "XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_PREALLOCATE"),
    )
)
"""Variables that no C or C++ library reads during import; reads by Python code are traced."""

_EACH_KERNEL_S_OWN = frozenset(["JPY_PARENT_PID"])
_IPYTHON_S_OWN = frozenset(["display", "exit", "get_ipython", "input", "quit"])
"""Builtins that exist while a cell is executed."""


_READ_BY_PYTHON = ("LANG", "LC_", "PYTHON", "TZ")
"""Prefixes of the variables that Python's own modules may read from C."""


class Refusal(NamedTuple):
    """Why a module cannot be revealed."""

    module: str
    root: str
    """The module of the plan whose import loaded it; empty for one that came with the kernel's worker."""
    why: str
    """The reason, such as ``KERAS_BACKEND was changed``."""


Refuse = Callable[[Refusal], NoReturn]


class _Start(NamedTuple):
    """State that is compared as a whole; imports that change it are not kept."""

    argv: list[str]
    cwd: str
    hooks: list[object]
    random: list[object]
    settings: tuple[object, ...]


class HiddenModules:
    """Created in the process from which kernels are forked; ``hide`` and ``guard`` are called in the kernel."""

    def __init__(
        self, records: Mapping[str, ModuleRecord], visible: Iterable[str], state: State, never: str = ""
    ) -> None:
        """``visible`` are the modules with which a cold kernel begins; ``state`` is that with which a notebook
        begins. ``never`` is a package that is not revealed: it is imported anew, from where the notebook finds it."""
        self._visible = frozenset(visible)
        self._records = {name: record for name, record in records.items() if name not in self._visible}
        """Including modules that have been removed from ``sys.modules`` again."""
        self._modules: dict[str, ModuleType] = {}
        self._state = state
        self._never = never
        self._take_modules()
        self._files = {name: path for name, path in self._list_files().items() if not _is_of_python(path)}
        """The files of modules, except those of Python itself."""
        self._libraries = {path: name for name, path in self._list_files().items() if path.endswith(_LIBRARIES)}
        self._set_by_imports = _list_variables_set(records.values())
        self._signatures = {path: read_signature(path) for path in self._files.values()}
        self._signatures |= {path: read_signature(path) for record in records.values() for path in record.files}
        self._packages = _list_packages(state.path)
        self._origins = {name: _find_origin(name) for name in self._modules if "." not in name}
        self._settings = {
            name: _read_settings_of(one)
            for name, one in self._modules.items()
            if isinstance(one, ModuleType) and name in self._files
        }
        self._callables: dict[str, dict[str, object]] = {}
        self._filters: list[Any] = []
        self._start: _Start | None = None
        self._refuse: Refuse | None = None
        self._lock = threading.RLock()

    def _take_modules(self) -> None:
        """Record the modules to hide.

        Untraced modules are hidden and revealed with their package: a package has put them into ``sys.modules`` by
        hand, or the worker has imported them since.
        """
        self._modules |= {name: one for name, one in sys.modules.items() if name not in self._visible}
        for name in self._modules:
            if name not in self._records:
                parent = name.rpartition(".")[0]
                while parent and parent not in self._records:
                    parent = parent.rpartition(".")[0]
                owner = self._records.get(parent)
                record = ModuleRecord(name, "", 0, self._state)
                if owner:
                    record = ModuleRecord(name, owner.root, owner.tick, owner.state)
                    record.needs[parent] = None
                    owner.needs[name] = None
                self._records[name] = record

    def _list_files(self) -> dict[str, str]:
        paths = {name: getattr(module, "__file__", None) for name, module in self._modules.items()}
        return {name: path for name, path in paths.items() if isinstance(path, str)}

    def hide(self, filters: list[Any]) -> None:
        """Hide the modules; ``filters`` are those of ``warnings`` with which a cold kernel begins."""
        self._take_modules()
        self._filters = list(filters)
        warnings.filters[:] = filters  # type: ignore[index]
        _renew_filters()
        for name, module in self._modules.items():
            sys.modules.pop(name, None)
            parent, _, child = name.rpartition(".")
            holder = self._modules.get(parent) or sys.modules.get(parent)
            if isinstance(holder, ModuleType) and vars(holder).get(child) is module:
                del vars(holder)[child]  # not delattr: TensorFlow's modules override it
        for name in [name for name in self._modules if name.partition(".")[0] == self._never]:
            del self._modules[name], self._records[name]
        hidden = self

        class RevealingLock(_bootstrap._ModuleLockManager):  # type: ignore[misc, name-defined]
            """importlib acquires it before it loads a module; its frames do not appear in tracebacks."""

            def __enter__(self) -> None:
                super().__enter__()
                if self._name in hidden._modules and self._name not in sys.modules:
                    hidden._reveal(self._name)

        _bootstrap._ModuleLockManager = RevealingLock  # type: ignore[attr-defined]
        self._watch_libraries()

    def _watch_libraries(self) -> None:
        """Refuse to load a library's file without ``import``: a loaded library cannot be loaded again."""
        names, load = self._libraries, _imp.create_dynamic

        def create_dynamic(spec: Any, file: Any = None) -> ModuleType:
            name = names.get(spec.origin, "")
            if self._refuse and name in self._modules:
                self._refuse(Refusal(name, self._records[name].root, "its file is loaded without import"))
            return load(spec, file)

        _imp.create_dynamic = create_dynamic

    def guard(self, refuse: Refuse) -> None:
        """Start guarding, as the notebook begins: from now on, nothing is revealed that might differ in a cold
        kernel."""
        self._start = self._read_start()
        if any(record.root for record in self._records.values()):
            visible = [(name, one) for name, one in sys.modules.items() if type(one) is ModuleType]
            self._callables = {name: _read_callables_of(one) for name, one in visible}
        self._refuse = refuse

    def _reveal(self, name: str) -> None:
        with self._lock:
            records = self._close_over(name)
            state = _read_state()
            if self._refuse:
                why, state = self._compare(records, state)
                if why:
                    self._refuse(Refusal(name, self._records[name].root, why))
            self._show(records, state)
        for record in records:
            _repeat_output(record)

    def _close_over(self, name: str) -> list[ModuleRecord]:
        """The records of a module and of all hidden modules that it needs, in the order of their imports."""
        found: dict[str, ModuleRecord] = {}
        left = [name]
        while left:
            one = left.pop()
            record = self._records.get(one)
            if record is None or one in found:
                continue
            found[one] = record
            left += [record.name.rpartition(".")[0], *record.needs]
        return sorted(found.values(), key=lambda record: record.tick)

    def _show(self, records: list[ModuleRecord], state: State) -> None:
        shown = {}
        for record in records:
            del self._records[record.name]
            if record.name in self._modules:
                shown[record.name] = self._modules.pop(record.name)
        sys.modules.update(shown)
        for name, module in shown.items():
            parent, _, child = name.rpartition(".")
            holder = sys.modules.get(parent)
            if isinstance(holder, ModuleType):
                vars(holder).setdefault(child, module)
        _write_state(state)
        added = [one for record in reversed(records) for one in record.filters]
        if added:
            self._filters = [*added, *self._filters]
            warnings.filters[:0] = added  # type: ignore[index]
            _renew_filters()

    def _compare(self, records: list[ModuleRecord], now: State) -> tuple[str, State]:
        """What has changed since these were imported, empty if nothing; and the state after their import."""
        why = (
            self._compare_start(records)
            or self._compare_modules(records)
            or self._compare_contents(records)
            or self._compare_files(records)
        )
        if why:
            return why, now
        return self._follow_state(records, now)

    def _compare_start(self, records: list[ModuleRecord]) -> str:
        assert self._start
        now = self._read_start()
        if list(map(id, now.hooks)) != list(map(id, self._start.hooks)):
            return "the hooks of Python's import were changed"
        if not all(map(self._reads_little, records)):
            if now.argv != self._start.argv:
                return "sys.argv was changed"
            if now.cwd != self._start.cwd:
                return "the working directory was changed"
            if now.settings != self._start.settings:
                return "settings of Python were changed"
            if self._has_other_filters():
                return "the filters of warnings were changed"
        draws = any(record.draws_random_numbers for record in records)
        if draws and now.random != self._start.random:
            return "the random numbers were seeded, and its import draws some"
        return ""

    def _reads_little(self, record: ModuleRecord) -> bool:
        """Whether it only reads traced variables, as Python's own modules and those of the worker do."""
        return not record.root or record.name not in self._files

    def _read_start(self) -> _Start:
        try:
            cwd = os.getcwd()
        except OSError:
            cwd = ""
        random = read_random_states(lambda name: self._modules.get(name) or sys.modules.get(name))
        return _Start(list(sys.argv), cwd, [*sys.meta_path, *sys.path_hooks], random, _read_settings())

    def _has_other_filters(self) -> bool:
        """Whether filters differ; those that only silence warnings do not count, as repeated warnings are filtered."""
        known = {id(one) for one in self._filters}
        kept = [id(one) for one in warnings.filters if id(one) in known or one[0] != "ignore"]
        return kept != [id(one) for one in self._filters]

    def _compare_modules(self, records: list[ModuleRecord]) -> str:
        for record in records:
            if record.name in sys.modules:
                return f"{record.name} was put into sys.modules"
        found = {record.name for record in records if "." not in record.name and record.name in self._modules}
        for name in found:
            if _find_origin(name) != self._origins.get(name):
                return f"{name} would be found elsewhere"
        for name in {name for record in records for name in record.missing} - found:
            is_put = name in sys.modules and name not in self._visible
            if is_put or (name not in {*sys.modules, *self._modules} and _find_origin(name) is not None):
                return f"{name} exists now, but did not before"
        if any(record.asks_for_packages for record in records) and _list_packages(self._state.path) != self._packages:
            return "packages were installed"
        return ""

    def _compare_contents(self, records: list[ModuleRecord]) -> str:
        """What the notebook has changed in the modules that these imported; empty if nothing."""
        needs = {need for record in records for need in record.needs} - {record.name for record in records}
        for need in needs - _CHANGED_BY_KERNEL:
            module = sys.modules.get(need)
            if not isinstance(module, ModuleType):
                continue
            for then, read in (
                (self._callables.get(need), _read_callables_of),
                (self._settings.get(need), _read_settings_of),
            ):
                if then is not None and (name := _find_changed(then, read(module))):
                    return f"{need}.{name} was changed"
        return ""

    def _compare_files(self, records: list[ModuleRecord]) -> str:
        for record in records:
            for path in (*record.files, self._files.get(record.name)):
                if path and read_signature(path) != self._signatures[path]:
                    return f"{path} was changed"
        return ""

    def _follow_state(self, records: list[ModuleRecord], now: State) -> tuple[str, State]:
        """Replay the imports in order, with what they changed."""
        changes = sorted((change for record in records for change in record.changes), key=lambda change: change.tick)
        compared: tuple[State, State] | None = None
        differing: set[str] = set()
        for record in records:
            while changes and changes[0].tick < record.tick:
                now = _apply(changes.pop(0), now)
            if compared is None or compared[0] is not record.state or compared[1] is not now:
                # Thousands of modules have the same state.
                compared, differing = (record.state, now), _find_differing(record.state, now)
            if why := self._describe_difference(record, now, differing):
                return why, now
        for change in changes:
            now = _apply(change, now)
        return "", now

    def _describe_difference(self, record: ModuleRecord, now: State, differing: set[str]) -> str:
        """Describe how the state in which a module was imported differs from the one in which it would be now.

        ``differing`` are the variables that differ.
        """
        then, reads_little = record.state, self._reads_little(record)
        for name in sorted(differing):
            values = {(name, then.environment.get(name)), (name, now.environment.get(name))}
            if name in record.variables or (
                name.startswith(_READ_BY_PYTHON)
                if reads_little
                else name not in LATER and (record.lists_variables or not values <= self._set_by_imports)
            ):
                return f"{name} was {'changed' if name in then.environment else 'set'}"
        # The worker's modules were imported early, with a different path.
        return "sys.path was changed" if record.root and then.path != now.path else ""


def _find_differing(then: State, now: State) -> set[str]:
    """The variables whose values differ."""
    names = {name for name, _ in then.environment.items() ^ now.environment.items()}
    return names - _EACH_KERNEL_S_OWN


def _apply(change: Change, now: State) -> State:
    environment = dict(now.environment)
    for name in {*change.before.environment, *change.after.environment}:
        value = change.after.environment.get(name)
        if value != change.before.environment.get(name):
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
    return State(environment, change.after.path if change.before.path != change.after.path else now.path)


def _list_variables_set(records: Iterable[ModuleRecord]) -> set[tuple[str, str | None]]:
    """The variables that the imports themselves changed, with their values before and after.

    A library sets them for itself, whatever else is imported before or after it. Reads by Python code are traced all
    the same; the only assumption is that another library's C code does not read them.
    """
    found: set[tuple[str, str | None]] = set()
    for record in records:
        for change in record.changes:
            for name in {*change.before.environment, *change.after.environment}:
                values = {(name, one.environment.get(name)) for one in (change.before, change.after)}
                found |= values if len(values) == 2 else set()
    return found


def _read_state() -> State:
    return State(dict(os.environ), tuple(sys.path))


def _write_state(state: State) -> None:
    for name in set(os.environ) - set(state.environment):
        del os.environ[name]
    for name, value in state.environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if state.path != tuple(sys.path):
        sys.path[:] = state.path


def _read_settings() -> tuple[object, ...]:
    """Other settings that change the behaviour of code everywhere."""
    locale, socket, logging = (sys.modules.get(name) for name in ("locale", "socket", "logging"))
    builtins = sys.modules["builtins"].__dict__
    return (
        sys.getrecursionlimit(),
        locale and locale.setlocale(locale.LC_ALL),
        socket and socket.getdefaulttimeout(),
        logging and (logging.root.level, logging.root.manager.disable),
        {name: value for name, value in builtins.items() if not name.startswith("_") and name not in _IPYTHON_S_OWN},
    )


_CHANGED_BY_KERNEL = frozenset(["builtins", "getpass", "importlib._bootstrap", "sys", "threading", "time", "warnings"])


_SET_BY_DRAWING = ("backend", "interactive", "draw_if_interactive")
"""What matplotlib and IPython set with the first figure, and read only then."""


class _Container(NamedTuple):
    """The content of a list or table."""

    keys: tuple[object, ...]
    values: tuple[object, ...]

    def is_kept_in(self, other: object) -> bool:
        """Whether all of it is still there, as the identical objects.

        There may be more: libraries register things while they work. A bare ``object()`` marks something undecided.
        """
        if not isinstance(other, _Container):
            return False
        now = dict(zip(map(id, other.keys), map(id, other.values), strict=True))
        pairs = zip(self.keys, self.values, strict=True)
        return all(now.get(id(key)) == id(value) or type(value) is object for key, value in pairs)


def _find_changed(then: Mapping[str, object], now: Mapping[str, object]) -> str:
    for name, value in now.items():
        before = then.get(name)
        is_kept = before.is_kept_in(value) if isinstance(before, _Container) else before is value
        if name not in then or not is_kept:
            return name
    return ""


def _read_settings_of(module: ModuleType) -> dict[str, object]:
    """The public names of a library, except modules, with the content of its lists and tables."""
    passed_over = _SET_BY_DRAWING if module.__name__.startswith("matplotlib") else ()
    found: dict[str, object] = {}
    for name, value in vars(module).items():
        kind = type(value)  # an object may claim another __class__, and warn when it is asked
        if name.startswith("_") or issubclass(kind, ModuleType) or name in passed_over:
            continue
        if issubclass(kind, dict):
            items = [item for item in dict.items(value) if item[0] not in passed_over]
            found[name] = _Container(tuple(key for key, _ in items), tuple(item for _, item in items))
        else:
            found[name] = _Container(tuple(value), tuple(value)) if kind in (list, set) else value
    return found


def _read_callables_of(module: ModuleType) -> dict[str, object]:
    """The public functions and classes of a module; its data may change in normal use."""
    return {name: value for name, value in vars(module).items() if not name.startswith("_") and callable(value)}


def _find_origin(name: str) -> object:
    """Where a top-level module would be found now; None if nowhere."""
    try:
        spec = _bootstrap._find_spec(name, None)  # type: ignore[attr-defined]
    except Exception:
        return None
    return (spec.origin or tuple(spec.submodule_search_locations or ())) if spec else None


_LIBRARY = os.path.dirname(os.__file__) + os.sep
_LIBRARIES = tuple(importlib.machinery.EXTENSION_SUFFIXES)


def _is_of_python(path: str) -> bool:
    """Whether a file is of the standard library, which nobody edits."""
    return path.startswith(_LIBRARY) and "-packages" not in path


def _list_packages(path: Iterable[str]) -> list[list[str]]:
    """The names under which packages are installed."""
    found = []
    for folder in path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            names = []
        found.append(sorted(name for name in names if name.endswith((".dist-info", ".egg-info", ".egg-link"))))
    return found


def _renew_filters() -> None:
    """Tell ``warnings``, which caches its decisions, that its filters have changed."""
    with warnings.catch_warnings():
        pass


def _repeat_output(record: ModuleRecord) -> None:
    """Repeat the output and the warnings of a module's import."""
    for descriptor, text in record.output:
        stream = sys.stdout if descriptor == 1 else sys.stderr
        if stream:
            stream.write(text.decode(errors="replace"))
    for one in record.warnings:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno, source=one.source)
