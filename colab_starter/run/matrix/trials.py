"""Running a batch in an environment like a Colab runtime."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from colab_starter.errors import RuntimeUnavailableError, UnknownRuntimeError, WrongOptionError
from colab_starter.notebook.model import Notebook
from colab_starter.run.batch import Options, prepare_batch, read_source
from colab_starter.run.coordinator import run_batch
from colab_starter.run.ledger.ledger import RunRecord, replay
from colab_starter.run.ledger.names import recognise_runs
from colab_starter.run.matrix.needs import Needs, find_missing, find_needs
from colab_starter.run.outcome import BAD, DONE, Status
from colab_starter.run.storage.choice import reach
from colab_starter.runtimes import load_runtime, runtime_names
from colab_starter.runtimes.environments import Environment, Say, open_environment
from colab_starter.runtimes.resolve import Request, Resolution, find_exceptions
from colab_starter.runtimes.table import Runtime
from colab_starter.text import plural

ALL = "all"
_MOST_ADDITIONS = 3
"""How often packages are added to an environment because a run missed them."""


@dataclass(frozen=True)
class Trial:
    """How a notebook did in one runtime."""

    runtime: Runtime
    status: Status | None = None
    """OK if all runs are ok or pruned; else how the first bad one ended. None if there could be no run."""
    cause: str = ""
    """What went wrong in that run; or why there could be no run."""
    cell: int | None = None
    """The cell in which that run ended, counted from 1."""
    executed: Path | None = None
    """The executed notebook of that run."""
    runs: int = 0
    bad: int = 0
    packages: Mapping[str, str] = field(default_factory=dict)
    """What the environment held: package -> version."""
    environment: Path | None = None
    """Where it was; None if there was none."""
    exit_code: int = 0
    """That of the batch: see ``run_batch``."""

    @property
    def is_ok(self) -> bool:
        return self.status is Status.OK

    @property
    def is_bad(self) -> bool:
        return self.status is not None and not self.is_ok


def read_runtimes(typed: str) -> list[Runtime]:
    """The runtimes that ``--runtime`` names, the oldest first. Raises UnknownRuntimeError."""
    known = list(reversed(runtime_names()))
    names = {name.strip() for name in typed.split(",") if name.strip()}
    if names == {ALL}:
        return [load_runtime(name) for name in known]
    if not names:
        raise UnknownRuntimeError(f"--runtime names none; take all, or some of {', '.join(reversed(known))}")
    for name in sorted(names - {*known}):
        load_runtime(name)  # which says what is known
    return [load_runtime(name) for name in known if name in names]


def check_options(options: Options) -> None:
    """Raise WrongOptionError if an option cannot be combined with ``--runtime``."""
    if options.kernel:
        raise WrongOptionError("--runtime brings its own kernel; leave out --kernel")
    if options.in_place:
        raise WrongOptionError("--in-place would change an environment that other notebooks share; leave it out")
    if not options.backend.runs_here:
        raise WrongOptionError(f"--runtime is for --backend local only, not {options.backend.name}")


def read_python_notebook(path: Path) -> Notebook:
    """The notebook. Raises WrongOptionError if it is of another language, or what ``read_source`` raises."""
    notebook = read_source(path)
    if not notebook.is_python:
        raise WrongOptionError(f"{path} is not a Python notebook, and environments like Colab's are for those only")
    return notebook


def place_runs(options: Options, runtime: Runtime, *, is_one_of_many: bool) -> Options:
    """The options with a folder of the runtime's own: ``runs/NOTEBOOK-2026.07``, or below ``--out``."""
    if options.out is None:
        return replace(options, out=Path("runs") / f"{options.notebook.stem}-{runtime.name}")
    return replace(options, out=f"{os.fspath(options.out)}/{runtime.name}") if is_one_of_many else options


def try_runtime(options: Options, runtime: Runtime, say: Say, versions: Mapping[str, str] | None = None) -> Trial:
    """Do what remains of the batch in an environment like the runtime, with other ``versions`` of some packages.

    What the notebook turns out to need, and the runtime has, is added to the environment, and what failed is tried
    again; ``say`` gets a line about it. Raises the errors of ``run_batch``, UvMissingError and RuntimeUnavailableError.
    """
    notebook = read_python_notebook(options.notebook)
    needs = find_needs(notebook, runtime)
    tell_unknown(notebook, runtime, needs, say)
    packages, is_again = needs.packages, options.retry_failed
    known = find_exceptions(Request(runtime, packages, versions or {}))
    check_available(known.missing, runtime, needs, notebook)  # before minutes are spent on an environment
    for _ in range(1 + _MOST_ADDITIONS):
        request = Request(runtime, packages, versions or {})
        with open_environment(request, say) as environment:
            check_needed(environment, needs, notebook, say)
            trial = _run(replace(options, retry_failed=is_again), environment)
        added = find_missing(trial.cause, runtime) - environment.resolution.packages.keys()
        added -= environment.resolution.missing.keys()
        if not (trial.is_bad and added):
            break
        say(f"it also needs {', '.join(sorted(added))}, which Colab has: added to the environment")
        packages, is_again = packages | added, True
    return trial


def try_one_of_many(options: Options, runtime: Runtime, say: Say) -> Trial:
    """The same in a folder of the runtime's own; a runtime that cannot be had is a trial without a status."""
    say(f"Colab's runtime {runtime.name} (Python {runtime.python})")
    try:
        return try_runtime(place_runs(options, runtime, is_one_of_many=True), runtime, say)
    except RuntimeUnavailableError as error:
        say(f"skipped: {error}")
        return Trial(runtime, cause=str(error))


def try_runtimes(options: Options, runtimes: Iterable[Runtime], say: Say) -> Iterator[Trial]:
    """A trial in each runtime, in turn, until the user stops one."""
    for runtime in runtimes:
        trial = try_one_of_many(options, runtime, say)
        yield trial
        if trial.exit_code > 128:
            return


def tell_unknown(notebook: Notebook, runtime: Runtime, needs: Needs, say: Say) -> None:
    """Say which modules the runtime does not have, unless the notebook may install them."""
    if needs.unknown and not any(install.opaque for _, install in notebook.installs):
        names = ", ".join(needs.unknown)
        say(f"Colab's runtime {runtime.name} has no {names}, and {notebook.path.name} does not install it")


def check_needed(environment: Environment, needs: Needs, notebook: Notebook, say: Say) -> None:
    """Say what the environment lacks. Raises RuntimeUnavailableError if the notebook cannot do without."""
    check_available(environment.resolution.missing, environment.runtime, needs, notebook)
    tell_differences(environment.resolution, say)


def check_available(missing: Mapping[str, str], runtime: Runtime, needs: Needs, notebook: Notebook) -> None:
    """Raise RuntimeUnavailableError if the notebook cannot do without what is ``missing``: package -> reason."""
    lacking = [f"{name} ({why})" for name, why in missing.items() if name in needs.required]
    if lacking:
        raise RuntimeUnavailableError(
            f"{notebook.path.name} needs {', '.join(lacking)}, so it cannot be tried in runtime {runtime.name} here; "
            "if it can do without, import that under try"
        )


def tell_differences(resolution: Resolution, say: Say) -> None:
    """Say what an environment lacks, or has in another version than the runtime, and why."""
    for name, why in resolution.missing.items():
        say(f"without {name}: {why}")
    for name, why in resolution.changed.items():
        if version := resolution.packages.get(name):
            say(f"with {name} {version} instead of the runtime's: {why}")


def _run(options: Options, environment: Environment) -> Trial:
    options = replace(options, kernel=environment.kernel)
    with _found_by_jupyter(environment):
        code = run_batch(options)
        records = _read_records(options)
    bad = [record for record in records if record.status not in DONE]
    trial = Trial(
        environment.runtime,
        status=Status.OK if records else None,
        runs=len(records),
        bad=len(bad),
        packages=environment.resolution.packages,
        environment=environment.folder,
        exit_code=code,
    )
    first = next((record for record in bad if record.status in BAD), bad[0] if bad else None)
    if not first:
        return trial
    executed = Path(os.fspath(options.out or ""), first.notebook)
    return replace(trial, status=first.status, cause=first.outcome.cause, cell=first.outcome.cell, executed=executed)


def _read_records(options: Options) -> list[RunRecord]:
    """What the ledger says of the batch's runs."""
    batch = prepare_batch(replace(options, quiet=True))
    with reach(batch.store):
        journal = batch.store.open_journal()
        content = replay(journal.read(), journal.path)
    wanted = {run.id for run in recognise_runs(batch.runs, content.runs, batch.mask)}
    return [record for record in content.runs.values() if record.run in wanted]


@contextmanager
def _found_by_jupyter(environment: Environment) -> Iterator[None]:
    """Let this process and those that it starts find the environment's kernelspec."""
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [environment.jupyter_path, before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before


def describe_runs(trial: Trial) -> str:
    """``ok``, ``failed``, or ``2 of 3 runs failed``."""
    if trial.status is None:
        return "not tried"
    if trial.runs < 2 or trial.is_ok:
        return str(trial.status)
    return f"{trial.bad} of {plural(trial.runs, 'run')} {trial.status}"
