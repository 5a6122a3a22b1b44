"""Sent as text to an IPython kernel on a Jupyter server, where it manages the run's folder and transfers it back.

Works with IPython 7 (Colab's) and later and with Python 3.10 and later; needs nothing else.
"""

import base64
import functools
import json
import os
import platform
import shutil
import signal
import sys
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

KILL = "colab_starter_kill_request"
"""A control message: the next shutdown request kills the kernel."""


class RemoteSide:
    """The functions that the client calls, kept by IPython so that the notebook's own names are not affected.

    ``folder`` is the run's, made here and removed by ``clean_up``; the notebook's ``output_dir`` is ``output`` in it.
    It is empty if the notebook has none.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._output = os.path.join(folder, "output")
        self._archive = os.path.join(folder, "output.tar.gz")
        self._reports: list[Any] = []
        os.environ.update(environment)
        if folder:
            os.makedirs(folder, mode=0o700)
            os.mkdir(self._output)

    def tell_facts(self) -> "dict[str, Any]":
        """The machine's name, and the peak memory of this process in bytes."""
        try:
            import resource
        except ImportError:  # Windows
            return {"host": platform.node(), "peak_memory": None}
        unit = 1 if sys.platform == "darwin" else 1024
        return {"host": platform.node(), "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}

    def keep_reports(self, session: Any, kind: str) -> None:
        """Keep what is sent in messages of this type, because servers drop outputs when there are too many."""
        send = session.send

        @functools.wraps(send)
        def send_and_note(stream: Any, message: Any, content: Any = None, *args: Any, **options: Any) -> Any:
            if message == kind:
                self._reports.append(content)
            return send(stream, message, content, *args, **options)

        session.send = send_and_note

    def take_reports(self) -> str:
        """The reports since the last call, as JSON."""
        reports, self._reports = self._reports, []
        return json.dumps(reports)

    def pack(self) -> int:
        """Pack the output; returns the size of the archive in bytes, 0 if there are no files."""
        if not any(files for _, _, files in os.walk(self._output)):
            return 0
        with tarfile.open(self._archive, "w:gz", compresslevel=1) as archive:
            archive.add(self._output, arcname=".")
        return os.path.getsize(self._archive)

    def read(self, offset: int, size: int) -> str:
        """A piece of the archive, in base64."""
        with open(self._archive, "rb") as file:
            file.seek(offset)
            return base64.b64encode(file.read(size)).decode()

    def clean_up(self) -> None:
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def allow_killing(kernel: Any, clean_up: "Callable[[], None]") -> None:
    """Let a shutdown request that follows KILL kill the kernel with its process group, even in the middle of a cell.

    A server waits seconds for a kernel that does not notice an interrupt, such as one that is busy in C, before it
    kills it. ipykernel handles control messages in a thread of their own. KILL itself does not kill, because the server
    would start a successor of a kernel that dies before it is asked to shut down.
    """
    shut_down = kernel.control_handlers["shutdown_request"]
    is_told: list[bool] = []

    def end(*message: Any) -> Any:
        if not is_told:
            return shut_down(*message)
        clean_up()
        if os.name == "posix" and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    kernel.control_handlers["shutdown_request"] = end
    kernel.control_handlers[KILL] = lambda *_: is_told.append(True)


def set_up(folder: str, environment: Mapping[str, str], report: str) -> None:
    """Called once in a kernel, before its first cell; ``report`` is the type of messages that must not be lost."""
    import atexit

    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    shell.colab_starter = RemoteSide(folder, environment)
    shell.colab_starter.keep_reports(shell.kernel.session, report)
    # ``exit()`` would end the kernel and lose the files; the run ends with that cell in any case.
    shell.ask_exit = lambda *_, **__: None
    with suppress(AttributeError, KeyError):  # not every kernel is of ipykernel
        allow_killing(shell.kernel, shell.colab_starter.clean_up)
    atexit.register(shell.colab_starter.clean_up)
