"""The runs of a sweep: their ids, which are their folders' names too, and the notebook that they are runs of."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_starter.errors import NoRunsFolderError
from colab_starter.files import write_whole
from colab_starter.notebook import Notebook
from colab_starter.run.literals import to_canonical
from colab_starter.run.secrets import Mask

SLUG_LENGTH = 80
HASH_LENGTH = 12
"""Hex digits. Eight would let two of 100,000 runs meet that begin alike."""
_EXECUTION_TAGS = {"parameters", "injected-parameters", "raises-exception", "skip-execution"}
_UNFIT = re.compile(r"[^A-Za-z0-9._=,+-]+")

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One set of parameters; its id is the same whenever they and the notebook are."""

    id: str
    parameters: Parameters


def hash_source(notebook: Notebook, kernel: str | None) -> str:
    """Changes with whatever can change a run: the code, the tags that bear on its execution, and the kernel.

    Outputs, text cells and other metadata do not count. ``kernel`` stands instead of the notebook's own.
    """
    cells = [[cell.source, sorted(_EXECUTION_TAGS & set(cell.tags))] for cell in notebook.cells if cell.kind == "code"]
    return hashlib.sha256(json.dumps([cells, kernel or find_kernel_name(notebook)]).encode()).hexdigest()


def find_kernel_name(notebook: Notebook) -> str | None:
    """The kernelspec that the notebook names."""
    spec = notebook.metadata.get("kernelspec")
    name = spec.get("name") if isinstance(spec, dict) else None
    return name if isinstance(name, str) and name else None


def make_runs(sets: Iterable[Mapping[str, Any]], source: str, mask: Mask) -> list[Run]:
    """A run for each set of parameters, in the same order; ``mask`` hides secrets in the ids."""
    return [Run(make_id(parameters, source, mask), dict(parameters)) for parameters in sets]


def make_id(parameters: Mapping[str, Any], source: str, mask: Mask) -> str:
    """Such as ``epochs=1,lr=0.01-3fa4c2d10b7e``: what people know it by, and what tells it from all others."""
    content = f"{source} {to_canonical(dict(parameters))}"
    return f"{_slug(parameters, mask)}-{hashlib.sha256(content.encode()).hexdigest()[:HASH_LENGTH]}"


def _slug(parameters: Mapping[str, Any], mask: Mask) -> str:
    pairs = ",".join(f"{name}={mask.apply(_show(parameters[name]))}" for name in sorted(parameters))
    return _UNFIT.sub("-", pairs)[:SLUG_LENGTH].strip("-.,") or "defaults"


def _show(value: Any) -> str:
    return value if isinstance(value, str) else repr(value).replace("'", "").replace(" ", "")


def find_varying(sets: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the parameters that are not the same in all sets, in the order in which they first come up."""
    known = list(sets)
    names = dict.fromkeys(name for parameters in known for name in parameters)
    return [name for name in names if len({_identity(parameters, name) for parameters in known}) > 1]


def _identity(parameters: Mapping[str, Any], name: str) -> str:
    return repr(parameters[name]) if name in parameters else ""


def make_folder(folder: Path) -> None:
    """Make the folder for the runs. Raises NoRunsFolderError where it cannot be had."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NoRunsFolderError(f"{folder} is a file; choose a folder with --out") from None
    except OSError as error:
        raise NoRunsFolderError(f"{folder} cannot be made ({error.strerror}); choose another --out") from None


def write_snapshot(notebook: Notebook, folder: Path, source: str) -> Path:
    """Keep the notebook as it is now, so that edits during the sweep change nothing. Raises NoRunsFolderError."""
    path = folder / f"source-{source[:8]}.ipynb"
    content = notebook.text.encode()
    try:
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
    except OSError as error:
        raise NoRunsFolderError(f"{path} cannot be written ({error.strerror}); choose another --out") from None
    return path
