"""The runs of a sweep: their IDs, which are also their folders' names, and the hash of their notebook."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab_starter.errors import NoRunsFolderError
from colab_starter.files import write_whole
from colab_starter.notebook.model import Notebook
from colab_starter.run.literals import to_canonical, to_source
from colab_starter.run.secrets import MASK, Mask, may_be_secret
from colab_starter.sweep_folder import DIGEST_LENGTH, name_source

SLUG_LENGTH = 80
_EXECUTION_TAGS = {"parameters", "injected-parameters", "raises-exception", "skip-execution"}
UNFIT = re.compile(r"[^A-Za-z0-9._=,+-]+")

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One set of parameters; its ID is the same whenever they and the notebook are."""

    id: str
    parameters: Parameters


def hash_source(notebook: Notebook, kernel: str | None) -> str:
    """A hash of everything that can change a run: the code, the tags that affect execution, and the kernel.

    Outputs, text cells and other metadata do not count. ``kernel`` replaces the notebook's own.
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
    """An ID such as ``epochs=1,lr=0.01-3fa4c2d10b7e``: a readable part, and a digest that makes it unique.

    The digest depends only on the values and the source; the part before it also depends on what is secret.
    """
    content = f"{source} {to_canonical(dict(parameters))}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{make_slug(parameters, mask)}-{digest}"


def make_slug(parameters: Mapping[str, Any], mask: Mask, hidden: Collection[str] = ()) -> str:
    """The beginning of an ID. The values of ``hidden`` parameters and those that may be secret are masked."""
    pairs = ",".join(f"{name}={show_value(name, parameters[name], mask, hidden)}" for name in sorted(parameters))
    return UNFIT.sub("-", mask.apply(pairs))[:SLUG_LENGTH].strip("-.,") or "defaults"


def show_value(name: str, value: Any, mask: Mask, hidden: Collection[str]) -> str:
    return MASK if name in hidden or may_be_secret(name, value) else write_value(value, mask)


def write_value(value: Any, mask: Mask) -> str:
    if isinstance(value, str):
        return mask.apply(value)
    if isinstance(value, int | float):
        return mask.apply(repr(value))
    # Masked first: without its quotes and spaces, a secret would no longer be recognised.
    return mask.apply(repr(_order_sets(value))).replace("'", "").replace(" ", "")


def _order_sets(value: Any) -> Any:
    """The value with sets turned into lists, because their order differs between processes."""
    if isinstance(value, dict):
        return {key: _order_sets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_order_sets, value))
    return sorted(value, key=to_source) if isinstance(value, set | frozenset) else value


def find_varying(sets: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of the parameters that differ between the sets, in order of first appearance."""
    known = list(sets)
    names = dict.fromkeys(name for parameters in known for name in parameters)
    return [name for name in names if len({_identity(parameters, name) for parameters in known}) > 1]


def _identity(parameters: Mapping[str, Any], name: str) -> str:
    return repr(parameters[name]) if name in parameters else ""


def make_folder(folder: Path) -> None:
    """Make the folder for the runs. Raises NoRunsFolderError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NoRunsFolderError(f"{folder} is a file; choose a folder with --out") from None
    except OSError as error:
        raise NoRunsFolderError(f"{folder} cannot be made ({error.strerror}); choose another --out") from None


def write_snapshot(notebook: Notebook, folder: Path, source: str) -> Path:
    """Keep the notebook as it is now, so that edits during the sweep change nothing. Raises NoRunsFolderError."""
    path = folder / name_source(source)
    content = notebook.text.encode()
    try:
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
    except OSError as error:
        raise NoRunsFolderError(f"{path} cannot be written ({error.strerror}); choose another --out") from None
    return path
