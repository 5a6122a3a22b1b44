"""What is secret, and that nothing of it is left."""

import html
import json
import time

import pytest
from nbformat import v4

from colab_starter.run.secrets import Mask, find_secrets

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"
AWKWARD = 'it\'s "50%" <é\\n>'


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "GITHUB_TOKEN_2",
        "PGPASSWORD",
        "DB_PASSWD",
        "OPENAI_API_KEY",
        "openai_apikey",
        "AWS_SECRET_ACCESS_KEY",
        "CLIENT_SECRET",
        "GOOGLE_CREDENTIALS",
        "SSH_PRIVATE_KEY",
    ],
)
def test_a_variable_whose_name_says_so_is_secret(name: str) -> None:
    assert find_secrets({name: "hunter2"}) == ["hunter2"]


@pytest.mark.parametrize("name", ["PATH", "PWD", "TOKENIZERS_PARALLELISM", "KEYBOARD", "PASSWORD_FILE", "MONKEY"])
def test_other_variables_are_not(name: str) -> None:
    assert find_secrets({name: "hunter2"}) == []


def test_a_named_variable_is_secret_too() -> None:
    assert find_secrets({"DSN": "postgres://me", "OTHER": "visible"}, ["DSN"]) == ["postgres://me"]


def test_a_short_value_is_too_common_to_be_masked() -> None:
    assert find_secrets({"A_TOKEN": "12345", "B_TOKEN": "      "}) == []


def test_without_secrets_there_is_nothing_to_do() -> None:
    cell = v4.new_code_cell("x")
    assert not Mask()
    assert Mask().apply_to_cell(cell) is cell


@pytest.mark.parametrize(
    "written",
    [
        AWKWARD,
        repr(AWKWARD),
        json.dumps(AWKWARD),
        json.dumps(AWKWARD, ensure_ascii=False),
        html.escape(AWKWARD),
    ],
)
def test_a_secret_is_masked_however_it_is_written(written: str) -> None:
    masked = Mask([AWKWARD]).apply(f"before {written} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "50%" not in masked


def test_a_secret_of_many_lines_is_masked_line_by_line() -> None:
    lines = ["MIIEvQIBADANBg\n", "kqhkiG9w0BAQEF\n"]
    assert Mask([PEM]).apply_to_value(lines) == ["***\n", "***\n"]


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Mask(["hunter", "hunter2-long"]).apply("hunter2-long") == "***"


def test_a_log_is_masked_whatever_bytes_it_holds() -> None:
    assert Mask(["gehéim"]).apply_to_bytes(b"\xff gehe\xcc " + "gehéim".encode()) == b"\xff gehe\xcc ***"


def test_numbers_and_names_of_json_objects_are_masked() -> None:
    found = Mask(["123456", "hunter2"]).apply_to_value({"hunter2": [123456, 1234567, 1.5, True, None]})
    assert found == {"***": ["***", 1234567, 1.5, True, None]}


def test_a_cell_stays_a_cell_even_where_the_password_is_a_word_of_the_format() -> None:
    cell = v4.new_code_cell("'stdout'", metadata={"tags": ["stream"]})
    cell.outputs = [v4.new_output("stream", name="stdout", text="my stream to stdout")]
    masked = Mask(["stream", "stdout", "outputs", "metadata"]).apply_to_cell(cell)
    assert masked.outputs == [{"output_type": "stream", "name": "stdout", "text": "my *** to ***"}]
    assert masked.source == "'***'"
    assert cell.outputs[0].text == "my stream to stdout"


def test_what_a_cell_shows_is_masked_in_every_type() -> None:
    cell = v4.new_code_cell("")
    cell.outputs = [
        v4.new_output("display_data", {"text/html": "<b>hunter2</b>", "application/json": {"hunter2": "hunter2"}}),
        v4.new_output("error", ename="ValueError", evalue="hunter2", traceback=["at hunter2"]),
    ]
    assert "hunter2" not in json.dumps(Mask(["hunter2"]).apply_to_cell(cell))


def test_50_megabytes_are_masked_within_a_second() -> None:
    text = "0123456789 hunter3 " * 2_600_000
    start = time.process_time()
    Mask(["hunter2"]).apply(text)
    assert time.process_time() - start < 1
