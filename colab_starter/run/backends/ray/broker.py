"""``python -m colab_starter.run.backends.ray.broker FOLDER LOG SECRET...``: runs the fork servers of a node.

The processes in which Ray executes tasks have threads, so they cannot be forked, and each would import the notebook's
modules again. The first task on a node starts this process, and all tasks of the sweep on that node ask it for workers.
It passes them the connection, and is not involved afterwards. It ends with the last task.
"""

import fcntl
import os
import shutil
import socket
import sys
import traceback
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeAlias

from colab_starter.errors import OverlayError
from colab_starter.run.backends.local.backend import WORKER
from colab_starter.run.job import Job, WarmPlan
from colab_starter.run.kernels import stopped
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.pool import ForkServerPool
from colab_starter.run.kernels.stopped import StoppedProcesses
from colab_starter.run.masked_log import MaskedLog
from colab_starter.run.overlays.folders import Overlays
from colab_starter.run.secrets import make_mask

Channel: TypeAlias = "Connection[Any, Any]"

SOCKET = "socket"
LOCK = "lock"
"""Held by a process that looks for the broker or ends it."""
FIRST_CLIENT = 60.0
"""Seconds that the first client has to connect."""


class Broker:
    """``listener`` is a Unix socket; each client is a process of Ray's.

    A client sends a ``WarmPlan``, which is not answered; or a ``Job``, answered by an empty string and then the
    descriptor of a connection to its worker, or by a string that says why not; or None when its worker has ended.
    """

    def __init__(self, folder: Path, log: MaskedLog) -> None:
        self._folder = folder
        self._log = log
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f"{SOCKET}.new"))
        self._listener.listen(128)
        os.rename(folder / f"{SOCKET}.new", folder / SOCKET)
        self._clients: list[Channel] = []
        self._servers = ForkServerPool(self._start_server)
        self._used: dict[Channel, ForkServer] = {}
        self._stopped = StoppedProcesses()
        self._overlays = Overlays()
        self._jobs: dict[Channel, Job] = {}
        """The last request of each client."""

    def serve(self) -> None:
        """Serve until the last client is gone; the fork servers, their workers and kernels end with this process."""
        patience = FIRST_CLIENT
        while True:
            ready = wait([self._listener, *self._clients], patience)
            self._stopped.look([server.pid for server in self._used.values()])
            if self._listener in ready:
                self._clients.append(Connection(self._listener.accept()[0].detach()))
            for client in [client for client in self._clients if client in ready]:
                self._answer(client)
            patience = stopped.INTERVAL if self._clients else FIRST_CLIENT
            if not self._clients and self._leave():
                return

    def _leave(self) -> bool:
        """Remove the folder, unless a client is about to connect."""
        with (self._folder / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if not wait([self._listener], 0):
                shutil.rmtree(self._folder)
                return True
        return False

    def close(self) -> None:
        self._servers.close()
        self._overlays.close()

    def _answer(self, client: Channel) -> None:
        try:
            request = client.recv()
            self._forget(client)
            if isinstance(request, Job):
                self._fork(client, request)
            elif isinstance(request, WarmPlan):
                with suppress(OverlayError):  # the job will report it
                    self._find_server(self._overlays.place_plan(request))
        except (EOFError, OSError):
            self._forget(client)
            self._clients.remove(client)
            client.close()

    def _forget(self, client: Channel) -> None:
        """Forget the client's job, whose worker has ended or will end."""
        self._used.pop(client, None)
        if job := self._jobs.pop(client, None):
            self._overlays.release(job)

    def _fork(self, client: Channel, job: Job) -> None:
        try:
            job = self._jobs[client] = self._overlays.place(job)
            server = self._find_server(job.warm or WarmPlan())
            connection = server.fork(WORKER, job)
        except (OSError, OverlayError) as error:
            return client.send(str(error))
        with connection:
            self._used[client] = server
            client.send("")
            reduction.send_handle(client, connection.fileno(), 0)

    def _find_server(self, plan: WarmPlan) -> ForkServer:
        return self._servers.find(plan, self._used.values())

    def _start_server(self, plan: WarmPlan) -> ForkServer:
        return ForkServer(plan, {}, self._log.descriptor, self._overlays.descriptors)


def main() -> None:
    folder, path, *names = sys.argv[1:]
    log = MaskedLog(Path(path), make_mask(os.environ, names))
    log.follow()
    _print_to(log.descriptor)
    try:
        broker = Broker(Path(folder), log)
        try:
            broker.serve()
        finally:
            broker.close()
    except BaseException:
        traceback.print_exc()
        raise SystemExit(1) from None
    finally:
        _print_to(os.open(os.devnull, os.O_WRONLY))
        log.close()


def _print_to(output: int) -> None:
    sys.stderr.flush()
    os.dup2(output, 1)
    os.dup2(output, 2)


if __name__ == "__main__":
    main()
