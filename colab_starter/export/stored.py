"""Exports of sweeps in a store: their files are made on this machine, and put beside the runs."""

from collections.abc import Iterable
from pathlib import Path

from colab_starter.errors import ExportError
from colab_starter.export.sweep import ExportedRun
from colab_starter.run.secrets import hide_password
from colab_starter.run.storage.choice import reach
from colab_starter.run.storage.remote import RemoteStore
from colab_starter.run.storage.store import Store


def upload(store: Store, path: Path) -> str:
    """Put a file, or a folder with everything in it, into the store, and return its address. Raises ExportError."""
    assert isinstance(store, RemoteStore)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    address = f"{hide_password(store.name)}/{path.name}"
    try:
        store.objects.put({file.relative_to(path.parent).as_posix(): file for file in files})
    except OSError as error:
        raise ExportError(
            f"{address} cannot be written ({error.strerror}); choose a place on this machine with -o"
        ) from error
    return address


def download(store: Store, runs: Iterable[ExportedRun], folder: Path) -> dict[str, Path]:
    """Fetch the executed notebooks that are in the store, by run. Raises NoRunsFolderError."""
    assert isinstance(store, RemoteStore)
    with reach(store):
        there = store.objects.list()
        paths = {run.id: folder / run.notebook for run in runs if run.notebook in there}
        store.objects.get({path.relative_to(folder).as_posix(): path for path in paths.values()})
    return paths
