"""Stands for the package of this name in processes that import jsonschema, and with it this, for other reasons.

The package builds a parser at its import, which takes 2.5 s of a core, and nbformat and Ray have no use for it. Here
it is imported when an address is checked.
"""

import importlib
import sys
from pathlib import Path
from typing import Any


def is_valid_syntax(term: str, value: str) -> bool:
    """As the package's own."""
    sys.path[:] = [folder for folder in sys.path if Path(folder) != Path(__file__).parent]
    sys.modules.pop(__name__, None)
    syntax: Any = importlib.import_module(__name__)
    return bool(syntax.is_valid_syntax(term=term, value=value))
