"""The checks of a request before anything starts, including with ``--dry-run``."""

import os
from collections.abc import Sequence

from colab_starter.errors import WrongOptionError
from colab_starter.run.backends.options import OpenBackend
from colab_starter.run.batch import Batch
from colab_starter.run.event_files import check_tensorboard
from colab_starter.run.job_maker import check_kernel
from colab_starter.run.secrets import hide_password
from colab_starter.run.storage.store import Store
from colab_starter.text import suggest, warn

FORMATS = ("tensorboard",)
"""What ``--also`` takes."""


def check_request(batch: Batch) -> OpenBackend:
    """Check that the kernel and the backend are available, and warn of secrets that are not set; starts nothing.

    Raises NoSuchKernelError, WrongOptionError, ExportLibraryMissingError, and the errors of a backend whose tool is
    missing.
    """
    if batch.options.backend.uses_local_kernelspecs:
        check_kernel(batch)
    open_backend = batch.options.backend.check()
    check_also(batch.options.also, batch.store)
    for name in batch.options.secrets:
        if name not in os.environ and not any(name in run.parameters for run in batch.runs):
            warn(f"--secret {name}: no environment variable of that name is set, so there is nothing to mask")
    return open_backend


def check_also(formats: Sequence[str], store: Store) -> None:
    """Raise WrongOptionError or ExportLibraryMissingError if the sweep cannot be written in these formats as well."""
    for name in formats:
        if name not in FORMATS:
            near = suggest(name, FORMATS)
            raise WrongOptionError(f"--also {name} is not known; give {near or ', '.join(FORMATS)}")
    if formats and store.is_remote:
        raise WrongOptionError(
            f"--also {formats[0]} needs --out in a folder of this machine; "
            f"afterwards, colab-starter export {hide_password(store.name)} --to {formats[0]}"
        )
    if formats:
        check_tensorboard(f"--also {formats[0]}")
