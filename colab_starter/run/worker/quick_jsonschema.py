"""Importing jsonschema, and nbformat with it, in a tenth of a second."""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def import_jsonschema() -> None:
    """Import jsonschema so that ``rfc3987_syntax``, if installed, is imported only when an address is checked.

    It builds a parser at its import, which takes 2.7 s of a core; nbformat has no use for it. Call this
    before anything that imports nbformat, nbclient or papermill.
    """
    name = "rfc3987_syntax"
    if name in sys.modules or "jsonschema" in sys.modules or not importlib.util.find_spec(name):
        return
    stand_in: Any = ModuleType(name)
    stand_in.is_valid_syntax = _is_valid_syntax
    sys.modules[name] = stand_in
    try:
        importlib.import_module("jsonschema")
    finally:
        del sys.modules[name]


def _is_valid_syntax(term: str, value: str) -> bool:
    syntax: Any = importlib.import_module("rfc3987_syntax")
    return bool(syntax.is_valid_syntax(term=term, value=value))
