"""The backend ``jupyter``: each run has its own kernel on one of the servers, and a worker here."""

import itertools
import os
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from colab_starter.errors import ColabStarterError, JupyterServerError, ServersLostError
from colab_starter.run.backends.jupyter.hosts import Host, end_kernel, end_own
from colab_starter.run.backends.jupyter.worker import RemoteJob
from colab_starter.run.backends.names import own_name
from colab_starter.run.backends.workers import Worker, WorkerBackend, end_early
from colab_starter.run.job import Ended, Event, Job, WarmPlan
from colab_starter.run.kernels.remote_connection import RECONNECT_TIMEOUT
from colab_starter.run.outcome import Status
from colab_starter.run.secrets import Mask
from colab_starter.run.stopping import StopLevel

WORKER = "colab_starter.run.backends.jupyter.worker:run_remote_job"
PLAN = WarmPlan(steps=(WORKER.partition(":")[0],))
"""Preloads what workers need, so that they do not have to import it."""


@dataclass
class _Slot:
    """A place for one run."""

    host: Host
    run: str = ""
    session: str = ""
    """The name of its kernel on the server."""


class JupyterBackend(WorkerBackend):
    """Executes ``jobs`` at once, spread evenly over the hosts; None means one on each.

    This process ends the kernels of killed workers; the workers end those of a killed coordinator.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        jobs: int | None,
        log: Path,
        keep_fds: Sequence[int] = (),
        mask: Mask | None = None,
        *,
        reconnect_timeout: float = RECONNECT_TIMEOUT,
    ) -> None:
        """``log``, ``keep_fds`` and ``mask``: see ``WorkerBackend``; ``reconnect_timeout``: see
        ``RemoteConnection``."""
        super().__init__({}, log, keep_fds, mask)
        self._hosts = list(hosts)
        self._reconnect_timeout = reconnect_timeout
        spread = itertools.islice(itertools.cycle(self._hosts), jobs or len(self._hosts))
        self._slots = [_Slot(host) for host in spread]
        self._numbers = itertools.count(1)
        self._threads = ThreadPoolExecutor(max(4, len(self._slots)), thread_name_prefix="servers")
        self._done: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        """Callbacks from the other threads for the runner's thread to call."""
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        self._is_closed = False
        self._waiting: dict[str, Job] = {}
        """Jobs whose host is being restored."""

    @property
    def capacity(self) -> int:
        """See ``Backend``; permanently lost hosts do not count."""
        return sum(not slot.host.is_lost or slot.host.can_return for slot in self._slots)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Empty, because nothing is preloaded on a server."""
        return {}

    def prepare(self, plan: WarmPlan | None) -> None:
        self._find_server(PLAN)

    def submit(self, job: Job) -> None:
        free = [slot for slot in self._slots if not slot.run]
        slot = min(free, key=lambda slot: slot.host.is_lost)
        slot.run, slot.session = job.run, own_name(next(self._numbers))
        self._waiting[job.run] = job
        if slot.host.is_lost:
            self._in_thread(slot.host.bring_back, partial(self._begin, slot))
        else:
            self._begin(slot, None)

    def _begin(self, slot: _Slot, error: ColabStarterError | None) -> None:
        """Start the worker, unless the run has been stopped or its host could not be restored."""
        job = self._waiting.pop(slot.run, None)
        if job is None:
            return
        try:
            if error:
                raise error
            slot.host.is_lost = False
            job = replace(job, warm=None, overlay=None)
            payload = RemoteJob(job, slot.host.access, slot.session, self._reconnect_timeout)
            self._start_worker(job, WORKER, payload, PLAN, slot.host.label)
        except ColabStarterError as failure:
            self._give_back(slot, end_early(job, str(failure)))
        except OSError as failure:
            self._give_back(slot, end_early(job, f"could not be started: {failure}"))

    def wait(self, timeout: float) -> list[Event]:
        """See ``Backend.wait``. Raises ServersLostError if no server is left on which a run could be started."""
        if not (self.capacity or self._events or any(slot.run for slot in self._slots)):
            names = ", ".join(host.label for host in self._hosts)
            raise ServersLostError(f"{names}: can no longer be reached; later, the same command resumes")
        return super().wait(timeout)

    def cancel(self, run: str, level: StopLevel) -> None:
        self._end_waiting(run, "stopped before the first cell", Status.INTERRUPTED)
        super().cancel(run, level)

    def prune(self, run: str, cause: str) -> None:
        self._end_waiting(run, cause, Status.PRUNED)
        super().prune(run, cause)

    def _end_waiting(self, run: str, cause: str, status: Status) -> None:
        if job := self._waiting.pop(run, None):
            slot = next(slot for slot in self._slots if slot.run == run)
            self._give_back(slot, end_early(job, cause, status))

    def close(self) -> None:
        """End what is still running here, and every kernel that was started on the servers."""
        if self._is_closed:
            return
        self._is_closed = True
        super().close()
        for host in self._hosts:
            if not host.is_lost:
                self._threads.submit(_try_to_end, host)
        self._threads.shutdown()
        os.close(self._woken)
        os.close(self._waker)

    def _release(self, worker: Worker, ended: Ended, *, is_told: bool) -> None:
        """Release a worker; if the server may have caused its end or still has its kernel, first check that.

        The kernel of a pruned run is always looked for: the next run needs its memory and its GPU.
        """
        slot = next(slot for slot in self._slots if slot.run == worker.job.run)
        outcome = ended.outcome
        is_in_order = is_told and (outcome.cell is not None or outcome.status in (Status.OK, Status.INTERRUPTED))
        if is_in_order and outcome.status not in (Status.KILLED, Status.PRUNED):
            self._give_back(slot, ended)
        else:
            self._in_thread(partial(end_kernel, slot.host.access, slot.session), partial(self._note_end, slot, ended))

    def _note_end(self, slot: _Slot, ended: Ended, error: ColabStarterError | None) -> None:
        slot.host.is_lost = isinstance(error, JupyterServerError)
        self._give_back(slot, ended)

    def _give_back(self, slot: _Slot, ended: Ended) -> None:
        slot.run = slot.session = ""
        self._events.append(ended)

    def _in_thread(self, work: Callable[[], None], then: Callable[[ColabStarterError | None], None]) -> None:
        """Do lengthy work in a thread; afterwards, ``wait`` calls ``then`` with the error, or None."""

        def do() -> None:
            error: ColabStarterError | None = None
            try:
                work()
            except ColabStarterError as caught:
                error = caught
            self._done.put(partial(then, error))
            with suppress(OSError):
                os.write(self._waker, b"x")

        self._threads.submit(do)

    def _list_sources(self) -> list[int]:
        return [self._woken]

    def _look_after(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
        while not self._done.empty():
            self._done.get()()


def _try_to_end(host: Host) -> None:
    with suppress(ColabStarterError):
        end_own(host.access)
