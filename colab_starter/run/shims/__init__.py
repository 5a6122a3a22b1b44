"""Modules that are quicker to import than those they replace, in a folder for sys.path or PYTHONPATH.

They are for our own processes, and for Ray's driver and the cluster it starts; kernels get the real ones.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

FOLDER = str(Path(__file__).parent)
_SHIM = "rfc3987_syntax"


def import_jsonschema() -> None:
    """Import jsonschema in a tenth of a second, with the shim of ``rfc3987_syntax`` if that is installed.

    Call this before anything that imports nbformat, nbclient or papermill.
    """
    if _SHIM in sys.modules or "jsonschema" in sys.modules or not importlib.util.find_spec(_SHIM):
        return
    sys.path.insert(0, FOLDER)
    try:
        importlib.import_module("jsonschema")
    finally:
        sys.path.remove(FOLDER)
        sys.modules.pop(_SHIM, None)
