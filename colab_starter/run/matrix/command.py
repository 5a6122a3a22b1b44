"""``run --runtime``, and the commands ``runtimes env`` and ``runtimes bisect``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colab_starter.errors import RuntimeUnavailableError, UnsupportedSystemError, WrongOptionError

if TYPE_CHECKING:
    from colab_starter.run.batch import Options

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check_system() -> None:
    """Raise UnsupportedSystemError on Windows, which has none of what runs and environments are built on."""
    if os.name == "nt":
        raise UnsupportedSystemError("this needs Linux or macOS; on Windows, use WSL (wsl --install)")


def run_in_runtimes(options: Options, typed: str) -> int:
    """Run a batch in the runtimes that ``--runtime`` names; returns the exit status.

    That is 1 if a run is not ok, or no runtime could be had. Raises UnknownRuntimeError, WrongOptionError, the errors
    of ``run_batch``, and, with one runtime, RuntimeUnavailableError.
    """
    from colab_starter.run.matrix.display import format_trials, trials_to_json
    from colab_starter.run.matrix.trials import check_options, place_runs, read_runtimes, try_runtime, try_runtimes

    check_options(options)
    runtimes = read_runtimes(typed)
    say = _say_nothing if options.quiet else _say
    if len(runtimes) == 1:
        return try_runtime(place_runs(options, runtimes[0], is_one_of_many=False), runtimes[0], say).exit_code
    trials = list(try_runtimes(options, runtimes, say))
    if options.as_json:
        print(trials_to_json(options.notebook, trials))
    elif not options.quiet:
        print("", *format_trials(options.notebook, trials), sep="\n", flush=True)
    if stopped := [trial.exit_code for trial in trials if trial.exit_code > 128]:
        return stopped[0]
    return int(any(trial.is_bad for trial in trials) or not any(trial.is_ok for trial in trials))


def _say(line: str) -> None:
    """Print on stderr, because stdout may be read by a program."""
    print(line, file=sys.stderr, flush=True)


def _say_nothing(line: str) -> None:
    pass


def env(
    runtime: Annotated[str | None, typer.Argument(help="latest, or a year and month such as 2026.07.")] = None,
    notebook: Annotated[
        Path | None, typer.Argument(help="The notebook whose packages it is to have. [default: the kernel's only]")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove all environments that nothing is using; they are made again.")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Make or find an environment like a runtime.

    Prints its path. It has the runtime's Python, and of its packages those that the notebook uses, in the runtime's
    versions and without GPU support. It is kept in your cache folder, and shared by all notebooks that use the same
    packages.

    \b
    Example:
      colab-starter runtimes env 2026.07 notebooks/keras.ipynb
      colab-starter runtimes env --prune
    """
    check_system()
    if prune:
        if runtime:
            raise WrongOptionError("--prune removes environments of all runtimes; give it alone")
        _prune(json_)
    elif runtime is None:
        raise WrongOptionError("give a runtime, such as latest, or --prune")
    else:
        _print_environment(runtime, notebook, json_)


def _prune(json_: bool) -> None:
    from colab_starter.runtimes.environments import remove_unused
    from colab_starter.text import plural

    count, size = remove_unused()
    if json_:
        print(json.dumps({"removed": count, "bytes": size}))
    else:
        print(f"{plural(count, 'environment')} removed, {size / 1e6:,.0f} MB")


def _print_environment(name: str, notebook: Path | None, json_: bool) -> None:
    from colab_starter.run.matrix.needs import find_needs
    from colab_starter.run.matrix.trials import read_python_notebook, tell_differences, tell_unknown
    from colab_starter.runtimes import load_runtime
    from colab_starter.runtimes.environments import open_environment
    from colab_starter.runtimes.resolve import Request

    runtime = load_runtime(name)
    packages: frozenset[str] = frozenset()
    if notebook:
        source = read_python_notebook(notebook)
        needs = find_needs(source, runtime)
        packages = needs.packages
        tell_unknown(source, runtime, needs, _say)
    with open_environment(Request(runtime, packages), _say) as environment:
        resolution = environment.resolution
        tell_differences(resolution, _say)
        facts = {**vars(resolution), "path": str(environment.folder), "python": environment.python}
        print(json.dumps(facts, indent=2) if json_ else environment.folder)


def bisect(
    notebooks: Annotated[list[Path], typer.Argument(metavar="NOTEBOOK...", help="The notebooks.")],
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help="The value of a parameter.")
    ] = None,
    runtime: Annotated[
        str, typer.Option(metavar="NAMES", help="Among which runtimes: all, or some, such as 2025.10,2026.07,latest.")
    ] = "all",
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where to keep the runs. [default: runs/NOTEBOOK-RUNTIME]")
    ] = None,
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="The longest a run may take: 90s, 10m.")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what was not ok the last time.")
    ] = False,
    json_: AsJson = False,
) -> int:
    """Find where a notebook began to fail, and why.

    That is: in which runtime, in which cell, and which package is to blame. The notebook is run in environments like
    Colab's runtimes, in the newest first, then in as few others as possible. Where it began to fail, the likeliest
    packages are put back to their old versions, one at a time, until it runs.
    Exit status: 0 if every notebook runs in the newest runtime, 1 if not.

    \b
    Example:
      colab-starter runtimes bisect notebooks/keras.ipynb -p epochs=1
    """
    from colab_starter.run.batch import Options
    from colab_starter.run.durations import read_duration
    from colab_starter.run.job import Limits
    from colab_starter.run.matrix import bisect as bisection
    from colab_starter.run.matrix.display import format_verdict, verdict_to_json
    from colab_starter.run.matrix.trials import read_python_notebook, read_runtimes

    check_system()
    for notebook in notebooks:
        read_python_notebook(notebook)  # what cannot be tried is told before the others take their time
    runtimes = read_runtimes(runtime)
    limits = Limits(run=read_duration(timeout, "--timeout") if timeout else None)
    verdicts = []
    for notebook in notebooks:
        place = f"{out}/{notebook.stem}" if out and len(notebooks) > 1 else out
        options = Options(notebook, param or [], out=place, limits=limits, retry_failed=retry_failed, quiet=True)
        verdicts.append(bisection.bisect(options, runtimes, _say_nothing if json_ else _say))
        if not json_:
            print("", *format_verdict(verdicts[-1]), sep="\n", flush=True)
    if json_:
        print(json.dumps([verdict_to_json(verdict) for verdict in verdicts], indent=2, ensure_ascii=False))
    if not any(trial.status for verdict in verdicts for trial in verdict.trials):
        raise RuntimeUnavailableError("no runtime could be tried; the reasons are in the table above")
    return int(any(verdict.bad for verdict in verdicts))
