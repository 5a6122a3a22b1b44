"""The options of the backend ``colab``, before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from colab_starter.run.backends.jupyter.options import SERVER_LOG, check_extra
from colab_starter.run.backends.options import BackendOptions, Flag, OpenBackend, Sweep

if TYPE_CHECKING:
    from colab_starter.run.backends import Backend
    from colab_starter.run.storage.store import Lock


@dataclass(frozen=True)
class ColabOptions(BackendOptions):
    """Runs on Google Colab's machines."""

    name: ClassVar[str] = "colab"
    uses_local_kernelspecs: ClassVar[bool] = False
    makes_overlays: ClassVar[bool] = False
    keeps_machines: ClassVar[bool] = False

    session: Annotated[str | None, Flag("an open session to use.", metavar="NAME")] = None
    gpu: Annotated[str | None, Flag("the accelerator, such as T4.", metavar="NAME")] = None
    sessions: Annotated[int, Flag("how many to open, and release.", metavar="N", min=1)] = 1

    def check(self) -> OpenBackend:
        check_extra(self.name)
        from colab_starter.run.backends.colab.sessions import accelerator_options
        from colab_starter.run.backends.colab.tool import find_program

        accelerator_options(self.gpu)
        find_program()

        def open_colab(sweep: Sweep, todo: int, lock: Lock) -> Backend:
            from colab_starter.run.backends.colab.backend import ColabBackend
            from colab_starter.run.backends.publishing import publish_runs

            backend = ColabBackend(
                sweep.folder / SERVER_LOG,
                self.session,
                self.gpu,
                min(self.sessions, todo),
                lock.descriptors,
                sweep.mask,
                kernelspec=sweep.kernel_name,
            )
            return publish_runs(backend, sweep.store)

        return open_colab
