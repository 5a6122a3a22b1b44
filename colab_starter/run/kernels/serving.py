"""The loop of the process that forks workers. A single thread and no event loop: nothing that a fork could break."""

import importlib
import os
import pickle
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Collection
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from colab_starter.run.kernels import system
from colab_starter.run.kernels.heritage import Heritage
from colab_starter.run.kernels.protocol import Exited

Channel: TypeAlias = "Connection[Any, Any]"

END_OF_WORKERS = 5.0
"""Seconds that workers have to end once the coordinator is gone."""


class Serving:
    """Forks a worker for each request, and cleans up what they leave."""

    def __init__(self, control: Channel, keeper: Channel, heritage: Heritage, keep: Collection[int]) -> None:
        self._control = control
        self._keeper = keeper
        self._heritage = heritage
        self._keep = frozenset(keep)
        self._workers: dict[int, Channel] = {}
        self._ended: dict[int, int] = {}
        """Reaped workers that still have living processes: PID -> status."""
        self._wake, self._waker = socket.socketpair()
        self._listen_for_children()

    def _listen_for_children(self) -> None:
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Serve until the coordinator or the keeper is gone."""
        while True:
            ready = self._wait(None)
            if self._keeper.fileno() in ready:
                return self._end(0)
            if self._wake.fileno() in ready:
                self._reap()
            if self._control.fileno() in ready and not self._answer():
                return self._end(END_OF_WORKERS)

    def _wait(self, timeout: float | None) -> set[int]:
        waiting = select.poll()
        for source in (self._control, self._keeper, self._wake):
            waiting.register(source.fileno(), select.POLLIN)
        return {descriptor for descriptor, _ in waiting.poll(None if timeout is None else timeout * 1000)}

    def _answer(self) -> bool:
        """Fork the requested worker; False if the client is gone."""
        try:
            target = self._control.recv_bytes().decode()
            channel, payload = (reduction.recv_handle(self._control) for _ in range(2))
        except (EOFError, OSError):
            return False
        pid = system.fork()
        if not pid:
            self._become_worker(target, channel, payload)
        os.close(payload)
        self._workers[pid] = Connection(channel)
        return True

    def _become_worker(self, target: str, channel: int, payload: int) -> NoReturn:
        """Call the target in this fork, and end with status 0, or 1 after an exception."""
        status = 1
        try:
            os.setsid()
            system.adopt_orphans()
            system.reset_signals()
            system.close_descriptors({channel, payload, *self._keep, *self._heritage.descriptors})
            with os.fdopen(payload, "rb") as file:
                argument = pickle.load(file)
            module, _, name = target.partition(":")
            getattr(importlib.import_module(module), name)(argument, Connection(channel))
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            with suppress(OSError):  # the log has no reader any more: the coordinator was killed
                traceback.print_exc()
        finally:
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        """Reap the workers that have ended, kill what they have left, and then report them."""
        with suppress(BlockingIOError):
            self._wake.recv(4096)
        self._collect_statuses()
        if self._ended and self._kill_orphans():
            return  # the end of each wakes this again
        for pid, status in self._ended.items():
            self._report(pid, status)
        self._ended.clear()

    def _collect_statuses(self) -> None:
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                if pid in self._workers:
                    self._ended[pid] = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            pass

    def _kill_orphans(self) -> bool:
        """Kill the children that are not workers, with their descendants; returns whether there was one."""
        orphans = system.list_descendants(os.getpid(), without=self._workers.keys())
        for pid in orphans:
            system.kill(pid)
        return bool(orphans)

    def _report(self, pid: int, status: int) -> None:
        channel = self._workers.pop(pid)
        shutil.rmtree(Path(self._heritage.folder, str(pid)), ignore_errors=True)
        with suppress(OSError):  # there may be no listener any more
            channel.send(Exited(status))
        channel.close()

    def _end(self, patience: float) -> None:
        """Wait for the workers, which also notice the coordinator's end, and kill what is left."""
        system.kill(os.getppid(), signal.SIGCONT)  # the keeper may have been stopped, and must end after this
        deadline = time.monotonic() + patience
        self._collect_statuses()
        while len(self._workers) > len(self._ended) and time.monotonic() < deadline:
            time.sleep(0.01)
            self._collect_statuses()
        system.kill_children()
