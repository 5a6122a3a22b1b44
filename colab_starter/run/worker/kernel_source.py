"""Where an attempt's kernel comes from: this machine, or another place that a backend knows."""

from collections.abc import Sequence
from typing import Protocol

from colab_starter.run.job import Job
from colab_starter.run.kernels.kernel import HasFileno, Kernel
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.run.masked_log import MaskedLog


class KernelSource(Protocol):
    """Starts the kernel of one attempt."""

    def place_output(self, folder: str) -> str:
        """The path of ``output_dir`` for the notebook; it is ``folder`` on this machine."""

    def start(
        self, job: Job, name: str | None, log: MaskedLog, timeout: float, also: Sequence[HasFileno] = ()
    ) -> Kernel:
        """Start a kernel of the kernelspec and wait until it answers.

        Raises NoSuchKernelError; KernelDiedError; KernelSilentError after ``timeout`` seconds; StartStoppedError as
        soon as one of ``also`` can be read. If anything is raised, nothing of the kernel is left.
        """


class LocalKernels:
    """Kernels on this machine."""

    def place_output(self, folder: str) -> str:
        return folder

    def start(
        self, job: Job, name: str | None, log: MaskedLog, timeout: float, also: Sequence[HasFileno] = ()
    ) -> Kernel:
        return LocalKernel.start(
            name,
            cwd=job.cwd,
            environment=job.environment,
            log=log,
            warm=job.warm is not None and job.warm.kernel is None,
            overlay=job.overlay.folder if job.overlay else "",
            timeout=timeout,
            also=also,
        )
