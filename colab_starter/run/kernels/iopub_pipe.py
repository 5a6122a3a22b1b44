"""Keeping a kernel whose sockets are files from opening a TCP port for the output of its own forks.

ipykernel opens a loopback port for the output of processes that a notebook forks (``multiprocessing``), whatever
transport it uses. Run as a program, this file is ``ipykernel_launcher`` without that port, for any Python that has
ipykernel; so it imports nothing from this package.
"""

import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from zmq.eventloop.zmqstream import ZMQStream


def close_port() -> None:
    """Make kernels of this process that use socket files take the output of their forks through a file as well."""
    IPKernelApp.init_iopub = _with_socket_file(IPKernelApp.init_iopub)  # type: ignore[method-assign]


def _with_socket_file(init_iopub: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def init(application: Any, context: Any) -> None:
        if application.transport == "ipc":
            _use(f"ipc://{application.ip}-pipe")
        init_iopub(application, context)

    return init


def _use(address: str) -> None:
    def set_up_pipe_in(thread: Any) -> None:
        thread._pipe_uuid = os.urandom(16)
        pipe = thread.socket.context.socket(zmq.PULL)
        pipe.linger = 0
        pipe.bind(address)
        thread._pipe_in = ZMQStream(pipe, thread.io_loop)
        thread._pipe_in.on_recv(thread._handle_pipe_msg)

    def set_up_pipe_out(thread: Any) -> Any:
        context: Any = zmq.Context()  # the parent's does not survive a fork
        pipe = context.socket(zmq.PUSH)
        pipe.linger = 3000
        pipe.connect(address)
        return context, pipe

    IOPubThread._setup_pipe_in = set_up_pipe_in  # type: ignore[method-assign]
    IOPubThread._setup_pipe_out = set_up_pipe_out  # type: ignore[method-assign]


if __name__ == "__main__":
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        sys.path[0] = ""  # as after ``python -m``: ipykernel_launcher deletes it, or else a PYTHONPATH of this folder
    close_port()
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
