"""What to import before kernels are forked: read from the notebook's cells."""

import ast
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from colab_starter.check.modules import CPU_ONLY
from colab_starter.notebook import Notebook
from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.this_python import DEFAULT_KERNEL, starts_this_python
from colab_starter.run.runs import find_kernel_name
from colab_starter.run.steps import (
    AssignStep,
    BarrierStep,
    ImportStep,
    ParametersStep,
    VariableStep,
    find_module,
    read_steps,
)
from colab_starter.words import split_words

READ_LATER = split_words("""
    CUBLAS_WORKSPACE_CONFIG CUDA_DEVICE_ORDER CUDA_LAUNCH_BLOCKING CUDA_VISIBLE_DEVICES NCCL_DEBUG PYTHONHASHSEED
    PYTHONWARNINGS PYTORCH_CUDA_ALLOC_CONF TF_DETERMINISTIC_OPS TF_FORCE_GPU_ALLOW_GROWTH TF_GPU_ALLOCATOR
    TOKENIZERS_PARALLELISM WANDB_API_KEY WANDB_MODE WANDB_SILENT XLA_PYTHON_CLIENT_ALLOCATOR
    XLA_PYTHON_CLIENT_MEM_FRACTION XLA_PYTHON_CLIENT_PREALLOCATE
""")
"""Variables that no library reads while it is imported, so that the notebook may set them afterwards."""

ONLY_MESSAGES = split_words("TF_CPP_MIN_LOG_LEVEL TF_CPP_MIN_VLOG_LEVEL GLOG_minloglevel GRPC_VERBOSITY")
"""Variables that are read during an import, and change nothing but what is printed: any of their values will do."""

_READ_BY_MANY = ("GOTO_", "KMP_", "MKL_", "MPL", "NPY_", "NUMEXPR_", "OMP_", "OPENBLAS_", "OPENCV_")
"""Beginnings of the variables that modules in CPU_ONLY read while they are imported."""

_SPEAKING = frozenset(["__future__", "antigravity", "this"])
"""Modules of Python that are imported for what the import itself does."""


def plan_warm(
    notebook: Notebook,
    parameters: Mapping[str, Any],
    *,
    modules: Sequence[str] | None = None,
    kernel: str | None = None,
) -> WarmPlan | None:
    """What the run of a notebook can have imported beforehand; None where its kernel has to start cold.

    ``parameters`` are the run's values. ``modules`` is the user's own list, and takes the place of what the
    cells say. ``kernel`` is the kernelspec that the user named; None takes the notebook's own.
    """
    name = kernel or find_kernel_name(notebook) or DEFAULT_KERNEL
    if not notebook.is_python or not _starts_this_python(name):
        return None
    draft = _Draft(notebook.path.parent)
    draft.follow(notebook, parameters)
    found = draft.modules if modules is None else dict.fromkeys(modules)
    return WarmPlan(tuple(found), tuple(sorted(draft.environment.items())))


_starts_this_python = lru_cache(starts_this_python)


class _Draft:
    """A plan in the making: goes with the notebook as far as it can be foreseen."""

    def __init__(self, folder: Path) -> None:
        self.modules: dict[str, None] = {}
        self.environment: dict[str, str] = {}
        self._folder = folder
        self._known: dict[str, object] = {}

    def follow(self, notebook: Notebook, parameters: Mapping[str, Any]) -> None:
        """Up to the first step after which an import may give something else."""
        for step in read_steps(notebook):
            match step:
                case ImportStep():
                    self.modules |= dict.fromkeys(_list_modules(step, self._folder))
                case AssignStep():
                    self._known[step.name] = self._evaluate(step.value)
                case ParametersStep():
                    self._known |= parameters
                case VariableStep() if not self._set(step):
                    return
                case BarrierStep():
                    return

    def _set(self, step: VariableStep) -> bool:
        """Take a variable into the plan; false where what follows cannot be foreseen."""
        if step.name in READ_LATER or (step.is_default and {*os.environ, *self.environment}.intersection([step.name])):
            return True
        value = self._evaluate(step.value)
        if step.name in ONLY_MESSAGES:
            value = value if isinstance(value, str) else _last_text(step.value)
        elif step.name == "?" or not step.is_certain or not self._may_come_early(step.name):
            return False
        if not isinstance(value, str):
            return step.name in ONLY_MESSAGES
        self.environment[step.name] = value
        return True

    def _may_come_early(self, variable: str) -> bool:
        """Whether it changes nothing for the modules so far if it is set before them too."""
        imported = {name.partition(".")[0] for name in self.modules} - sys.stdlib_module_names
        return imported <= CPU_ONLY and not variable.startswith(_READ_BY_MANY)

    def _evaluate(self, node: ast.expr | None) -> object:
        """The value of a constant, a known name, or ``str()`` of one; Ellipsis for others."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._known.get(name, ...)
            case ast.Call(func=ast.Name(id="str"), args=[argument], keywords=[]):
                found = self._evaluate(argument)
                return ... if found is ... else str(found)
        return ...


def _last_text(node: ast.expr | None) -> str | None:
    """The last string in an expression: what stands after ``else``."""
    nodes = ast.walk(node) if node else ()
    texts = [part.value for part in nodes if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return texts[-1] if texts else None


@cache
def _list_modules(step: ImportStep, local: Path) -> tuple[str, ...]:
    """The modules of an import that are installed, and are not files beside the notebook."""
    first = step.module.partition(".")[0]
    spec = _find_spec(first)
    if first in _SPEAKING or not spec or find_module(local, first):
        return ()
    roots = [Path(folder).parent for folder in spec.submodule_search_locations or ()]
    if spec.origin is None and roots and not any(find_module(root, step.module) for root in roots):
        return ()  # a part of a package in several parts, such as google, that is not here
    names = [f"{step.module}.{name}" for name in step.names]
    return (step.module, *(name for name in names if any(find_module(root, name) for root in roots)))


@cache
def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Of a module at the top level, so that nothing is imported to find it."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
