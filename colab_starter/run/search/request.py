"""What a search was asked to do, from the command line and the sweep file; nothing of Optuna is imported."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from colab_starter.errors import SearchLibraryError, WrongOptionError
from colab_starter.run.durations import read_duration
from colab_starter.run.literals import to_canonical, to_json
from colab_starter.run.search.pruners import PrunerChoice, read_pruner
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.files import read_switch
from colab_starter.run.sweep.options import LARGEST_SWEEP
from colab_starter.run.sweep.ranges import MOST_STEPS, Choices, Range

SAMPLERS = ("tpe", "random", "cmaes", "gp", "grid")
OLDEST_OPTUNA = 5
LARGEST_SEED = 2**32 - 1
"""The largest that NumPy takes."""
_MOST_DIGITS = 20
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
            trials=_read_count("trials", settings) if self.trials is None else self.trials,
            time=_read_one("for", settings) if self.time is None else self.time,
            sampler=_read_one("sampler", settings) if self.sampler is None else self.sampler,
            seed=_read_count("seed", settings) if self.seed is None else self.seed,
            prune=_read_prune(settings) if self.prune is None else self.prune,
            enqueue=self.enqueue or _read_enqueue(settings),
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
    if text is not None and len(text) > _MOST_DIGITS:
        raise WrongOptionError(f"{name}: {text:.{_MOST_DIGITS}}... in the sweep file is too large")
    return None if text is None else int(text)


def _read_prune(settings: Mapping[str, Sequence[str]]) -> str | None:
    text = _read_one("prune", settings)
    is_on = None if text is None else read_switch(text)
    return text if is_on is None else "median" if is_on else None


def _read_enqueue(settings: Mapping[str, Sequence[str]]) -> bool:
    text = _read_one("enqueue", settings) or "false"
    is_on = read_switch(text)
    if is_on is None:
        raise WrongOptionError(f"enqueue: in the sweep file is true or false, not {text:.60}")
    return is_on


@dataclass(frozen=True)
class Search:
    """A search, checked."""

    space: Space
    objectives: Mapping[str, str]
    """Metric -> ``maximize`` or ``minimize``; with several, their Pareto front is sought."""
    trials: int | None = None
    """How many trials there are to be in all, with its own of earlier commands; None means until the time is up."""
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

    def covers(self, parameters: Mapping[str, Any]) -> bool:
        """Whether it could suggest these parameters; trials of other ranges or fixed values are not its own."""
        axes = self.space.axes
        others = {name: value for name, value in parameters.items() if name not in axes}
        if to_canonical(others) != to_canonical(dict(self.space.fixed)):
            return False
        return all(name in parameters and parameters[name] in axis for name, axis in axes.items())

    def unmask(
        self, parameters: Mapping[str, Any], mask: Mask, is_it: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> dict[str, Any]:
        """The parameters of which the ledger holds, perhaps, only what is not secret.

        ``is_it`` tells the right ones from others that look the same without their secrets.
        """
        candidates = [self._unmask(name, value, mask) for name, value in parameters.items()]
        points = (dict(zip(parameters, values, strict=True)) for values in itertools.product(*candidates))
        first = dict(zip(parameters, (values[0] for values in candidates), strict=True))
        if is_it is None or all(len(values) == 1 for values in candidates):
            return first
        return next(filter(is_it, points), first)

    def _unmask(self, name: str, value: Any, mask: Mask) -> list[Any]:
        """The values that a parameter may have had, at least one."""
        axis, fixed = self.space.axes.get(name), self.space.fixed
        known = [*axis.values] if isinstance(axis, Choices) else [fixed[name]] if name in fixed else []
        return [one for one in known if to_canonical(mask.apply_to_value(one)) == to_canonical(value)] or [value]

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
        if isinstance(axis, Range) and not _is_counted(axis):
            return None
        count *= len(axis.values) if isinstance(axis, Choices) else axis.count
    return count


def _is_counted(axis: Range) -> bool:
    return axis.is_whole or axis.step is not None


def list_faults(options: SearchOptions) -> list[str]:
    """What is wrong with the options of a search, which are complete."""
    both = sorted({*options.maximize} & {*options.minimize})
    has_several = len({*options.maximize, *options.minimize}) > 1
    nameless = any(not name.strip() for name in (*options.maximize, *options.minimize))
    is_endless = options.trials is None and options.time is None and options.sampler != "grid"
    checks = {
        "say what to search for: --maximize METRIC or --minimize METRIC": not (options.maximize or options.minimize),
        "--maximize and --minimize need the name of a metric": nameless,
        f"{''.join(both[:1])} cannot be maximized and minimized; give one of them": both,
        f"--sampler {options.sampler or '':.60} is not known; there are {', '.join(SAMPLERS)}": (
            options.sampler not in (None, *SAMPLERS)
        ),
        "say how long to search: --trials N, --for TIME, or both": is_endless,
        f"--trials {options.trials} is more than {LARGEST_SWEEP:,}, the most runs that a sweep may have": (
            (options.trials or 0) > LARGEST_SWEEP
        ),
        "trials: 0 in the sweep file leaves nothing to do; give the number of trials": options.trials == 0,
        f"--seed {options.seed} is not between 0 and {LARGEST_SEED:,}": (
            options.seed is not None and not 0 <= options.seed <= LARGEST_SEED
        ),
        "--prune needs a single objective, because Optuna prunes by one metric": options.prune and has_several,
        "--sampler cmaes needs a single objective; take tpe for several": options.sampler == "cmaes" and has_several,
    }
    return [fault for fault, is_there in checks.items() if is_there] + _list_unreadable(options)


def _list_unreadable(options: SearchOptions) -> list[str]:
    faults = []
    for read, text in ((_read_time, options.time), (read_pruner, options.prune)):
        try:
            if text is not None:
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
        None if options.time is None else _read_time(options.time),
        options.sampler or "tpe",
        options.seed,
        None if options.prune is None else read_pruner(options.prune),
        options.enqueue,
    )
    _check_sampler(search)
    return search


def _check_sampler(search: Search) -> None:
    """Raise WrongOptionError if a sampler cannot draw from the space, or would do so in another way than its own."""
    axes = search.space.axes
    ranges = [axis for axis in axes.values() if isinstance(axis, Range)]
    if search.sampler == "grid" and search.size is None:
        endless = next(name for name, axis in axes.items() if _count_points(Space({}, {name: axis})) is None)
        raise WrongOptionError(f"--sampler grid needs values to try, and {endless} has infinitely many; give it a step")
    if search.sampler == "grid" and (search.size or 0) > MOST_STEPS:
        raise WrongOptionError(
            f"--sampler grid would try {search.size:,} combinations, and at most {MOST_STEPS:,} are taken; "
            "give larger steps, or take tpe or random"
        )
    if search.sampler == "cmaes" and len(ranges) < 2:
        raise WrongOptionError(
            "--sampler cmaes needs two ranges of numbers or more, and else draws at random; take tpe instead"
        )
    # Optuna's Gaussian process makes an array of all values of a whole-numbered or stepped range.
    large = [
        name for name, axis in axes.items() if isinstance(axis, Range) and _is_counted(axis) and axis.count > MOST_STEPS
    ]
    if search.sampler == "gp" and large:
        raise WrongOptionError(
            f"--sampler gp takes at most {MOST_STEPS:,} values of a parameter, and {large[0]} has more; "
            "give it a step, or take tpe instead"
        )


def check_library() -> None:
    """Raise SearchLibraryError if Optuna is missing or too old; imports nothing of it."""
    try:
        major = int(version("optuna").partition(".")[0])
    except (PackageNotFoundError, ValueError):
        raise SearchLibraryError("a search needs Optuna: pip install 'colab-starter[search]'") from None
    if major < OLDEST_OPTUNA:
        raise SearchLibraryError(f"a search needs Optuna {OLDEST_OPTUNA} or later: pip install -U optuna")
