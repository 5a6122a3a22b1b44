"""What the messages of a remote kernel tell of the kernel itself."""

from typing import Any

from colab_starter.run.kernels.connection import Message
from colab_starter.run.kernels.message_watch import MessageWatch


def make_message(kind: str, sender: str, asked_by: str = "", channel: str = "iopub", **content: Any) -> Message:
    parents = {"session": asked_by} if asked_by else {}
    parts = {"header": {"msg_type": kind, "session": sender}, "parent_header": parents, "metadata": {}, "buffers": []}
    return Message(channel, {**parts, "msg_type": kind, "content": content})


RESTARTING = make_message("status", "ours", execution_state="restarting")
BUSY = make_message("status", "kernel", "ours", execution_state="busy")


def test_the_replacement_of_a_dead_kernel_is_known_by_its_first_message_of_any_kind() -> None:
    for first in (
        make_message("status", "replacement", execution_state="starting"),
        make_message("iopub_welcome", "replacement"),
        make_message("kernel_info_reply", "replacement", "ours", channel="shell"),
    ):
        watch = MessageWatch("ours")
        for message in (BUSY, RESTARTING):
            watch.take(message, is_ipython=True)
        assert watch.expects_successor
        assert not watch.has_successor
        watch.take(first, is_ipython=True)
        assert watch.has_successor


def test_what_a_dead_kernel_said_last_is_not_of_its_replacement() -> None:
    watch = MessageWatch("ours")
    for message in (BUSY, RESTARTING, BUSY, make_message("stream", "kernel", "ours", text="late")):
        watch.take(message, is_ipython=True)
    assert not watch.has_successor
