"""The options of the backend ``ray``, before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from colab_starter.errors import WrongOptionError
from colab_starter.run.backends.options import Flag, GpuOptions, OpenBackend, Sweep

if TYPE_CHECKING:
    from colab_starter.run.backends import Backend
    from colab_starter.run.storage.store import Lock

RAY_LOG = "ray.log"
"""The log of what Ray prints; removed if nothing went wrong with Ray."""


@dataclass(frozen=True)
class RayOptions(GpuOptions):
    """Runs on a Ray cluster."""

    name: ClassVar[str] = "ray"
    reads_store_directly: ClassVar[bool] = True

    address: Annotated[
        str | None,
        Flag("the cluster. [default: this machine's; one is started if none is]", metavar="HOST:PORT"),
    ] = None
    cpus_per_run: Annotated[float, Flag("what a run takes of its node.", metavar="N", min=0.01)] = 1
    insecure_cluster: Annotated[bool, Flag("use several machines even without a token.")] = False

    def check(self) -> OpenBackend:
        from colab_starter.run.backends.ray.backend import RayBackend, check_ray, read_needs

        check_ray(self.address)
        needs = read_needs(self.cpus_per_run, self.gpus, self.gpus_per_run)

        def open_ray(sweep: Sweep, todo: int, lock: Lock) -> Backend:
            if sweep.store.is_of_this_process:
                raise WrongOptionError(
                    f"--backend ray cannot write to {sweep.store.name}; give a store that all nodes see"
                )
            folder = None if sweep.store.is_remote else sweep.folder
            backend = RayBackend(
                self.address,
                needs,
                sweep.jobs,
                folder,
                sweep.cwd,
                sweep.folder / RAY_LOG,
                keep_fds=lock.descriptors,
                secrets=sweep.secrets,
                mask=sweep.mask,
                is_insecure_allowed=self.insecure_cluster,
            )
            if backend.notice:
                sweep.say(backend.notice)
            return backend

        return open_ray
