"""The checks of a request before anything starts, including with ``--dry-run``."""

import os

from colab_starter.run.backends.options import OpenBackend
from colab_starter.run.batch import Batch
from colab_starter.run.job_maker import check_kernel
from colab_starter.text import warn


def check_request(batch: Batch) -> OpenBackend:
    """Check that the kernel and the backend are available, and warn of secrets that are not set; starts nothing.

    Raises NoSuchKernelError, WrongOptionError, and the errors of a backend whose tool is missing.
    """
    if batch.options.backend.uses_local_kernelspecs:
        check_kernel(batch)
    open_backend = batch.options.backend.check()
    for name in batch.options.secrets:
        if name not in os.environ and not any(name in run.parameters for run in batch.runs):
            warn(f"--secret {name}: no environment variable of that name is set, so there is nothing to mask")
    return open_backend
