"""Finding the notebooks that ``check`` reads."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from colab_starter.errors import NothingToCheckError
from colab_starter.sweep_folder import is_executed, is_run, is_sweep_folder, read_version

_SKIPPED_FOLDERS = frozenset(("node_modules", "site-packages", "__pycache__", "venv"))


class Found(NamedTuple):
    """The notebooks among some paths."""

    notebooks: dict[Path, bool]
    """Each notebook once, in the order of the paths, and whether it was named rather than found in a folder."""
    records: list[Path]
    """Folders of runs: records of what happened, which are left alone."""
    paths: list[Path]
    """Where they were looked for."""


def find_notebooks(paths: Iterable[Path]) -> list[Path]:
    """The notebooks among the paths and in folders among them, each once; see ``search_notebooks``."""
    return [path for path, named in search_notebooks(paths).notebooks.items() if named or not is_executed(path)]


def search_notebooks(paths: Iterable[Path], none_named: bool = False) -> Found:
    """The notebooks among the paths and in folders among them, each once.

    Hidden folders, installed packages, folders of templates and what ``colab-starter run`` wrote are passed over. A
    notebook that is named is taken whatever it is, unless ``none_named`` lets it count as found in a folder. No
    notebook is opened: whether one that was not named is the record of a run (``is_executed``) is left to the caller,
    who reads it anyway. Raises NothingToCheckError for a path that does not exist, and where there is no notebook.
    """
    found: dict[Path, bool] = {}
    records: list[Path] = []
    shown = list(paths)
    for path in shown:
        if path.is_dir():
            for notebook in _walk(path, records):
                found.setdefault(notebook, False)
        elif path.exists() or path.is_symlink():
            found[path] = not none_named
        else:
            raise NothingToCheckError(f"{path} does not exist; give a notebook or a folder, e.g. notebooks/")
    if not found:
        raise nothing_to_check(shown, records)
    return Found(found, records, shown)


def nothing_to_check(paths: Iterable[Path], records: list[Path]) -> NothingToCheckError:
    """The error for paths with no notebook, or with nothing but the records of runs."""
    names = ", ".join(map(str, paths))
    if records:
        return NothingToCheckError(
            f"{names} contains only runs, which are not checked; give the notebook they were made from, or name one"
        )
    return NothingToCheckError(f"no notebook (*.ipynb) in {names}; give a notebook or another folder")


def _walk(folder: Path, records: list[Path]) -> Iterator[Path]:
    if _is_in_run(folder):
        records.append(folder)
        return
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(name))
        notebooks = [name for name in sorted(files) if name.endswith(".ipynb") and "{{" not in name]
        if is_sweep_folder(Path(where), files):
            records.append(Path(where))
            folders[:] = [name for name in folders if not is_run(name)]
            notebooks = [name for name in notebooks if not read_version(name)]
        yield from (Path(where, name) for name in notebooks)


def _is_in_run(folder: Path) -> bool:
    """Whether it is a run's folder, or is in one."""
    path = folder.resolve()
    runs = [run for run in [path, *path.parents] if is_run(run.name)]
    return any(is_sweep_folder(run.parent, {file.name for file in run.parent.iterdir()}) for run in runs)


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED_FOLDERS or "{{" in name
