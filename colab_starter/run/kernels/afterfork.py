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


_reseeds: list[Callable[[], object]] = []
"""Reseed what libraries seeded when imported; called in each fork."""

_numexpr: Any = None

_blas: list[Any] = []
"""The OpenBLAS libraries that are loaded: NumPy, SciPy and OpenCV each bring their own."""


def prepare(file: str = "") -> None:
    """Find what each fork will have to restore, once for all of them, after the last import.

    ``file`` is the threadpoolctl.py to load where none is installed, or one from before version 3.
    """
    global _numexpr
    modules: dict[str, Any] = sys.modules
    if "numpy.random" in modules:
        _reseeds.append(modules["numpy.random"].seed)
    if "torch" in modules:
        _reseeds.append(modules["torch"].default_generator.seed)
    if "numexpr.utils" in modules:
        _numexpr = modules["numexpr"]
    if any(name in modules for name in ("numpy", "scipy", "cv2")):
        libraries = _import_threadpoolctl(file).ThreadpoolController().lib_controllers
        _blas.extend(library for library in libraries if library.internal_api == "openblas")


def _import_threadpoolctl(file: str) -> Any:
    """Import it, and undo the visible effect: it sets a variable that a notebook could see."""
    is_new = "threadpoolctl" not in sys.modules
    module: Any = None
    with suppress(ImportError):
        module = importlib.import_module("threadpoolctl")
    if file and not hasattr(module, "ThreadpoolController"):
        module = _load(file)
    if is_new:
        sys.modules.pop("threadpoolctl", None)
    return module


def _load(file: str) -> ModuleType:
    """Execute a file as a module that nobody can import."""
    loader = importlib.machinery.SourceFileLoader("colab_starter_threadpoolctl", file)
    module = sys.modules[loader.name] = ModuleType(loader.name)  # where its dataclasses look for it
    loader.exec_module(module)
    del sys.modules[loader.name]
    return module


def renew_randomness() -> None:
    """Reseed from the system what libraries seeded when imported; Python's ``random`` does that on its own."""
    for reseed in _reseeds:
        reseed()


def restore_threads() -> None:
    """Give libraries that were imported without threads (see ``server``) those that they would otherwise have."""
    if _numexpr:
        _numexpr.set_num_threads(_numexpr.detect_number_of_threads())
    wanted = count_blas_threads(os.environ)
    if wanted > 1:
        for library in _blas:
            library.set_num_threads(wanted)


def count_blas_threads(environment: Mapping[str, str]) -> int:
    """How many threads OpenBLAS would start with: what the variables say, but at most one per core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = (environment.get(name, "") for name in BLAS_VARIABLES)
    return min([cores, *[int(text) for text in asked if text.isdecimal() and int(text) > 0][:1]])
