"""What a notebook can keep of a kernel's message."""

import json
import math
from typing import Any

import pytest
from nbformat.v4 import new_output

from colab_starter.run.kernels.messages import keep_content


def nest(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def check_display(content: dict[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The data that is kept, which nbformat finds valid (or raises an error), and what is said of the rest."""
    kept = keep_content("display_data", content)
    if kept.content:
        new_output("display_data", kept.content["data"], metadata=kept.content["metadata"])
        json.dumps(kept.content, allow_nan=False).encode()
    return kept.content and kept.content["data"], kept.remarks


def test_an_ordinary_output_stays_as_it_is() -> None:
    data = {
        "text/plain": "a",
        "text/html": ["<b>", "</b>"],
        "application/json": {"a": [1, 2.5, None]},
        "image/png": "x",
    }
    assert check_display({"data": data, "metadata": {}, "transient": {}}) == (data, [])


@pytest.mark.parametrize(
    ("data", "kept", "said"),
    [
        ({"application/x": {"a": 1}}, None, "application/x: it is an object, not text"),
        ({"text/plain": None}, None, "text/plain: it is null, not text"),
        ({"text/plain": True}, None, "text/plain: it is true or false, not text"),
        ({"text/plain": "a", "text/html": 5}, {"text/plain": "a"}, "text/html: it is a number, not text"),
        ({"text/plain": ["a", 5]}, None, "text/plain: it is a list, not text"),
        ({"": []}, {"": []}, ""),
        ({"": {}}, None, "a form without a type: it is an object"),
        ({"application/json": nest(500)}, None, "display_data: nested more than 100 levels deep"),
        ({"application/vnd.x+json": math.nan}, {"application/vnd.x+json": "nan"}, ""),
        ({"application/json": [1, -math.inf, 10**400]}, {"application/json": [1, "-inf", 10**400]}, ""),
        ({"application/json": [1, 2.5, 10**400]}, {"application/json": [1, 2.5, 10**400]}, ""),
        ({"text/plain": "half \ud800"}, {"text/plain": "half \\ud800"}, ""),
        ({"text/plain\udfff": "a"}, {"text/plain\\udfff": "a"}, ""),
        ({}, {}, ""),
        ([], None, "its data is a list"),
        (None, None, "its data is null"),
        ("text", None, "its data is a text"),
    ],
)
def test_what_a_notebook_cannot_keep_is_left_out_and_named(data: Any, kept: Any, said: str) -> None:
    found, remarks = check_display({"data": data, "metadata": {}, "transient": {}})
    assert found == kept
    assert said in " ".join(remarks)
    assert bool(said) == bool(remarks)


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"text/plain": "a"}},
        {"data": {"text/plain": "a"}, "metadata": None, "transient": None},
        {"data": {"text/plain": "a"}, "metadata": [], "transient": {"display_id": ["unhashable"]}},
    ],
)
def test_what_is_missing_beside_the_data_is_filled_in(content: dict[str, Any]) -> None:
    kept = keep_content("execute_result", content)
    assert kept.content == {"data": {"text/plain": "a"}, "metadata": {}, "transient": {}, "execution_count": None}


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ({"name": "stdout", "text": "a"}, {"name": "stdout", "text": "a"}),
        ({"name": "stderr", "text": ["a", "b"]}, {"name": "stderr", "text": "ab"}),
        ({"name": "other", "text": "\udc00"}, {"name": "stdout", "text": "\\udc00"}),
        ({"text": "a"}, {"name": "stdout", "text": "a"}),
        ({"name": "stdout", "text": None}, None),
        ({}, None),
    ],
)
def test_a_stream_is_text(content: dict[str, Any], kept: Any) -> None:
    assert keep_content("stream", content).content == kept
    assert bool(keep_content("stream", content).remarks) == (kept is None)


@pytest.mark.parametrize("traceback", [None, [], "text", 5, ["a", None, 5, {}], {"a": 1}])
def test_an_error_always_says_something(traceback: object) -> None:
    for content in ({"ename": "E", "evalue": "v", "traceback": traceback}, {"ename": None, "traceback": traceback}, {}):
        kept = keep_content("error", content)
        assert kept.content
        assert kept.content["traceback"]
        new_output("error", **kept.content)


@pytest.mark.parametrize(("count", "kept"), [(3, True), (None, True), (-1, False), ("3", False), (True, False)])
def test_a_count_that_is_none_is_left_out(count: object, kept: bool) -> None:
    content = keep_content("execute_input", {"code": "1", "execution_count": count}).content
    assert content is not None
    assert ("execution_count" in content) == kept


def test_a_widget_without_an_id_is_left_out() -> None:
    assert keep_content("comm_open", {"comm_id": 5, "data": {}}).content is None
    assert keep_content("comm_open", {"comm_id": "a", "data": {}}).content == {"comm_id": "a", "data": {}}


def test_a_message_that_cannot_be_read_is_named_with_its_reason() -> None:
    assert keep_content("unreadable", {"reason": "ValueError: why"}) == (
        None,
        ["a message that cannot be read (ValueError: why)"],
    )
