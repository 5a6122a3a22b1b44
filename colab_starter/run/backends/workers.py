"""Workers: processes on this machine, one for each run, forked from servers that may have preloaded modules."""

import os
import pickle
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from colab_starter.run.backends import Backend
from colab_starter.run.backends.lateness import Deadline, Lateness
from colab_starter.run.job import Due, Ended, Event, Job, Started, Stop, WarmPlan
from colab_starter.run.kernels import system
from colab_starter.run.kernels.forkserver import Exited, ForkServer, ServerState
from colab_starter.run.kernels.pool import ForkServerPool
from colab_starter.run.kernels.stopped import StoppedProcesses
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask, make_mask
from colab_starter.run.stopping import StopLevel
from colab_starter.run.worker.causes import describe_log


@dataclass
class Worker:
    """A process that executes a job, as seen by the coordinator."""

    job: Job
    connection: "Connection[Any, Any]"
    server: ForkServer
    place: str
    """Where its kernel runs, for display."""
    pid: int = 0
    """The process ID; 0 until the worker has reported it."""
    stop: Stop = field(default_factory=Stop)
    """What it was told."""
    deadline: Deadline = field(default_factory=Deadline)
    verdict: Outcome | None = None
    """How its run ends if the worker no longer reports that itself."""


class WorkerBackend(Backend):
    """Executes each job in a worker; subclasses decide where its kernel runs, and how many jobs run at once."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, keep_fds: Sequence[int] = (), mask: Mask | None = None
    ) -> None:
        """``environment`` is that of the servers and workers; ``log`` gets what they print, masked by ``mask``.

        ``keep_fds``, such as the sweep's lock, stay open in all of them, but not in kernels. A ``mask`` of None masks
        the secrets of the environment.
        """
        self._environment = dict(environment)
        self._log = MaskedLog(log, mask or make_mask(os.environ))
        self._log.follow()
        self._keep_fds = tuple(keep_fds)
        self.servers = ForkServerPool(self._start_server)
        """The fork servers of the workers."""
        self._workers: dict[str, Worker] = {}
        self._events: list[Event] = []
        self._stopped = StoppedProcesses()

    def _start_worker(self, job: Job, target: str, payload: object, plan: WarmPlan, place: str = "") -> None:
        """Call ``target`` (``package.module:function``) with the payload in a fork of the plan's server.

        Raises OSError and OverlayError.
        """
        server = self._find_server(plan)
        self._workers[job.run] = Worker(job, server.fork(target, payload), server, place)

    def _list_kept(self) -> tuple[int, ...]:
        """The descriptors that a new server must keep open."""
        return self._keep_fds

    def _release(self, worker: Worker, ended: Ended, *, is_told: bool) -> None:
        """Handle a worker's end; ``is_told`` says whether the worker itself has reported it."""
        self._events.append(ended)

    def _list_servers(self, worker: Worker) -> list[int]:
        """The process IDs of the fork servers that a worker depends on."""
        return [worker.server.pid]

    def _list_sources(self) -> list[int]:
        """Further descriptors to wait for, whose news ``_look_after`` handles."""
        return []

    def _look_after(self) -> None:
        """Do what is due after each wait."""

    def wait(self, timeout: float) -> list[Event]:
        workers = {worker.connection: worker for worker in self._workers.values()}
        alive = [server for server in self.servers if server.poll() is not ServerState.DEAD]
        servers = {server.fileno(): server for server in alive}
        for ready in wait([*workers, *servers, *self._list_sources()], 0 if self._events else timeout):
            if isinstance(ready, Connection):
                self._receive(workers[ready])
            elif isinstance(ready, int) and ready in servers:
                servers[ready].poll()
        self._look_after_workers()
        self._look_after()
        events, self._events = self._events, []
        return events

    def cancel(self, run: str, level: StopLevel) -> None:
        if worker := self._workers.get(run):
            self._stop(worker, Stop(level))

    def prune(self, run: str, cause: str) -> None:
        if worker := self._workers.get(run):
            self._stop(worker, Stop.prune(cause))

    def _stop(self, worker: Worker, stop: Stop) -> None:
        worker.stop = worker.stop.then(stop)
        with suppress(OSError):  # The worker has died; wait() will report it.
            worker.connection.send(stop)
        if stop.level is StopLevel.NOW:
            self._stopped.let_go_on(self._list_servers(worker))

    def close(self) -> None:
        for worker in self._workers.values():
            worker.connection.close()
        self._workers.clear()
        self._close_servers()
        self._log.close()

    def _close_servers(self) -> None:
        self.servers.close()

    def _receive(self, worker: Worker) -> None:
        """Read what the worker has sent; an end that it did not report is reported here."""
        for message in _read_messages(worker.connection):
            if isinstance(message, Ended):
                return self._finish(worker, message, is_told=True)
            if isinstance(message, Exited):
                return self._finish(worker, end_early(worker.job, describe_exit(message.status), Status.KILLED))
            if isinstance(message, Due):
                worker.deadline.set(message)
                continue
            if message is None:
                self.servers.discard(worker.server)
                self._log.drain()
                said = describe_log(self._log.path)
                cause = f"the process that runs are forked from died{f': {said}' if said else ''}"
                return self._finish(worker, end_early(worker.job, cause, Status.KILLED))
            if isinstance(message, Started):
                worker.pid = message.pid
            self._events.append(self._name_place(message, worker))

    def _name_place(self, event: Event, worker: Worker) -> Event:
        if isinstance(event, Started) and worker.place:
            return replace(event, place=worker.place)
        return event

    def _look_after_workers(self) -> None:
        """Continue stopped processes, and end workers that do not enforce their limits."""
        self._stopped.look({pid for worker in self._workers.values() for pid in self._list_servers(worker)})
        for worker in list(self._workers.values()):
            match worker.deadline.check():
                case Lateness.LATE:
                    self._stopped.let_go_on(self._list_servers(worker))
                case Lateness.LOST:
                    worker.verdict = worker.deadline.judge()
                    if worker.pid in system.list_descendants(worker.server.pid):
                        system.kill(worker.pid)
                case Lateness.STUCK:
                    worker.server.close()  # which kills what is left; its workers' connections will show that

    def _finish(self, worker: Worker, ended: Ended, *, is_told: bool = False) -> None:
        if worker.verdict and ended.outcome.status is Status.KILLED:
            ended = replace(ended, outcome=worker.verdict)
        if worker.stop.pruned and not is_told:
            ended = end_early(worker.job, worker.stop.pruned, Status.PRUNED)
        worker.connection.close()
        del self._workers[worker.job.run]
        self._release(worker, ended, is_told=is_told)

    def _find_server(self, plan: WarmPlan) -> ForkServer:
        return self.servers.find(plan, (worker.server for worker in self._workers.values()))

    def _start_server(self, plan: WarmPlan) -> ForkServer:
        return ForkServer(plan, self._environment, self._log.descriptor, self._list_kept())


def _read_messages(connection: "Connection[Any, Any]") -> Iterator[Any]:
    """The messages that have arrived; None last if there will never be any more."""
    try:
        while connection.poll():
            yield connection.recv()
    except (EOFError, OSError, pickle.UnpicklingError, ValueError):
        # Anything that is not a message is a partial one from a worker that was killed.
        yield None


def end_early(job: Job, cause: str, status: Status = Status.FAILED) -> Ended:
    """The end of a job whose worker did not report it."""
    return Ended(job.run, Outcome(status, cause))


def describe_exit(status: int) -> str:
    """How a worker ended, from the status in its ``Exited``."""
    if status < 0:
        return f"the process that ran it was killed by {signal.Signals(-status).name}"
    return f"the process that ran it ended with exit code {status}"
