"""The syntax of Python's strings and comments, read in the same way by all versions of Python.

To the module ``tokenize``, an f-string is one token before Python 3.12 and several since, and some versions give wrong
places for those that hold other letters than ASCII.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r"#[^\n]*|(?P<prefix>(?i:[bfrtu]{0,2}))(?P<quote>'''|\"\"\"|'|\")|\w+|.", re.DOTALL)

_STRING = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)


class Token(NamedTuple):
    """A string or a comment in code; ``code[start:end]`` is its source."""

    start: int
    end: int
    is_comment: bool


class Field(NamedTuple):
    """A replacement field of an f-string: ``{expression!r:spec}``."""

    source: str
    expression_end: int
    """Where in ``source`` the spec or the closing brace begins."""


def find_tokens(code: str) -> Iterator[Token]:
    """The comments of valid code, and its strings but those inside f-strings."""
    position = 0
    while token := _TOKEN.match(code, position):
        position = _end_of_string(code, token) if token["quote"] else token.end()
        if token["quote"] or token[0].startswith("#"):
            yield Token(token.start(), position, not token["quote"])


def _end_of_string(code: str, opening: re.Match[str]) -> int:
    """Where the string ends that begins with this prefix and these quotes; the end of the code if it does not."""
    prefix, position = opening["prefix"].lower(), opening.end()
    has_fields = "f" in prefix or "t" in prefix
    while position < len(code) and not code.startswith(opening["quote"], position):
        two = code[position : position + 2]
        if has_fields and two.startswith("{") and two != "{{":
            position += len(_read_field(code, position).source)
        elif two == "\\N" and has_fields and "r" not in prefix:
            position = code.index("}", position)
        else:
            position += 1 if has_fields and two in ("\\{", "\\}") else 1 + (two[0] == "\\" or two in ("{{", "}}"))
    return min(position + len(opening["quote"]), len(code))


class FString(NamedTuple):
    """An f-string: one literal more than fields, with a field between each two of them."""

    prefix: str
    quote: str
    literals: list[str]
    """As they stand in the source."""
    fields: list[Field]
    text: str
    """Its value, but for the fields, which are given by their source; braces in the literals are doubled."""
    words: str
    """Its value without the fields."""

    def write(self, literals: list[str], fields: list[str]) -> str:
        """The source of an f-string with other literals and fields, which are given by their sources."""
        return self.prefix + self.quote + _join(literals, fields) + self.quote


def read_fstring(source: str) -> FString | None:
    """The parts of an f-string; None if it is written in a way that is not understood."""
    prefix, quote, body = split_string(source)
    split = split_fields(body, names_characters="r" not in prefix.lower())
    if split is None:
        return None
    literals, fields = split
    plain_prefix = prefix.replace("f", "").replace("F", "")
    values = [evaluate(plain_prefix + quote + undouble(literal) + " " + quote) for literal in literals]
    texts = [value[:-1].replace("{", "{{").replace("}", "}}") for value in values if value is not None]
    if len(texts) < len(literals):
        return None
    return FString(prefix, quote, literals, fields, _join(texts, [field.source for field in fields]), "".join(texts))


def undouble(literal: str) -> str:
    """A literal of an f-string with single braces."""
    return literal.replace("{{", "{").replace("}}", "}")


def _join(literals: list[str], fields: list[str]) -> str:
    return "".join(literal + field for literal, field in zip(literals, [*fields, ""], strict=True))


def split_string(source: str) -> tuple[str, str, str]:
    """The prefix, the quotes and the body of a string."""
    parts = _STRING.fullmatch(source)
    assert parts is not None, source
    return parts[1], parts[2], parts[3]


def split_fields(body: str, *, names_characters: bool) -> tuple[list[str], list[Field]] | None:
    r"""The literals and the fields of an f-string, one literal more than fields; None if its braces do not match.

    Braces in literals stay doubled. ``names_characters``: ``\N{DASH}`` is a character, not a field.
    """
    literals, fields, position = [""], [], 0
    token = re.compile((r"\\N\{[^}]*\}|\\[^{}]|" if names_characters else "") + r"\{\{|\}\}|[^{}\\]+|[{}\\]", re.DOTALL)
    while position < len(body):
        found = token.match(body, position)
        assert found is not None
        if found[0] == "}":
            return None
        if found[0] == "{":
            field = _read_field(body, position)
            if not field.source.endswith("}"):
                return None
            fields.append(field)
            literals.append("")
            position += len(field.source)
        else:
            literals[-1] += found[0]
            position = found.end()
    return literals, fields


def _read_field(text: str, start: int) -> Field:
    """The field that begins with the brace at ``start``; the rest of the text if it does not end."""
    depth = colon = 0
    position = start
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None
        in_spec = colon and depth == 1
        if token["quote"] and not in_spec:
            position = _end_of_string(text, token)
            continue
        character = text[position]
        depth += (character in "([{") - (character in ")]}")
        if not depth:
            return Field(text[start : position + 1], (colon or position) - start)
        if character == ":" and depth == 1 and not colon:
            colon = position
        position = position + 1 if in_spec or len(token[0]) == 1 else token.end()
    return Field(text[start:], len(text) - start)


def encode(text: str, quote: str, is_raw: bool) -> str:
    """The text between quotes, as Python writes it."""
    if is_raw:
        return text
    text = text.replace("\\", "\\\\").replace("\t", "\\t")
    if len(quote) == 1:
        return text.replace(quote, "\\" + quote).replace("\n", "\\n")
    return re.sub(rf"{quote[0]}(?={quote[0]}|\Z)", lambda _: "\\" + quote[0], text)


def evaluate(source: str) -> str | None:
    """The value of a string without fields; None if this is not one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(source)
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, str) else None


def literal_text(source: str) -> str | None:
    """The text of an f-string without its fields; None if it is not valid."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(str(value.value) for value in node.values if isinstance(value, ast.Constant))
