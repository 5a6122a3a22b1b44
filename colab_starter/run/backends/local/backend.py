"""Runs on this machine: one process each, forked from one that has preloaded the notebook's modules.

If the kernels have another Python than this one, the processes that execute the runs are forked here, and the kernels
from a fork server in that Python.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import reduction
from pathlib import Path

from colab_starter.errors import OverlayError
from colab_starter.run.backends.gpus import GpuPlaces, set_visible
from colab_starter.run.backends.workers import Worker, WorkerBackend, end_early
from colab_starter.run.job import Ended, Event, Job, StartedCold, WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer, ServerState
from colab_starter.run.kernels.pool import ForkServerPool
from colab_starter.run.kernels.protocol import ENDED, GUARD
from colab_starter.run.overlays.folders import Overlays
from colab_starter.run.secrets import Mask
from colab_starter.run.worker.causes import describe_log

WORKER = "colab_starter.run.worker.attempt:run_job"
GUARDED_WORKER = "colab_starter.run.worker.guarded:run_guarded_job"


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
        self.kernel_servers = ForkServerPool(self._start_server)
        """The fork servers of kernels that have another Python."""
        self._kernel_servers_of_runs: dict[str, ForkServer] = {}

    @property
    def capacity(self) -> int:
        return self._jobs

    def prepare(self, plan: WarmPlan | None) -> None:
        """Start preloading what runs of this plan need; returns at once. Raises OverlayError."""
        plan = self._overlays.place_plan(plan or WarmPlan())
        if plan.kernel:
            with suppress(OSError):  # the first job will report it
                self._find_kernel_server(plan)
            plan = WarmPlan()
        self._find_server(plan)

    @property
    def left_out(self) -> dict[str, str]:
        """Modules of the plans that were not preloaded, and why."""
        servers = (*self.servers, *self.kernel_servers)
        return {module: why for server in servers for module, why in server.left_out.items()}

    def submit(self, job: Job) -> None:
        gpus = self._places.take()
        variables = {**self._environment, **set_visible(gpus), **job.environment}
        job = replace(job, environment=variables)
        place = f"GPU {','.join(gpus)}" if gpus else ""
        try:
            job = self._overlays.place(job)
            if not (job.warm and job.warm.kernel and self._start_guarded(job, place)):
                job = replace(job, warm=None) if job.warm and job.warm.kernel else job
                self._start_worker(job, WORKER, job, job.warm or WarmPlan(), place)
        except (OSError, OverlayError) as error:
            self._places.give_back(gpus)
            self._events.append(end_early(job, f"could not be started: {error}"))
            return
        self._gpus[job.run] = gpus

    def _start_guarded(self, job: Job, place: str) -> bool:
        """Start a worker for a kernel of another Python; returns whether that kernel can be forked."""
        assert job.warm
        assert job.warm.kernel
        try:
            server = self._find_kernel_server(job.warm)
        except OSError as error:
            why = f"{job.warm.kernel.python}: {error.strerror or error}"
            self._events.append(StartedCold(job.run, "", why))
            return False
        try:
            guard = server.fork(GUARD, None)
        except OSError:
            self._events.append(StartedCold(job.run, "", self._describe_end_of_server()))
            return False
        with guard:
            self._start_worker(job, GUARDED_WORKER, job, WarmPlan(), place)
            self._kernel_servers_of_runs[job.run] = server
            with suppress(OSError):  # the worker's server has died, which is noticed
                reduction.send_handle(self._workers[job.run].connection, guard.fileno(), server.pid)
        return True

    def _find_kernel_server(self, plan: WarmPlan) -> ForkServer:
        return self.kernel_servers.find(plan, self._kernel_servers_of_runs.values())

    def _name_place(self, event: Event, worker: Worker) -> Event:
        if isinstance(event, StartedCold) and event.why == ENDED:
            event = replace(event, why=self._describe_end_of_server())
        return super()._name_place(event, worker)

    def _describe_end_of_server(self) -> str:
        self._log.drain()
        said = describe_log(self._log.path)
        return f"{ENDED}: {said}" if said else ENDED

    def _list_servers(self, worker: Worker) -> list[int]:
        kernel_server = self._kernel_servers_of_runs.get(worker.job.run)
        return [*super()._list_servers(worker), *([kernel_server.pid] if kernel_server else [])]

    def _list_sources(self) -> list[int]:
        alive = (server for server in self.kernel_servers if server.poll() is not ServerState.DEAD)
        return [*super()._list_sources(), *(server.fileno() for server in alive)]

    def _look_after(self) -> None:
        for server in self.kernel_servers:
            server.poll()
        super()._look_after()

    def close(self) -> None:
        super().close()
        self._overlays.close()

    def _close_servers(self) -> None:
        super()._close_servers()
        self.kernel_servers.close()

    def _list_kept(self) -> tuple[int, ...]:
        return (*super()._list_kept(), *self._overlays.descriptors)

    def _release(self, worker: Worker, ended: Ended, *, is_told: bool) -> None:
        self._places.give_back(self._gpus.pop(worker.job.run))
        self._kernel_servers_of_runs.pop(worker.job.run, None)
        self._overlays.release(worker.job)
        super()._release(worker, ended, is_told=is_told)
