"""What ``colab-starter run`` was asked to do: its options, and the runs they amount to."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab_starter.errors import BrokenNotebookError, NoSourceError, ParameterError, WrongOptionError
from colab_starter.notebook.model import Notebook, read_notebook
from colab_starter.notebook.repair import mend_notebook
from colab_starter.run.backends.local.options import LocalOptions
from colab_starter.run.backends.options import BackendOptions
from colab_starter.run.formatting import Wording
from colab_starter.run.job import OUTPUT_DIR, Limits
from colab_starter.run.overlays.folders import KEPT_ENVIRONMENT, name_home
from colab_starter.run.overlays.need import Need, find_need
from colab_starter.run.search.request import Search, SearchOptions, check_library, list_faults, make_search
from colab_starter.run.secrets import Mask, make_mask
from colab_starter.run.storage.choice import open_store
from colab_starter.run.storage.store import Store
from colab_starter.run.sweep.build import build_runs, build_space, read_file
from colab_starter.run.sweep.parameters import inspect_parameters
from colab_starter.run.sweep.runs import Run, find_kernel_name, find_varying, hash_source, make_runs
from colab_starter.run.this_python import DEFAULT_KERNEL
from colab_starter.text import plural


@dataclass(frozen=True)
class Options:
    """The options of ``colab-starter run``."""

    notebook: Path
    parameters: Sequence[str] = ()
    """As typed: ``NAME=VALUES``."""
    sweep: Path | None = None
    out: str | os.PathLike[str] | None = None
    """A path, or an address such as ``s3://bucket/sweeps/lr``; None means ``runs/`` plus the notebook's name."""
    jobs: int | None = None
    limits: Limits = field(default_factory=Limits)
    retries: int = 0
    retry_failed: bool = False
    allow_unknown: bool = False
    warm: Sequence[str] | None = None
    """Modules to preload; None means those that the notebook imports."""
    cold: bool = False
    kernel: str | None = None
    cwd: Path | None = None
    """None means the notebook's folder."""
    keep_environment: bool = False
    """Whether packages that the notebook installs are kept in the sweep's folder for the next sweep."""
    in_place: bool = False
    """Whether the notebook installs directly into its kernel's environment."""
    secrets: Sequence[str] = ()
    search: SearchOptions = field(default_factory=SearchOptions)
    metrics: Sequence[str] = ()
    """Regular expressions for metrics in printed lines; see ``metric_lines``."""
    also: Sequence[str] = ()
    """The formats in which the sweep is also written while it runs; see ``observers``."""
    backend: BackendOptions = field(default_factory=LocalOptions)
    as_json: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Batch:
    """The requested runs of a notebook, and the folder they go to."""

    options: Options
    notebook: Notebook
    source: str
    """The hash of the notebook; see ``hash_source``."""
    runs: list[Run]
    """The runs asked for; of a search, those of its trials so far, first some that lie at the ends of its ranges."""
    search: Search | None
    store: Store
    """Where the runs are kept."""
    mask: Mask
    wording: Wording
    has_output_dir: bool
    need: Need
    """Whether the notebook's installs need an overlay, and which."""

    @property
    def folder(self) -> Path:
        """Where the runs are executed on this machine: see ``Store``."""
        return self.store.folder

    @property
    def typed_out(self) -> str:
        """The place of the runs as the user typed it."""
        return os.fspath(self.options.out or Path("runs") / self.options.notebook.stem).rstrip("/")

    @property
    def cwd(self) -> Path:
        """The working directory of the runs."""
        return (self.options.cwd or self.options.notebook.parent).absolute()

    @property
    def jobs(self) -> int | None:
        return self.options.jobs

    @property
    def retry_failed(self) -> bool:
        return self.options.retry_failed

    @property
    def secrets(self) -> Sequence[str]:
        return self.options.secrets

    @property
    def kernel_name(self) -> str:
        """The kernelspec of the runs."""
        return self.options.kernel or find_kernel_name(self.notebook) or DEFAULT_KERNEL

    @property
    def kept_environment(self) -> Path | None:
        """Where packages that the notebook installs are kept; None if they are thrown away."""
        if not self.options.keep_environment:
            return None
        return name_home() / f"kept-{self.folder.name}" if self.store.is_remote else self.folder / KEPT_ENVIRONMENT

    def say(self, text: str) -> None:
        """Print a message for the user; with ``--json``, on stderr."""
        if not self.options.quiet:
            print(self.mask.apply(text), file=sys.stderr if self.options.as_json else sys.stdout, flush=True)


def prepare_batch(options: Options) -> Batch:
    """Read and check the whole request; starts and writes nothing.

    Raises NoSourceError, ParameterError, WrongOptionError, and whatever a sweep file can raise.
    """
    notebook = read_source(options.notebook)
    if options.cwd and not options.cwd.is_dir():
        raise WrongOptionError(f"--cwd {options.cwd} is not a folder; make it, or choose another")
    _check_patterns(options.metrics)
    sets, dropped, search = _read_request(options, notebook)
    mask = make_mask(os.environ, options.secrets, _gather_values(sets), [str(options.out or "")])
    source = hash_source(notebook, options.kernel)
    store = open_store(options.out or Path("runs") / options.notebook.stem)
    declared = {one.name for one in inspect_parameters(notebook)}
    batch = Batch(
        options=options,
        notebook=notebook,
        source=source,
        runs=make_runs(sets, source, mask),
        search=search,
        store=store,
        mask=mask,
        wording=Wording(search.space.axes if search else find_varying(sets) or sets[0], mask),
        has_output_dir=OUTPUT_DIR in declared,
        need=_find_need(options, notebook, sets),
    )
    if dropped:
        batch.say(f"{plural(dropped, 'run')} asked for twice: done only once")
    return batch


def _read_request(options: Options, notebook: Notebook) -> tuple[list[dict[str, Any]], int, Search | None]:
    """The parameters of the runs, how many were asked for twice, and the search if one was asked for.

    Of a search, the parameters are at the ends of its ranges.
    """
    file = read_file(options.sweep, options.parameters)
    names_objective = bool(file.settings.get("maximize") or file.settings.get("minimize"))
    is_search = (file.search is not None or names_objective) and not (file.grid or file.rows)
    if not (options.search.are_given or is_search):
        built = build_runs(notebook, options.parameters, file, options.allow_unknown)
        return built.runs, built.dropped, None
    search_options = options.search.complete(file.settings)
    faults = list_faults(search_options)
    try:
        space = build_space(notebook, options.parameters, file, options.allow_unknown, search_options.forms)
    except ParameterError as error:
        faults.append(str(error))
    if faults:
        raise WrongOptionError("; ".join(faults))
    check_library()
    return space.list_corners(), 0, make_search(search_options, space)


def _check_patterns(patterns: Sequence[str]) -> None:
    """Raise WrongOptionError for regular expressions of --metric that cannot be used."""
    if patterns:
        # Imported here because few commands need it.
        from colab_starter.run.worker.metric_lines import read_pattern

        for pattern in patterns:
            read_pattern(pattern)


def _find_need(options: Options, notebook: Notebook, sets: Sequence[Mapping[str, Any]]) -> Need:
    if options.in_place and options.keep_environment:
        raise WrongOptionError("--in-place makes no environment that --keep-environment could keep; give one of them")
    if options.keep_environment and not options.backend.runs_here:
        raise WrongOptionError(f"--keep-environment is for --backend {LocalOptions.name} only")
    if options.in_place or not options.backend.keeps_machines:
        return Need()
    need = find_need(notebook, options.kernel, sets, is_here=options.backend.runs_here)
    return need if options.backend.makes_overlays else need.without_overlay()


def _gather_values(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values that each parameter takes across the runs; numbers are left out."""
    values: dict[str, dict[str, Any]] = {}
    for run in runs:
        for name, value in run.items():
            if not isinstance(value, int | float | None):
                values.setdefault(name, {})[repr(value)] = value
    return {name: list(found.values()) for name, found in values.items()}


def read_source(path: Path) -> Notebook:
    """The notebook to run. Raises NoSourceError if it is missing or not a notebook."""
    if path.is_dir():
        raise NoSourceError(f"{path} is a folder; give one notebook in it, e.g. {path / 'keras.ipynb'}")
    try:
        notebook = read_notebook(path)
        return Notebook(path, notebook.text, mend_notebook(notebook.data))
    except FileNotFoundError:
        raise NoSourceError(f"{path} does not exist; give the path of a notebook") from None
    except BrokenNotebookError as error:
        raise NoSourceError(f"{path} {error}") from None
    except OSError as error:
        raise NoSourceError(f"{path} cannot be read ({error.strerror})") from None
