"""``colab-starter export``: a sweep for other tools."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from colab_starter.errors import WrongOptionError

if TYPE_CHECKING:
    from colab_starter.export.sweep import ExportedSweep
    from colab_starter.run.storage.store import Store

FORMATS = ("csv", "tensorboard", "mlflow", "optuna")


def export(
    folder: Annotated[
        str, typer.Argument(help="The folder that colab-starter run wrote: runs/keras, s3://bucket/keras, ...")
    ],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="PLACE", help="Where to write it; see above. [default: in the sweep's folder]"
        ),
    ] = None,
    maximize: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="optuna: the metric to maximize. [default: as in the search]"),
    ] = None,
    minimize: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="optuna: the metric to minimize; both may be repeated.")
    ] = None,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="mlflow: also keep the executed notebooks as artifacts.")
    ] = False,
) -> None:
    """Write a sweep in the format of another tool.

    \b
    csv           one row for each value of a metric; -o FILE [metrics.csv]
    tensorboard   metrics by step, and the HParams plugin; -o FOLDER [tensorboard]
    mlflow        an experiment; -o ADDRESS [MLFLOW_TRACKING_URI, or sqlite:///.../mlflow.db]
    optuna        a study; -o FILE, a journal if it ends in .log [optuna.db]

    Nothing of the sweep is changed, and it may be running. The same command again brings the export up to date.

    \b
    Example:
      colab-starter export runs/keras --to tensorboard
      colab-starter export runs/keras --to mlflow -o http://127.0.0.1:5000 --artifacts
      colab-starter export runs/keras --to optuna --maximize val_accuracy
    """
    _check_options(to, [*(maximize or []), *(minimize or [])], artifacts)
    _check_library(to)
    from colab_starter.export.sweep import read_exported
    from colab_starter.run.storage.choice import open_store
    from colab_starter.text import plural

    store = open_store(folder)
    if to == "mlflow":
        place, advice, sweep = _export_to_mlflow(store, output, artifacts)
    else:
        sweep = read_exported(store)
        write = _choose_writer(to, sweep, maximize or [], minimize or [])
        place, advice = _write_files(store, to, output, write)
    print(f"{place} ({plural(len(sweep.runs), 'run')}, {plural(sweep.points, 'value')})")
    print(advice)


def _check_options(to: str, objectives: Sequence[str], artifacts: bool) -> None:
    from colab_starter.text import suggest

    if to not in FORMATS:
        near = suggest(to, FORMATS)
        raise WrongOptionError(f"--to {to} is not known; give {near or ', '.join(FORMATS)}")
    if objectives and to != "optuna":
        raise WrongOptionError("--maximize and --minimize are for --to optuna only; leave them out")
    if artifacts and to != "mlflow":
        raise WrongOptionError("--artifacts is for --to mlflow only; leave it out")


def _check_library(to: str) -> None:
    """Raise ExportLibraryMissingError before anything is read."""
    if to == "tensorboard":
        from colab_starter.run.event_files import check_tensorboard

        check_tensorboard("--to tensorboard")
    elif to == "mlflow":
        from colab_starter.export.mlflow import check_mlflow

        check_mlflow()
    elif to == "optuna":
        from colab_starter.export.optuna import check_optuna

        check_optuna()


Write = Callable[[Path], str]
"""Writes an export to a path, and returns what to do with it."""


def _choose_writer(to: str, sweep: "ExportedSweep", maximize: Sequence[str], minimize: Sequence[str]) -> Write:
    if to == "csv":
        from colab_starter.export.table import export_csv

        return lambda path: export_csv(sweep, path)
    if to == "tensorboard":
        from colab_starter.export.tensorboard import export_tensorboard

        return lambda path: export_tensorboard(sweep, path)
    from colab_starter.export.optuna import choose_objectives, export_optuna

    objectives = choose_objectives(sweep, maximize, minimize)
    return lambda path: export_optuna(sweep, path, objectives)


NAMES = {"csv": "metrics.csv", "tensorboard": "tensorboard", "optuna": "optuna.db"}
"""What an export is called in the sweep's folder."""


def _write_files(store: "Store", to: str, output: str | None, write: Write) -> tuple[str, str]:
    """Write to the place that was asked for, or into the sweep's folder; returns the place and the advice."""
    from colab_starter.export.optuna import choose_file

    if output is not None:
        path = choose_file(output) if to == "optuna" else _read_output(output)
        return str(path), write(path)
    if not store.is_remote:
        path = store.folder / NAMES[to]
        return str(path), write(path)
    from colab_starter.export.stored import upload

    with TemporaryDirectory(prefix="colab-starter-export-") as scratch:
        path = Path(scratch, NAMES[to])
        advice = write(path)
        place = upload(store, path)
        return place, advice.replace(str(path), place)


def _read_output(output: str) -> Path:
    from colab_starter.run.storage.address import is_address, read_path

    if is_address(output):
        raise WrongOptionError(f"-o {output} is not on this machine; give a path")
    return read_path(output) if "://" in output else Path(output)


def _export_to_mlflow(store: "Store", output: str | None, artifacts: bool) -> "tuple[str, str, ExportedSweep]":
    from colab_starter.export.mlflow import choose_tracking, export_mlflow
    from colab_starter.export.sweep import read_exported
    from colab_starter.run.secrets import hide_password

    tracking = choose_tracking(output, None if store.is_remote else store.folder)
    sweep = read_exported(store)
    with _find_notebooks(store, sweep if artifacts else None) as notebooks:
        advice = export_mlflow(sweep, tracking, notebooks)
    return hide_password(tracking), advice, sweep


@contextmanager
def _find_notebooks(store: "Store", sweep: "ExportedSweep | None") -> "Iterator[dict[str, Path]]":
    """The executed notebooks on this machine, by run; none without a sweep."""
    if sweep is None:
        yield {}
    elif not store.is_remote:
        paths = {run.id: store.folder / run.notebook for run in sweep.runs if run.ended is not None}
        yield {run: path for run, path in paths.items() if path.is_file()}
    else:
        from colab_starter.export.stored import download

        with TemporaryDirectory(prefix="colab-starter-export-") as scratch:
            yield download(store, [run for run in sweep.runs if run.ended is not None], Path(scratch))
