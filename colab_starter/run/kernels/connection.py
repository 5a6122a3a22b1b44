"""The sockets of a kernel: where they are, and the client's end of them."""

import hmac
import json
import os
import shutil
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import zmq
from jupyter_client.adapter import adapt
from jupyter_client.connect import write_connection_file
from jupyter_client.session import DELIM, Session

from colab_starter.run.kernels.heritage import get_heritage
from colab_starter.run.kernels.messages import UNREADABLE

_PORTS: dict[str, Any] = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
_CHANNELS = {"iopub": zmq.SUB, "shell": zmq.DEALER, "control": zmq.DEALER}
"""In the order in which messages are read: a cell's output comes before the reply that it has ended."""
_RECONNECT = 10
"""Milliseconds between attempts to connect to a kernel that has not bound its sockets yet."""
_AT_ONCE = 200
"""How many messages of a channel are read before the caller may check its deadlines."""


class Message(NamedTuple):
    """A message of the Jupyter protocol."""

    channel: str
    """``iopub``, ``shell`` or ``control``."""
    data: dict[str, Any]
    """``header``, ``parent_header``, ``msg_type``, ``content``, ``metadata``, ``buffers``, as nbclient takes it."""

    @property
    def kind(self) -> str:
        """The message type, such as ``stream`` or ``execute_reply``."""
        return str(self.data["msg_type"])

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = self.data["content"]
        return found

    @property
    def parent(self) -> str:
        """The ID of the request that it belongs to; empty if there is none."""
        return str(self.data["parent_header"].get("msg_id", ""))


class Place(NamedTuple):
    """Where a kernel's sockets are: a folder that only this user may enter, and the connection file."""

    folder: Path
    connection_file: Path
    key: bytes

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def make_place(kernel_name: str) -> Place:
    """Make a new place under /tmp, because a socket's path is limited to about 100 characters."""
    heritage = get_heritage()
    if heritage:
        folder = Path(heritage.folder, str(os.getpid()))
        folder.mkdir(mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix="colab-starter-", dir="/tmp"))
    key = uuid.uuid4().hex.encode()
    file, _ = write_connection_file(
        str(folder / "kernel.json"), ip=str(folder / "k"), key=key, transport="ipc", kernel_name=kernel_name, **_PORTS
    )
    return Place(folder, Path(file), key)


class Connection:
    """The client's end of a kernel's iopub, shell and control sockets."""

    def __init__(self, place: Place) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._session = Session(key=place.key)
        self.sockets = {name: self._connect(name, kind, place) for name, kind in _CHANNELS.items()}

    def _connect(self, name: str, kind: int, place: Place) -> "zmq.Socket[Any]":
        socket: zmq.Socket[Any] = self._context.socket(kind)
        socket.linger = 0
        socket.rcvhwm = socket.sndhwm = 0  # no limit: nothing is dropped
        socket.reconnect_ivl = _RECONNECT
        if kind == zmq.SUB:
            socket.subscribe(b"")
        else:
            socket.identity = self._session.bsession
        socket.connect(f"ipc://{place.folder}/k-{_PORTS[f'{name}_port']}")
        return socket

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request; returns its ID."""
        sent: Any = self._session.send(self.sockets[channel], kind, content)
        return str(sent["header"]["msg_id"])

    def take(self) -> list[Message]:
        """The messages that have arrived; does not wait. Anything else than a protocol message is ``UNREADABLE``."""
        messages = []
        for name, socket in self.sockets.items():
            for _ in range(_AT_ONCE):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                messages.append(Message(name, read_message(self._session, _cut_identities(frames))))
        return messages

    def close(self) -> None:
        for socket in self.sockets.values():
            socket.close()
        self._context.term()


def _cut_identities(frames: list[bytes]) -> list[bytes]:
    return frames[frames.index(DELIM) + 1 :] if DELIM in frames else []


def read_message(session: Session, parts: list[bytes]) -> dict[str, Any]:
    """Decode a message; its parts have the protocol's types, whatever code in the kernel has sent.

    ``parts`` are the signature, header, parent header, metadata, content and buffers. What cannot be decoded becomes a
    message of the type ``UNREADABLE``.
    """
    try:
        data = _decode(session, parts)
        data["parent_header"] = data["parent_header"] or {}
        _check_types(data)
    except Exception as error:
        return _make_unreadable(parts, f"{type(error).__name__}: {error}")
    return data


def _decode(session: Session, parts: list[bytes]) -> dict[str, Any]:
    """Like ``Session.deserialize``, half of whose time goes into dates that nobody reads."""
    if session.auth is not None and not hmac.compare_digest(parts[0], session.sign(parts[1:5])):
        raise ValueError("its signature is wrong")
    header, parent, metadata, content = map(session.unpack, parts[1:5])
    data = {"header": header, "msg_id": header["msg_id"], "msg_type": header["msg_type"], "parent_header": parent}
    data |= {"metadata": metadata, "content": content, "buffers": [memoryview(part) for part in parts[5:]]}
    adapted: dict[str, Any] = adapt(data)
    return adapted


def _check_types(data: dict[str, Any]) -> None:
    for name in ("header", "parent_header", "content", "metadata"):
        if not isinstance(data[name], dict):
            raise TypeError(f"its {name} is not an object")
    if not isinstance(data["msg_type"], str):
        raise TypeError("its type is not text")


def _make_unreadable(parts: list[bytes], reason: str) -> dict[str, Any]:
    """A placeholder for a message that cannot be decoded, with the request it belongs to if that is readable."""
    parent: Any = None
    with suppress(IndexError, ValueError, RecursionError):
        parent = json.loads(parts[2])
    return {
        "header": {"msg_type": UNREADABLE},
        "msg_type": UNREADABLE,
        "parent_header": parent if isinstance(parent, dict) else {},
        "metadata": {},
        "content": {"reason": reason},
        "buffers": [],
    }


def listen(connection: Connection | None, descriptors: list[int], timeout: float | None) -> tuple[set[int], bool]:
    """Wait for descriptors and messages; returns the readable descriptors, and whether there are messages."""
    poller = zmq.Poller()
    for socket in connection.sockets.values() if connection else ():
        poller.register(socket, zmq.POLLIN)
    for descriptor in descriptors:
        poller.register(descriptor, zmq.POLLIN)
    found = poller.poll(None if timeout is None else round(max(0, timeout) * 1000))
    ready = {source for source, _ in found if isinstance(source, int)}
    return ready, len(ready) < len(found)
