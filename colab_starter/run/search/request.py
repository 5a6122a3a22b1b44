"""What a search was asked to do, from the command line and the sweep file; nothing of Optuna is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from colab_starter.errors import SearchLibraryError, WrongOptionError
from colab_starter.run.durations import read_duration
from colab_starter.run.literals import to_json
from colab_starter.run.search.pruners import PrunerChoice, read_pruner
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.options import LARGEST_SWEEP
from colab_starter.run.sweep.ranges import Choices

SAMPLERS = ("tpe", "random", "cmaes", "gp", "grid")
OLDEST_OPTUNA = 5
SECONDS = "seconds"
"""The objective that every run has: how long it took."""


@dataclass(frozen=True)
class SearchOptions:
    """The options of a search as typed; those that are not given are empty."""

    maximize: Sequence[str] = ()
    minimize: Sequence[str] = ()
    trials: int | None = None
    time: str | None = None
    sampler: str | None = None
    seed: int | None = None
    prune: str | None = None
    enqueue: bool = False
    forms: Sequence[str] = ()

    @property
    def are_given(self) -> bool:
        """Whether any of them asks for a search."""
        return self != SearchOptions()

    def complete(self, settings: Mapping[str, Sequence[str]]) -> "SearchOptions":
        """The options with those that only the file gives. Raises WrongOptionError for a faulty one in the file."""
        objectives = (self.maximize, self.minimize)
        return SearchOptions(
            maximize=self.maximize if any(objectives) else tuple(settings.get("maximize", ())),
            minimize=self.minimize if any(objectives) else tuple(settings.get("minimize", ())),
            trials=self.trials or _read_count("trials", settings),
            time=self.time or _read_one("for", settings),
            sampler=self.sampler or _read_one("sampler", settings),
            seed=self.seed if self.seed is not None else _read_count("seed", settings),
            prune=self.prune or _read_prune(settings),
            enqueue=self.enqueue or _read_one("enqueue", settings) == "true",
            forms=self.forms,
        )


def _read_one(name: str, settings: Mapping[str, Sequence[str]]) -> str | None:
    given = settings.get(name, ())
    if len(given) > 1:
        raise WrongOptionError(f"{name}: in the sweep file has several values; give one")
    return given[0] if given else None


def _read_count(name: str, settings: Mapping[str, Sequence[str]]) -> int | None:
    text = _read_one(name, settings)
    if text is not None and not text.isdecimal():
        raise WrongOptionError(f"{name}: {text:.60} in the sweep file is not a whole number")
    return None if text is None else int(text)


def _read_prune(settings: Mapping[str, Sequence[str]]) -> str | None:
    text = _read_one("prune", settings)
    return {"true": "median", "false": None}.get(text or "false", text)


@dataclass(frozen=True)
class Search:
    """A search, checked."""

    space: Space
    objectives: Mapping[str, str]
    """Metric -> ``maximize`` or ``minimize``; with several, their Pareto front is sought."""
    trials: int | None = None
    """How many trials there are to be in all, with those of earlier commands; None means until the time is up."""
    seconds: float | None = None
    """After how long no more trials are begun."""
    sampler: str = "tpe"
    seed: int | None = None
    pruner: PrunerChoice | None = None
    enqueue: bool = False
    """Whether runs that the folder already has count as knowledge."""
    size: int | None = field(init=False)
    """How many different sets of parameters there are; None if infinitely many."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _count_points(self.space))

    def to_record(self) -> dict[str, Any]:
        """Its facts as plain JSON, for the ledger."""
        axes = {
            name: {"choices": [to_json(value) for value in axis.values]}
            if isinstance(axis, Choices)
            else axis.to_record()
            for name, axis in self.space.axes.items()
        }
        return {
            "objectives": dict(self.objectives),
            "sampler": self.sampler,
            "seed": self.seed,
            "pruner": str(self.pruner) if self.pruner else None,
            "space": axes,
        }


def _count_points(space: Space) -> int | None:
    count = 1
    for axis in space.axes.values():
        if not isinstance(axis, Choices) and axis.step is None and not axis.is_whole:
            return None
        count *= len(axis.values) if isinstance(axis, Choices) else axis.count
    return count


def list_faults(options: SearchOptions) -> list[str]:
    """What is wrong with the options of a search, which are complete."""
    both = sorted({*options.maximize} & {*options.minimize})
    has_several = len({*options.maximize, *options.minimize}) > 1
    is_endless = options.trials is None and options.time is None and options.sampler != "grid"
    checks = {
        "say what to search for: --maximize METRIC or --minimize METRIC": not (options.maximize or options.minimize),
        f"{''.join(both[:1])} cannot be maximized and minimized; give one of them": both,
        f"--sampler {options.sampler or '':.60} is not known; there are {', '.join(SAMPLERS)}": (
            options.sampler not in (None, *SAMPLERS)
        ),
        "say how long to search: --trials N, --for TIME, or both": is_endless,
        f"--trials {options.trials} is more than {LARGEST_SWEEP:,}, the most runs that a sweep may have": (
            (options.trials or 0) > LARGEST_SWEEP
        ),
        "--prune needs a single objective, because Optuna prunes by one metric": options.prune and has_several,
        "--sampler cmaes needs a single objective; take tpe for several": options.sampler == "cmaes" and has_several,
    }
    return [fault for fault, is_there in checks.items() if is_there] + _list_unreadable(options)


def _list_unreadable(options: SearchOptions) -> list[str]:
    faults = []
    for read, text in ((_read_time, options.time), (read_pruner, options.prune)):
        try:
            if text:
                read(text)
        except WrongOptionError as error:
            faults.append(str(error))
    return faults


def _read_time(text: str) -> float:
    return read_duration(text, "--for")


def make_search(options: SearchOptions, space: Space) -> Search:
    """The search of options without faults. Raises WrongOptionError if the sampler does not fit the space."""
    search = Search(
        space,
        dict.fromkeys(options.maximize, "maximize") | dict.fromkeys(options.minimize, "minimize"),
        options.trials,
        _read_time(options.time) if options.time else None,
        options.sampler or "tpe",
        options.seed,
        read_pruner(options.prune) if options.prune else None,
        options.enqueue,
    )
    if search.sampler == "grid" and search.size is None:
        endless = next(name for name, axis in space.axes.items() if _count_points(Space({}, {name: axis})) is None)
        raise WrongOptionError(f"--sampler grid needs values to try, and {endless} has infinitely many; give it a step")
    return search


def check_library() -> None:
    """Raise SearchLibraryError if Optuna is missing or too old; imports nothing of it."""
    try:
        major = int(version("optuna").partition(".")[0])
    except (PackageNotFoundError, ValueError):
        raise SearchLibraryError("a search needs Optuna: pip install 'colab-starter[search]'") from None
    if major < OLDEST_OPTUNA:
        raise SearchLibraryError(f"a search needs Optuna {OLDEST_OPTUNA} or later: pip install -U optuna")
