"""The backend ``ray``: this process's side of it.

Ray itself is in a separate process (``driver``), so that its log lines, threads and signal handlers stay there, and a
cluster that breaks down only takes that process with it.
"""

import importlib.util
import math
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from colab_starter.errors import RayClusterError, RayLostError, RayMissingError, WrongOptionError
from colab_starter.run import shims
from colab_starter.run.backends import Backend
from colab_starter.run.backends.gpus import read_share
from colab_starter.run.backends.ray.messages import Cancel, Needs, Prepare, Refused, Room, Setup, Submit
from colab_starter.run.job import Ended, Event, Job, Stop, WarmPlan
from colab_starter.run.kernels.stopped import StoppedProcesses
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask, find_secrets, make_mask
from colab_starter.run.stopping import StopLevel

JOINING = 120.0
"""Seconds that it may take to join or start a cluster and to check its nodes."""
CLOSING = 20.0
"""Seconds that the driver has to end the runs and leave the cluster before it is killed."""


SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # avoids a warning about what runs without a GPU will see
    "RAY_USAGE_STATS_ENABLED": "0",  # the user was not asked
}


class RayBackend(Backend):
    """Executes jobs on the cluster at ``address``.

    None means the cluster that RAY_ADDRESS names or that runs on this machine; if there is none, one is started. Raises
    RayMissingError without Ray, WrongOptionError, and RayClusterError if the cluster cannot be reached or cannot
    execute these runs.
    """

    def __init__(
        self,
        address: str | None,
        needs: Needs,
        jobs: int | None,
        folder: Path | None,
        cwd: Path,
        log: Path,
        keep_fds: Sequence[int] = (),
        *,
        secrets: Sequence[str] = (),
        mask: Mask | None = None,
        is_insecure_allowed: bool = False,
    ) -> None:
        """``jobs``, ``folder``, ``cwd``, ``secrets`` and ``is_insecure_allowed`` are those of ``Setup``.

        ``log`` gets what Ray prints, and is kept only if something went wrong with Ray. ``keep_fds``, such as the
        sweep's lock, stay open until the cluster has been left. ``mask`` is for the log; None masks the secrets of the
        environment.
        """
        check_ray(address)
        self._log = MaskedLog(log, mask or make_mask(os.environ, secrets))
        self.notice = ""
        """A notice about the cluster for the user; may be empty."""
        self._capacity = 0
        self._running: set[str] = set()
        self._events: list[Event] = []
        self._is_lost = False
        self._stopped = StoppedProcesses()
        self._control, self.driver = _start_driver(self._log.descriptor, keep_fds)
        self._log.follow()
        try:
            setup = Setup(address, needs, jobs, str(folder or ""), str(cwd), tuple(secrets), is_insecure_allowed)
            self._control.send(setup)
            self._capacity = self._receive_room()
        except BaseException:
            self.close()
            raise

    def _receive_room(self) -> int:
        try:
            if not self._control.poll(JOINING):
                self.driver.kill()
                raise RayClusterError(
                    f"the Ray cluster did not answer in {JOINING:g} s ({self._log.path} may say why); "
                    "if it is gone for good, run: ray stop"
                )
            answer = self._control.recv()
        except (EOFError, OSError):
            raise RayClusterError(f"Ray could not be started; {self._log.path} has what it said") from None
        if isinstance(answer, Refused):
            raise RayClusterError(answer.reason)
        assert isinstance(answer, Room)
        self.notice = answer.notice
        return answer.capacity

    @property
    def capacity(self) -> int:
        return self._capacity

    def prepare(self, plan: WarmPlan | None) -> None:
        self._send(Prepare(plan or WarmPlan()))

    def submit(self, job: Job) -> None:
        """See ``Backend.submit``. Raises RayLostError once the cluster has been lost."""
        if self._is_lost:
            raise RayLostError(f"the Ray cluster was lost (see {self._log.path.name}); the same command resumes")
        self._running.add(job.run)
        self._send(Submit(_add_secrets(job, os.environ)))

    def wait(self, timeout: float) -> list[Event]:
        if not self._is_lost:
            self._receive(0 if self._events else timeout)
            self._stopped.look([self.driver.pid])
        events, self._events = self._events, []
        return events

    def cancel(self, run: str, level: StopLevel) -> None:
        if run in self._running:
            self._send(Cancel(run, Stop(level)))

    def prune(self, run: str, cause: str) -> None:
        if run in self._running:
            self._send(Cancel(run, Stop.prune(cause)))

    def close(self) -> None:
        self._control.close()
        self._is_lost = True
        self._stopped.let_go_on([self.driver.pid])
        try:
            self.driver.wait(CLOSING)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self._log.close()
        if not self.driver.returncode:
            self._log.path.unlink(missing_ok=True)

    def _send(self, message: object) -> None:
        with suppress(OSError):  # The driver has died; wait() will report it.
            self._control.send(message)

    def _receive(self, timeout: float) -> None:
        try:
            while self._control.poll(timeout):
                message = self._control.recv()
                if isinstance(message, Room):
                    self._capacity = message.capacity
                    continue
                timeout = 0
                self._events.append(message)
                if isinstance(message, Ended):
                    self._running.discard(message.run)
        except (EOFError, OSError, pickle.UnpicklingError):
            self._give_up()

    def _give_up(self) -> None:
        """Give up, as the driver is gone: the next sweep repeats what was running."""
        self._is_lost = True
        for run in sorted(self._running):
            self._events.append(Ended(run, Outcome(Status.INTERRUPTED, "the Ray cluster was lost")))
        self._running.clear()


def _start_driver(output: int, keep_fds: Sequence[int]) -> "tuple[Connection[Any, Any], subprocess.Popen[bytes]]":
    ours, theirs = socket.socketpair()
    path = [shims.FOLDER, *filter(None, [os.environ.get("PYTHONPATH")])]
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "colab_starter.run.backends.ray.driver", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parents[4],  # where -m finds this very package
            env={**SETTINGS, **os.environ, "PYTHONPATH": os.pathsep.join(path)},
            pass_fds=(theirs.fileno(), *keep_fds),
            start_new_session=True,
        )
    return Connection(ours.detach()), process


def _add_secrets(job: Job, environment: Mapping[str, str]) -> Job:
    """The job with this machine's secrets that its parameters hold, so that they are masked on the node too."""
    told = ascii(job.parameters)
    masks = {name: Mask(find_secrets({name: value}, job.secrets)) for name, value in environment.items()}
    spoken = {name: environment[name] for name, mask in masks.items() if mask.apply(told) != told}
    return replace(job, environment={**spoken, **job.environment})


def check_ray(address: str | None) -> None:
    """Raise RayMissingError without Ray, and WrongOptionError for addresses of Ray Client, which has no streams."""
    if not importlib.util.find_spec("ray"):
        raise RayMissingError('--backend ray needs Ray; run: pip install "colab-starter[ray]"')
    if address and address.startswith("ray://"):
        raise WrongOptionError(
            f"--address {address} is Ray Client's; start the sweep on a node of the cluster instead, with "
            "--address auto, or through: ray job submit"
        )


def read_needs(cpus: float, gpus: str, gpus_per_run: str) -> Needs:
    """Read --cpus-per-run, --gpus (auto or none) and --gpus-per-run. Raises WrongOptionError."""
    if gpus not in ("auto", "none"):
        raise WrongOptionError(f"--gpus {gpus!r} cannot be chosen on a Ray cluster, Ray does it; write auto or none")
    share = read_share(gpus_per_run)
    if gpus == "none":
        return Needs(cpus, 0)
    # Ray counts in ten-thousandths.
    wanted = share.gpus if share.runs_per_gpu == 1 else math.floor(10_000 / share.runs_per_gpu) / 10_000
    return Needs(cpus, None if wanted == 1 else wanted)
