"""``python -m colab_starter.run.backends.ray.driver DESCRIPTOR``: the process that talks to Ray.

The descriptor is of a socket whose other end belongs to the parent. When the parent ends, so do the runs.
"""

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from colab_starter.errors import RayClusterError
from colab_starter.run.backends.lateness import Deadline, Lateness
from colab_starter.run.backends.ray.cluster import Node, connect, count_places, list_nodes, settle_gpus
from colab_starter.run.backends.ray.messages import Cancel, Prepare, Refused, Room, Setup, Submit
from colab_starter.run.backends.ray.task import (
    Arrived,
    Place,
    Stops,
    name_attempt,
    probe,
    relay,
    warm,
)
from colab_starter.run.job import Due, Ended, Event, Job, Started, Stop
from colab_starter.run.kernels import system
from colab_starter.run.ledger.finished import find_outcome, read_outcome
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.stopping import StopLevel
from colab_starter.run.storage.address import is_address

Channel: TypeAlias = "Connection[Any, Any]"

LOOK_AT_NODES = 5.0
"""Seconds between two checks of which nodes there are."""
PROBE_LIMIT = 60.0
"""Seconds that the nodes have to report whether they can execute runs; silent ones may still be starting."""
OBEY = 5.0
"""Seconds that a run told to end at once has before Ray's process that executes it is killed."""
OBEY_PRUNING = 30.0
"""The same for a pruned run: there is more time for its notebook and its metrics, because nobody waits."""
MOST_LOSSES = 3
"""How often a run is repeated because its node or Ray's process there died; after that, it may be the cause."""


_remote: Any = ray.remote
"""Typed as Any, because its type hints lack some of its options."""


@dataclass
class _Run:
    """A submitted job that has not ended."""

    job: Job
    stream: Any = None
    """Ray's stream of its events, while there is one."""
    following: "asyncio.Task[Outcome | None] | None" = None
    """The task that reads the stream."""
    node_id: str = ""
    """The ID of the node that executes it."""
    is_started: bool = False
    stop: Stop = field(default_factory=Stop)
    deadline: Deadline = field(default_factory=Deadline)
    verdict: Outcome | None = None
    """How it ends if its node no longer reports that itself."""


class Driver:
    """Runs one task on the cluster for each run, and repeats those that were lost with a node."""

    def __init__(self, control: Channel, setup: Setup, notice: str) -> None:
        self._control = control
        self._notice = notice
        self._setup = setup
        self._place = Place(setup.folder, setup.cwd, setup.needs.cpus, setup.secrets)
        nodes = list_nodes()
        self._gpus = settle_gpus(setup.needs, nodes)
        self._capacity = self._count_capacity(nodes)
        if not self._capacity:
            raise RayClusterError(self._describe_lack())
        self._probe_nodes(nodes)
        self._relay = _remote(
            max_retries=0,
            max_calls=0,  # even a process that had a GPU is reused: it has not touched it
            num_returns="streaming",
            num_cpus=setup.needs.cpus,
            num_gpus=self._gpus,
        )(relay)
        here = self._on_node(ray.get_runtime_context().get_node_id(), soft=True)
        actor = _remote(num_cpus=0, max_restarts=-1, max_concurrency=100_000, scheduling_strategy=here)(Stops)
        self._stops = actor.remote()
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()

    async def serve(self) -> None:
        """Serve until the parent is gone; then nothing is left on the cluster."""
        self._control.send(Room(self._capacity, self._notice))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control.fileno(), self._read)
        looking = asyncio.create_task(self._look_at_nodes())
        await self._gone.wait()
        looking.cancel()
        await self._leave()

    def _read(self) -> None:
        try:
            while self._control.poll():
                self._obey(self._control.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._gone.set()

    def _obey(self, message: object) -> None:
        match message:
            case Submit(job):
                self._runs[job.run] = _Run(job)
                self._keep(self._execute(self._runs[job.run]))
            case Cancel(name, stop) if run := self._runs.get(name):
                self._cancel(run, stop)
            case Prepare(plan):
                for node in list_nodes():
                    self._on(node)(warm).remote(plan, self._place)

    def _keep(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, event: object) -> None:
        with suppress(OSError):  # The parent is gone; reading will show that too.
            self._control.send(event)

    async def _execute(self, run: _Run) -> None:
        """Execute a run to its end, on as many nodes as it takes."""
        outcome = None
        for _ in range(MOST_LOSSES + 1):
            outcome = await self._try(run)
            if outcome:
                break
        del self._runs[run.job.run]
        cause = f"the node, or Ray's process on it, died in each of {MOST_LOSSES + 1} attempts"
        self._send(Ended(run.job.run, outcome or Outcome(Status.KILLED, cause)))

    async def _try(self, run: _Run) -> Outcome | None:
        """Try the run once; returns how it ended, or None if its node or process was lost."""
        if run.stop.level:
            return _describe_stop(run.stop)
        run.deadline = Deadline()
        try:
            run.stream = self._relay.options(name=run.job.run).remote(run.job, self._stops, self._place)
            run.following = asyncio.create_task(self._follow(run))
            await asyncio.wait({run.following})
            if run.following.cancelled():
                return await asyncio.to_thread(settle_lost, run.job, run.verdict, run.stop)
            return run.following.result()
        except exceptions.TaskCancelledError:
            return run.verdict or _describe_stop(run.stop)
        except exceptions.OutOfMemoryError:
            return Outcome(Status.KILLED, "Ray ended it, because the memory of its node ran out")
        except (exceptions.RayTaskError, exceptions.RuntimeEnvSetupError, exceptions.TaskUnschedulableError) as error:
            return Outcome(Status.FAILED, f"Ray could not execute it: {_last_line(error)}")
        except exceptions.RayError:
            return await asyncio.to_thread(settle_lost, run.job, run.verdict, run.stop)
        finally:
            run.stream, run.following, run.node_id = None, None, ""

    async def _follow(self, run: _Run) -> Outcome | None:
        async for batch in run.stream:
            for event in await batch:
                if isinstance(event, Ended):
                    return event.outcome
                if isinstance(event, Arrived):
                    run.node_id = event.node_id
                elif isinstance(event, Due):
                    run.deadline.set(event)
                else:
                    self._pass_on(run, event)
        return None

    def _pass_on(self, run: _Run, event: Event) -> None:
        if isinstance(event, Started):
            if run.is_started:
                return
            run.is_started = True
        self._send(event)

    def _cancel(self, run: _Run, stop: Stop) -> None:
        run.stop = run.stop.then(stop)
        self._stops.set.remote(name_attempt(run.job), stop)
        if not run.is_started:
            self._kill(run)
        elif run.stop.level >= StopLevel.NOW:
            patience = OBEY_PRUNING if run.stop.pruned else OBEY
            asyncio.get_running_loop().call_later(patience, self._kill, run)

    def _kill(self, run: _Run) -> None:
        """Kill Ray's process that executes a run, or remove the run from Ray's queue."""
        if run.stream is not None:
            ray.cancel(run.stream, force=True)

    async def _leave(self) -> None:
        """End all runs."""
        for run in self._runs.values():
            self._cancel(run, Stop(StopLevel.LEAVE))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * OBEY)

    async def _look_at_nodes(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AT_NODES)
            self._end_late_runs()
            nodes = list_nodes()
            self._give_up_runs_elsewhere({node["NodeID"] for node in nodes})
            capacity = self._count_capacity(nodes)
            if capacity != self._capacity:
                self._capacity = capacity
                self._send(Room(capacity))

    def _end_late_runs(self) -> None:
        """End the runs whose nodes do not enforce their limits."""
        for run in self._runs.values():
            if run.deadline.check() is Lateness.LOST:
                run.verdict = run.deadline.judge()
                self._kill(run)

    def _give_up_runs_elsewhere(self, node_ids: set[str]) -> None:
        """Give up the runs of nodes that are gone: Ray itself waits minutes for a silent node."""
        for run in self._runs.values():
            if run.following and run.node_id and run.node_id not in node_ids:
                run.following.cancel()

    def _count_capacity(self, nodes: list[Node]) -> int:
        return self._setup.jobs or count_places(nodes, self._setup.needs.cpus, self._gpus)

    def _describe_lack(self) -> str:
        gpus = f" and {self._gpus:g} GPU" if self._gpus else ""
        return (
            f"no node of the Ray cluster has {self._setup.needs.cpus:g} CPU{gpus} for a run; "
            "ask for less, or give --jobs to wait for nodes that are added"
        )

    def _probe_nodes(self, nodes: list[Node]) -> None:
        streams = [self._on(node, num_returns="streaming")(probe).remote(self._place) for node in nodes]
        answered, _ = ray.wait(streams, num_returns=len(streams), timeout=PROBE_LIMIT)
        if not answered:
            raise RayClusterError(
                f"no node of the Ray cluster answered in {PROBE_LIMIT:g} s; "
                "has the cluster been started with the RAY_AUTH_MODE that is set here?"
            )
        for problem in map(_read_probe, answered):
            if problem:
                raise RayClusterError(problem)

    def _on(self, node: Node, **options: Any) -> Any:
        return _remote(
            num_cpus=0, max_retries=0, scheduling_strategy=self._on_node(node["NodeID"], soft=False), **options
        )

    def _on_node(self, node_id: str, *, soft: bool) -> Any:
        return NodeAffinitySchedulingStrategy(node_id, soft=soft)


def settle_lost(job: Job, verdict: Outcome | None, stop: Stop) -> Outcome | None:
    """The outcome of a run whose node or process was lost; None if it has to be repeated."""
    return _read_outcome(job) or verdict or (_describe_stop(stop) if stop.level else None)


def _describe_stop(stop: Stop) -> Outcome:
    """The outcome of a stopped run whose node does not report it."""
    if stop.pruned:
        return Outcome(Status.PRUNED, stop.pruned)
    return Outcome(Status.INTERRUPTED, "stopped before it began, or ended by force")


def _read_outcome(job: Job) -> Outcome | None:
    """The outcome of a run whose node was lost before it could report it; None if it had not ended."""
    if not is_address(job.output):
        return read_outcome(Path(job.output), job)
    # Imported here because it is slow and seldom needed.
    from colab_starter.run.storage.objects import Objects

    address, _, name = job.output.rpartition("/")
    try:
        return find_outcome(Objects(address).read(name), job)
    except OSError:
        return None


def _read_probe(stream: Any) -> str:
    try:
        return str(ray.get(next(stream)))
    except exceptions.RayTaskError as error:
        return f"a node of the Ray cluster cannot execute runs: {_last_line(error)}"
    except exceptions.RayError:
        return ""  # the node is gone by now


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:300]


async def _drive(control: Channel, setup: Setup) -> None:
    system.die_with_parent(os.getppid())  # a cluster that does not answer keeps Ray busy for minutes
    notice = connect(setup.address, is_insecure_allowed=setup.is_insecure_allowed)
    driver = Driver(control, setup, notice)
    system.outlive_parent()
    await driver.serve()
    ray.shutdown()


def main() -> None:
    control: Channel = Connection(int(sys.argv[1]))
    try:
        setup: Setup = control.recv()
        asyncio.run(_drive(control, setup))
    except RayClusterError as error:
        with suppress(OSError):
            control.send(Refused(str(error)))
    except EOFError:
        sys.exit(1)


if __name__ == "__main__":
    main()
