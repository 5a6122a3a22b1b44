"""Secrets in notebooks are found, placeholders are not, and no report shows any part of one."""

import json
import random
import string
from collections.abc import Callable

import pytest

from colab_starter.check.checker import Checked
from colab_starter.check.findings import check_file
from colab_starter.check.reports import REPORTS
from colab_starter.credentials import find_credentials, hide_credentials
from tests.check.conftest import ALL_RULES, LATEST, Write, code, findings_in
from tests.support.marks import seeds

# Whole tokens are never written down in this file: services search public files for them.
LETTERS = string.ascii_letters + string.digits
Draw = Callable[[str, int], str]
FORMS: dict[str, Callable[[Draw], str]] = {
    "a Hugging Face token": lambda draw: "hf_" + draw(string.ascii_letters, 34),
    "an OpenAI key": lambda draw: "sk-proj-" + draw(LETTERS + "-_", 60) + "A1",
    "an Anthropic key": lambda draw: "sk-ant-api03-" + draw(LETTERS + "-_", 80) + "A1",
    "a Google API key": lambda draw: "AIza" + draw(LETTERS, 35),
    "a GitHub token": lambda draw: "ghp_" + draw(LETTERS, 36),
    "a GitLab token": lambda draw: "glpat-" + draw(LETTERS, 20),
    "a Slack token": lambda draw: "xoxb-" + draw(string.digits, 12) + "-" + draw(LETTERS, 24),
    "an npm token": lambda draw: "npm_" + draw(LETTERS, 36),
    "a PyPI token": lambda draw: "pypi-AgE" + draw(LETTERS, 80),
    "a Groq key": lambda draw: "gsk_" + draw(LETTERS, 52),
    "a Stripe key": lambda draw: "sk_live_" + draw(LETTERS, 24),
    "a private key": lambda draw: "-----BEGIN RSA PRIVATE" + " KEY-----\\n" + draw(LETTERS, 64),
    "a Kaggle key": lambda draw: '{"username":"ada","key":"' + draw("0123456789abcdef", 32) + '"}',
    "an AWS key with its secret": lambda draw: (
        "AKIA" + draw(string.ascii_uppercase + "234567", 16) + " aB3" + draw(LETTERS + "/+", 37)
    ),
}


def make_secret(owner: str, seed: int) -> str:
    chance = random.Random(seed)
    return FORMS[owner](lambda letters, length: "".join(chance.choices(letters, k=length)))


@pytest.mark.parametrize("owner", FORMS)
@pytest.mark.parametrize("seed", seeds(2, 5))
def test_a_token_in_a_cell_and_in_an_output_is_told_by_its_owner_and_never_shown(
    owner: str, seed: int, write: Write
) -> None:
    secret = make_secret(owner, seed)
    output = {"output_type": "stream", "name": "stdout", "text": f"it is {secret} !"}
    path = write(["x = 1", f"# mine\nvalue = '''{secret}'''", code("x") | {"outputs": [output]}])

    found = [finding for finding in findings_in(path) if finding.code in ("CS601", "CS602")]

    assert [(finding.code, finding.cell, finding.line) for finding in found] == [("CS601", 2, 2), ("CS602", 3, 0)]
    assert all(owner in finding.message for finding in found)


@pytest.mark.parametrize("owner", FORMS)
def test_no_report_shows_a_part_of_a_secret(owner: str, write: Write) -> None:
    secret = make_secret(owner, 7)
    source = f"{secret!r}.upper()\napi_key = {secret!r} + str(1)\nlogin({secret!r})\nx = = {secret!r}"
    path = write([code(source, tags=["parameters"]), code(source.rpartition("\n")[0], tags=["parameters"])])

    for runs in ([rule for rule in ALL_RULES if rule.code.startswith(area)] for area in ("CS1", "CS2", "CS6")):
        findings = check_file(path, runs, LATEST)
        shown = json.dumps([finding._asdict() for finding in findings])
        body = secret.rpartition("-----")[2].removeprefix("\\n") if "BEGIN" in secret else secret.rpartition('":"')[2]
        parts = [body[start : start + 10] for start in range(len(body) - 10)]
        assert parts
        assert not [part for part in parts if part in shown]


PLACEHOLDERS = (
    "token = 'hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
    "token = 'hf_YourTokenGoesHereYourTokenGoesHere'",
    "token = 'hf_...'",
    "from huggingface_hub import hf_hub_download, hf_hub_url",
    "key = 'sk-...'",
    "key = 'sk-XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX'",
    "slug = 'sk-learn-tutorial-with-many-words-in-one-address'",
    "address = 'https://example.org/risk-and-task-and-mask-of-all-kinds'",
    "key = 'AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX'",
    "key = 'AKIAIOSFODNN7EXAMPLE'\nsecret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'",
    "address = 'https://s3.example.org/a?X-Amz-Credential=AKIA" + "Q7ZTLWXCVBNMKJHG%2F20260101'",
    "text = '-----BEGIN PRIVATE KEY-----'",
    'line = \'{"username":"YOUR_NAME","key":"YOUR_KEY"}\'',
    "api_key = 'YOUR_API_KEY'",
    "api_key = '<put your key here>'",
    "api_key = 'sk-your-key-goes-here-0000'",
    "password = 'postgres'",
    "password = 'correcthorsebatterystaple'",
    "token = 'tokenizer/bert-base-uncased-2'",
    "secret_key = os.environ['SECRET_KEY']",
    "api_key = userdata.get('API_KEY_2_OF_MINE')",
    "api_key = 'xxxxxxxxxxxxxxxxxxxxxxxx1'",
    "api_key = 'abcdefghijklmnop12345678'",
    "password = 'MyVeryLongPasswordForTheClass'",
    "pad_token = '<|reserved_special_token_250|>'",
    "token = 'bert-base-uncased'",
    "secret = 'https://example.org/a/b/c/d'",
    "sort_key = 'q7Zt2Lw9" + "Xc4Vb8Nm3Kj6Hg'",
    "key = 'q7Zt2Lw9" + "Xc4Vb8Nm3Kj6Hg'",
)


@pytest.mark.parametrize("source", PLACEHOLDERS)
def test_placeholders_and_words_are_no_secrets(source: str, write: Write) -> None:
    codes = [finding.code for finding in findings_in(write([source]))]
    assert not [code for code in codes if code.startswith("CS6")]


LITERALS = (
    "client = dict(api_key={!r})",
    "api_key = {!r}",
    "os.environ['MY_API_KEY'] = {!r}",
    "settings = {{'client_secret': {!r}}}",
    "import wandb\nwandb.login(key={!r})",
    "self.auth_token = {!r}",
)


@pytest.mark.parametrize("source", LITERALS)
def test_a_literal_key_of_any_service_is_told_by_its_name(source: str, write: Write) -> None:
    found = findings_in(write([source.format("q7Zt2Lw9" + "Xc4Vb8Nm3Kj6Hg")]))
    (finding,) = [finding for finding in found if finding.code == "CS603"]
    assert "q7Zt" not in finding.message


@pytest.mark.parametrize("seed", seeds(3, 10))
@pytest.mark.parametrize(("letters", "length"), [("0123456789abcdef", 32), (string.ascii_letters, 24), (LETTERS, 20)])
@pytest.mark.parametrize("name", ["token", "API_KEY", "mapbox_token", "password"])
def test_a_key_of_any_letters_is_told(name: str, letters: str, length: int, seed: int, write: Write) -> None:
    value = "".join(random.Random(seed).choices(letters, k=length))
    assert "CS603" in [finding.code for finding in findings_in(write([f"{name} = {value!r}"]))]


@pytest.mark.parametrize("name", ["key", "my_key"])
def test_a_plain_key_is_told_where_it_is_a_hexadecimal_number(name: str, write: Write) -> None:
    number = "".join(random.Random(4).choices("0123456789abcdef", k=32))
    assert "CS603" in [finding.code for finding in findings_in(write([f"{name} = {number!r}"]))]
    assert "CS603" not in [finding.code for finding in findings_in(write([f"checksum = {number!r}"]))]


def test_a_picture_is_not_searched(write: Write) -> None:
    picture = (
        "".join(random.Random(1).choices(LETTERS + "+/", k=5000))
        + "AIza"
        + "".join(random.Random(2).choices(LETTERS, k=35))
    )
    output = {"output_type": "display_data", "data": {"image/png": picture}, "metadata": {}}
    assert "CS602" not in [finding.code for finding in findings_in(write([code("x = 1") | {"outputs": [output]}]))]


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/json"])
def test_every_kind_of_text_in_outputs_is_searched(kind: str, write: Write) -> None:
    secret = make_secret("a Hugging Face token", 3)
    data = {kind: {"token": secret} if kind.endswith("json") else [f"<b>{secret}</b>"]}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    assert "CS602" in [finding.code for finding in findings_in(write([code("x = 1") | {"outputs": [output]}]))]


def test_a_traceback_is_searched(write: Write) -> None:
    secret = make_secret("a GitHub token", 3)
    output = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["failed:", f"  {secret}"]}
    assert "CS602" in [finding.code for finding in findings_in(write([code("x = 1") | {"outputs": [output]}]))]


@pytest.mark.parametrize("owner", FORMS)
def test_a_form_alone_is_found_by_itself(owner: str) -> None:
    assert [found.owner for found in find_credentials(make_secret(owner, 11))] == [owner]


def test_hiding_keeps_other_words() -> None:
    text = "task-oriented risk-free hf_hub_download(...) api_key is computed; key=value"
    assert hide_credentials(text) == text


def test_all_reports_hide_secrets(write: Write) -> None:
    secret = make_secret("a Hugging Face token", 5)
    path = write([f"login('{secret}')"])
    findings = check_file(path, ALL_RULES, LATEST)
    assert findings
    for make in REPORTS.values():
        printed = make(ALL_RULES).add(Checked(path, findings, [1] * len(findings)))
        assert "CS60" in printed
        assert secret[3:9] not in printed
