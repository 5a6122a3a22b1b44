"""The versions of the notebook behind the runs of one folder, and the defaults of their parameters."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from colab_starter.errors import ColabStarterError
from colab_starter.notebook.model import Notebook, decode, parse_notebook
from colab_starter.run.job import OUTPUT_DIR
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.sweep.parameters import inspect_parameters
from colab_starter.run.sweep.types import NoDefault
from colab_starter.sweep_folder import name_source, tell_version

Defaults = dict[str, dict[str, Any]]
"""By version, then by name; a computed default is given as its source."""


def list_versions(records: Iterable[RunRecord]) -> list[str]:
    """The versions that runs were made from, most recently started first."""
    latest: dict[str, str] = {}
    for record in records:
        version = tell_version(record.source)
        latest[version] = max(record.started, latest.get(version, ""))
    return sorted(latest, key=lambda version: latest[version], reverse=True)


def read_defaults(read: Callable[[str], bytes], versions: Iterable[str]) -> Defaults:
    """The defaults of each version, from the copies of the notebook; none if a copy is missing or unreadable.

    ``read`` returns the content of a file in the sweep's folder.
    """
    return {version: _read_defaults(read, name_source(version)) for version in versions if version}


def _read_defaults(read: Callable[[str], bytes], name: str) -> dict[str, Any]:
    try:
        text = decode(read(name))
        return find_defaults(Notebook(Path(name), text, parse_notebook(text)))
    except (OSError, ColabStarterError):
        return {}


def find_defaults(notebook: Notebook) -> dict[str, Any]:
    """The defaults in the parameters cell, except ``output_dir``, which is different for every run."""
    return {
        one.name: one.source if one.default is NoDefault.COMPUTED else one.default
        for one in inspect_parameters(notebook)
        if one.name != OUTPUT_DIR and one.default is not NoDefault.MISSING
    }
