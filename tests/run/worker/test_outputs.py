"""What messages put into the cells, and that the work for one does not grow with those before it."""

from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.worker.executed_notebook import ExecutedNotebook
from colab_starter.run.worker.outputs import SCRAP_TYPE, CellOutputs
from colab_starter.run.worker.streams import Stream
from tests.run.counted import count_lines

Message = dict[str, Any]


def make_outputs(cells: int = 1) -> CellOutputs:
    """Of a notebook whose cells are executed by the requests 0, 1, 2 ..."""
    notebook = ExecutedNotebook(v4.new_notebook(cells=[v4.new_code_cell("") for _ in range(cells)]))
    outputs = CellOutputs(notebook)
    outputs.answer_by(lambda kind, content: None)
    for index in range(cells):
        outputs.expect(str(index), index)
    return outputs


def message(kind: str, request: int = 0, **content: Any) -> Message:
    header = {"msg_type": kind}
    return {
        "msg_type": kind,
        "header": header,
        "parent_header": {"msg_id": str(request)},
        "metadata": {},
        "content": content,
        "buffers": [],
    }


def display(value: Any, shown: str | None = None, kind: str = "display_data") -> Message:
    transient = {} if shown is None else {"display_id": shown}
    return message(kind, data={"text/plain": str(value)}, metadata={}, transient=transient)


def printed(text: str, name: str = "stdout", request: int = 0) -> Message:
    return message("stream", request, name=name, text=text)


def scrap(number: int) -> Message:
    value = {"name": f"s{number}", "data": number, "encoder": "json", "version": 1}
    return message("display_data", data={SCRAP_TYPE: value}, metadata={"scrapbook": {"name": f"s{number}"}})


def inside_widget(content: Iterator[Message]) -> Iterator[Message]:
    state = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "outputs": []}
    yield message("comm_open", comm_id="w", target_name="jupyter.widget", data={"state": state})
    yield message("comm_msg", comm_id="w", data={"method": "update", "state": {"msg_id": "0"}})
    yield from content
    yield message("comm_msg", comm_id="w", data={"method": "update", "state": {"msg_id": ""}})


KINDS: dict[str, Callable[[int], Iterator[Message]]] = {
    "displays": lambda count: (display(number) for number in range(count)),
    "scraps": lambda count: (scrap(number) for number in range(count)),
    "updates of a display": lambda count: (
        display(number, "a", "update_display_data" if number else "display_data") for number in range(count)
    ),
    "updates of many displays, round robin": lambda count: (
        display(number, str(number % (count // 10)), "update_display_data" if number >= count // 10 else "display_data")
        for number in range(count)
    ),
    "displays that share an id": lambda count: (display(number, "a") for number in range(count)),
    "prints": lambda count: (printed(f"{number}\n") for number in range(count)),
    "a line that grows and spins": lambda count: (printed(".|\x08") for _ in range(count)),
    "a line that starts anew": lambda count: (printed(f"\r{number}") for number in range(count)),
    "carriage returns alone": lambda count: (printed("\r") for _ in range(count)),
    "prints to both streams": lambda count: (
        printed(f"{number}\n", ("stdout", "stderr")[number % 2]) for number in range(count)
    ),
    "prints between displays": lambda count: (
        display(number) if number % 2 else printed(f"{number}\n") for number in range(count)
    ),
    "clear_output before each display with a new id": lambda count: (
        display(number, str(number)) if number % 2 else message("clear_output", wait=True) for number in range(count)
    ),
    "errors": lambda count: (
        message("error", ename="E", evalue=str(number), traceback=["line"]) for number in range(count)
    ),
    "states of a widget": lambda count: (
        message("comm_msg", comm_id="p", data={"method": "update", "state": {"value": number}})
        for number in range(count)
    ),
    "messages of other kinds": lambda count: (message("odd_type", a=number) for number in range(count)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ten_times_the_messages_take_ten_times_the_work(kind: str) -> None:
    def work(count: int) -> int:
        outputs, messages = make_outputs(), list(KINDS[kind](count))

        def take_all() -> None:
            for one in messages:
                outputs.take(one)
            outputs.bring_up_to_date()

        return count_lines(take_all)

    few, many = work(200), work(2000)
    assert few < many <= 11 * few


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_comes_leaves_a_valid_notebook(kind: str) -> None:
    outputs = make_outputs()
    for one in KINDS[kind](30):
        outputs.take(one)
    outputs.bring_up_to_date()
    nbformat.validate(outputs.nb)


def test_an_output_is_not_checked_against_the_schema_which_takes_longer_than_all_the_rest() -> None:
    outputs, messages = make_outputs(), list(KINDS["displays"](100))
    assert count_lines(lambda: [outputs.take(one) for one in messages]) < 100 * 400


def test_each_output_of_many_is_there_in_its_order() -> None:
    outputs = make_outputs()
    for one in KINDS["displays"](5000):
        outputs.take(one)
    shown = [output["data"]["text/plain"] for output in outputs.nb.cells[0].outputs]
    assert shown == [str(number) for number in range(5000)]


def test_the_text_of_a_cell_that_is_over_is_not_put_together_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Stream] = []
    text = Stream.text

    def note(stream: Stream) -> str:
        asked.append(stream)
        return text(stream)

    monkeypatch.setattr(Stream, "text", note)
    outputs = make_outputs(cells=100)
    for index in range(100):
        outputs.take(printed("no end of the line", request=index))
        outputs.bring_up_to_date()
    assert len(asked) == 100
    assert {cell.outputs[0].text for cell in outputs.nb.cells} == {"no end of the line"}


def test_what_a_cell_prints_late_is_put_into_it() -> None:
    outputs = make_outputs(cells=2)
    outputs.take(printed("soon ", request=0))
    outputs.bring_up_to_date()
    outputs.take(printed("late", request=0))
    outputs.take(printed("mine", request=1))
    outputs.bring_up_to_date()
    assert [cell.outputs[0].text for cell in outputs.nb.cells] == ["soon late", "mine"]


def test_updates_go_to_outputs_whatever_stands_before_them_by_then() -> None:
    outputs = make_outputs()
    for one in (printed("a", "stderr"), display(1, "x"), printed("b", "stderr"), printed("c"), display(2, "y")):
        outputs.take(one)
    for one in (display(3, "x", "update_display_data"), display(4, "y", "update_display_data")):
        outputs.take(one)
    outputs.bring_up_to_date()
    shown = [output.get("text") or output["data"]["text/plain"] for output in outputs.nb.cells[0].outputs]
    assert shown == ["a", "3", "c", "b", "4"]


def test_a_cell_whose_display_is_updated_is_saved_again() -> None:
    outputs = make_outputs()
    changed = outputs.notebook.changed
    outputs.take(display(1, "x"))
    outputs.bring_up_to_date()
    for value in (2, 3):
        changed.clear()
        outputs.take(display(value, "x", "update_display_data"))
        assert changed == {0}
        outputs.bring_up_to_date()
        assert outputs.nb.cells[0].outputs[0]["data"] == {"text/plain": str(value)}
