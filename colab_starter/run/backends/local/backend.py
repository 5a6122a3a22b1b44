"""Runs on this machine: one process each, forked from one that has preloaded the notebook's modules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from colab_starter.errors import OverlayError
from colab_starter.run.backends.gpus import GpuPlaces, set_visible
from colab_starter.run.backends.workers import Worker, WorkerBackend, end_early
from colab_starter.run.job import Ended, Job, WarmPlan
from colab_starter.run.overlays.folders import Overlays
from colab_starter.run.secrets import Mask

WORKER = "colab_starter.run.worker.attempt:run_job"


class LocalBackend(WorkerBackend):
    """Executes ``jobs`` at once, or fewer if there are not enough GPUs."""

    def __init__(
        self,
        jobs: int,
        places: GpuPlaces,
        environment: Mapping[str, str],
        log: Path,
        keep_fds: Sequence[int] = (),
        overlays: Overlays | None = None,
        mask: Mask | None = None,
    ) -> None:
        """``environment`` is given to every run; ``log`` gets what the fork servers print.

        ``overlays`` makes the overlays of jobs that have one; None makes temporary ones. For the others, see
        ``WorkerBackend``.
        """
        self._overlays = overlays or Overlays()
        super().__init__(environment, log, keep_fds, mask)
        self._jobs = jobs if places.capacity is None else min(jobs, places.capacity)
        self._places = places
        self._gpus: dict[str, tuple[str, ...]] = {}

    @property
    def capacity(self) -> int:
        return self._jobs

    def prepare(self, plan: WarmPlan | None) -> None:
        """Start preloading what runs of this plan need; returns at once. Raises OverlayError."""
        self._find_server(self._overlays.place_plan(plan or WarmPlan()))

    @property
    def left_out(self) -> dict[str, str]:
        """Modules of the plans that were not preloaded, and why."""
        return {module: why for server in self.servers for module, why in server.left_out.items()}

    def submit(self, job: Job) -> None:
        gpus = self._places.take()
        variables = {**self._environment, **set_visible(gpus), **job.environment}
        job = replace(job, environment=variables)
        place = f"GPU {','.join(gpus)}" if gpus else ""
        try:
            job = self._overlays.place(job)
            self._start_worker(job, WORKER, job, job.warm or WarmPlan(), place)
        except (OSError, OverlayError) as error:
            self._places.give_back(gpus)
            self._events.append(end_early(job, f"could not be started: {error}"))
            return
        self._gpus[job.run] = gpus

    def close(self) -> None:
        super().close()
        self._overlays.close()

    def _list_kept(self) -> tuple[int, ...]:
        return (*super()._list_kept(), *self._overlays.descriptors)

    def _release(self, worker: Worker, ended: Ended, *, is_told: bool) -> None:
        self._places.give_back(self._gpus.pop(worker.job.run))
        self._overlays.release(worker.job)
        super()._release(worker, ended, is_told=is_told)
