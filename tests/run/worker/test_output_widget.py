"""What is shown inside ipywidgets' Output."""

from itertools import chain
from typing import Any

import pytest

from tests.run.counted import count_lines
from tests.run.worker.test_outputs import KINDS, Message, display, inside_widget, make_outputs, message, printed


class Kernel:
    """Keeps what it is told of the widget."""

    def __init__(self) -> None:
        self.told: list[list[dict[str, Any]]] = []

    def take(self, kind: str, content: dict[str, Any]) -> None:
        self.told.append([dict(output) for output in content["data"]["state"]["outputs"]])


def show(*messages: Message) -> tuple[Kernel, Any]:
    """What the kernel is told, and the outputs that the notebook keeps of the widget."""
    kernel, outputs = Kernel(), make_outputs()
    outputs.answer_by(kernel.take)
    for one in inside_widget(iter(messages)):
        outputs.take(one)
    outputs.bring_up_to_date()
    outputs.sync_widgets()
    assert outputs.nb.cells[0].outputs == []
    return kernel, outputs.widget_state["w"]["outputs"]


def test_the_notebook_and_the_kernel_get_all_that_is_shown() -> None:
    kernel, kept = show(printed("a\n"), printed("b\n"), printed("c", "stderr"), display(1), printed("d"))
    assert [output.get("text") or output["data"]["text/plain"] for output in kept] == ["a\nb\n", "c", "1", "d"]
    assert kernel.told[-1] == kept


@pytest.mark.parametrize("kind", ["prints", "displays"])
def test_the_kernel_is_not_told_everything_again_with_each_output(kind: str) -> None:
    kernel, kept = show(*KINDS[kind](1000))
    assert len(kernel.told) <= 12
    assert kernel.told[-1] == kept
    assert sum(map(len, kernel.told)) <= 4 * 1000


@pytest.mark.parametrize("kind", ["prints", "displays", "a line that starts anew"])
def test_ten_times_the_outputs_take_little_more_than_ten_times_the_work(kind: str) -> None:
    few = count_lines(lambda: show(*KINDS[kind](200)))
    many = count_lines(lambda: show(*KINDS[kind](2000)))
    assert many <= 15 * few  # what is told doubles: the last time comes by chance


def test_the_kernel_is_told_at_once_of_the_first_output() -> None:
    kernel, _ = show(printed("a"))
    assert kernel.told[0] == [{"output_type": "stream", "name": "stdout", "text": "a"}]


def test_clear_output_clears_the_widget() -> None:
    kernel, kept = show(display(1), message("clear_output", wait=False), display(2))
    assert [output["data"]["text/plain"] for output in kept] == ["2"]
    assert kernel.told[-1] == kept


def test_clear_output_waits_for_what_comes_next() -> None:
    _, kept = show(display(1), message("clear_output", wait=True))
    assert [output["data"]["text/plain"] for output in kept] == ["1"]
    _, kept = show(display(1), message("clear_output", wait=True), printed("x"))
    assert kept == [{"output_type": "stream", "name": "stdout", "text": "x"}]


def test_what_is_shown_in_it_later_follows_what_is_there() -> None:
    outputs = make_outputs()
    for one in chain(inside_widget(iter([printed("a")])), list(inside_widget(iter([printed("b")])))[1:]):
        outputs.take(one)
    outputs.bring_up_to_date()
    assert outputs.widget_state["w"]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "ab"}]


def test_what_the_kernel_sets_itself_afterwards_is_kept() -> None:
    outputs = make_outputs()
    mine = [{"output_type": "stream", "name": "stdout", "text": "set"}]
    set_by_kernel = message("comm_msg", comm_id="w", data={"method": "update", "state": {"outputs": mine}})
    for one in chain(inside_widget(iter([printed("a"), printed("b")])), [set_by_kernel]):
        outputs.take(one)
    outputs.bring_up_to_date()
    outputs.sync_widgets()
    assert outputs.widget_state["w"]["outputs"] == mine


def test_an_odd_state_of_a_widget_does_not_end_the_run() -> None:
    for odd in (None, "text", [3], [None], {"a": 1}, [{"output_type": "stream", "name": "stdout", "text": 3}]):
        outputs = make_outputs()
        opened, entered, *rest = inside_widget(iter([printed("a"), display(1)]))
        opened["content"]["data"]["state"]["outputs"] = odd
        for one in (opened, entered, *rest):
            outputs.take(one)
        outputs.bring_up_to_date()
        outputs.sync_widgets()
