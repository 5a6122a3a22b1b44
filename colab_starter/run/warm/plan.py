"""Planning what to preload before kernels are forked, from the notebook's cells."""

import ast
import importlib.machinery
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from colab_starter.notebook.model import Notebook
from colab_starter.notebook.python import NOT_LITERAL
from colab_starter.run.job import KernelPython, WarmPlan
from colab_starter.run.kernels.hidden import LATER
from colab_starter.run.sweep.runs import find_kernel_name
from colab_starter.run.this_python import DEFAULT_KERNEL, find_plain_kernel, starts_this_python
from colab_starter.run.warm.steps import (
    AssignStep,
    BarrierStep,
    ImportStep,
    ParametersStep,
    VariableStep,
    find_module,
    read_steps,
)

ONLY_MESSAGES = frozenset("TF_CPP_MIN_LOG_LEVEL TF_CPP_MIN_VLOG_LEVEL GLOG_minloglevel GRPC_VERBOSITY".split())
"""Variables that are often set under a condition; the value after ``else`` is the better guess."""

_SPEAKING = frozenset(["__future__", "antigravity", "this"])
"""Standard modules that are imported for the effect of the import itself."""


_LOADED_LATER = {"numpy": ["numpy.random"]}
"""What a module imports only once ``np.random`` is asked for, perhaps before another library imports it."""


def plan_warm(
    notebook: Notebook,
    parameters: Mapping[str, Any],
    *,
    modules: Sequence[str] | None = None,
    kernel: str | None = None,
    cwd: str = "",
) -> WarmPlan | None:
    """The plan of what a notebook's run can have preloaded; None if its kernel must start cold.

    ``parameters`` are the run's values. ``modules`` is the user's own list, and replaces what the cells say. ``kernel``
    is the kernelspec that the user named; None means the notebook's own. ``cwd`` is the run's working directory.

    A plan is a guess at what the notebook will do, and may be wrong: see ``kernels.hidden``. A correct one saves the
    run a restart.
    """
    name = kernel or find_kernel_name(notebook) or DEFAULT_KERNEL
    if not notebook.is_python:
        return None
    python = None if _starts_this_python(name) else _find_kernel_python(name)
    if python is None and not _starts_this_python(name):
        return None
    draft = _Draft(notebook.path.parent, _name_modules if python else _list_modules)
    draft.follow(notebook, parameters)
    if modules is None:
        return WarmPlan(tuple(draft.steps), cwd, kernel=python, may_lack=python is not None)
    return WarmPlan((*draft.environment.items(), *dict.fromkeys(modules)), cwd, kernel=python)


_starts_this_python = lru_cache(starts_this_python)


def _find_kernel_python(kernel: str) -> KernelPython | None:
    """The Python of a kernelspec, if kernels of it can be forked; None otherwise."""
    found = find_plain_kernel(kernel)
    return KernelPython(found[0], tuple(found[1].items())) if found else None


class _Draft:
    """A plan under construction: follows the notebook as far as it can be predicted."""

    def __init__(self, folder: Path, list_modules: Callable[[ImportStep, Path], tuple[str, ...]]) -> None:
        self.steps: dict[str | tuple[str, str], None] = {}
        self.environment: dict[str, str] = {}
        self._folder = folder
        self._list_modules = list_modules
        self._known: dict[str, object] = {}

    def follow(self, notebook: Notebook, parameters: Mapping[str, Any]) -> None:
        """Follow the steps up to the first after which an import may have a different result."""
        for step in read_steps(notebook):
            match step:
                case ImportStep():
                    self.steps |= dict.fromkeys(self._list_modules(step, self._folder))
                case AssignStep():
                    self._known[step.name] = self._evaluate(step.value)
                case ParametersStep():
                    self._known |= parameters
                case VariableStep() if not self._set(step):
                    return
                case BarrierStep():
                    return

    def _set(self, step: VariableStep) -> bool:
        """Add a variable to the plan; returns False if what follows cannot be predicted."""
        if step.name in LATER or (step.is_default and {*os.environ, *self.environment}.intersection([step.name])):
            return True
        value = self._evaluate(step.value)
        if step.name in ONLY_MESSAGES and not isinstance(value, str):
            value = _last_text(step.value)
        elif step.name == "?" or not step.is_certain:
            return False
        if not isinstance(value, str):
            return False
        self.environment[step.name] = value
        self.steps[step.name, value] = None
        return True

    def _evaluate(self, node: ast.expr | None) -> object:
        """The value of a constant, a known name, or ``str()`` of one; NOT_LITERAL for others."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._known.get(name, NOT_LITERAL)
            case ast.Call(func=ast.Name(id="str"), args=[argument], keywords=[]):
                found = self._evaluate(argument)
                return NOT_LITERAL if found is NOT_LITERAL else str(found)
        return NOT_LITERAL


def _last_text(node: ast.expr | None) -> str | None:
    """The last string in an expression, which is what follows ``else``."""
    nodes = ast.walk(node) if node else ()
    texts = [part.value for part in nodes if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return texts[-1] if texts else None


@cache
def _list_modules(step: ImportStep, local: Path) -> tuple[str, ...]:
    """The modules of an import that are installed rather than files beside the notebook."""
    first = step.module.partition(".")[0]
    spec = _find_spec(first)
    if first in _SPEAKING or not spec or find_module(local, first):
        return ()
    roots = [Path(folder).parent for folder in spec.submodule_search_locations or ()]
    if spec.origin is None and roots and not any(find_module(root, step.module) for root in roots):
        return ()  # a missing part of a namespace package such as google
    names = [f"{step.module}.{name}" for name in step.names] + _LOADED_LATER.get(step.module, [])
    return (step.module, *(name for name in names if any(find_module(root, name) for root in roots)))


@cache
def _name_modules(step: ImportStep, local: Path) -> tuple[str, ...]:
    """The same for another environment, where nobody looks: some of them may not be modules, or not be installed."""
    first = step.module.partition(".")[0]
    if first in {*_SPEAKING, "colab_starter"} or find_module(local, first):
        return ()
    return (step.module, *(f"{step.module}.{name}" for name in step.names if name.isidentifier()))


@cache
def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """The spec of a top-level module, which is found without importing anything."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
