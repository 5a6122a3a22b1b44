"""The options of the backend ``local``, before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from colab_starter.run.backends.options import GpuOptions, OpenBackend, Sweep

if TYPE_CHECKING:
    from colab_starter.run.backends import Backend
    from colab_starter.run.backends.gpus import GpuPlaces
    from colab_starter.run.storage.store import Lock

SERVER_LOG = "warm.log"
"""The log of what the fork servers print; removed if they print nothing."""


@dataclass(frozen=True)
class LocalOptions(GpuOptions):
    """Runs on this machine."""

    name: ClassVar[str] = "local"
    runs_here: ClassVar[bool] = True

    def check(self) -> OpenBackend:
        from colab_starter.run.backends.gpus import GpuPlaces, find_gpus, read_share

        return partial(_open, self, GpuPlaces(find_gpus(self.gpus), read_share(self.gpus_per_run)))


def _open(options: LocalOptions, places: GpuPlaces, sweep: Sweep, todo: int, lock: Lock) -> Backend:
    from colab_starter.run.backends.cpus import available_memory, choose_jobs, count_cores, share_threads
    from colab_starter.run.backends.gpus import list_absent
    from colab_starter.run.backends.local.backend import LocalBackend
    from colab_starter.run.backends.publishing import publish_runs
    from colab_starter.run.overlays.folders import Overlays
    from colab_starter.text import plural

    if absent := list_absent(options.gpus):
        sweep.say(f"--gpus {options.gpus}: the driver knows no GPU {', '.join(absent)} on this machine")
    cores = count_cores()
    jobs = sweep.jobs or choose_jobs(todo, places.capacity, cores, available_memory())
    if places.capacity is not None and jobs > places.capacity:
        jobs = places.capacity
        sweep.say(f"{plural(jobs, 'run')} at once, by the number of GPUs (--gpus-per-run 0.5 lets two share one)")
    threads = share_threads(min(jobs, todo), cores)
    overlays = Overlays(sweep.kept_environment)
    log = sweep.folder / SERVER_LOG
    backend = LocalBackend(jobs, places, threads, log, keep_fds=lock.descriptors, overlays=overlays, mask=sweep.mask)
    return publish_runs(backend, sweep.store)
