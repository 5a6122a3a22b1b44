"""A sweep as an experiment of the user's own MLflow: a run for each attempt that is exported, made only once."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Any, TypeVar

from colab_starter.errors import ExportError, ExportLibraryMissingError, WrongOptionError
from colab_starter.export.sweep import ExportedRun, ExportedSweep
from colab_starter.run.flat_metrics import encode_value
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import hide_password
from colab_starter.run.whole_steps import WholeSteps
from colab_starter.text import shorten

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

T = TypeVar("T")

FILE_NAME = "mlflow.db"
ADDRESS = "MLFLOW_TRACKING_URI"
"""The environment variable that names the user's own server."""
RUN_TAG, ATTEMPT_TAG = "colab_starter.run", "colab_starter.attempt"
STATUSES = {
    Status.OK: "FINISHED",
    Status.FAILED: "FAILED",
    Status.TIMEOUT: "KILLED",
    Status.KILLED: "KILLED",
    Status.PRUNED: "KILLED",
    Status.INTERRUPTED: "KILLED",
}
"""The statuses of MLflow; the tag ``status`` has ours."""
LONGEST_PARAMETER = 500
"""In characters: what every version of MLflow takes."""
LONGEST_TAG = 5_000
MOST_METRICS = 1_000
MOST_PARAMETERS = 100
"""In one request."""
_Attempt = tuple[str, str, int]
"""A run's ID, the number of the attempt, and when it started, in milliseconds: other sweeps may have the same IDs."""
_UNFIT = re.compile(r"[^\w\-. /]")


def choose_tracking(output: str | None, folder: Path | None) -> str:
    """The address of MLflow's store: ``-o``, the user's own, or a database in ``folder``.

    Raises WrongOptionError for MLflow's file store, which MLflow itself has given up, and if there is no folder.
    """
    given = output or os.environ.get(ADDRESS, "")
    source = "-o" if output else ADDRESS
    if not given:
        if folder is None:
            raise WrongOptionError(f"--to mlflow needs -o sqlite:///mlflow.db or {ADDRESS}: the sweep is in a store")
        return f"sqlite:///{(folder / FILE_NAME).absolute()}"
    if "://" not in given and given.endswith((".db", ".sqlite", ".sqlite3")):
        return f"sqlite:///{Path(given).absolute()}"
    if ("://" not in given and given != "databricks") or given.startswith("file:"):
        raise WrongOptionError(
            f"{source} {given} would be MLflow's file store, which MLflow no longer keeps up; "
            "give a database, such as sqlite:///mlflow.db, or a server's address"
        )
    return given


def check_mlflow() -> None:
    """Raise ExportLibraryMissingError if MLflow, or what it needs for a database, is not installed."""
    if find_spec("mlflow") is None:
        raise ExportLibraryMissingError("--to mlflow needs MLflow; run: pip install mlflow")


def export_mlflow(sweep: ExportedSweep, tracking: str, notebooks: Mapping[str, Path]) -> str:
    """Bring an experiment up to date, and return what to do with it.

    What is there already stays: runs are recognised by tags with their ID and attempt. ``notebooks`` are the executed
    notebooks to keep as artifacts, by run. Raises ExportError if MLflow refuses something.
    """
    with _quiet_mlflow(tracking):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=tracking)
        experiment = _open_experiment(client, sweep, tracking)
        known = _find_known(client, experiment)
        for run in sweep.runs:
            _end_earlier(client, run, known)
            _bring_up_to_date(client, experiment, run, sweep, known.get(_identify(run)), notebooks)
    shown = hide_password(tracking)
    return f"mlflow ui --backend-store-uri {shown}" if shown.startswith("sqlite:") else shown


@contextmanager
def _quiet_mlflow(tracking: str) -> Iterator[None]:
    """Keep MLflow from chatting and from calling home, and explain its errors in one line."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # with its own 7, minutes pass in silence
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    except ModuleNotFoundError as error:
        raise ExportLibraryMissingError(
            f"MLflow lacks {error.name} for {hide_password(tracking)}; run: pip install mlflow"
        ) from error
    except Exception as error:  # MLflow, SQLAlchemy and requests each have their own
        raise ExportError(
            f"MLflow at {hide_password(tracking)}: {shorten(hide_password(str(error)))}; "
            "fix that and give the same command again, or name another place with -o"
        ) from error


def _open_experiment(client: "MlflowClient", sweep: ExportedSweep, tracking: str) -> str:
    """The ID of the experiment that is named like the sweep."""
    if found := client.get_experiment_by_name(sweep.name):
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    is_file = tracking.startswith("sqlite:///")
    artifacts = Path(tracking.removeprefix("sqlite:///")).absolute().with_suffix(".artifacts").as_uri()
    tags = {"notebook": sweep.notebook[:LONGEST_TAG], "sweep": sweep.place[:LONGEST_TAG]}
    return str(client.create_experiment(sweep.name, artifacts if is_file else None, tags))


def _find_known(client: "MlflowClient", experiment: str) -> dict[_Attempt, Any]:
    """The runs of ours that are there."""
    known: dict[_Attempt, Any] = {}
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            tags = run.data.tags
            known[tags.get(RUN_TAG, ""), tags.get(ATTEMPT_TAG, ""), run.info.start_time] = run
        token = page.token
        if not token:
            return known


def _identify(run: ExportedRun) -> _Attempt:
    return run.id, str(run.attempt), _milliseconds(run.started)


def _end_earlier(client: "MlflowClient", run: ExportedRun, known: Mapping[_Attempt, Any]) -> None:
    """End what was exported while an attempt was running that has been followed by another."""
    if run.attempt == 1:
        return
    for (name, attempt, started), found in known.items():
        is_earlier = name == run.id and attempt != str(run.attempt) and started < _milliseconds(run.started)
        if is_earlier and found.info.status == "RUNNING":
            client.set_terminated(found.info.run_id, "KILLED", _milliseconds(run.started))


def _bring_up_to_date(
    client: "MlflowClient",
    experiment: str,
    run: ExportedRun,
    sweep: ExportedSweep,
    known: Any,
    notebooks: Mapping[str, Path],
) -> None:
    """Make the run, or add to it what has come since it was exported while it ran."""
    if known is None:
        tags = {RUN_TAG: run.id, ATTEMPT_TAG: str(run.attempt)}
        known = client.create_run(experiment, _milliseconds(run.started), tags, run.id)
        _log_parameters(client, known.info.run_id, run, sweep)
    run_id = known.info.run_id
    if known.info.status == "RUNNING":
        _log_metrics(client, run_id, run, known.data.metrics)
        for name, value in _list_tags(run, sweep).items():
            client.set_tag(run_id, name, value[:LONGEST_TAG])
    if run.id in notebooks and not client.list_artifacts(run_id):
        client.log_artifact(run_id, str(notebooks[run.id]))
    if known.info.status == "RUNNING" and run.ended is not None:  # last: until then, it is not complete
        client.set_terminated(run_id, STATUSES[run.status], _milliseconds(run.ended))


def _log_parameters(client: "MlflowClient", run_id: str, run: ExportedRun, sweep: ExportedSweep) -> None:
    from mlflow.entities import Param

    values = {name: encode_value(value) for name, value in sweep.mask.apply_to_value(run.parameters).items()}
    keys = _name_uniquely(values)
    parameters = [Param(keys[name], _cut(value)) for name, value in values.items()]
    for part in _split(parameters, MOST_PARAMETERS):
        client.log_batch(run_id, params=part)


def _log_metrics(client: "MlflowClient", run_id: str, run: ExportedRun, there: Mapping[str, float]) -> None:
    """Log the values that are not there yet; those of a metric arrive in order."""
    keys = _name_uniquely([*run.series, *run.metrics.numbers])
    metrics = [*_list_metrics(run, keys)]
    counts = {key: len(client.get_metric_history(run_id, key)) for key in {metric.key for metric in metrics} & {*there}}
    new = []
    for metric in metrics:
        if counts.get(metric.key, 0) > 0:
            counts[metric.key] -= 1
        else:
            new.append(metric)
    for part in _split(new, MOST_METRICS):
        client.log_batch(run_id, metrics=part)


def _list_metrics(run: ExportedRun, keys: Mapping[str, str]) -> "Iterator[Metric]":
    """The values, each only once: MLflow keeps no two equal ones of the same step and time."""
    from mlflow.entities import Metric

    steps = WholeSteps()
    seen: set[tuple[str, int, int, str]] = set()
    for name, measurements in run.series.items():
        for step, value, moment in measurements:
            whole, milliseconds = steps.take(name, step), _milliseconds(moment)
            if (fact := (name, whole, milliseconds, repr(value))) not in seen:
                seen.add(fact)
                yield Metric(keys[name], value, milliseconds, whole)
    for name, value in run.metrics.numbers.items():
        yield Metric(keys[name], value, _milliseconds(run.ended or run.started), 0)


def _list_tags(run: ExportedRun, sweep: ExportedSweep) -> dict[str, str]:
    told = {"status": str(run.status), "cause": run.outcome.cause, "host": run.outcome.host, "notebook": run.notebook}
    trials = ", ".join(str(trial.number) for trial in sweep.trials if trial.run == run.id)
    texts = {f"metric.{name}": text for name, text in run.metrics.texts.items()}
    named = {**texts, **told, "trial": trials}
    keys = _name_uniquely(named)
    return {keys[name]: value for name, value in named.items() if value}


def _name_uniquely(names: Sequence[str] | Mapping[str, Any]) -> dict[str, str]:
    """A key that MLflow takes for each name; no two have the same."""
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = _UNFIT.sub("_", name)[:240]
        if base in {"", "."} or base.startswith(("/", "..")) or normpath(base) != base:
            base = re.sub("[/.]", "_", base) or "_"
        key = base
        number = 1
        while key in taken:
            number += 1
            key = f"{base}-{number}"
        keys[name] = key
        taken.add(key)
    return keys


def _split(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_PARAMETER else f"{text[: LONGEST_PARAMETER - 1]}…"


def _milliseconds(moment: float) -> int:
    return round(moment * 1000)
