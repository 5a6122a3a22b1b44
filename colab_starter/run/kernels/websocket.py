"""A kernel's channels through a Jupyter server: one websocket for all of them.

https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html describes the two formats of its
frames. The newer one, ``v1.kernel.websocket.jupyter.org``, is requested; a server that does not know it uses the other.
"""

import itertools
import json
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from typing import Any

import requests
import websocket
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from websocket import ABNF

from colab_starter.errors import SocketLostError
from colab_starter.run.kernels.connection import Message, read_message

V1 = "v1.kernel.websocket.jupyter.org"
CONNECT_TIMEOUT = 10.0
SEND_TIMEOUT = 30.0
"""In seconds."""
MESSAGES_AT_ONCE = 200
"""How many are read before the caller may check its deadlines."""
_PARTS = ("header", "parent_header", "metadata", "content")


class KernelSocket:
    """An open websocket. Every failure raises SocketLostError, after which it is unusable."""

    def __init__(self, url: str, headers: Mapping[str, str], session: Session) -> None:
        self.heard = time.monotonic()
        """When the last frame of any kind arrived, by ``time.monotonic``."""
        self.has_more = False
        """Whether ``take`` has left messages that do not make ``fileno`` readable."""
        self._session = session
        self._lost: SocketLostError | None = None
        try:
            self._socket = websocket.create_connection(
                url,
                timeout=CONNECT_TIMEOUT,
                header={**headers, "Sec-WebSocket-Protocol": V1},  # as an option, it would have to be granted
                suppress_origin=True,
                redirect_limit=0,
                skip_utf8_validation=True,
                sslopt={"context": make_tls_context()} if url.startswith("wss:") else None,
                sockopt=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            )
        except websocket.WebSocketBadStatusException as error:
            raise SocketLostError(f"the server answered with status {error.status_code}", error.status_code) from None
        except (websocket.WebSocketException, OSError) as error:
            raise SocketLostError(_describe(error)) from None
        self._is_v1 = (self._socket.headers or {}).get("sec-websocket-protocol") == V1

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to ``take``."""
        return int(self._socket.fileno())  # type: ignore[no-untyped-call]

    def is_ready(self) -> bool:
        """Whether there is something to ``take``."""
        waiting = select.poll()
        waiting.register(self.fileno(), select.POLLIN)
        return self.has_more or bool(waiting.poll(0))

    def send(self, channel: str, message: Mapping[str, Any]) -> None:
        """Send a message made by ``Session.msg``."""
        if self._is_v1:
            parts = [channel.encode(), *(self._session.pack(message[name]) for name in _PARTS)]
            self._write(_join(parts), ABNF.OPCODE_BINARY)
        else:
            whole = {**message, "channel": channel, "buffers": []}
            self._write(json.dumps(whole, default=json_default).encode(), ABNF.OPCODE_TEXT)

    def ping(self) -> None:
        """Send a ping."""
        self._write(b"", ABNF.OPCODE_PING)

    def take(self) -> list[Message]:
        """The messages that have arrived; does not wait."""
        if self._lost:
            raise self._lost
        messages: list[Message] = []
        self._socket.settimeout(0)
        try:
            while len(messages) < MESSAGES_AT_ONCE:
                opcode, frame = self._socket.recv_data_frame(control_frame=True)
                self.heard = time.monotonic()
                if opcode == ABNF.OPCODE_CLOSE:
                    raise SocketLostError(f"the server closed the connection{_describe_close(frame.data)}")
                if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY):
                    messages.append(self._read(opcode, frame.data))
        except (BlockingIOError, ssl.SSLWantReadError):
            self.has_more = False
            return messages
        except SocketLostError as error:
            self._lost = error
        except (websocket.WebSocketException, OSError) as error:
            self._lost = SocketLostError(_describe(error))
        self.has_more = True
        if self._lost and not messages:
            raise self._lost
        return messages

    def close(self) -> None:
        """Close it without waiting for the server to agree."""
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    def _write(self, payload: bytes, opcode: int) -> None:
        self._socket.settimeout(SEND_TIMEOUT)
        try:
            self._socket.send(payload, opcode)
        except (websocket.WebSocketException, OSError) as error:
            self._lost = SocketLostError(_describe(error))
            raise self._lost from None

    def _read(self, opcode: int, payload: bytes) -> Message:
        if self._is_v1:
            channel, *parts = _split(payload)
            return Message(channel.decode(), read_message(self._session, [b"", *parts]))
        text, *buffers = _split_unversioned(payload) if opcode == ABNF.OPCODE_BINARY else [payload]
        whole = json.loads(text)
        parts = [json.dumps(whole.get(name)).encode() for name in _PARTS]
        return Message(str(whole.get("channel")), read_message(self._session, [b"", *parts, *buffers]))


def _join(parts: list[bytes]) -> bytes:
    """A frame of v1: the number of offsets, the offsets of the parts and of the end, and the parts."""
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def _split(payload: bytes) -> list[bytes]:
    count = struct.unpack_from("<Q", payload)[0]
    offsets = struct.unpack_from(f"<{count}Q", payload, 8)
    return [payload[start:end] for start, end in itertools.pairwise(offsets)]


def _split_unversioned(payload: bytes) -> list[bytes]:
    """Split a binary frame of the unnamed format into the JSON text and the buffers."""
    count = struct.unpack_from("!I", payload)[0]
    offsets = [*struct.unpack_from(f"!{count}I", payload, 4), len(payload)]
    return [payload[start:end] for start, end in itertools.pairwise(offsets)]


def find_authorities() -> str:
    """The file or folder of the trusted certificates, for both HTTP and websockets."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return named or str(requests.utils.DEFAULT_CA_BUNDLE_PATH)


def make_tls_context() -> ssl.SSLContext:
    place = find_authorities()
    if os.path.isdir(place):
        return ssl.create_default_context(capath=place)
    return ssl.create_default_context(cafile=place)


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _describe_close(payload: bytes) -> str:
    reason = payload[2:].decode(errors="replace")
    return f" ({reason})" if reason else ""
