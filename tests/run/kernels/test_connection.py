"""What comes over a kernel's sockets, whatever code in the kernel has sent; with a real kernel."""

from collections.abc import Iterator

import pytest

from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.run.kernels.messages import UNREADABLE
from tests.run.kernels.talks import PATIENCE, Talk, start


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKernel]:
    kernel = start(Talk([], str(tmp_path_factory.mktemp("kernel")), warm=False))
    execute(kernel, PREPARE)
    yield kernel
    kernel.kill()


PREPARE = """
import json
kernel = get_ipython().kernel
def parent():
    return json.dumps({"msg_id": get_ipython().parent_header["header"]["msg_id"]}).encode()
def sign(*parts):
    return [b"<IDS|MSG>", kernel.session.sign(list(parts)), *parts]
def send(frames):
    kernel.iopub_socket.send_multipart(frames)
stream = b'{"msg_id": "a", "msg_type": "stream", "version": "5.3"}'
"""

FRAMES = [
    "[b'']",
    "[b'no message']",
    "[b'<IDS|MSG>']",
    "[b'<IDS|MSG>', b'wrong', b'{}', b'{}', b'{}', b'{}']",
    "sign(b'{}', b'{}', b'{}', b'{}')",
    "sign(b'[]', b'[]', b'[]', b'[]')",
    "sign(b'null', b'null', b'null', b'null')",
    "sign(b'{', b'{', b'{', b'{')",
    "sign(b'\\xff', b'\\xff', b'\\xff', b'\\xff')",
    "sign(stream)",
    "[b'<IDS|MSG>', b'', stream, b'{}', b'{}', b'{}']",
    "[b'<IDS|MSG>', b'0' * 64, stream, b'{}', b'{}', b'{}']",
]


def execute(kernel: LocalKernel, code: str) -> tuple[str, list[Message]]:
    """Execute a cell; returns the id of the request, and all that came on iopub until the kernel was idle again."""
    request, messages = kernel.execute(code), list[Message]()
    while not any(_is_idle(message, request) for message in messages):
        received = kernel.receive(PATIENCE)
        assert received.messages, f"nothing came for {PATIENCE} s"
        messages += received.messages
    return request, [message for message in messages if message.channel == "iopub"]


def _is_idle(message: Message, request: str) -> bool:
    return message.parent == request and message.content.get("execution_state") == "idle"


@pytest.mark.parametrize("frames", FRAMES)
def test_what_is_no_message_is_told_and_stops_nothing(kernel: LocalKernel, frames: str) -> None:
    _, found = execute(kernel, f"send({frames}); print(1)")
    [unreadable] = [message for message in found if message.kind == UNREADABLE]
    assert unreadable.content["reason"]
    assert unreadable.parent == ""
    assert "1\n" in [message.content["text"] for message in found if message.kind == "stream"]


@pytest.mark.parametrize("content", ["b'[]'", "b'5'", "b'[' * 100_000", "b'9' * 5000", "b'{'"])
def test_a_message_whose_content_cannot_be_read_still_says_whose_it_is(kernel: LocalKernel, content: str) -> None:
    request, found = execute(kernel, f"send(sign(stream, parent(), b'{{}}', {content}))")
    [unreadable] = [message for message in found if message.kind == UNREADABLE]
    assert unreadable.parent == request


def test_a_message_without_a_parent_is_readable(kernel: LocalKernel) -> None:
    sent = 'sign(stream, b\'null\', b\'{}\', b\'{"name": "stdout", "text": "a"}\')'
    _, found = execute(kernel, f"send({sent})")
    [message] = [message for message in found if message.kind == "stream"]
    assert (message.parent, message.content["text"]) == ("", "a")
