"""Which backend executes a batch: ``--backend local``, ``ray`` or ``colab``."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial

from colab_starter.errors import WrongOptionError
from colab_starter.run.backends import Backend
from colab_starter.run.backends.cpus import available_memory, choose_jobs, count_cores, share_threads
from colab_starter.run.backends.gpus import GpuPlaces, find_gpus, read_share
from colab_starter.run.batch import Batch, Options
from colab_starter.run.storage.store import Lock
from colab_starter.text import plural

BACKENDS = ("local", "ray", "colab")
OPTIONS_OF = {
    "keep_environment": "local",
    "address": "ray",
    "cpus_per_run": "ray",
    "insecure_cluster": "ray",
    "session": "colab",
    "gpu": "colab",
    "sessions": "colab",
}
"""Those that only one backend takes."""

SERVER_LOG = "warm.log"
"""What the processes print from which the runs are forked; removed where they print nothing."""
RAY_LOG = "ray.log"
"""What Ray prints; removed where nothing went wrong with it."""

OpenBackend = Callable[[Batch, int, Lock], Backend]
"""Opens the backend for a batch of which so many runs are to do."""


def choose_backend(options: Options) -> OpenBackend:
    """Check the options, and start nothing. Raises WrongOptionError, and whatever a missing tool raises."""
    if options.backend not in BACKENDS:
        raise WrongOptionError(f"--backend {options.backend!r} is none; there are {', '.join(BACKENDS)}")
    for option in fields(options):
        owner = OPTIONS_OF.get(option.name, options.backend)
        if owner != options.backend and getattr(options, option.name) != option.default:
            raise WrongOptionError(f"--{option.name.replace('_', '-')} is for --backend {owner} only")
    if options.backend == "ray":
        return _choose_ray(options)
    if options.backend == "colab":
        return _choose_colab(options)
    return partial(_open_local, GpuPlaces(find_gpus(options.gpus), read_share(options.gpus_per_run)))


def _open_local(places: GpuPlaces, batch: Batch, todo: int, lock: Lock) -> Backend:
    from colab_starter.run.backends.local import LocalBackend
    from colab_starter.run.overlays.folders import Overlays

    cores = count_cores()
    jobs = batch.options.jobs or choose_jobs(todo, places.capacity, cores, available_memory())
    if places.capacity is not None and jobs > places.capacity:
        jobs = places.capacity
        batch.say(f"{plural(jobs, 'run')} at once, by the number of GPUs (--gpus-per-run 0.5 lets two share one)")
    threads = share_threads(min(jobs, todo), cores)
    overlays = Overlays(batch.kept_environment)
    log = batch.folder / SERVER_LOG
    backend = LocalBackend(jobs, places, threads, log, keep_fds=lock.descriptors, overlays=overlays, mask=batch.mask)
    return batch.store.wrap(backend)


def _choose_ray(options: Options) -> OpenBackend:
    from colab_starter.run.backends.ray import RayBackend
    from colab_starter.run.backends.ray.backend import check_ray, read_needs

    check_ray(options.address)
    needs = read_needs(options.cpus_per_run, options.gpus, options.gpus_per_run)

    def open_ray(batch: Batch, todo: int, lock: Lock) -> Backend:
        if batch.store.is_of_this_process:
            raise WrongOptionError(f"--backend ray cannot write to {batch.store.name}; give a store that all nodes see")
        folder = None if batch.store.is_remote else batch.folder
        log = batch.folder / RAY_LOG
        backend = RayBackend(
            options.address,
            needs,
            options.jobs,
            folder,
            batch.cwd,
            log,
            keep_fds=lock.descriptors,
            secrets=options.secrets,
            mask=batch.mask,
            is_insecure_allowed=options.insecure_cluster,
        )
        if backend.notice:
            batch.say(backend.notice)
        return backend

    return open_ray


def _choose_colab(options: Options) -> OpenBackend:
    from colab_starter.run.backends.colab import ColabBackend
    from colab_starter.run.backends.colab.sessions import accelerator_options
    from colab_starter.run.backends.colab.tool import find_program

    accelerator_options(options.gpu)
    find_program()

    def open_colab(batch: Batch, todo: int, lock: Lock) -> Backend:
        return batch.store.wrap(ColabBackend(options.session, options.gpu, min(options.sessions, todo)))

    return open_colab
