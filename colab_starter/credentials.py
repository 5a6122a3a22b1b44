"""What keys and tokens of well-known services look like."""

import re
from collections import Counter
from collections.abc import Iterator
from math import log2
from os.path import commonprefix
from typing import NamedTuple

ISSUED = re.compile(
    r"(?:gh[opsur]_|github_pat_|glpat-|hf_|npm_|pypi-|sk-|[rsp]k_live_|xox[abeoprs]-|ya29\.|AIza|dckr_pat_)[\w.-]{16,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]+\.[\w-]+"
)
"""Tokens that say what they are by how they begin; the last kind is a JSON Web Token."""

MAY_BE_SECRET = re.compile(
    r"-----BEGIN |://[^/\s:@]+:[^/\s@]+@|\b(sk|pk|rk)[-_][\w-]{16}|\bgh[opsur]_\w{16}|\bgithub_pat_|\bglpat-|\bhf_\w{16}"
    r"|\bxox[abprs]-|\b(AKIA|ASIA)[0-9A-Z]{12}|\bAIza[\w-]{16}|\beyJ[\w-]{8,}\.[\w-]+\."
)
"""Keys and tokens of well-known services, and addresses with a password in them; in doubt it is one."""


class _Form(NamedTuple):
    """A kind of token as its service issues it."""

    owner: str
    start: str
    """A text that all such tokens have in them: to look for it costs little."""
    pattern: re.Pattern[str]
    is_prefix: bool = True
    """Such tokens begin with that text."""


_FORMS = (
    _Form("a Hugging Face token", "hf_", re.compile(r"(?<![\w-])hf_[A-Za-z0-9]{30,40}(?![\w-])")),
    _Form(
        "an OpenAI key",
        "sk-",
        re.compile(r"(?<![\w-])sk-(?!ant-)(?:[a-f0-9]{32,64}|(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{32,200})(?![\w-])"),
    ),
    _Form("an Anthropic key", "sk-ant-", re.compile(r"(?<![\w-])sk-ant-[\w-]{32,200}(?![\w-])")),
    _Form("a Google API key", "AIza", re.compile(r"(?<![\w/+-])AIza[A-Za-z0-9_-]{35}(?![\w/+=-])")),
    *(
        _Form("a GitHub token", start, re.compile(rf"(?<![\w-]){start}[A-Za-z0-9]{{36,251}}(?![\w-])"))
        for start in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
    ),
    _Form(
        "a GitHub token", "github_pat_", re.compile(r"(?<![\w-])github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{40,}(?![\w-])")
    ),
    _Form("a GitLab token", "glpat-", re.compile(r"(?<![\w-])glpat-[A-Za-z0-9_-]{20,60}(?![\w-])")),
    _Form("a Slack token", "xox", re.compile(r"(?<![\w-])xox[abeoprs]-[0-9]{6,}-[A-Za-z0-9-]{16,}(?![\w-])")),
    _Form("an npm token", "npm_", re.compile(r"(?<![\w-])npm_[A-Za-z0-9]{36}(?![\w-])")),
    _Form("a PyPI token", "pypi-", re.compile(r"(?<![\w-])pypi-AgE[A-Za-z0-9_-]{50,}")),
    _Form("a Groq key", "gsk_", re.compile(r"(?<![\w-])gsk_[A-Za-z0-9]{48,60}(?![\w-])")),
    _Form("a Replicate token", "r8_", re.compile(r"(?<![\w-])r8_[A-Za-z0-9]{37}(?![\w-])")),
    _Form("a Stripe key", "_live_", re.compile(r"(?<![\w-])[rs]k_live_[A-Za-z0-9]{24,}(?![\w-])"), False),
    _Form(
        "a private key",
        "PRIVATE KEY-----",
        re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\n|[\s\"',\\])*[A-Za-z0-9+/]{40}"),
        False,
    ),
    _Form(
        "a Kaggle key",
        "username",
        re.compile(
            r"\\?[\"']username\\?[\"']\s*:\s*\\?[\"'][\w.-]+\\?[\"']\s*,\s*\\?[\"']key\\?[\"']\s*:\s*\\?[\"'][0-9a-f]{32}\\?[\"']"
        ),
        False,
    ),
    _Form("a Kaggle key", "KAGGLE_KEY", re.compile(r"KAGGLE_KEY[\"'\]]*\s*[=:]\s*[\"']?[0-9a-f]{32}\b")),
)
_AWS_ID = re.compile(r"(?<![A-Z0-9])AKIA[A-Z2-7]{16}(?![A-Z0-9])")
_AWS_SECRET = re.compile(r"(?<![\w/+=])[A-Za-z0-9/+]{40}(?![\w/+=])")
_PLACEHOLDER = re.compile(
    r"x{4}|\*{3}|\.{3}|(?:your|example|insert|replace|dummy|placeholder|sample|fake|redacted|change.?me|secret.?here)"
    r"|0{8}|1234567|abcdef(?:gh|01|12)|0123456789",
    re.IGNORECASE,
)
_PART = re.compile(r"[\w/+=-]{16,}")
_SHORTEST_PART = 4
"""Characters; so many of the beginning of a secret are hidden, too."""
_LEAST_ENTROPY = 3.2
"""Bits a character: a random token of 20 letters and digits has about 4, words and patterns have less than 3."""
_STARTS = re.compile(
    r"(?:(?<![\w-])(?:hf_|sk-|gh[opsur]_|github_pat_|glpat-|npm_|gsk_|r8_|xox[abeoprs]-|[rs]k_live_|pypi-|AKIA)|AIza)"
    r"(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{6,}"
)
_ASSIGNED = re.compile(
    r"(?P<name>(?:api|access|secret|private|account)_?key|password|passwd|token|secret)(?P<sign>[\"'\]]*\s*[=:]\s*[\"'])[^\"']+",
    re.IGNORECASE,
)


class Credential(NamedTuple):
    """A secret in a text."""

    owner: str
    """Such as ``a GitHub token``."""
    position: int
    parts: tuple[str, ...]
    """The secret itself, to be hidden."""


def find_credentials(text: str) -> Iterator[Credential]:
    """The keys and tokens in a text, in no order; placeholders such as ``hf_xxxxxxxx`` are none."""
    for form in _FORMS:
        if form.start not in text:
            continue
        for match in _find_matches(form, text):
            if is_random(match[0]):
                yield Credential(form.owner, match.start(), tuple(_PART.findall(match[0])))
    if "AKIA" in text:
        for match in _AWS_ID.finditer(text):
            secrets = list(filter(_is_aws_secret, _AWS_SECRET.findall(text)))
            if secrets and is_random(match[0]):
                yield Credential("an AWS key with its secret", match.start(), (match[0], *secrets))


def _find_matches(form: _Form, text: str) -> Iterator[re.Match[str]]:
    """Where the form begins with its mark, only the places of the mark are tried: expressions search slowly."""
    if not form.is_prefix:
        yield from form.pattern.finditer(text)
        return
    position = text.find(form.start)
    while position >= 0:
        if match := form.pattern.match(text, position):
            yield match
        position = text.find(form.start, match.end() if match else position + 1)


def may_hold_credentials(text: str) -> bool:
    """Whether it is worth looking closer; false for nearly every text, at little cost."""
    return any(form.start in text for form in _FORMS) or "AKIA" in text


def _is_aws_secret(text: str) -> bool:
    return any(map(str.islower, text)) and any(map(str.isupper, text)) and is_random(text, least=4)


def is_random(text: str, least: float = _LEAST_ENTROPY) -> bool:
    """Does it look drawn by chance, as keys are: no placeholder, not a word or a pattern?

    ``least`` is in bits a character.
    """
    if _PLACEHOLDER.search(text):
        return False
    counts = Counter(text).values()
    return -sum(count / len(text) * log2(count / len(text)) for count in counts) >= least


def hide_credentials(text: str, source: str = "") -> str:
    """The text with ``***`` in place of tokens, of their beginnings, and of what is assigned to a password.

    ``source`` is what the text may quote, and cut off where it likes: what is secret there is hidden, too.
    """
    text = _ASSIGNED.sub(r"\g<name>\g<sign>***", _STARTS.sub("***", text))
    if not may_hold_credentials(source):
        return text
    for found in find_credentials(source):
        for part in found.parts:
            text = _hide_beginning(text, part)
    return text


def _hide_beginning(text: str, secret: str) -> str:
    start = text.find(secret[:_SHORTEST_PART])
    if start < 0:
        return text
    length = len(commonprefix([text[start:], secret]))  # noqa: RUF071 - of the characters, indeed
    return f"{text[:start]}***{text[start + length :]}"
