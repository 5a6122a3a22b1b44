"""What is secret, and that nothing of it is left."""

import html
import json
import random
import time

import pytest
from nbformat import v4

from colab_starter.run.secrets import Mask, StreamMask, find_parameter_secrets, find_secrets

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
        "GH_PAT",
        "AZURE_DEVOPS_EXT_PAT",
        "SMTP_PASS",
        "MYSQL_PWD",
        "KAGGLE_KEY",
        "STRIPE_KEY_2",
        "NPM_AUTH",
        "SLACK_WEBHOOK_URL",
        "npm_config__authToken",
    ],
)
def test_a_variable_whose_name_says_so_is_secret(name: str) -> None:
    assert find_secrets({name: "hunter2"}) == ["hunter2"]


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "PWD",
        "OLDPWD",
        "TOKENIZERS_PARALLELISM",
        "KEYBOARD",
        "PASSWORD_FILE",
        "MONKEY",
        "GIT_ASKPASS",
        "COMPASS",
        "PUBLIC_KEY",
        "SPAT",
        "SSH_AUTH_SOCK",
        "AWS_ACCESS_KEY_ID",
    ],
)
def test_other_variables_are_not(name: str) -> None:
    assert find_secrets({name: "hunter2"}) == []


def test_a_named_variable_is_secret_too() -> None:
    assert find_secrets({"DSN": "postgres://me", "OTHER": "visible"}, ["DSN"]) == ["postgres://me"]


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("postgres://me:hunter2@localhost/db", ["hunter2"]),
        ("postgres://me:p%40ssw%2Frd@localhost/db?sslmode=require", ["p%40ssw%2Frd", "p@ssw/rd"]),
        ("mysql+pymysql://me:hash#and/slash@host:3306/db", ["hash#and/slash"]),
        ("redis://:hunter2@host:6379/0", ["hunter2"]),
        ("mongodb://me:hunter2@a:1,b:2/db", ["hunter2"]),
        ("http://me:hunter2@proxy:3128", ["hunter2"]),
        ("https://0123456789abcdef0123@sentry.example.org/7", ["0123456789abcdef0123"]),
        ("amqp://guest:guest@localhost", ["guest:guest@"]),
        ("AccountName=me;AccountKey=abc+/def==;EndpointSuffix=x", ["abc+/def=="]),
        ("host=x dbname=y password='two words'", ["two words"]),
        ("https://example.org/blob?sig=abc%2Fdefgh&sv=1", ["abc%2Fdefgh", "abc/defgh"]),
        ("ghp_0123456789abcdefABCDEF0123456789abcd", ["ghp_0123456789abcdefABCDEF0123456789abcd"]),
        ("ssh://git@github.com/ada/digits", []),
        ("git@github.com:ada/digits.git", []),
        ("https://example.org:8080/path@v1", []),
    ],
)
def test_of_other_variables_what_an_address_or_a_connection_string_hides_is_secret(
    value: str, secrets: list[str]
) -> None:
    assert find_secrets({"DATABASE": value}) == secrets


def test_of_a_secret_in_json_its_own_secrets_are_secret_apart_from_the_rest() -> None:
    value = json.dumps({"type": "service_account", "auth": [{"private_key": "hunter2\nhunter3"}]})
    assert find_secrets({"GOOGLE_CREDENTIALS": value}) == [value, "hunter2\nhunter3"]


def test_parameters_are_secret_by_their_name_and_others_are_what_people_vary() -> None:
    parameters = {"api_key": "hunter2", "db_password": ["hunter3", {"x": b"hunter4"}], "epochs": 123456, "x": "hunter5"}
    varied = {"pad_token": "<|endoftext|>", "max_tokens": 100_000, "sort_key": "accuracy", "tokenizer": "bpe-large"}
    assert find_parameter_secrets({**parameters, **varied}, ["x"]) == ["hunter2", "hunter3", "hunter4", "hunter5"]


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


def test_a_secret_that_is_coloured_in_the_middle_costs_the_text_its_colours() -> None:
    mask = Mask(["hunter2"])
    assert mask.apply("\x1b[31mred\x1b[0m hun\x1b[31mter2\x1b[0m") == "red ***"
    assert mask.apply("\x1b[31mhunter2\x1b[0m") == "\x1b[31m***\x1b[0m"


def test_of_a_secret_that_was_cut_the_beginning_is_masked_in_an_error_line() -> None:
    mask = Mask(["hunter2-hunter2"])
    assert mask.apply_to_excerpt("x takes an int, and 'hunter2-hun is none; hunter") == (
        "x takes an int, and '*** is none; hunter"
    )


def test_parameters_of_every_type_are_masked_before_they_become_json() -> None:
    value = {"a": (b"x hunter2", {"hunter2"}), b"hunter2": frozenset([1, "hunter2"])}
    assert Mask(["hunter2"]).apply_to_value(value) == {"a": (b"x ***", {"***"}), b"***": frozenset([1, "***"])}


@pytest.mark.parametrize("seed", range(40))
def test_wherever_a_text_with_secrets_is_cut_none_of_them_shows_and_the_rest_does(seed: int) -> None:
    """Secrets that hold, begin and overlap one another, from an alphabet in which they nearly come up everywhere."""
    pick = random.Random(seed)
    secrets = ["".join(pick.choices("abc", k=pick.randint(6, 12))) for _ in range(pick.randint(1, 4))]
    parts = [pick.choice([*secrets, "".join(pick.choices("abc-", k=pick.randint(1, 9)))]) for _ in range(60)]
    text, mask, shown = "".join(parts).encode(), Mask(secrets), b""
    stream, place = StreamMask(mask), 0
    while place < len(text):
        size = pick.randint(1, 8)
        shown += stream.feed(text[place : place + size])
        place += size
    shown += stream.end()
    assert not [secret for secret in secrets if secret.encode() in shown]
    assert len(stream.kept) < max(map(len, secrets))
    for harmless in (part for part in parts if "-" in part and len(part) == 1):
        assert harmless.encode() in shown
    apart = [part for part in text.split(b"-") if not any(secret.encode() in part for secret in secrets)]
    assert all(part in shown for part in apart[:-1])


def test_50_megabytes_are_masked_within_a_second() -> None:
    text = "0123456789 hunter3 " * 2_600_000
    start = time.process_time()
    Mask(["hunter2"]).apply(text)
    assert time.process_time() - start < 1
