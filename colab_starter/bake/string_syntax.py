"""The syntax of Python's strings, and of f-strings, in the same way for all versions of Python."""

import ast
import re
import warnings
from typing import NamedTuple

_STRING = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)


class Field(NamedTuple):
    """A replacement field of an f-string: ``{expression!r:spec}``."""

    source: str
    expression_end: int
    """Where in ``source`` the spec or the closing brace begins."""


class FString(NamedTuple):
    """An f-string: one literal more than fields, with a field between each two of them."""

    prefix: str
    quote: str
    literals: list[str]
    """As they stand in the source."""
    fields: list[Field]
    text: str
    """Its value, but for the fields, which are given by their source; braces in the literals are doubled."""

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
    return FString(prefix, quote, literals, fields, _join(texts, [field.source for field in fields]))


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
            if field is None:
                return None
            fields.append(field)
            literals.append("")
            position += len(field.source)
        else:
            literals[-1] += found[0]
            position = found.end()
    return literals, fields


def _read_field(body: str, start: int) -> Field | None:
    depth, colon, position = 0, 0, start
    while position < len(body):
        character = body[position]
        if character in "'\"" and not colon:
            quote = body[position : position + 3] if body[position : position + 3] == 3 * character else character
            position = body.find(quote, position + len(quote)) + len(quote) - 1
            if position < start:
                return None
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if not depth:
                source = body[start : position + 1]
                return Field(source, (colon or position) - start)
        elif character == ":" and depth == 1 and not colon:
            colon = position
        position += 1
    return None


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
