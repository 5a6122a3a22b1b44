"""The command ``colab-starter run``."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from colab_starter.errors import UnsupportedSystemError, WrongOptionError
from colab_starter.run.backends.local.options import LocalOptions
from colab_starter.run.backends.registry import BACKENDS, add_backend_options, make_backend_options


@add_backend_options
def run(
    notebook: Annotated[Path, typer.Argument(help="The notebook.")],
    param: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", metavar="NAME=VALUES", help="Values of a parameter; repeat it for a grid."),
    ] = None,
    sweep: Annotated[Path | None, typer.Option(metavar="FILE", help="Read the sweep from a YAML or CSV file.")] = None,
    maximize: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC", help="Search for the highest value of a metric instead of trying all values."),
    ] = None,
    minimize: Annotated[
        list[str] | None, typer.Option(metavar="METRIC", help="Search for the lowest value of a metric.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many trials a search has in all, earlier ones included.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long a search begins new trials: 30m, 2h.")
    ] = None,
    prune: Annotated[
        str | None,
        typer.Option(
            metavar="[PRUNER]",
            help="End bad trials early: alone for the median, or hyperband, percentile=25, threshold=0.5.",
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How a search chooses: tpe, random, cmaes, gp, grid. [default: tpe]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Make a search with one run at a time repeatable.")] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take a parameter's range from the notebook's own form; all for each."),
    ] = None,
    enqueue: Annotated[
        bool, typer.Option("--enqueue", help="Let a search learn from the runs that the folder already has.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where to keep the runs: a folder, or s3://... [default: runs/NOTEBOOK]"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, help="How many runs at once. [default: what the machine allows]"),
    ] = None,
    cell_timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="The longest a cell may take: 30, 90s, 10m, 2h.")
    ] = None,
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="The longest a run may take.")] = None,
    retries: Annotated[int, typer.Option(min=0, help="How often to try a failed run again.")] = 0,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run again what failed the last time.")] = False,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Accept parameters that the notebook does not declare.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the runs without starting any.")] = False,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Print the notebook's parameters, and stop.")
    ] = False,
    warm: Annotated[
        str | None,
        typer.Option(
            metavar="MODULES", help="Modules to import before the runs start: a,b. [default: those of the notebook]"
        ),
    ] = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="Start a new kernel for every run, with nothing imported.")
    ] = False,
    kernel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use this kernel instead of the notebook's own.")
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Run in an environment like a Colab runtime: 2026.07, latest, several, or all of them.",
        ),
    ] = None,
    cwd: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The working directory of the runs. [default: the notebook's folder]"),
    ] = None,
    keep_environment: Annotated[
        bool,
        typer.Option("--keep-environment", help="Keep the packages that the notebook installs for the next sweep."),
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Let the notebook install into its kernel's own environment.")
    ] = False,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help=f"Where to execute the runs: {', '.join(BACKENDS)}.")
    ] = LocalOptions.name,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Another environment variable whose value must never be written; may be repeated."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Find a metric in printed lines: 'val_acc=([0-9.]+)'; may be repeated."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT", help="Also write the metrics for another tool while they arrive: tensorboard."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    backend_options: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Run a notebook once, or with many parameters in parallel.

    The executed notebooks, results.csv and the ledger of the runs go to a folder. Give the same command
    again to do what is not done yet. Ctrl-C waits for the running cells to end, then stops.
    Exit status: 0 if all runs are ok, 1 if some are not, 2 if nothing could be started.

    \b
    Example:
      colab-starter run notebooks/keras.ipynb
      colab-starter run notebooks/keras.ipynb -p epochs=1,2 -p learning_rate=0.1,0.01 -j 4
      colab-starter run notebooks/keras.ipynb --sweep sweeps/keras.yaml --cell-timeout 10m
      colab-starter run notebooks/keras.ipynb -p "learning_rate=1e-4..1e-1 log" --maximize accuracy --trials 30 --prune
      colab-starter run notebooks/keras.ipynb --runtime all
    """
    _check_system()
    from colab_starter.run.batch import Options
    from colab_starter.run.durations import read_duration
    from colab_starter.run.job import Limits
    from colab_starter.run.search.request import SearchOptions

    if parameters:
        return _print_parameters(notebook)
    options = Options(
        notebook=notebook,
        parameters=param or [],
        sweep=sweep,
        out=out,
        jobs=jobs,
        limits=Limits(
            cell=read_duration(cell_timeout, "--cell-timeout") if cell_timeout else None,
            run=read_duration(timeout, "--timeout") if timeout else None,
        ),
        retries=retries,
        retry_failed=retry_failed,
        allow_unknown=allow_unknown,
        warm=None if warm is None else [name.strip() for name in warm.split(",") if name.strip()],
        cold=cold,
        kernel=kernel,
        cwd=cwd,
        keep_environment=keep_environment,
        in_place=in_place,
        secrets=secret or [],
        search=SearchOptions(
            maximize=tuple(maximize or ()),
            minimize=tuple(minimize or ()),
            trials=trials,
            time=for_,
            sampler=sampler,
            seed=seed,
            prune=prune,
            enqueue=enqueue,
            forms=tuple(search or ()),
        ),
        metrics=metric or [],
        also=also or [],
        backend=make_backend_options(backend, backend_options),
        as_json=as_json,
        quiet=quiet,
    )
    if dry_run and runtime is not None:
        raise WrongOptionError("--dry-run makes no environments; leave out --runtime to see the runs")
    if dry_run:
        from colab_starter.run.display.preview import preview_batch

        return preview_batch(options)
    if runtime is not None:
        from colab_starter.run.matrix.command import run_in_runtimes

        return run_in_runtimes(options, runtime)
    from colab_starter.run.coordinator import run_batch

    return run_batch(options)


def complete_options(arguments: list[str]) -> list[str]:
    """The command line with the value that ``--prune`` has when it stands alone, which Typer does not know how to."""
    completed = list(arguments)
    for place, word in enumerate(arguments):
        following = "".join(arguments[place + 1 : place + 2])
        if word == "--prune" and (not following or following.startswith("-") or following.endswith(".ipynb")):
            completed[place] = "--prune=median"
    return completed


def _check_system() -> None:
    if os.name == "nt":
        raise UnsupportedSystemError("run needs Linux or macOS; on Windows, use WSL (wsl --install)")


def _print_parameters(notebook: Path) -> int:
    from colab_starter.run.batch import read_source
    from colab_starter.run.sweep.parameters import describe_parameters, inspect_parameters

    print(describe_parameters(inspect_parameters(read_source(notebook))))
    return 0
