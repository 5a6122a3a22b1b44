"""What Ray executes: relays on the nodes between workers and the coordinator, and one actor for stops."""

import asyncio
import os
import pickle
import platform
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import ray

from colab_starter import __version__
from colab_starter.run.backends.cpus import THREAD_VARIABLES
from colab_starter.run.backends.gpus import set_visible
from colab_starter.run.backends.ray.node import Node, find_broker_folder
from colab_starter.run.backends.workers import describe_exit, end_early
from colab_starter.run.job import Ended, Event, Job, Started, Stop, WarmPlan
from colab_starter.run.kernels.forkserver import Exited
from colab_starter.run.outcome import Status
from colab_starter.run.stopping import StopLevel
from colab_starter.run.storage.address import is_address

Channel: TypeAlias = "Connection[Any, Any]"

LOOK = 0.25
"""Seconds after which a relay checks for stops if nothing else happens."""
STOP_WAIT = 10.0
"""Seconds after which the request for stops is repeated, so that none is left from runs that have ended."""


@dataclass(frozen=True)
class Place:
    """What all tasks of a sweep have in common."""

    folder: str
    cwd: str
    """This and ``folder`` are as in ``Setup``."""
    cpus: float
    secrets: tuple[str, ...]
    """As in ``Setup``."""
    version: str = __version__


@dataclass(frozen=True)
class Arrived:
    """Reports which node executes a run."""

    node_id: str


class Stops:
    """An actor that knows which runs were told to end."""

    def __init__(self) -> None:
        self._told: dict[str, Stop] = {}
        self._changed = asyncio.Condition()

    async def set(self, run: str, stop: Stop) -> None:
        """Tell a run to end."""
        async with self._changed:
            self._told[run] = self._find(run).then(stop)
            self._changed.notify_all()

    async def wait(self, run: str, known: Stop) -> Stop:
        """Wait until a run has been told more than ``known``, or STOP_WAIT seconds; returns what it has been told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT), self._changed:
                await self._changed.wait_for(lambda: known.then(self._find(run)) != known)
        return self._find(run)

    def _find(self, run: str) -> Stop:
        return self._told.get(run, Stop())


class StopWatch:
    """Polls the actor without waiting for it."""

    def __init__(self, stops: Any, key: str) -> None:
        self._stops = stops
        self._key = key
        self._told = Stop()
        self._answer = stops.wait.remote(key, self._told)

    def read(self) -> Stop | None:
        """A stop that overrides the last one; None if there is none."""
        if not ray.wait([self._answer], timeout=0)[0]:
            return None
        before = self._told
        with suppress(ray.exceptions.RayError):  # The actor is restarted if it was lost.
            self._told = before.then(ray.get(self._answer))
        self._answer = self._stops.wait.remote(self._key, self._told)
        return self._told if self._told != before else None


def probe(place: Place) -> Iterator[str]:
    """What prevents this node from executing runs, in one line; empty if nothing does.

    It is a stream like the events of runs, so that their transport is tested too.
    """
    yield find_unfitness(place)


def find_unfitness(place: Place) -> str:
    host = platform.node()
    if place.version != __version__:
        return f"node {host} has colab-starter {__version__}, this is {place.version}; install the same on all nodes"
    if not Path(place.cwd).is_dir():
        return f"node {host} has no folder {place.cwd}; {_SHARE_CWD}"
    return _find_fault_of_folder(host, Path(place.folder)) if place.folder else ""


def _find_fault_of_folder(host: str, folder: Path) -> str:
    if not folder.is_dir():
        return f"node {host} has no folder {folder}; {_SHARE_OUT}"
    mark = folder / f".writable-{host}-{os.getpid()}"
    try:
        mark.touch()
        mark.unlink()
    except OSError as error:
        return f"node {host} cannot write into {folder} ({error.strerror}); {_SHARE_OUT}"
    return ""


_SHARE_OUT = "--out must be on storage that all nodes share, or an address such as s3://bucket/runs"
_SHARE_CWD = "put the notebook on storage that all nodes share, or give --cwd a folder that all nodes have"


def warm(plan: WarmPlan, place: Place) -> None:
    """Start preloading on this node what runs of the plan need."""
    get_node(place).warm(plan)


def relay(job: Job, stops: Any, place: Place) -> Iterator[list[Event | Arrived]]:
    """Execute a job in a worker of this node; yields where that is, then its events, ``Ended`` last.

    The worker and its kernel end when this process does.
    """
    yield [Arrived(ray.get_runtime_context().get_node_id())]
    gpus = _list_gpus()
    threads = dict.fromkeys(THREAD_VARIABLES, str(max(1, int(place.cpus))))
    job = replace(job, environment={**threads, **set_visible(gpus, {}), **job.environment})
    where = ", ".join([platform.node(), *[f"GPU {gpu}" for gpu in gpus]])
    node = get_node(place)
    try:
        if problem := _find_fault(job):
            yield [end_early(job, problem)]
            return
        channel = node.fork(job)
    except OSError as error:
        yield [end_early(job, f"could not be started on {platform.node()}: {error}")]
        return
    with channel:
        watch = StopWatch(stops, name_attempt(job))
        for events in _follow(job, channel, watch):
            yield [replace(event, place=where) if isinstance(event, Started) else event for event in events]
    node.finish()


def _follow(job: Job, channel: Channel, watch: StopWatch) -> Iterator[list[Event]]:
    """Relay until the run has ended: the worker's events to the coordinator, and stops to the worker."""
    while True:
        events = list(read_events(job, channel, LOOK))
        if events:
            yield events
        if events and isinstance(events[-1], Ended):
            return
        if stop := watch.read():
            _stop(channel, stop)


def read_events(job: Job, channel: Channel, timeout: float) -> Iterator[Event]:
    """The events that arrive within ``timeout`` seconds; a worker's end that it did not report is added."""
    try:
        while channel.poll(timeout):
            message = channel.recv()
            timeout = 0
            if isinstance(message, Exited):
                yield end_early(job, describe_exit(message.status), Status.KILLED)
                return
            yield message
            if isinstance(message, Ended):
                return
    except (EOFError, OSError, pickle.UnpicklingError):
        yield end_early(job, f"the process that runs are forked from died on {platform.node()}", Status.KILLED)


def _stop(channel: Channel, stop: Stop) -> None:
    with suppress(OSError):  # The worker has died; the next read will show that.
        if stop.level < StopLevel.LEAVE:
            return channel.send(stop)
        with socket.socket(fileno=os.dup(channel.fileno())) as both_ways:
            both_ways.shutdown(socket.SHUT_WR)  # as if this process were gone, but the worker's end can be waited for


def name_attempt(job: Job) -> str:
    return f"{job.run} {job.attempt}"


def _find_fault(job: Job) -> str:
    """Why the job cannot be executed on this node, which may have joined after the others were probed."""
    if not is_address(job.notebook) and not Path(job.notebook).is_file():
        return f"node {platform.node()} does not see {job.notebook}; {_SHARE_OUT}"
    if not Path(job.cwd).is_dir():
        return f"node {platform.node()} has no folder {job.cwd}; {_SHARE_CWD}"
    return ""


def _list_gpus() -> list[str]:
    """The GPUs that Ray assigned to this task, as named by CUDA_VISIBLE_DEVICES."""
    return [str(gpu) for gpu in ray.get_runtime_context().get_accelerator_ids().get("GPU", [])]


@cache
def get_node(place: Place) -> Node:
    """The node, one per process, in which Ray executes one task after another."""
    context = ray.get_runtime_context()
    job, node = context.get_job_id(), context.get_node_id()
    logs = Path(place.folder or tempfile.gettempdir())
    log = logs / f"warm-{platform.node()}-{job}-{node[:6]}.log"
    return Node(find_broker_folder(job, node), log, place.secrets)
