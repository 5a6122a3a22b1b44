"""Which of these names does this environment not have? Run by the environment's own Python; standard library only.

Reads a JSON object from standard input: ``names`` (modules, and what is in them), ``arguments`` (a function or class
-> names of arguments) and ``proofs`` (Python that must fail). Writes one in which those are left that are gone,
``unknown``: the top-level modules that cannot be imported here, and ``placeholders``: the classes that stand in for
others, because something is missing that those need.
"""

import importlib
import importlib.util
import inspect
import json
import os
import sys
import warnings
from types import ModuleType
from typing import Any


def main() -> None:
    asked = json.load(sys.stdin)
    output, sys.stdout = sys.stdout, sys.stderr  # what libraries print on import is not the answer
    warnings.simplefilter("ignore")
    tops = {name.partition(".")[0] for name in (*asked["names"], *asked["arguments"])}
    unknown = {top for top in tops if not _is_importable(top)}
    known = [name for name in asked["names"] if name.partition(".")[0] not in unknown]
    answer = {
        "unknown": sorted(unknown),
        "names": [name for name in known if not exists(name)],
        "arguments": {
            path: gone
            for path, names in asked["arguments"].items()
            if path.partition(".")[0] not in unknown and (gone := _gone_arguments(path, names))
        },
        "placeholders": sorted(path for path in asked["arguments"] if _is_placeholder(path, unknown)),
        "proofs": [proof for proof in asked["proofs"] if _fails(proof)],
    }
    json.dump(answer, output)
    output.flush()
    os._exit(0)


def _is_placeholder(path: str, unknown: set[str]) -> bool:
    """Whether it is what Hugging Face's libraries put in the place of classes that need PyTorch."""
    found = None if path.partition(".")[0] in unknown else find(path)
    return isinstance(found, type) and hasattr(found, "_backends")


def _is_importable(top: str) -> bool:
    try:
        importlib.import_module(top)
    except Exception:
        return False
    return True


def exists(path: str) -> bool:
    """Whether there is such a name; what is listed need not be loaded."""
    parent, _, last = path.rpartition(".")
    owner = find(parent) if parent else None
    return owner is ... or (owner is not None and (last in _dir(owner) or find(path) is not None)) or not parent


def find(path: str) -> object:
    """The object of that name; None where there is none. What exists but cannot be loaded here is ``...``."""
    parts = path.split(".")
    found: object = sys.modules[parts[0]]
    for index, part in enumerate(parts[1:], 1):
        found = _step(found, ".".join(parts[:index]), part)
        if found is None or found is ...:
            return found
    return found


def _step(parent: object, path: str, name: str) -> object:
    try:
        found = getattr(parent, name)
    except (AttributeError, ImportError):
        if name in _dir(parent):
            return ...
    except Exception:
        return ...
    else:
        return ... if found is None else found
    return _submodule(path, name) if isinstance(parent, ModuleType) else None


_LISTED: dict[int, tuple[object, frozenset[str]]] = {}


def _dir(parent: object) -> frozenset[str]:
    if id(parent) not in _LISTED:
        try:
            _LISTED[id(parent)] = parent, frozenset(dir(parent))
        except Exception:
            _LISTED[id(parent)] = parent, frozenset()
    return _LISTED[id(parent)][1]


def _submodule(path: str, name: str) -> object:
    try:
        if importlib.util.find_spec(f"{path}.{name}") is None:
            return None
        return importlib.import_module(f"{path}.{name}")
    except ModuleNotFoundError as error:
        return None if f"{path}.{name}".startswith(error.name or "?") else ...
    except Exception:
        return ...


def _gone_arguments(path: str, names: list[str]) -> list[str]:
    found = find(path)
    try:
        signature = inspect.signature(found)  # type: ignore[arg-type]
    except Exception:
        return []
    if any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values()):
        return []
    spoken_of = _words_of_wrappers(found)
    return [name for name in names if name not in signature.parameters and name not in spoken_of]


def _words_of_wrappers(found: object) -> set[str]:
    """The strings that the decorators of a function or of ``__init__`` keep: among them arguments that they take."""
    words: set[str] = set()
    for function in (found, getattr(found, "__init__", None), getattr(found, "__new__", None)):
        while function is not None:
            for cell in getattr(function, "__closure__", None) or ():
                words |= _strings(cell.cell_contents)
            function = getattr(function, "__wrapped__", None)
    return words


def _strings(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return {one for one in (*value, *value.values()) if isinstance(one, str)}
    return {one for one in value if isinstance(one, str)} if isinstance(value, list | tuple | set) else set()


def _fails(proof: str) -> bool:
    """Whether the last line of this Python fails, the lines before it being there to prepare it."""
    *before, last = proof.strip().splitlines()
    scope: dict[str, Any] = {}
    exec("\n".join(before), scope)
    try:
        exec(last, scope)
    except Exception:
        return True
    return False


if __name__ == "__main__":
    main()
