"""Restoring state after a fork: unseeded random generators, and the threads of BLAS."""

import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
"""The variables from which OpenBLAS reads its number of threads, in its order (``blas_get_cpu_number``)."""


_find_blas: Callable[[], Any] | None = None
"""Returns the loaded BLAS libraries."""


def prepare(file: str = "") -> None:
    """Import what a fork will need, and undo its visible effect: it sets a variable that a notebook could see.

    ``file`` is the threadpoolctl.py to load where none is installed, or one from before version 3.
    """
    global _find_blas
    is_new = "threadpoolctl" not in sys.modules
    module: Any = None
    with suppress(ImportError):
        module = importlib.import_module("threadpoolctl")
    if file and not hasattr(module, "ThreadpoolController"):
        module = _load(file)
    _find_blas = module.ThreadpoolController
    if is_new:
        sys.modules.pop("threadpoolctl", None)


def _load(file: str) -> ModuleType:
    """Execute a file as a module that nobody can import."""
    loader = importlib.machinery.SourceFileLoader("colab_starter_threadpoolctl", file)
    module = sys.modules[loader.name] = ModuleType(loader.name)  # where its dataclasses look for it
    loader.exec_module(module)
    del sys.modules[loader.name]
    return module


def renew_randomness() -> None:
    """Reseed from the system what libraries seeded when imported; Python's ``random`` does that on its own."""
    modules: dict[str, Any] = dict(sys.modules)
    if "numpy.random" in modules:
        modules["numpy.random"].seed()
    if "torch" in modules:
        modules["torch"].default_generator.seed()


def restore_threads() -> None:
    """Give libraries that were imported without threads (see ``server``) those that they would otherwise have."""
    if "numexpr.utils" in sys.modules:
        modules: dict[str, Any] = dict(sys.modules)
        modules["numexpr"].set_num_threads(modules["numexpr"].detect_number_of_threads())
    wanted = count_blas_threads(os.environ)
    if wanted > 1 and _find_blas and _has_openblas():
        for library in _find_blas().lib_controllers:
            if library.internal_api == "openblas":
                library.set_num_threads(wanted)


def count_blas_threads(environment: Mapping[str, str]) -> int:
    """How many threads OpenBLAS would start with: what the variables say, but at most one per core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = (environment.get(name, "") for name in BLAS_VARIABLES)
    return min([cores, *[int(text) for text in asked if text.isdecimal() and int(text) > 0][:1]])


def _has_openblas() -> bool:
    """Whether the library is loaded; NumPy, SciPy and OpenCV each bring their own."""
    return any(name in sys.modules for name in ("numpy", "scipy", "cv2"))
