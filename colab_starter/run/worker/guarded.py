"""Executing a job whose kernel is forked in another Python than this one."""

from collections.abc import Sequence
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait

from colab_starter.run.job import Job
from colab_starter.run.kernels.guarded import Guard
from colab_starter.run.kernels.kernel import HasFileno, Kernel
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.worker.attempt import run_job
from colab_starter.run.worker.kernel_source import LocalKernels
from colab_starter.run.worker.reporter import Channel

LONGEST_PREPARATION = 900.0
"""Seconds that the kernel's fork server may take for its imports. The run begins only then, as if it were forked from
a server that has already done them."""


def run_guarded_job(job: Job, connection: Channel) -> None:
    """Like ``attempt.run_job``; the channel to the kernel's guard is the first thing to come through ``connection``."""
    try:
        guard = Guard(Connection(reduction.recv_handle(connection)))
    except (EOFError, OSError):
        return  # the coordinator is gone
    wait([guard.fileno(), connection.fileno()], LONGEST_PREPARATION)
    run_job(job, connection, GuardedKernels(guard))


class GuardedKernels(LocalKernels):
    """One kernel from a guard; others, which the job wants cold, are started by their command."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def start(
        self, job: Job, name: str | None, log: MaskedLog, timeout: float, also: Sequence[HasFileno] = ()
    ) -> Kernel:
        """Like LocalKernels'. Raises ColdKernelNeededError if the guard cannot fork a kernel."""
        if job.warm is None:
            self._guard.close()
            return super().start(job, name, log, timeout, also)
        self._guard.wait_until_ready(timeout, also)
        return LocalKernel.start(
            name,
            cwd=job.cwd,
            environment=job.environment,
            log=log,
            overlay=job.overlay.folder if job.overlay else "",
            guard=self._guard,
            timeout=timeout,
            also=also,
        )
