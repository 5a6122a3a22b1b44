"""Replaces the package of this name in processes that import it only because jsonschema does.

The package builds a parser when it is imported, which takes 2.5 s of a core, and which nbformat and Ray do not use.
Here it is imported only when an address is checked.
"""

import importlib
import sys
from pathlib import Path
from typing import Any


def is_valid_syntax(term: str, value: str) -> bool:
    """Same as the package's own."""
    sys.path[:] = [folder for folder in sys.path if Path(folder) != Path(__file__).parent]
    sys.modules.pop(__name__, None)
    syntax: Any = importlib.import_module(__name__)
    return bool(syntax.is_valid_syntax(term=term, value=value))
