"""A node of the cluster from the point of view of a task on it, which gets workers from the node's broker."""

import fcntl
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, TypeAlias

from colab_starter.run import shims
from colab_starter.run.backends.ray.broker import LOCK, SOCKET
from colab_starter.run.job import Job, WarmPlan

Channel: TypeAlias = "Connection[Any, Any]"

START_LIMIT = 60.0
"""Seconds that the broker has to start."""
OF_RAYS_OWN = {
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "RAY_JOB_ID",
    "RAY_LD_PRELOAD_ON_WORKERS",
    "RAY_RAYLET_PID",
    "SPT_NOENV",
}
"""Environment variables that Ray sets for its own processes; kernels must have other values, or none."""


class Node:
    """This process's connection to the broker, made on first use and kept for later tasks."""

    def __init__(self, folder: Path, log: Path, secrets: Sequence[str] = ()) -> None:
        """``folder`` is the broker's, shared by all tasks of a sweep on this node, and by no others.

        ``secrets`` are names of further variables whose values are masked in the log.
        """
        self._folder = folder
        self._log = log
        self._secrets = secrets
        self.broker: Channel | None = None
        """None until it is first needed."""

    def warm(self, plan: WarmPlan) -> None:
        """Start preloading what runs of the plan need."""
        self._reach_broker().send(plan)

    def fork(self, job: Job) -> Channel:
        """A connection to a new worker that executes the job; see ``ForkServer.fork``. Raises OSError."""
        try:
            return self._fork(job)
        except (EOFError, ConnectionError):  # The broker has ended or died since the last task.
            self.broker = None
            return self._fork(job)

    def _fork(self, job: Job) -> Channel:
        broker = self._reach_broker()
        broker.send(job)
        if problem := broker.recv():
            raise OSError(problem)
        return Connection(reduction.recv_handle(broker))

    def finish(self) -> None:
        """Tell the broker that the worker has ended."""
        with suppress(OSError):
            self._reach_broker().send(None)

    def _reach_broker(self) -> Channel:
        if self.broker is None:
            self.broker = self._connect()
        return self.broker

    def _connect(self) -> Channel:
        while True:
            with self._open_lock() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._is_current(lock):
                    return self._find_or_start()

    def _open_lock(self) -> IO[str]:
        while True:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._folder.stat().st_uid != os.getuid():
                raise PermissionError(f"{self._folder} belongs to another user")
            with suppress(FileNotFoundError):  # The broker has just removed its folder.
                return (self._folder / LOCK).open("w")

    def _is_current(self, lock: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(lock.fileno()), (self._folder / LOCK).stat())
        except FileNotFoundError:
            return False

    def _find_or_start(self) -> Channel:
        connection = self._try_to_connect()
        if connection is None:
            start_broker(self._folder, self._log, self._secrets)
        deadline = time.monotonic() + START_LIMIT
        while connection is None:
            if time.monotonic() > deadline:
                raise OSError(f"no kernels can be started on {platform.node()}; see {self._log}")
            time.sleep(0.02)
            connection = self._try_to_connect()
        return connection

    def _try_to_connect(self) -> "Channel | None":
        ours = socket.socket(socket.AF_UNIX)
        try:
            ours.connect(str(self._folder / SOCKET))
        except OSError:
            ours.close()
            return None
        return Connection(ours.detach())


def start_broker(folder: Path, log: Path, secrets: Sequence[str]) -> None:
    """Start the broker so that it is not a child of this process, which kills its children when it ends.

    Its output goes to its log once it can be masked, and nowhere before that.
    """
    broker = [sys.executable, "-m", "colab_starter.run.backends.ray.broker", str(folder), str(log), *secrets]
    subprocess.run(
        [sys.executable, "-c", _START, *broker],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[4],  # where -m finds this very package
        env=clean_environment(dict(os.environ)),
        start_new_session=True,
        check=True,
    )


_START = "import subprocess, sys; subprocess.Popen(sys.argv[1:])"


def clean_environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment that kernels would inherit without Ray in between."""
    kept = {name: value for name, value in environment.items() if name not in OF_RAYS_OWN}
    if kept.get("PYTHONBREAKPOINT", "").startswith("ray."):
        del kept["PYTHONBREAKPOINT"]
    path = [part for part in kept.pop("PYTHONPATH", "").split(os.pathsep) if part and part != shims.FOLDER]
    return {**kept, "PYTHONPATH": os.pathsep.join(path)} if path else kept


def find_broker_folder(job_id: str, node_id: str) -> Path:
    """The broker's folder; its path is short, because a socket's path is limited to about 100 characters."""
    return Path("/tmp", f"colab-starter-ray-{os.getuid()}-{job_id}-{node_id[:12]}")
