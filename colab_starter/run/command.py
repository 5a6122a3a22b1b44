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
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what was not ok the last time.")
    ] = False,
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
      colab-starter run notebooks/keras.ipynb --runtime all
    """
    _check_system()
    from colab_starter.run.batch import Options
    from colab_starter.run.display.durations import read_duration
    from colab_starter.run.job import Limits

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
        metrics=metric or [],
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


def _check_system() -> None:
    if os.name == "nt":
        raise UnsupportedSystemError("run needs Linux or macOS; on Windows, use WSL (wsl --install)")


def _print_parameters(notebook: Path) -> int:
    from colab_starter.run.batch import read_source
    from colab_starter.run.sweep.parameters import describe_parameters, inspect_parameters

    print(describe_parameters(inspect_parameters(read_source(notebook))))
    return 0
