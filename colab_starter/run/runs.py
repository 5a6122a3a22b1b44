"""The runs of a sweep: their ids, which are their folders' names too, and the notebook that they are runs of."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colab_starter.errors import NoRunsFolderError
from colab_starter.files import write_whole
from colab_starter.notebook import Notebook
from colab_starter.run.job import Status
from colab_starter.run.ledger import RunRecord
from colab_starter.run.literals import to_canonical, to_source
from colab_starter.run.secrets import MASK, Mask, may_be_secret
from colab_starter.sweep_folder import DIGEST_LENGTH, is_run, name_source, tell_digest

SLUG_LENGTH = 80
_EXECUTION_TAGS = {"parameters", "injected-parameters", "raises-exception", "skip-execution"}
_UNFIT = re.compile(r"[^A-Za-z0-9._=,+-]+")
_NO_MASK = Mask()

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
    """Such as ``epochs=1,lr=0.01-3fa4c2d10b7e``: what people know it by, and what tells it from all others.

    The hexadecimal end depends on nothing but the values and the source; what stands before it, on what is secret.
    """
    content = f"{source} {to_canonical(dict(parameters))}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{make_slug(parameters, mask)}-{digest}"


def make_slug(parameters: Mapping[str, Any], mask: Mask, hidden: Collection[str] = ()) -> str:
    """The beginning of an id. The values of ``hidden`` parameters are masked, and those that may be secret."""
    pairs = ",".join(f"{name}={_show(name, parameters[name], mask, hidden)}" for name in sorted(parameters))
    return _UNFIT.sub("-", mask.apply(pairs))[:SLUG_LENGTH].strip("-.,") or "defaults"


def _show(name: str, value: Any, mask: Mask, hidden: Collection[str]) -> str:
    return MASK if name in hidden or may_be_secret(name, value) else _write(value, mask)


def _write(value: Any, mask: Mask) -> str:
    if isinstance(value, str):
        return mask.apply(value)
    if isinstance(value, int | float):
        return mask.apply(repr(value))
    # Masked first: without its quotes and spaces, a secret would not be known any more.
    return mask.apply(repr(_order_sets(value))).replace("'", "").replace(" ", "")


def _order_sets(value: Any) -> Any:
    """The value with lists for sets, whose order is another in each process."""
    if isinstance(value, dict):
        return {key: _order_sets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_order_sets, value))
    return sorted(value, key=to_source) if isinstance(value, set | frozenset) else value


def recognise_runs(runs: Sequence[Run], records: Mapping[str, RunRecord], mask: Mask) -> list[Run]:
    """The runs by the ids under which a ledger knows them, whatever was secret when they were first started.

    Of several such ids, one counts whose run is ok. In new ids, parameters are masked that were so before.
    """
    known: dict[str, RunRecord] = {}
    for record in records.values():
        digest = tell_digest(record.run)
        if digest not in known or known[digest].status is not Status.OK:
            known[digest] = record
    hidden = _find_masked(records.values())
    return [_recognise(run, known.get(tell_digest(run.id)), mask, hidden) for run in runs]


def _recognise(run: Run, record: RunRecord | None, mask: Mask, hidden: set[str]) -> Run:
    if record:
        return run if run.id == record.run else replace(run, id=record.run)
    if hidden and not hidden.isdisjoint(run.parameters):
        return replace(run, id=f"{make_slug(run.parameters, mask, hidden)}-{tell_digest(run.id)}")
    return run


def find_revealing(records: Mapping[str, RunRecord], mask: Mask) -> dict[str, str]:
    """The ids that show what is secret now, or may be, and was not known to be; with those to take instead."""
    hidden = _find_masked(records.values())
    taken, found = set(records), {}
    for run, record in records.items():
        slug = _take_slug(run)
        if slug and _reveals(slug, record.parameters, mask):
            masked, digest = make_slug(record.parameters, mask, hidden), tell_digest(run)
            while masked != slug and f"{masked}-{digest}" in taken:
                masked += "+"
            if masked != slug:
                found[run] = f"{masked}-{digest}"
                taken.add(found[run])
    return found


def _reveals(slug: str, parameters: Mapping[str, Any], mask: Mask) -> bool:
    return mask.apply(slug) != slug or any(_holds(slug, name, value, mask) for name, value in parameters.items())


def _holds(slug: str, name: str, value: Any, mask: Mask) -> bool:
    """Whether a slug shows the value, or its beginning, of a parameter that is to be masked."""
    plain = _write(value, _NO_MASK)
    return plain != MASK and _show(name, value, mask, ()) != plain and _shows(slug, name, plain)


def _shows(slug: str, name: str, plain: str) -> bool:
    piece = f"{name}={_UNFIT.sub('-', plain)}"
    return piece in slug or any(slug.endswith(piece[:end]) for end in range(len(name) + 2, len(piece)))


def _find_masked(records: Iterable[RunRecord]) -> set[str]:
    """The parameters of which a text was masked, in the ledger or in the name of a folder."""
    found = set()
    for record in records:
        slug = _take_slug(record.run)
        for name, value in record.parameters.items():
            if isinstance(value, str) and (MASK in value or (f"{name}=" in slug and not _shows(slug, name, value))):
                found.add(name)
    return found


def _take_slug(run: str) -> str:
    """What stands before the digest of an id; empty where it is none of ours."""
    return run.removesuffix(f"-{tell_digest(run)}") if is_run(run) else ""


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
    path = folder / name_source(source)
    content = notebook.text.encode()
    try:
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
    except OSError as error:
        raise NoRunsFolderError(f"{path} cannot be written ({error.strerror}); choose another --out") from None
    return path
