"""A kernel whose other sockets are files opens no TCP port either for what its own forks print.

ipykernel has a port on loopback for the output of processes that a notebook forks (``multiprocessing``), whatever
transport it was asked for. Run as a program, this file is ``ipykernel_launcher`` without that port, in any Python
that has an ipykernel; so it imports nothing of this package.
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
    """Let kernels of this process, where they speak over files, take the output of their forks over a file, too."""
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
        context: Any = zmq.Context()  # that of the parent does not outlive a fork
        pipe = context.socket(zmq.PUSH)
        pipe.linger = 3000
        pipe.connect(address)
        return context, pipe

    IOPubThread._setup_pipe_in = set_up_pipe_in  # type: ignore[method-assign]
    IOPubThread._setup_pipe_out = set_up_pipe_out  # type: ignore[method-assign]


if __name__ == "__main__":
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    close_port()
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
