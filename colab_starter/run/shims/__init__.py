"""Modules that are quicker to import than those they replace, in a folder for sys.path or PYTHONPATH.

They are for our own processes, and for Ray's driver and the cluster it starts; kernels get the real ones.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

FOLDER = str(Path(__file__).parent)
_SHIM = "rfc3987_syntax"
_OF_FORMATS = (
    *("fqdn", "idna", "isoduration", "jsonpointer", "rfc3339_validator", "rfc3986_validator", "rfc3987"),
    *("uri_template", "webcolors"),
)
"""What jsonschema imports if it is installed, to check formats, of which a notebook's schema has none."""


def import_jsonschema() -> None:
    """Import jsonschema without what it needs only to check formats, which takes longer than the rest.

    Call this before anything that imports nbformat, nbclient or papermill.
    """
    if _SHIM in sys.modules or "jsonschema" in sys.modules:
        return
    absent = [name for name in _OF_FORMATS if name not in sys.modules]
    if not importlib.util.find_spec(_SHIM):
        absent.append(_SHIM)
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: Python takes it for not installed
    sys.path.insert(0, FOLDER)
    try:
        importlib.import_module("jsonschema")
    finally:
        sys.path.remove(FOLDER)
        for name in (_SHIM, *absent):
            sys.modules.pop(name, None)
