"""A sweep as a study of Optuna: a trial for each run, in a database or a journal."""

import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colab_starter.errors import ExportLibraryMissingError, WrongOptionError
from colab_starter.export.files import write_file
from colab_starter.export.space import describe_space
from colab_starter.export.sweep import ExportedRun, ExportedSweep
from colab_starter.run.goals import read_objectives
from colab_starter.run.outcome import Status, encode_metric
from colab_starter.run.whole_steps import WholeSteps
from colab_starter.text import suggest

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

FILE_NAME = "optuna.db"
_JOURNALS = (".log", ".journal", ".jsonl")
_DATABASE = "sqlite:///"


@dataclass(frozen=True)
class Objectives:
    """The metrics that a study is about, and whether each is maximized or minimized."""

    directions: Mapping[str, str]
    """``maximize`` or ``minimize``, by the metric's name."""

    @property
    def names(self) -> list[str]:
        return [*self.directions]


def check_optuna() -> None:
    """Raise ExportLibraryMissingError if Optuna is not installed."""
    if find_spec("optuna") is None:
        raise ExportLibraryMissingError('--to optuna needs Optuna; run: pip install "colab-starter[search]"')


def choose_objectives(sweep: ExportedSweep, maximize: Sequence[str], minimize: Sequence[str]) -> Objectives:
    """The objectives given as options or, without any, those of the sweep's search.

    Raises WrongOptionError if there are none, or no run has recorded one.
    """
    directions = {**dict.fromkeys(maximize, "maximize"), **dict.fromkeys(minimize, "minimize")}
    if both := [*{*maximize} & {*minimize}]:
        raise WrongOptionError(f"{both[0]} cannot be both maximized and minimized; give one of the options")
    directions = directions or read_objectives(sweep.search)
    recorded = sweep.list_metrics()
    shown = ", ".join(recorded[:8]) + ", …" * (len(recorded) > 8) or "none"
    if not directions:
        raise WrongOptionError(
            f"--to optuna needs an objective: --maximize NAME or --minimize NAME (recorded: {shown})"
        )
    for name in directions:
        if name not in recorded:
            near = suggest(name, recorded)
            hint = f"did you mean {near}?" if near else f"recorded: {shown}"
            raise WrongOptionError(f"no run has recorded a number named {name}; {hint}")
    return Objectives(directions)


def choose_file(output: str) -> Path:
    """The file that ``-o`` names: a path, or ``sqlite:///`` and a path. Raises WrongOptionError for other databases."""
    if "://" in output and not output.startswith(_DATABASE):
        raise WrongOptionError(
            f"-o {output} is not a file; give one, such as optuna.db or optuna.log; "
            "optuna.copy_study copies the study from there into any database"
        )
    return Path(output.removeprefix(_DATABASE))


def export_optuna(sweep: ExportedSweep, path: Path, objectives: Objectives) -> str:
    """Write the study, replacing an earlier one in one step, and return what to do with it. Raises ExportError.

    The file is a journal if it is named like one (``.log``, ``.journal``, ``.jsonl``), otherwise an SQLite database.
    """
    with _quiet_optuna(), tempfile.TemporaryDirectory(prefix="colab-starter-export-") as folder:
        scratch = Path(folder, "study")
        is_journal = path.suffix in _JOURNALS
        storage = _open_journal(scratch) if is_journal else _open_database(scratch)
        try:
            _fill_study(storage, sweep, objectives)
        finally:
            _close(storage)
        write_file(path, scratch.read_bytes())
    return f"optuna-dashboard {path if is_journal else f'{_DATABASE}{path}'}"


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from telling of every step, and from warning of what is experimental."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _open_journal(path: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path)))


def _open_database(path: Path) -> "BaseStorage":
    from optuna.storages import RDBStorage
    from sqlalchemy import event

    storage = RDBStorage(f"{_DATABASE}{path}")
    # The file is put in place when it is complete, so nothing is lost if the machine stops before.
    event.listen(storage.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    storage.engine.dispose()
    return storage


def _close(storage: Any) -> None:
    storage.remove_session()
    if hasattr(storage, "engine"):
        storage.engine.dispose()


def _fill_study(storage: "BaseStorage", sweep: ExportedSweep, objectives: Objectives) -> None:
    import optuna
    from optuna.study import StudyDirection

    directions = [StudyDirection[told.upper()] for told in objectives.directions.values()]
    study = optuna.create_study(storage=storage, study_name=sweep.name, directions=directions)
    study.set_metric_names(objectives.names)
    study.set_user_attr("notebook", sweep.notebook)
    study.set_user_attr("sweep", sweep.place)
    _add_trials(study, sweep, objectives)


def _add_trials(study: "Study", sweep: ExportedSweep, objectives: Objectives) -> None:
    """Add the trials of the searches under their numbers, then the runs that no search suggested."""
    runs = {run.id: run for run in sweep.runs}
    wanted = [(trial.run, {**trial.parameters}) for trial in sorted(sweep.trials, key=lambda trial: trial.number)]
    suggested = {run for run, _ in wanted}
    wanted += [(run.id, dict(run.given)) for run in sweep.runs if run.id not in suggested]
    sets = _complete([parameters for _, parameters in wanted], [runs.get(run) for run, _ in wanted])
    declared = sweep.search.get("space")
    space = describe_space(sets, declared if isinstance(declared, dict) else {})
    for number, ((run, _), parameters) in enumerate(zip(wanted, sets, strict=True)):
        known = runs.get(run)
        told = {name: space.convert(name, value) for name, value in parameters.items()}
        study.add_trial(_describe_trial(number, run, known, told, space.distributions, objectives))


def _complete(sets: Sequence[dict[str, Any]], runs: Sequence[ExportedRun | None]) -> list[dict[str, Any]]:
    """The sets of parameters, with the default of every parameter that another set chose."""
    chosen = {name for parameters in sets for name in parameters}
    complete = []
    for parameters, run in zip(sets, runs, strict=True):
        defaults = run.defaults if run else {}
        complete.append({**{name: value for name, value in defaults.items() if name in chosen}, **parameters})
    return complete


def _describe_trial(
    number: int,
    run: str,
    known: ExportedRun | None,
    parameters: dict[str, Any],
    distributions: Mapping[str, Any],
    objectives: Objectives,
) -> "FrozenTrial":
    from optuna.trial import FrozenTrial, TrialState

    values = [known.find_number(name) if known else None for name in objectives.names]
    intermediate = _list_intermediate(known, objectives)
    state = _tell_state(known, values)
    if state is TrialState.PRUNED:
        last = [*intermediate.values()][-1:]
        values = [*last]
    known_values = [value for value in values if value is not None and not math.isnan(value)]
    has_values = state in {TrialState.COMPLETE, TrialState.PRUNED} and known_values
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=None,
        values=known_values if has_values else None,
        datetime_start=_read_time(known.started) if known else None,
        datetime_complete=_read_time(known.ended or known.started) if known and state.is_finished() else None,
        params=parameters,
        distributions={name: distributions[name] for name in parameters},
        user_attrs=_list_attributes(run, known, objectives),
        system_attrs={},
        intermediate_values=intermediate,
    )


def _list_intermediate(run: ExportedRun | None, objectives: Objectives) -> dict[int, float]:
    """The values by step; Optuna knows them only where there is one objective."""
    if run is None or len(objectives.names) != 1:
        return {}
    [name] = objectives.names
    steps = WholeSteps()
    return {steps.take(name, step): value for step, value, _ in run.series.get(name, ())}


def _tell_state(run: ExportedRun | None, values: Sequence[float | None]) -> Any:
    from optuna.trial import TrialState

    if run is None:
        return TrialState.WAITING
    if run.status is Status.RUNNING:
        return TrialState.RUNNING
    if run.status is Status.PRUNED:
        return TrialState.PRUNED
    is_complete = all(value is not None and not math.isnan(value) for value in values)
    return TrialState.COMPLETE if run.status is Status.OK and is_complete else TrialState.FAIL


def _list_attributes(run: str, known: ExportedRun | None, objectives: Objectives) -> dict[str, Any]:
    if known is None:
        return {"run": run}
    outcome = known.outcome
    facts = {"run": run, "status": str(known.status), "cause": outcome.cause, "seconds": outcome.seconds}
    facts |= {"notebook": known.notebook} if outcome.status is not Status.RUNNING else {}
    metrics = {name: value for name, value in known.metrics.numbers.items() if name not in objectives.names}
    told = {f"metric.{name}" if name in facts else name: encode_metric(value) for name, value in metrics.items()}
    return {**{name: value for name, value in facts.items() if value != ""}, **told}


def _read_time(moment: float) -> datetime:
    """In local time and without a time zone, as Optuna has them."""
    return datetime.fromtimestamp(moment)
