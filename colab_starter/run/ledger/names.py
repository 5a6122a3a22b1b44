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


class KnownNames:
    """The IDs under which a ledger knows runs, whatever was secret when they were first started."""

    def __init__(self, records: Iterable[RunRecord], mask: Mask) -> None:
        """If there are several IDs of a run, one whose run is ok is preferred, then one whose run was pruned."""
        self._mask = mask
        several = list(records)
        self._hidden = _find_masked(several)
        """Parameters that were masked before, and so are in new IDs."""
        self._known: dict[str, RunRecord] = {}
        for record in several:
            digest = tell_digest(record.run)
            if digest not in self._known or _is_no_worse(record.status, self._known[digest].status):
                self._known[digest] = record

    def recognise(self, run: Run) -> Run:
        """The run with its known ID, or with a new one that masks what was masked before."""
        if record := self._known.get(tell_digest(run.id)):
            return run if run.id == record.run else replace(run, id=record.run)
        if self._hidden and not self._hidden.isdisjoint(run.parameters):
            return replace(run, id=f"{make_slug(run.parameters, self._mask, self._hidden)}-{tell_digest(run.id)}")
        return run


def _is_no_worse(later: Status, earlier: Status) -> bool:
    """Whether a later run replaces an earlier one with the same parameters."""
    return earlier not in DONE or (later is Status.OK and earlier is Status.PRUNED)


def recognise_runs(runs: Sequence[Run], records: Mapping[str, RunRecord], mask: Mask) -> list[Run]:
    """The runs with the IDs under which a ledger knows them; see ``KnownNames``."""
    return [*map(KnownNames(records.values(), mask).recognise, runs)]


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
