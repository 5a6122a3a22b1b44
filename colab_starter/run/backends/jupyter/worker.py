"""The worker of this backend: an ordinary attempt, but with a kernel on a server."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colab_starter.run.job import OUTPUT_DIR, Job
from colab_starter.run.kernels.jupyter_server import Access, JupyterServer
from colab_starter.run.kernels.kernel import HasFileno, Kernel
from colab_starter.run.kernels.remote import RemoteKernel, RemoteOutput, make_folder_name
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.worker.attempt import run_job
from colab_starter.run.worker.reporter import Channel


@dataclass(frozen=True)
class RemoteJob:
    """A job, and where to start its kernel."""

    job: Job
    access: Access
    session: str
    """The name under which the coordinator finds the kernel on the server."""
    reconnect_timeout: float


def run_remote_job(remote: RemoteJob, connection: Channel) -> None:
    """Execute a remote job in a forked process; see ``run_job``."""
    for number, secret in enumerate(remote.access.list_secrets()):
        os.environ[f"COLAB_STARTER_SERVER_{number}_TOKEN"] = secret  # so that it is masked in all that is written
    run_job(remote.job, connection, RemoteKernels(remote))


class RemoteKernels:
    """Starts the kernel of a job on a server."""

    def __init__(self, remote: RemoteJob) -> None:
        self._remote = remote
        self._folder = make_folder_name()

    def place_output(self, folder: str) -> str:
        return f"{self._folder}/output"

    def start(
        self, job: Job, name: str | None, log: MaskedLog, timeout: float, also: Sequence[HasFileno] = ()
    ) -> Kernel:
        here = job.parameters.get(OUTPUT_DIR)
        return RemoteKernel.start(
            JupyterServer(self._remote.access),
            self._remote.session,
            f"colab-starter {job.run}",
            name,
            environment=job.environment,
            output=RemoteOutput(self._folder, Path(here)) if here else None,
            reconnect_timeout=self._remote.reconnect_timeout,
            timeout=timeout,
            also=also,
        )
