"""Restoring state after a fork: unseeded random generators, and the threads of BLAS."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
"""The variables from which OpenBLAS reads its number of threads, in its order (``blas_get_cpu_number``)."""


_find_blas: Callable[[], Any] | None = None
"""Returns the loaded BLAS libraries."""


def prepare() -> None:
    """Import what a fork will need, and undo its visible effect: it sets a variable that a notebook could see."""
    global _find_blas
    is_new = "threadpoolctl" not in sys.modules
    _find_blas = importlib.import_module("threadpoolctl").ThreadpoolController
    if is_new:
        del sys.modules["threadpoolctl"]


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
