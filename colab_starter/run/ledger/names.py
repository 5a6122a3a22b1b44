"""The names of runs in a ledger: matching runs to them, and finding names that reveal a secret."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import DONE, Status
from colab_starter.run.secrets import MASK, Mask
from colab_starter.run.sweep.runs import UNFIT, Run, make_slug, show_value, write_value
from colab_starter.sweep_folder import is_run, tell_digest

_NO_MASK = Mask()


def recognise_runs(runs: Sequence[Run], records: Mapping[str, RunRecord], mask: Mask) -> list[Run]:
    """The runs with the IDs under which a ledger knows them, whatever was secret when they were first started.

    If there are several such IDs, one whose run is ok is preferred, then one whose run was pruned. New IDs mask the
    parameters that were masked before.
    """
    known: dict[str, RunRecord] = {}
    for record in records.values():
        digest = tell_digest(record.run)
        if digest not in known or _is_no_worse(record.status, known[digest].status):
            known[digest] = record
    hidden = _find_masked(records.values())
    return [_recognise(run, known.get(tell_digest(run.id)), mask, hidden) for run in runs]


def _is_no_worse(later: Status, earlier: Status) -> bool:
    """Whether a later run replaces an earlier one with the same parameters."""
    return earlier not in DONE or (later is Status.OK and earlier is Status.PRUNED)


def _recognise(run: Run, record: RunRecord | None, mask: Mask, hidden: set[str]) -> Run:
    if record:
        return run if run.id == record.run else replace(run, id=record.run)
    if hidden and not hidden.isdisjoint(run.parameters):
        return replace(run, id=f"{make_slug(run.parameters, mask, hidden)}-{tell_digest(run.id)}")
    return run


def find_revealing(records: Mapping[str, RunRecord], mask: Mask) -> dict[str, str]:
    """The IDs that reveal what is now known, or suspected, to be secret -> the IDs to use instead."""
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
    """Whether a slug shows the value, or its beginning, of a parameter that must be masked."""
    plain = write_value(value, _NO_MASK)
    return plain != MASK and show_value(name, value, mask, ()) != plain and _shows(slug, name, plain)


def _shows(slug: str, name: str, plain: str) -> bool:
    piece = f"{name}={UNFIT.sub('-', plain)}"
    return piece in slug or any(slug.endswith(piece[:end]) for end in range(len(name) + 2, len(piece)))


def _find_masked(records: Iterable[RunRecord]) -> set[str]:
    """The parameters with a masked text in the ledger or in a folder's name."""
    found = set()
    for record in records:
        slug = _take_slug(record.run)
        for name, value in record.parameters.items():
            if isinstance(value, str) and (MASK in value or (f"{name}=" in slug and not _shows(slug, name, value))):
                found.add(name)
    return found


def _take_slug(run: str) -> str:
    """The part of an ID before its digest; empty if it is not one of ours."""
    return run.removesuffix(f"-{tell_digest(run)}") if is_run(run) else ""
